import { buildSchema, printSchema, validateSchema } from "graphql";
import { visibleSchema } from "./visible-schema";

const without = (sdl: string, ...hidden: string[]) => {
  const schema = visibleSchema(buildSchema(sdl), new Set(hidden));
  return printSchema(schema).replace(/\s+/g, " ").trim();
};

test("a hidden type takes along the fields that lead to it, arguments of it and what needs those", () => {
  expect(
    without(
      `type Query { a: A  list: [A!]!  b(in: In): Int  c(in: In!): Int  d(in: Outer): Int  e(in: Needs): Int }
       type A { x: Int }  input In { x: Int }  input Outer { in: In  y: Int }  input Needs { in: In!  y: Int }`,
      "A",
      "In",
    ),
  ).toBe("type Query { b: Int d(in: Outer): Int e: Int } input Outer { y: Int }");
});

test("what is left empty goes: object, interface, union, enum and input, one after the other", () => {
  expect(
    without(
      `type Query { ok: Int  holder: Holder  node: Node  any: Any  level: Level  with(in: In): Int }
       type Holder { inner: Inner }  type Inner { secret: Int }
       interface Node { secret: Int }  type Leaf implements Node { secret: Int }
       union Any = Inner | Leaf  enum Level { LOW }  input In { level: Level! }`,
      "Inner.secret",
      "Leaf.secret",
      "Level.LOW",
    ),
  ).toBe("type Query { ok: Int with: Int }");
});

test("an interface keeps only what all who implement it have, and those keep theirs", () => {
  const sdl = `type Query { all: [Node] }
    interface Node { id: ID  title(long: Boolean  short: Boolean): String  other: Int }
    type A implements Node { id: ID  title(long: Boolean  short: Boolean): String  other: Int }
    type B implements Node { id: ID  title(long: Boolean  short: Boolean): String  other: Int }`;
  const visible = visibleSchema(buildSchema(sdl), new Set(["A.other", "B.title(long:)"]));
  expect(validateSchema(visible)).toEqual([]);
  const text = printSchema(visible);
  expect(text).toContain("interface Node {\n  id: ID\n  title(short: Boolean): String\n}");
  expect(text).toContain("type B implements Node {\n  id: ID\n  title(short: Boolean): String\n  other: Int\n}");
});

test("a hidden value is nobody's default", () => {
  expect(without(`type Query { a(l: [L!] = [LOW, HIGH], m: L = LOW): Int }  enum L { LOW HIGH }`, "L.HIGH")).toBe(
    "type Query { a(l: [L!], m: L = LOW): Int } enum L { LOW }",
  );
});

test("what can't be reached any more goes, implementations of what can stay, and so do descriptions and directives", () => {
  expect(
    without(
      `directive @stamp(with: Ink) on FIELD
       enum Ink { BLUE }
       type Query { "Seen." node: Node  gone: Gone @deprecated(reason: "old") }
       interface Node { id: ID }  type A implements Node { id: ID  only: OfA }  type OfA { x: Int }
       type Gone { deep: Deep }  type Deep { x: Int }
       type Mutation { only: Int }`,
      "Query.gone",
      "Mutation.only",
    ),
  ).toBe(
    'directive @stamp(with: Ink) on FIELD enum Ink { BLUE } type Query { """Seen.""" node: Node } interface Node { id: ID } type A implements Node { id: ID only: OfA } type OfA { x: Int }',
  );
});

test("nothing hidden changes nothing", () => {
  const schema = buildSchema(`type Query { a(x: Int = 1): A  b: U }  type A { x: Int }  union U = A`);
  expect(printSchema(visibleSchema(schema, new Set()))).toBe(printSchema(schema));
});
