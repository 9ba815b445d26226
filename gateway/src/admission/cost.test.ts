import { composeServices } from "@apollo/composition";
import { Supergraph } from "@apollo/federation-internals";
import { buildASTSchema, buildSchema, getOperationAST, parse } from "graphql";
import type { Operation } from "../graph/operation";
import { createCostModel, SlicingFault } from "./cost";

function modelOf(sdl: string, imports = '"@cost", "@listSize"') {
  const { supergraphSdl, errors } = composeServices([
    {
      name: "one",
      url: "http://one",
      typeDefs: parse(
        `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [${imports}])\n${sdl}`,
      ),
    },
  ]);
  if (errors) throw new Error(errors.join("\n"));
  const api = Supergraph.build(supergraphSdl, { supportedFeatures: null }).apiSchema().toGraphQLJSSchema();
  return createCostModel(api, buildASTSchema(parse(supergraphSdl), { assumeValid: true, assumeValidSDL: true }), {
    listSize: 10,
  });
}

function operationOf(text: string): Operation {
  const document = parse(text);
  const definition = getOperationAST(document)!;
  return { key: text, document, definition, name: definition.name?.value, type: definition.operation };
}

const model = modelOf(`
  type Query {
    books: [Book] shelf: Shelf page(first: Int = 5, last: Int): [Book!] @listSize(slicingArguments: ["first", "last"], requireOneSlicingArgument: false)
    one(first: Int, last: Int): [Book] @listSize(slicingArguments: ["first", "last"])
    few: [Book] @listSize(assumedSize: 3)
    found(by: Filter): [Book] @listSize(assumedSize: 4)
    connection(first: Int!): Connection @listSize(slicingArguments: ["first"], sizedFields: ["edges", "nodes"])
    expensive: Int @cost(weight: 7)
    search(text: String @cost(weight: 4)): Int
    pair: Pair
    all(of: [Filter]): Int
    sorted(by: Sort): Int
    grid: [[Shelf]]
    things: [Thing]
    cheaper: Int @cost(weight: -3)
  }
  enum Sort @cost(weight: 3) { DEAR }
  interface Thing { dear: Int }
  type Small implements Thing { dear: Int @cost(weight: 6) }
  type Large implements Thing @cost(weight: 4) { dear: Int }
  type Mutation { add: Book }
  input Filter { first: Int text: String @cost(weight: 2) }
  type Book { title: String author: Author }
  type Author @cost(weight: 3) { name: String }
  type Shelf { label: String }
  type Connection { edges: [Edge] nodes: [Book] pageInfo: String }
  type Edge { node: Book }
  type Left { a: Int @cost(weight: 5) }
  type Right { b: Int }
  union Pair = Left | Right`);
const estimate = (text: string, variables = {}) => model.estimate(operationOf(text), variables);

test.each([
  ["an object costs 1, its leaves nothing", "{ shelf { label } }", 1],
  ["a list costs its size, assumed where nothing says it", "{ books { title } }", 10],
  ["a type's weight counts for each object", "{ books { author { name } } }", 10 * (1 + 3)],
  ["a field's weight is in place of its type's", "{ expensive }", 7],
  ["an argument's weight counts when it is given", '{ search(text: "x") }', 4],
  ["and not when it isn't", "{ search }", 0],
  ["a slicing argument", "{ page(first: 2) { title } }", 2],
  ["its default", "{ page { title } }", 5],
  ["the larger of two", "{ page(first: 2, last: 4) { title } }", 4],
  ["an assumed size", "{ few { title } }", 3],
  ["the weights of an input's fields", '{ found(by: { first: 1, text: "x" }) { title } }', 1 + 2 + 4],
  ["an input object costs 1, each of a list's", "{ all(of: [{ first: 1 }, {}]) }", 2],
  ["a weighted enum as an argument", "{ sorted(by: DEAR) }", 3],
  ["a list of lists", "{ grid { label } }", 100],
  ["an interface costs what its dearest kind does", "{ things { dear } }", 10 * (4 + 6)],
  ["a union, too", "{ pair { __typename } }", 1],
  ["weights may be negative", '{ search(text: "x") cheaper }', 1],
  ["but not the whole", "{ cheaper }", 0],
  [
    "a connection's size is its edges' and its nodes'",
    "{ connection(first: 3) { edges { node { title } } nodes { title } pageInfo } }",
    1 + 3 * 2 + 3,
  ],
  ["fragments are spread out", "{ ...F shelf { label } } fragment F on Query { few { title } }", 4],
  ["what is left out costs nothing", "{ few @skip(if: true) { title } books @include(if: false) { title } }", 0],
  ["introspection costs nothing", "{ __typename __schema { types { name } } }", 0],
  ["a mutation costs 10 more", "mutation { add { title } }", 11],
])("%s", (_, text, cost) => {
  expect(estimate(text)).toBe(cost);
});

test("sizes come from variables", () => {
  expect(estimate("query ($n: Int) { page(first: $n) { title } }", { n: 8 })).toBe(8);
});

test("a slicing argument may stand within another", () => {
  const schema = buildSchema(`
    directive @listSize(slicingArguments: [String!]) on FIELD_DEFINITION
    type Query { books(page: Page): [Book] @listSize(slicingArguments: ["page.first"]) }
    input Page { first: Int }
    type Book { title: String }`);
  const { estimate: estimated } = createCostModel(schema, schema, { listSize: 10 });
  expect(estimated(operationOf("{ books(page: { first: 3 }) { title } }"), {})).toBe(1 + 3);
  expect(() => estimated(operationOf("{ books(page: null) { title } }"), {})).toThrow(SlicingFault);
});

test("a list that has to be asked for with one slicing argument is refused with none and with two", () => {
  expect(estimate("{ one(first: 2) { title } }")).toBe(2);
  for (const text of ["{ one { title } }", "{ one(first: 1, last: 1) { title } }"])
    expect(() => estimate(text)).toThrow(SlicingFault);
});

test("the directives may have other names", () => {
  const renamed = modelOf(
    "type Query { a: Int @weight(weight: 9) b: [T] @size(assumedSize: 2) } type T { x: Int }",
    '{ name: "@cost", as: "@weight" }, { name: "@listSize", as: "@size" }',
  );
  expect(renamed.estimate(operationOf("{ a b { x } }"), {})).toBe(11);
});

test("an answer costs what it holds", () => {
  const actual = (text: string, data: unknown) => model.actual(operationOf(text), {}, data);
  expect(
    actual("{ books { title author { name } } }", {
      books: [{ title: "a", author: { name: "x" } }, { title: "b", author: null }, null],
    }),
  ).toBe(1 + 3 + 1);
  expect(actual("{ books { title } }", { books: null })).toBe(0);
  expect(
    actual("{ pair { __typename ... on Left { a } ... on Right { b } } }", { pair: { __typename: "Right", b: 1 } }),
  ).toBe(1);
  expect(actual("{ books { title } }", null)).toBe(0);
});

test("what only calls itself a type's name doesn't make an answer cheaper", () => {
  const data = { books: [{ __typename: "Shelf", author: { name: "x" } }] };
  expect(model.actual(operationOf("{ books { __typename: title ... on Book { author { name } } } }"), {}, data)).toBe(
    1 + 3,
  );
});
