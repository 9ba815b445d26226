import { composeServices } from "@apollo/composition";
import { Supergraph } from "@apollo/federation-internals";
import { lexicographicSortSchema, parse, printSchema, type GraphQLSchema } from "graphql";
import { readFileSync } from "node:fs";
import { supergraphFile } from "../supergraph-file";
import { openGraph } from "./open-graph";
import { readSupergraph } from "./read-supergraph";

const specification = "https://specs.apollo.dev/federation/v2.9";
const imports = ["key", "shareable", "external", "requires", "provides", "override", "tag", "inaccessible"];
const others = ["interfaceObject", "authenticated", "requiresScopes", "cost", "listSize", "context", "fromContext"];
const link = `extend schema @link(url: "${specification}", import: [${[...imports, ...others].map((name) => `"@${name}"`).join(", ")}])\n`;

const subgraphs: Record<string, string> = {
  catalogue: `
    type Query { products(first: Int = 10, by: Order = { field: NAME }): [Product!] @listSize(slicingArguments: ["first"]) node: Node }
    input Order { field: OrderField! = NAME descending: Boolean = false }
    enum OrderField { NAME PRICE @inaccessible }
    interface Node @key(fields: "id") { id: ID! }
    union Found = Product | Maker
    directive @note(text: String!) on FIELD_DEFINITION
    "What is sold."
    type Product implements Node @key(fields: "id") @key(fields: "maker { id } code") @tag(name: "shop") {
      id: ID! code: String! name(language: String = "en"): String @deprecated(reason: "Ask for titles.")
      weight: Int @cost(weight: 3) maker: Maker! like: [Maker!] found: [Found!] secret: String @inaccessible
    }
    type Maker @key(fields: "id") @context(name: "maker") { id: ID! name: String @shareable country: Country }
    type Country @key(fields: "code") { code: String! tax(of: ID @fromContext(field: "$maker { id }")): Int }`,
  shipping: `
    type Query { parcels: [Parcel] @authenticated }
    scalar Weight @tag(name: "shop")
    type Product @key(fields: "id") { id: ID! weight: Int @external parcel: Parcel @requires(fields: "weight") }
    type Parcel { weight: Weight to: Maker @provides(fields: "name") }
    type Maker @key(fields: "id") { id: ID! name: String @external rating: Int @requiresScopes(scopes: [["rating"]]) }`,
  notes: `
    type Mutation { annotate(node: ID!): Node }
    type Node @key(fields: "id") @interfaceObject { id: ID! notes: [String!]! }
    type Maker @key(fields: "id") { id: ID! country: Country @override(from: "catalogue", label: "percent(5)") }
    type Country @key(fields: "code", resolvable: false) { code: String! }`,
};
const sdl = composed();

function composed(): string {
  const services = Object.entries(subgraphs).map(([name, own]) => ({
    name,
    url: `http://${name}/`,
    typeDefs: parse(link + own),
  }));
  const { supergraphSdl, errors } = composeServices(services);
  if (errors) throw new Error(errors.join("\n"));
  return supergraphSdl;
}

const stock = (text: string) => Supergraph.build(text, { supportedFeatures: null });

function refusalOf(read: (text: string) => Supergraph, text: string): string | null {
  try {
    const supergraph = read(text);
    supergraph.apiSchema();
    supergraph.subgraphs();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

const texts = { everything: sdl, ours: readFileSync(supergraphFile, "utf8") };

test.each(Object.entries(texts))("%s: what is read is what the library reads, and it is read once", (_, text) => {
  const [ours, theirs] = [readSupergraph(text), stock(text)];
  // Only what is read in the library's own way is validated by it.
  expect(ours).toMatchObject({ shouldValidate: false });
  const printed = (supergraph: Supergraph) => supergraph.subgraphs().values().map(String);
  expect(printed(ours)).toEqual(printed(theirs));
});

test.each(Object.entries(texts))("%s: clients see what the library says that they do", async (_, text) => {
  const graph = await openGraph(text);
  await graph.close();
  const printed = (schema: GraphQLSchema) => printSchema(lexicographicSortSchema(schema));
  expect(printed(graph.apiSchema)).toBe(printed(stock(text).apiSchema().toGraphQLJSSchema({ includeDefer: true })));
});

const lines = sdl.split("\n");
const changed = (at: number, ...instead: string[]) => lines.toSpliced(at, 1, ...instead).join("\n");

// Some of thousands of texts. After a new version of Apollo's packages: REFUSALS=all.
test.each<[string, number, (line: string, at: number) => string[]]>([
  ["without a line", 3, (_, at) => [changed(at)]],
  ["with a line twice", 3, (line, at) => [changed(at, line, line)]],
  ["with a line beside another's", 3, (line, at) => [changed(at, line, lines[(at * 7) % lines.length]!)]],
  [
    "with a word changed",
    23,
    (line, at) =>
      [...line.matchAll(/\w+/g)].flatMap(({ 0: word, index }) =>
        [`${word}x`, "id", "String", "graph"].map((other) =>
          changed(at, line.slice(0, index) + other + line.slice(index + word.length)),
        ),
      ),
  ],
  [
    "with a directive more",
    5,
    (line, at) =>
      ['@tag(name: "x")', "@inaccessible", "@join__field(graph: NOTES)", "@deprecated(reason: 1)"].map((directive) =>
        changed(at, line.replace(/( @|(?<=\w|!|\]) ?\{|$)/, ` ${directive}$1`)),
      ),
  ],
])("a supergraph %s (one in %i) is refused where the library refuses it, in its words", (_, step, change) => {
  const texts = lines.flatMap(change).filter((_, n) => process.env.REFUSALS === "all" || n % step === 0);
  const refusals = texts.map((text) => [refusalOf(stock, text), refusalOf(readSupergraph, text)]);
  for (const [theirs, ours] of refusals) expect(ours).toBe(theirs);
  expect(refusals.some(([theirs]) => theirs !== null)).toBe(true);
});
