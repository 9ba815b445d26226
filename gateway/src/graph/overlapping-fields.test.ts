import { buildSchema, OverlappingFieldsCanBeMergedRule, parse, validate, type GraphQLSchema } from "graphql";
import { OverlappingFieldsByPathRule } from "./overlapping-fields";
import { randomDocuments, tangledSchema } from "./testing/random-documents";

const ours = (schema: GraphQLSchema, text: string) => faultsOf(schema, text, OverlappingFieldsByPathRule);
const reference = (schema: GraphQLSchema, text: string) => faultsOf(schema, text, OverlappingFieldsCanBeMergedRule);
const faultsOf = (schema: GraphQLSchema, text: string, rule: typeof OverlappingFieldsCanBeMergedRule) =>
  validate(schema, parse(text), [rule]).map(({ message, locations }) => ({ message, locations }));

const pets = buildSchema(`
  interface Mammal { mother: Mammal father: Mammal }
  interface Pet { name(surname: Boolean): String }
  interface Canine implements Mammal { name(surname: Boolean): String mother: Canine father: Canine }
  enum Command { SIT HEEL }
  type Dog implements Pet & Mammal & Canine {
    name(surname: Boolean): String nickname: String barkVolume: Int barks: Boolean doesKnowCommand(command: Command): Boolean
    isAtLocation(x: Int, y: Int): Boolean mother: Dog father: Dog
  }
  type Cat implements Pet { name(surname: Boolean): String nickname: String meowVolume: Int }
  union CatOrDog = Cat | Dog
  type Query { dog: Dog cat: Cat catOrDog: CatOrDog pet: Pet }
`);

const boxes = buildSchema(`
  interface SomeBox { deepBox: SomeBox unrelatedField: String }
  type StringBox implements SomeBox {
    scalar: String deepBox: StringBox unrelatedField: String listStringBox: [StringBox] stringBox: StringBox intBox: IntBox
  }
  type IntBox implements SomeBox {
    scalar: Int deepBox: IntBox unrelatedField: String listStringBox: [StringBox] stringBox: StringBox intBox: IntBox
  }
  interface NonNullStringBox1 { scalar: String! }
  type NonNullStringBox1Impl implements SomeBox & NonNullStringBox1 { scalar: String! unrelatedField: String deepBox: SomeBox }
  interface NonNullStringBox2 { scalar: String! }
  type NonNullStringBox2Impl implements SomeBox & NonNullStringBox2 { scalar: String! unrelatedField: String deepBox: SomeBox }
  type Connection { edges: [Edge] }
  type Edge { node: Node }
  type Node { id: ID name: String }
  type Query { someBox: SomeBox connection: Connection }
`);

