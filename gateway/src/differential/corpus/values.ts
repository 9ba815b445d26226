import { list, type Case, type Thing } from "../case";

export const cells: Case = {
  name: "lists in lists, of entities, of unions and of values, with null at every level",
  subgraphs: {
    grid: `
      type Query { cube: [[[Cell!]]!] faces: [[Face]!]! rows(of: [[Int!]!] = [[1], []]): [[Int!]!] strict: [[Cell!]!]! }
      union Face = Cell | Edge
      type Cell @key(fields: "id") { id: ID! }
      type Edge { ends: [Cell] texts: [[String]] }`,
    marks: `
      type Cell @key(fields: "id") { id: ID! mark: String near: [[Cell]] must: Int! names: [[String!]!] }`,
  },
  data() {
    const all = list(5, (n) => ({
      __typename: "Cell",
      id: `c${n}`,
      mark: n === 1 ? null : `mark ${n}`,
      must: n === 3 ? null : n,
      names: n === 2 ? [["x", null]] : n === 4 ? null : [["a"], []],
    })) as Thing[];
    all.forEach((cell, n) => (cell.near = n === 0 ? null : ([[all[n - 1], null], null, []] as unknown)));
    return {
      Query: {
        cube: [[[all[0], all[1]], null, []], [[all[3]]], []],
        faces: [[all[0], null, { __typename: "Edge", ends: [all[1], null, all[3]], texts: [["x", null], null] }], []],
        rows: ({ of }: Thing) => of ?? null,
        strict: [[all[0], all[2]], [all[4]]],
      },
      Cell: all,
    };
  },
  operations: [
    "{ cube { id mark must } faces { __typename ... on Edge { ends { mark } texts } ... on Cell { near { id mark } } } }",
    "{ strict { names near { must near { mark } } } }",
    "query ($in: [[Int!]!]) { rows(of: $in) other: rows asked: rows(of: [[2, 3]]) }",
    "{ cube { near { must } } }",
  ],
  input: [[4], [5, 6]],
};

/** Arguments as text, whatever order their keys came in. */
const told = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );

export const searches: Case = {
  name: "inputs and enums of which subgraphs know parts, defaults, lists and custom scalars",
  subgraphs: {
    search: `
      type Query { search(filter: Filter, order: [Order!] = [{ by: NAME }], at: Moment, ids: [ID!]): Search! echo(value: Float, flags: [Boolean]): String }
      scalar Moment
      input Filter { text: String limit: Int = 2 mode: Mode nested: Filter ids: [ID] onlyHere: Int }
      input Order { by: Field! desc: Boolean = false }
      enum Field { NAME DAY }
      enum Mode { ANY ALL HERE }
      enum Tone { SOFT }
      type Search { told: String hits: [Hit!]! }
      type Hit @key(fields: "id") { id: ID! at: Moment tone: Tone @shareable }`,
    hits: `
      type Hit @key(fields: "id") { id: ID! again(filter: Filter = { text: "x" }, mode: Mode = ANY, at: Moment): String tone: Tone @shareable loud: Tone }
      scalar Moment
      input Filter { text: String limit: Int = 2 mode: Mode nested: Filter ids: [ID] onlyThere: String }
      enum Mode { ANY ALL THERE }
      enum Tone { SOFT LOUD }`,
  },
  data() {
    const hits = list(3, (n) => ({
      __typename: "Hit",
      id: `h${n}`,
      at: n === 0 ? { year: 2024, parts: [1, null] } : n === 1 ? null : "2024-01-01",
      tone: n === 1 ? null : "SOFT",
      loud: n === 2 ? "LOUD" : null,
      again: (args: Thing) => told(args),
    })) as Thing[];
    return {
      Query: {
        search: (args: Thing) => ({ told: told(args), hits }),
        echo: (args: Thing) => told(args),
      },
      Hit: hits,
    };
  },
  operations: [
    '{ search(filter: { text: "a", nested: { mode: ALL, ids: ["1", null] } }, at: "2024", ids: ["x"]) { told hits { again(mode: ALL) at loud tone } } }',
    "query ($in: Filter) { search(filter: $in) { told hits { again(filter: $in) other: again(filter: null) } } }",
    '{ search(order: [], at: { a: [1, { b: null }] }) { told hits { again(at: [true, 1.5, "x"]) } } echo(value: 1, flags: [true, null]) }',
  ],
  input: { text: "v", nested: { nested: null } },
};
