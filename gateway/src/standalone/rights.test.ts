import { composeServices } from "@apollo/composition";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { graphql, parse } from "graphql";
import { createClient } from "graphql-ws";
import jwt from "jsonwebtoken";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import pino from "pino";
import { WebSocket } from "ws";
import { configSchema } from "./config";
import { serveSupergraph, type RunningBareGateway } from "./serve";

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@authenticated", { name: "@requiresScopes", as: "@may" }, "@tag"])\n`;
const typeDefs = parse(
  `${link}type Query {
     open: String @tag(name: "public")
     own: String @authenticated @tag(name: "public")
     admin: String @may(scopes: [["admin"]])
   }
   type Mutation { wipe: String @may(scopes: [["admin"]]) }`,
);
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const asked: string[] = [];

let directory: string;
let subgraph: Server;
let gateway: RunningBareGateway;

beforeAll(async () => {
  const value = (text: string) => () => text;
  const resolvers = {
    Query: { open: value("o"), own: value("mine"), admin: value("a") },
    Mutation: { wipe: value("w") },
  };
  const schema = buildSubgraphSchema([{ typeDefs, resolvers }]);
  subgraph = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { query: source, variables } = JSON.parse(Buffer.concat(chunks).toString()) as {
        query: string;
        variables?: Record<string, unknown>;
      };
      asked.push(source);
      void graphql({ schema, source, variableValues: variables }).then((answer) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify(answer));
      });
    });
  });
  await new Promise<void>((resolve) => subgraph.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(subgraph.address() as AddressInfo).port}/`;
  const { supergraphSdl } = composeServices([{ name: "only", url, typeDefs }]);
  directory = mkdtempSync(path.join(tmpdir(), "atrium-rights-"));
  writeFileSync(path.join(directory, "supergraph.graphql"), supergraphSdl!);
  const key = { ...publicKey.export({ format: "jwk" }), kid: "k", use: "sig" };
  writeFileSync(path.join(directory, "keys.json"), JSON.stringify({ keys: [key] }));
  gateway = await serveSupergraph({
    supergraph: path.join(directory, "supergraph.graphql"),
    config: configSchema.parse({
      port: 0,
      introspection: "permitted",
      authentication: { jwks: path.join(directory, "keys.json") },
      contracts: [{ path: "/public", include: ["public"] }],
    }),
    watch: false,
    log: pino({ level: "silent" }),
  });
});
afterAll(async () => {
  await gateway?.stop();
  subgraph?.close();
  subgraph?.closeAllConnections();
  if (directory) rmSync(directory, { recursive: true });
});
beforeEach(() => (asked.length = 0));

const tokenOf = (scope: string) => jwt.sign({ sub: "ada", scope }, privateKey, { algorithm: "ES256", keyid: "k" });

async function post(query: string, o: { scope?: string; at?: string } = {}) {
  const response = await fetch(`http://127.0.0.1:${gateway.port}${o.at ?? "/graphql"}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(o.scope !== undefined && { authorization: `Bearer ${tokenOf(o.scope)}` }),
    },
    body: JSON.stringify({ query }),
  });
  return (await response.json()) as {
    data?: unknown;
    errors?: { message: string; path?: string[]; extensions?: object }[];
  };
}

test("what the token doesn't cover is null with an error, and its subgraph isn't asked", async () => {
  const { data, errors } = await post("{ open own admin }", { scope: "reader" });
  expect(data).toEqual({ open: "o", own: "mine", admin: null });
  expect(errors).toEqual([
    { message: "You may not see this.", path: ["admin"], extensions: { code: "UNAUTHORIZED_FIELD_OR_TYPE" } },
  ]);
  expect(asked.join()).not.toContain("admin");
  expect((await post("{ admin }", { scope: "reader admin" })).data).toEqual({ admin: "a" });
  expect((await post("{ own }")).data).toEqual({ own: null });
});

test("a mutation that isn't the caller's reaches nothing", async () => {
  expect((await post("mutation { wipe }")).data).toEqual({ wipe: null });
  expect(asked).toEqual([]);
  expect((await post("mutation { wipe }", { scope: "admin" })).data).toEqual({ wipe: "w" });
});

test("each reads as much of the schema as they may use, and typing errors suggest nothing", async () => {
  const names = async (scope?: string) => {
    const { data } = await post("{ __schema { queryType { fields { name } } mutationType { name } } }", { scope });
    return data;
  };
  expect(await names()).toEqual({ __schema: { queryType: { fields: [{ name: "open" }] }, mutationType: null } });
  expect(await names("admin")).toEqual({
    __schema: {
      queryType: { fields: [{ name: "open" }, { name: "own" }, { name: "admin" }] },
      mutationType: { name: "Mutation" },
    },
  });
  expect(JSON.stringify(await post("{ admi }"))).not.toContain("Did you mean");
});

test("a contract is another endpoint, with the same rights, over HTTP and WebSocket", async () => {
  const at = "/public";
  expect((await post("{ open own }", { at, scope: "" })).data).toEqual({ open: "o", own: "mine" });
  expect((await post("{ own }", { at })).data).toEqual({ own: null });
  expect((await post("{ admin }", { at, scope: "admin" })).errors![0]!.message).toContain('Cannot query field "admin"');
  expect((await post("mutation { wipe }", { at, scope: "admin" })).data).toBeUndefined();

  const client = createClient({
    url: `ws://127.0.0.1:${gateway.port}${at}`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${tokenOf("admin")}` },
  });
  const ask = async (query: string) => {
    for await (const answer of client.iterate({ query })) return answer;
  };
  expect(await ask("{ own }")).toEqual({ data: { own: "mine" } });
  await expect(ask("{ admin }")).rejects.toMatchObject([
    { message: expect.stringContaining("Cannot query field") as string },
  ]);
  await client.dispose();
});

test("a path that is taken, and a contract of nothing, are faults of the configuration", () => {
  const { error } = configSchema.safeParse({
    contracts: [
      { path: "/graphql", include: ["a"] },
      { path: "/a" },
      { path: "/b", exclude: ["x"] },
      { path: "/b", exclude: ["y"] },
    ],
  });
  expect(error!.issues.map(({ path: at, message }) => `${at.join(".")}: ${message}`)).toEqual([
    "contracts.1.include: a contract includes or excludes something by its tags",
    "contracts.0.path: something else is served at /graphql",
    "contracts.3.path: something else is served at /b",
  ]);
});