/** The cases of graphql-js's own tests of the rule. */
const onPets = {
  "unique fields": "fragment F on Dog { name nickname }",
  "identical fields": "fragment F on Dog { name name }",
  "identical fields with identical arguments":
    "fragment F on Dog { doesKnowCommand(command: SIT) doesKnowCommand(command: SIT) }",
  "identical fields with identical directives": "fragment F on Dog { name @include(if: true) name @include(if: true) }",
  "different arguments with different aliases":
    "fragment F on Dog { sits: doesKnowCommand(command: SIT) heels: doesKnowCommand(command: HEEL) }",
  "different directives with different aliases":
    "fragment F on Dog { nameIfTrue: name @include(if: true) nameIfFalse: name @include(if: false) }",
  "different skip and include directives": "fragment F on Dog { name @include(if: true) name @include(if: false) }",
  "the same alias of different fields": "fragment F on Dog { fido: name fido: nickname }",
  "the same alias of different fields that can't be of one object":
    "fragment F on Pet { ... on Dog { name } ... on Cat { name: nickname } }",
  "an alias that masks a field": "fragment F on Dog { name: nickname name }",
  "one field with arguments, another without": "fragment F on Dog { doesKnowCommand doesKnowCommand(command: HEEL) }",
  "one field without arguments, another with": "fragment F on Dog { doesKnowCommand(command: SIT) doesKnowCommand }",
  "different values of an argument":
    "fragment F on Dog { doesKnowCommand(command: SIT) doesKnowCommand(command: HEEL) }",
  "different names of arguments": "fragment F on Dog { isAtLocation(x: 0) isAtLocation(y: 0) }",
  "arguments in another order": "fragment F on Dog { isAtLocation(x: 0, y: 1) isAtLocation(y: 1, x: 0) }",
  "different arguments where no object could have both":
    "fragment F on Pet { ... on Dog { name(surname: true) } ... on Cat { name } }",
  "input objects whose fields have another order": "fragment F on Dog { f(a: {b: 1, c: [2]}) f(a: {c: [2], b: 1}) }",
  "input objects that differ": "fragment F on Dog { f(a: {b: 1, c: [2]}) f(a: {c: [3], b: 1}) }",
  "a variable and another": "query ($a: Int, $b: Int) { dog { isAtLocation(x: $a) isAtLocation(x: $b) } }",
  "a string and an enum value": 'fragment F on Dog { f(a: "b") f(a: b) }',
  "a block string and a string": 'fragment F on Dog { f(a: "b") f(a: """b""") }',
  "conflicts in fragments": "{ ...A ...B } fragment A on Type { x: a } fragment B on Type { x: b }",
  "each conflict once":
    "{ f1 { ...A ...B } f2 { ...B ...A } f3 { ...A ...B x: c } } fragment A on Type { x: a } fragment B on Type { x: b }",
  "a deep conflict": "{ field { x: a } field { x: b } }",
  "deep conflicts": "{ field { x: a y: c } field { x: b y: d } }",
  "a very deep conflict": "{ field { deepField { x: a } } field { deepField { x: b } } }",
  "a deep conflict that is told at the nearest field":
    "{ field { deepField { x: a } deepField { x: b } } field { deepField { y } } }",
  "a deep conflict that is told at the nearest field, in fragments":
    "{ field { ...F } field { ...F } } fragment F on T { deepField { deeperField { x: a } deeperField { x: b } } deepField { deeperField { y } } }",
  "a deep conflict in nested fragments":
    "{ field { ...F } field { ...I } } fragment F on T { x: a ...G } fragment G on T { y: c } fragment I on T { y: d ...J } fragment J on T { x: b }",
  "unknown fragments": "{ field ...Unknown ...Known } fragment Known on T { field ...OtherUnknown }",
  "a fragment that spreads itself": "{ dog { ...F } } fragment F on Dog { name ...F }",
  "a fragment that spreads itself within a field": "{ dog { ...F } } fragment F on Dog { name mother { ...F } }",
  "fragments that spread each other":
    "{ dog { ...A } } fragment A on Dog { name ...B } fragment B on Dog { name ...C } fragment C on Dog { name ...A }",
  "a conflict in a fragment that spreads itself": "fragment A on Dog { ...A fido: name fido: nickname }",
  "conflicting parents within others": "{ pet { ... on Dog { mother { name } } ... on Cat { mother: nickname } } }",
  "the same in inline fragments without a type": "{ dog { ... { name } ... @include(if: true) { name: nickname } } }",
  "interfaces that one object could have":
    "{ pet { ... on Canine { x: name } ... on Pet { x: name(surname: true) } } }",
  "an interface and an object": "{ pet { ... on Mammal { x: mother { y: __typename } } ... on Cat { x: name } } }",
  "an unused fragment beside an operation": "{ dog { name } } fragment F on Dog { x: name x: nickname }",
};

