import { ApolloGateway } from "@apollo/gateway";
import { parse, validate, type GraphQLSchema } from "graphql";
import pino from "pino";
import { corpus } from "./corpus";
import { openHouse, type DifferentialHouse } from "./house";

// Where the stock gateway answers otherwise than the whole graph, and we don't: DIFFERENCES.md tells why.

/** By the corpus' graphs, what is asked. */
const wrongAtStock: [graph: string, what: string, text: string][] = [
  [
    "several keys",
    "a field with other arguments than @requires names",
    "{ products { shipping(fast: false) price(currency: EUR) } }",
  ],
  ["several keys", "an alias that is the name of a key", "{ products { id: name inStock } }"],
  ["several keys", "an alias that is the name of a required field", "{ products { size: name shipping(fast: true) } }"],
  [
    "@requires in chains",
    "an alias that is the name of a required field of another type",
    "{ orders { fee total: id } }",
  ],
  [
    "several keys",
    "a skipped field with @requires beside another of its subgraph",
    "{ products { shipping(fast: false) @skip(if: true) inStock } }",
  ],
  [
    "@requires in chains",
    "a field that isn't included beside one whose @requires goes through its subgraph",
    "{ orders { rate parcel @include(if: false) { label } } }",
  ],
  [
    "@interfaceObject",
    "fragments on the interface and on one of its types beside each other",
    "{ media { ... on Media { ... on Film { stars } } ... on Film { __typename } } }",
  ],
  [
    "two interface objects",
    "a required field of an interface object, of some types only",
    "{ eldest { friends { notes { on { __typename } } best } notes(first: 1) { text } } owned { ... on House { loud } label } }",
  ],
  [
    "mutations in order",
    "a mutation's fields in a fragment before another",
    "mutation { reset { value } ...F z: add(input: { by: 3 }) { value } } fragment F on Mutation { f: add(input: { kind: DOWN }) { id } }",
  ],
];

// Keys come in the order that the specification gives them.
const inAnotherOrderAtStock = [
  "{ things { ... on Cat { visits { day } } __typename ... on Cat { name } } }",
  "{ animals { ... on Cat { visits { day } } __typename ... on Cat { lives } } }",
];

// What the planner goes round in circles on: the stock gateway's process ends for want of memory.
const endlessAtStock = [
  '{ anyNode(id: "p0") { next { ... on Person { loud } } } }',
  '{ node(id: "c0") { next { ... on House { loud next { ... on Person { loud age } } } } } }',
  "{ owned { owner { next { score ... on House { loud } } } } }",
];

const houses = new Map<string, Promise<DifferentialHouse>>();
function houseOf(graph: string): Promise<DifferentialHouse> {
  let house = houses.get(graph);
  if (!house) houses.set(graph, (house = openHouse(corpus.find(({ name }) => name.includes(graph))!)));
  return house;
}
afterAll(async () => {
  for (const house of houses.values()) await (await house).close();
});

test.each(wrongAtStock)("%s: %s", async (graph, _, text) => {
  const house = await houseOf(graph);
  const [ours, stock, whole] = [await house.ours(text), await house.stock(text), await house.whole(text)];
  expect(ours).toEqual(whole);
  // Once it is right there as well, the entry in DIFFERENCES.md has had its day.
  expect(stock.data).not.toEqual(whole.data);
});

test.each(inAnotherOrderAtStock)("in the order of the operation: %s", async (text) => {
  const house = await houseOf("interfaces and unions of entities");
  const [ours, stock, whole] = [await house.ours(text), await house.stock(text), await house.whole(text)];
  expect(JSON.stringify(ours)).toBe(JSON.stringify(whole));
  expect(stock).toEqual(whole);
  expect(JSON.stringify(stock)).not.toBe(JSON.stringify(whole));
});

test.each(endlessAtStock)("planned otherwise where the planner would never end: %s", async (text) => {
  const house = await houseOf("two interface objects");
  expect(await house.ours(text)).toEqual(await house.whole(text));
});

test("a graph with @context or with @authenticated is served, which the stock gateway doesn't start with", async () => {
  const context = await houseOf("@fromContext");
  const text = "{ tenants { projects { budget quota } } }";
  expect(await context.ours(text)).toEqual(await context.whole(text));
  const rights = await openHouse({
    name: "rights",
    subgraphs: { one: "type Query { open: Int closed: Int @authenticated }" },
    data: () => ({ Query: { open: 1, closed: 2 } }),
    operations: [],
  });
  expect((await rights.ours("{ open }")).data).toEqual({ open: 1 });
  await rights.close();
  for (const { graph } of [context, rights]) await expect(stockSchema(graph.sdl)).rejects.toThrow("@link");
});

test("a deferred part comes later, which no operation can ask of the stock gateway", async () => {
  const house = await houseOf("several keys");
  const text = "{ products { sku ... @defer { shipping(fast: true) } } }";
  expect(await house.inParts(text)).toEqual(await house.whole(text));
  expect(validate(await stockSchema(house.graph.sdl), parse(text))).toMatchObject([
    { message: expect.stringContaining("@defer") as string },
  ]);
});

/** What the stock gateway makes of a supergraph. */
async function stockSchema(supergraphSdl: string): Promise<GraphQLSchema> {
  const gateway = new ApolloGateway({ supergraphSdl, logger: pino({ level: "silent" }) });
  let schema: GraphQLSchema | undefined;
  gateway.onSchemaLoadOrUpdate(({ apiSchema }) => (schema = apiSchema));
  await gateway.load({} as never);
  await gateway.stop();
  return schema!;
}
