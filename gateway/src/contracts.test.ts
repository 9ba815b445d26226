import { buildClientSchema, getIntrospectionQuery, type IntrospectionQuery } from "graphql";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { composeSupergraph } from "./composition";
import { schemas, startHouse, type House } from "./testing/world";

const knowledge = schemas.knowledge
  .replace('"@shareable"', '"@shareable", "@tag"')
  .replace("author: User", 'author: User @tag(name: "people")')
  .replace("slowly: Int", 'slowly: Int @tag(name: "internal")');
const supergraph = composeSupergraph(
  Object.entries({ ...schemas, knowledge }).map(([name, sdl]) => ({ name, sdl })),
).supergraph;
const contracts = [{ path: "/graphql/app", include: [], exclude: ["people", "internal"] }];

let house: House;
let token: string;
beforeAll(async () => {
  house = await startHouse({ supergraph, contracts });
  ({ token } = house.world.signIn("usr_ada"));
});
afterAll(() => house.close());

async function ask(path: string, query: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${house.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, text: await response.text() };
}

/** What one operation gets over a socket: its answer, or its errors. */
async function overSocket(path: string, query: string): Promise<unknown> {
  const client = createClient({
    url: `${house.url.replace("http", "ws")}${path}`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${token}` },
  });
  try {
    for await (const answer of client.iterate({ query })) return answer;
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await client.dispose();
  }
}

const hidden = "{ documents { id author { id } } }";
const told = "{ documents { id title } viewer { role } }";

test("a contract's path serves its part of the graph, and the whole graph stays where it was", async () => {
  expect(JSON.parse((await ask("/graphql/app", told)).text)).toEqual({
    data: {
      documents: [
        { id: "doc_1", title: "One" },
        { id: "doc_2", title: "Two" },
      ],
      viewer: { role: "editor" },
    },
  });
  expect((await ask("/graphql", hidden)).status).toBe(200);
  expect((await ask("/graphql/other", told)).status).toBe(404);
});

test.each([
  ["JSON", { accept: "application/graphql-response+json" }],
  ["server-sent events", { accept: "text/event-stream" }],
  ["parts", { accept: "multipart/mixed; deferSpec=20220824, application/json" }],
])("what it leaves out is unknown there, in an answer as %s", async (_, headers) => {
  const { text } = await ask("/graphql/app", hidden, headers);
  expect(text).toContain("GRAPHQL_VALIDATION_FAILED");
  expect(text).toContain('Cannot query field \\"author\\" on type \\"Document\\"');
  const mutation = await ask("/graphql/app", "mutation { slowly }", headers);
  expect(mutation.text).toContain("GRAPHQL_VALIDATION_FAILED");
});

test("nor is it known on sockets, whose subscriptions are the contract's too", async () => {
  expect(await overSocket("/graphql/app", hidden)).toMatchObject([
    { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } },
  ]);
  const subscription = "subscription { documentAdded { author { id } } }";
  expect(await overSocket("/graphql/app", subscription)).toMatchObject([
    { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } },
  ]);
  expect(await overSocket("/graphql/app", told)).toMatchObject({ data: { viewer: { role: "editor" } } });
  expect(await overSocket("/graphql", hidden)).toMatchObject({ data: {} });
});

test("introspection tells of its own part alone", async () => {
  const { data } = JSON.parse((await ask("/graphql/app", getIntrospectionQuery())).text) as {
    data: IntrospectionQuery;
  };
  const schema = buildClientSchema(data);
  const fieldsOf = (type: string) =>
    Object.keys((schema.getType(type) as unknown as { getFields(): object }).getFields());
  expect(fieldsOf("Document")).toEqual(["id", "title", "parent"]);
  expect(fieldsOf("Mutation")).not.toContain("slowly");
});

test("a text that is known at one path is read anew at another", async () => {
  for (const path of ["/graphql", "/graphql/app", "/graphql"])
    expect((await ask(path, hidden)).text.includes("GRAPHQL_VALIDATION_FAILED")).toBe(path === "/graphql/app");
});

test.each([
  ["a tag that nothing has", { include: [], exclude: ["poeple"] }, "tagged poeple"],
  ["one that leaves no query", { include: ["people"], exclude: [] }, "leaves no query"],
])("a contract with %s isn't served", async (_, rules, message) => {
  const starting = startHouse({ supergraph, contracts: [{ path: "/graphql/app", ...rules }] });
  await expect(starting).rejects.toThrow(message);
});

test("nor is one by the stock executor, which would tell of the whole schema", async () => {
  await expect(startHouse({ supergraph, contracts, executor: "stock" })).rejects.toThrow("CONTRACTS");
});