const onBoxes = {
  "types that differ, of objects that could be one":
    "{ someBox { ... on IntBox { scalar } ... on NonNullStringBox1 { scalar } } }",
  "types that agree": "{ someBox { ... on StringBox { scalar } ... on NonNullStringBox1Impl { unrelatedField } } }",
  "types that differ, of objects that can't be one":
    "{ someBox { ... on IntBox { scalar } ... on StringBox { scalar } } }",
  "the same deeper": "{ someBox { ... on IntBox { deepBox { scalar } } ... on StringBox { deepBox { scalar } } } }",
  "different fields of objects that can't be one":
    "{ someBox { ... on SomeBox { deepBox { unrelatedField } } ... on StringBox { deepBox { x: scalar } } ... on IntBox { deepBox { x: unrelatedField } } } }",
  "a null that may be and one that may not":
    "{ someBox { ... on NonNullStringBox1 { scalar } ... on StringBox { scalar } } }",
  "a list and none":
    "{ someBox { ... on IntBox { box: listStringBox { scalar } } ... on StringBox { box: stringBox { scalar } } } }",
  "none and a list":
    "{ someBox { ... on IntBox { box: stringBox { scalar } } ... on StringBox { box: listStringBox { scalar } } } }",
  "types that differ in the subfields":
    "{ someBox { ... on IntBox { box: stringBox { val: scalar val: unrelatedField } } ... on StringBox { box: stringBox { val: scalar } } } }",
  "subfields whose types differ":
    "{ someBox { ... on IntBox { box: stringBox { scalar } } ... on StringBox { box: intBox { scalar } } } }",
  "the same field by two interfaces":
    "{ someBox { ... on NonNullStringBox1 { scalar } ... on NonNullStringBox2 { scalar } } }",
  "deeply different names of one alias":
    "{ connection { ...F edges { node { id: name } } } } fragment F on Connection { edges { node { id } } }",
  "an unknown type": "{ someBox { ... on Unknown { scalar } ... on NonNullStringBox2 { scalar } } }",
  "an unknown field and a known one": "{ someBox { ... on IntBox { x: scalar } ... on StringBox { x: nothing } } }",
  "differing only where a wildcard is between":
    "{ someBox { ... on IntBox { deepBox { ... on SomeBox { x: unrelatedField } } } ... on StringBox { deepBox { ... on SomeBox { x: __typename } } } ... on SomeBox { deepBox { unrelatedField } } } }",
};

const cases = [
  ...Object.entries(onPets).map(([name, text]) => ({ name, text, schema: pets })),
  ...Object.entries(onBoxes).map(([name, text]) => ({ name, text, schema: boxes })),
];

test.each(cases)("$name: the verdict of graphql-js", ({ text, schema }) => {
  expect(ours(schema, text).length > 0).toBe(reference(schema, text).length > 0);
});

test.each(cases.filter(({ text, schema }) => ours(schema, text).length === 1 && reference(schema, text).length === 1))(
  "$name: told in the same words at the same places",
  ({ text, schema }) => {
    const [own, theirs] = [ours(schema, text)[0]!, reference(schema, text)[0]!];
    // It tells all conflicts of two fields at once.
    if (theirs.message.includes(" and subfields ")) return;
    const words = (message: string) => message.split('"').sort().join();
    expect(words(own.message)).toBe(words(theirs.message));
    const places = ({ locations }: typeof own) => locations!.map(({ line, column }) => `${line}:${column}`).sort();
    expect(places(own)).toEqual(places(theirs));
  },
);

test("thousands of generated documents have the verdict that graphql-js gives them", () => {
  let valid = 0;
  let invalid = 0;
  for (const text of randomDocuments({ seed: 20_261, count: 5_000 })) {
    const expected = reference(tangledSchema, text).length > 0;
    if (expected) invalid++;
    else valid++;
    if (ours(tangledSchema, text).length > 0 !== expected)
      throw new Error(`${expected ? "Valid" : "Invalid"} to us, but not to graphql-js: ${text}`);
  }
  // Neither says anything if all documents are of one kind.
  expect(valid).toBeGreaterThan(500);
  expect(invalid).toBeGreaterThan(500);
});

test.each([
  ["2,000 equal fields", `{ a { ${"s ".repeat(2_000)} } }`],
  [
    "1,000 fragments",
    `{ a { ${range(1_000, (i) => `...F${i}`)} } } ${range(1_000, (i) => `fragment F${i} on A { s }`)}`,
  ],
  ["fields nested in equal ones", `{ ${"a { ".repeat(12)} ${"s ".repeat(150)} ${"} ".repeat(12)} }`],
])("%s are valid, however many pairs they make", (_, text) => {
  expect(ours(tangledSchema, text)).toEqual([]);
});

test("what selects too much to be looked at isn't valid", () => {
  const doubling = range(30, (i) => `fragment F${i} on A { x: a { ...F${i + 1} } y: a { ...F${i + 1} } }`);
  const text = `{ a { ...F0 } } ${doubling} fragment F30 on A { s }`;
  expect(ours(tangledSchema, text).map(({ message }) => message)).toEqual([
    "The document selects too much to tell whether its fields can be merged.",
  ]);
});

function range(count: number, each: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => each(index)).join(" ");
}
