import { parse, printType, validate, validateSchema } from "graphql";
import type { Case, Thing } from "../differential/case";
import { aRequest, openHouse, type DifferentialHouse } from "../differential/house";
import { createEngine } from "../execution/create-engine";
import { contractOf, type ContractRules } from "./contracts";
import { createDocuments } from "./documents";

const given: Case = {
  name: "a shop with parts for partners and parts of its own",
  subgraphs: {
    shop: `
      type Query {
        products(kind: Kind = NEW, tenant: ID @tag(name: "internal")): [Product] @tag(name: "partner")
        orders(filter: Filter): [Order]
        found: [Found] @tag(name: "partner")
        ledger: Ledger
      }
      type Mutation { wipe: Int @tag(name: "internal") }
      type Product @key(fields: "sku") @tag(name: "partner") { sku: ID!  name: String  cost: Int @tag(name: "internal") }
      type Order @key(fields: "id") { id: ID!  product: Product }
      type Ledger @tag(name: "internal") { total: Int }
      union Found @tag(name: "partner") = Product | Ledger
      enum Kind { NEW USED HIDDEN @tag(name: "internal") }
      input Filter { kind: Kind  secret: Int @tag(name: "internal") }`,
    stock: `
      type Product @key(fields: "sku") { sku: ID!  cost: Int @external  margin: Int @requires(fields: "cost") @tag(name: "partner") }`,
  },
  data() {
    const products = [{ __typename: "Product", sku: "1", name: "One", cost: 5, margin: 50 }];
    const ledger = { __typename: "Ledger", total: 7 };
    return {
      Query: {
        products,
        orders: [{ __typename: "Order", id: "o", product: products[0] }],
        ledger,
        found: [products[0], ledger],
      },
      Product: products,
      Order: [],
    };
  },
  operations: [],
};

let house: DifferentialHouse;
beforeAll(async () => {
  house = await openHouse(given);
});
afterAll(() => house?.close());

const contract = (rules: Partial<ContractRules>) => contractOf(house.graph, { include: [], exclude: [], ...rules });
const faults = (rules: Partial<ContractRules>, text: string) =>
  validate(contract(rules).apiSchema, parse(text)).map(({ message }) => message);

test("what is excluded is unknown to its clients, and the schema is valid without it", () => {
  const { apiSchema } = contract({ exclude: ["internal"] });
  expect(validateSchema(apiSchema)).toEqual([]);
  expect(apiSchema.getType("Ledger")).toBeUndefined();
  expect(apiSchema.getMutationType()).toBeUndefined();
  expect(printType(apiSchema.getQueryType()!)).not.toMatch(/ledger|tenant/);
  expect(printType(apiSchema.getType("Kind")!)).toBe("enum Kind {\n  NEW\n  USED\n}");
  expect(printType(apiSchema.getType("Filter")!)).toBe("input Filter {\n  kind: Kind\n}");
  expect(printType(apiSchema.getType("Found")!)).toBe("union Found = Product");
  for (const text of [
    "{ ledger { total } }",
    "{ products { cost } }",
    "{ found { ... on Ledger { total } } }",
    "{ products(kind: HIDDEN) { sku } }",
  ])
    expect(faults({ exclude: ["internal"] }, text)).toHaveLength(1);
  expect(faults({ exclude: ["internal"] }, "{ orders { id product { name margin } } }")).toEqual([]);
});

test("of an inclusion there is only what has its tag, and what fields need for it", () => {
  const { apiSchema } = contract({ include: ["partner"], exclude: ["internal"] });
  expect(Object.keys(apiSchema.getQueryType()!.getFields())).toEqual(["products", "found"]);
  expect(apiSchema.getType("Order")).toBeUndefined();
  expect(apiSchema.getType("Kind")).toBeDefined();
  expect(apiSchema.getType("Filter")).toBeUndefined();
  expect(() => contract({ include: ["nobody"] })).toThrow(/leaves no query/);
});

test("a contract is answered by the whole graph's planner: hidden fields still serve as keys and requirements", async () => {
  const graph = contract({ exclude: ["internal"] });
  const transports = new Map(["shop", "stock"].map((name) => [name, house.transports.get(name)!] as const));
  const engine = createEngine({
    graph,
    transports,
    describeError: (error) => error,
    describeFault: ({ message }) => ({ message }),
  });
  const documents = createDocuments({ schema: graph.apiSchema, introspection: true });
  const ask = async (text: string) => {
    const operation = documents.operationOf(text, undefined);
    return engine.execute(await engine.prepare(operation, {}), {}, aRequest());
  };
  expect(await ask("{ products { name margin } }")).toEqual({ data: { products: [{ name: "One", margin: 50 }] } });
  // An object of a type that the clients don't know isn't shown, nor is its type named.
  const { data, errors } = await ask("{ found { __typename ... on Product { sku } } }");
  expect(data).toEqual({ found: [{ __typename: "Product", sku: "1" }, null] });
  expect(JSON.stringify(errors)).not.toContain("Ledger");
  expect((errors as Thing[] | undefined)?.map(({ path }) => path)).toEqual([["found", 1]]);
  const read = await ask("{ __schema { types { name } } }");
  expect(JSON.stringify(read)).not.toMatch(/Ledger|Mutation/);
});
