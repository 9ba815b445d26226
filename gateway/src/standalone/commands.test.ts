import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { compose, validate } from "./commands";
import { readConfig } from "./config";

const link = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\n';
const accounts = `${link}type Query { me: User } type User @key(fields: "id") { id: ID! name: String }`;
const reviews = `${link}type Query { top: [String!] } type User @key(fields: "id") { id: ID! reviews: [String!] }`;

let directory: string;
let said: string;
let warned: string;
const say = (text: string) => void (said += text);
const warn = (text: string) => void (warned += text);
const at = (name: string) => path.join(directory, name);
const given = (name: string, text: string) => (writeFileSync(at(name), text), at(name));

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "atrium-gateway-"));
  said = warned = "";
});
afterEach(() => rmSync(directory, { recursive: true }));

const composed = async (urls = true) => {
  given("accounts.graphql", accounts);
  const list = given(
    "list.yaml",
    `subgraphs: { accounts: { ${urls ? 'routing_url: "http://accounts/", ' : ""}schema: { file: accounts.graphql } } }`,
  );
  await compose({ config: list, files: [], output: at("s.graphql"), say, warn });
  return at("s.graphql");
};

describe("compose", () => {
  test("of schema files, each named as its file or as it is told", async () => {
    const files = [given("accounts.graphql", accounts), `ratings=${given("r.graphql", reviews)}`];
    await compose({ files, say, warn });
    expect(said).toContain('ACCOUNTS @join__graph(name: "accounts", url: "")');
    expect(said).toContain('RATINGS @join__graph(name: "ratings", url: "")');
  });

  test("of what a supergraph.yaml lists: files beside it, texts, and what runs", async () => {
    const running = createServer((request, response) => {
      const isAllowed = request.headers["x-key"] === "k";
      response.end(JSON.stringify(isAllowed ? { data: { _service: { sdl: reviews } } } : { errors: [] }));
    });
    await new Promise<void>((resolve) => running.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(running.address() as AddressInfo).port}/`;
    try {
      given("accounts.graphql", accounts);
      const listed = (key: string) =>
        given(
          "supergraph.yaml",
          `federation_version: =2.9.0
subgraphs:
  accounts: { routing_url: "http://accounts/graphql", schema: { file: ./accounts.graphql } }
  more: { routing_url: "http://more/", schema: { sdl: "type Query { more: Int }" } }
  reviews: { schema: { subgraph_url: "${url}", introspection_headers: { x-key: "${key}" } } }
`,
        );
      await compose({ config: listed("k"), files: [], output: at("supergraph.graphql"), say, warn });
      const supergraph = readFileSync(at("supergraph.graphql"), "utf8");
      expect(supergraph).toContain('ACCOUNTS @join__graph(name: "accounts", url: "http://accounts/graphql")');
      expect(supergraph).toContain(`REVIEWS @join__graph(name: "reviews", url: "${url}")`);
      expect(warned).toContain("has 3 subgraphs");
      await expect(compose({ config: listed("wrong"), files: [], say, warn })).rejects.toThrow(
        'The subgraph "reviews" doesn\'t tell its schema',
      );
    } finally {
      running.close();
      running.closeAllConnections();
    }
  });

  test("what doesn't compose is named with its place, and nothing is written", async () => {
    const files = [given("a.graphql", "type Query { x: Int }"), given("b.graphql", "type Query { x: String }")];
    const output = at("supergraph.graphql");
    await expect(compose({ files, output, say, warn })).rejects.toThrow(
      /don't compose[\s\S]*Query\.x[\s\S]*a\.graphql:1/,
    );
    expect(() => readFileSync(output)).toThrow();
  });

  test.each([
    ["neither files nor a list", { files: [] }, /Name the subgraphs' schema files/],
    ["a file that isn't there", { files: ["missing.graphql"] }, /There is no file missing\.graphql/],
  ])("%s", async (_, what, message) => {
    await expect(compose({ ...what, say, warn })).rejects.toThrow(message);
  });

  test("two subgraphs of one name, and a list with faults", async () => {
    const file = given("a.graphql", accounts);
    await expect(compose({ files: [file, `a=${file}`], say, warn })).rejects.toThrow('Two subgraphs are called "a"');
    const list = given(
      "supergraph.yaml",
      "federation_version: 1\nsubgraphs: { a: { schema: { graphref: x }, url: y }, b: {} }\n",
    );
    await expect(compose({ config: list, files: [], say, warn })).rejects.toThrow(
      /4 faults|federation_version: only Federation 2[\s\S]*subgraphs\.a[\s\S]*subgraphs\.b/,
    );
  });
});

describe("validate", () => {
  test("what can be served is told with its subgraphs' addresses", async () => {
    await validate({ supergraph: await composed(), config: readConfig(undefined), say });
    expect(said).toMatch(/can be served: \d+ types of 1 subgraphs\.\n {2}accounts at http:\/\/accounts\/\n$/);
  });

  test("a subgraph without an address needs one in the configuration", async () => {
    const supergraph = await composed(false);
    await expect(validate({ supergraph, config: readConfig(undefined), say })).rejects.toThrow(
      "subgraphs.accounts.url",
    );
    const config = readConfig(given("c.yaml", "subgraphs: { accounts: { url: 'http://there/graphql' } }"));
    await validate({ supergraph, config, say });
    expect(said).toContain("accounts at http://there/graphql");
  });

  test("what would stop the start is told: contracts of nothing, and files that aren't what they should be", async () => {
    const supergraph = await composed();
    const wrong = async (yaml: string) => {
      const config = readConfig(given("c.yaml", yaml));
      return validate({ supergraph, config, say }).then(
        () => "can be served",
        (error: Error) => error.message,
      );
    };
    expect(await wrong("contracts: [{ path: /public, include: [public] }]")).toContain("leaves no query");
    expect(await wrong("authentication: { jwks: missing.json }")).toContain("authentication.jwks");
    expect(await wrong("persistedOperations: { manifest: missing.json }")).toContain("missing.json");
    given("m.json", "{}");
    expect(await wrong("persistedOperations: { manifest: m.json }")).toContain("is no manifest");
    // Where tokens come from may be out of reach of where this is asked.
    expect(await wrong("authentication: { jwks: 'http://127.0.0.1:9/jwks.json' }")).toBe("can be served");
  });

  test("a configuration for subgraphs that aren't there, and a text that is no supergraph", async () => {
    const config = readConfig(given("c.yaml", "subgraphs: { acounts: { timeoutMs: 5 } }"));
    await expect(validate({ supergraph: await composed(), config, say })).rejects.toThrow(/doesn't have: acounts/);
    const supergraph = given("x.graphql", "type Query { a: Int }");
    await expect(validate({ supergraph, config: readConfig(undefined), say })).rejects.toThrow("This is no supergraph");
  });
});

test("numbers and truth values may come from the environment, and texts stay texts", () => {
  const file = given(
    "c.yaml",
    "port: ${PORT}\ncompression: ${SMALL:-false}\nheaders: [{ insert: x-key, value: '${env.KEY}' }]\n",
  );
  expect(readConfig(file, { PORT: "4711", KEY: "007" })).toMatchObject({
    port: 4711,
    compression: false,
    headers: [{ insert: "x-key", value: "007" }],
  });
  expect(() => readConfig(file, { PORT: "many", KEY: "" })).toThrow(/port: /);
});

test.each([
  [{ origins: ["*"], credentials: true }, /cors: any page may not send/],
  [{ origins: ["https://a.example/path"] }, /cors\.origins\.0/],
])("CORS by %p is refused", (cors, message) => {
  expect(() => readConfig(given("c.yaml", JSON.stringify({ cors })))).toThrow(message);
});

test("the program says what it wants, and ends with 1", async () => {
  const main = path.join(__dirname, "main.ts");
  const run = (...words: string[]) =>
    new Promise<{ code: number; text: string }>((resolve) =>
      execFile(
        process.execPath,
        ["--require", require.resolve("tsx/cjs"), "--conditions=@atrium/source", main, ...words],
        (error, out, complaint) => resolve({ code: Number(error?.code ?? 0), text: out + complaint }),
      ),
    );
  const supergraph = await composed();
  const busy = createServer().listen(0, "127.0.0.1");
  await once(busy, "listening");
  const results = await Promise.all([
    run("--help"),
    run(),
    run("--supergraph", "x", "--port", "no"),
    run("dance"),
    run("compose", "missing.graphql"),
    run("--supergraph", at("missing.graphql")),
    run("--supergraph", supergraph, "--workers", "2", "--port", String((busy.address() as AddressInfo).port)),
  ]);
  busy.close();
  expect(results.map(({ code }) => code)).toEqual([0, 1, 1, 1, 1, 1, 1]);
  const [help, nothing, port, dance, missing, absent, taken] = results.map(({ text }) => text);
  expect(help).toContain("atrium-gateway compose");
  expect(nothing).toContain("--supergraph says which");
  expect(port).toContain('--port: "no"');
  expect(dance).toContain('no command "dance"');
  expect(missing).toContain("There is no file missing.graphql");
  expect(absent).toMatch(/The supergraph .*missing\.graphql can't be read: ENOENT/);
  expect(taken).toContain("The port is taken by another program");
});
