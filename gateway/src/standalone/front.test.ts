import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import pino from "pino";
import { gzipSync } from "node:zlib";
import { eventually } from "../testing/world";
import { configSchema } from "./config";
import { serveSupergraph, type RunningBareGateway } from "./serve";
import { testIssuer } from "./testing/issuer";
import { Shop } from "./testing/shop";

const issuer = testIssuer();
let shop: Shop;
let gateway: RunningBareGateway | undefined;

beforeAll(async () => {
  shop = await new Shop().start();
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  shop.intercept = null;
  shop.asked.length = 0;
});
afterAll(async () => {
  await shop.stop();
  issuer.close();
});

async function serve(given: object = {}): Promise<RunningBareGateway> {
  const supergraph = { read: async () => shop.sdl, watch: async () => {} };
  const config = configSchema.parse({ port: 0, ...given });
  return (gateway = await serveSupergraph({ supergraph, config, watch: false, log: pino({ level: "silent" }) }));
}

const { authentication } = issuer;
const bearer = (claims: object, expiresIn?: number) => ({ authorization: issuer.bearer(claims, expiresIn) });

/** A request as it is, by a client that changes and follows nothing. */
function raw(o: { method?: string; path?: string; headers?: Record<string, string>; body?: string | Buffer } = {}) {
  return new Promise<{ status: number; headers: IncomingMessage["headers"]; text: string }>((resolve, reject) => {
    const { method = "GET", headers, path: at = "/graphql" } = o;
    const request = httpRequest({ port: gateway!.port, host: "127.0.0.1", path: at, method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(o.body);
  });
}

const post = (query: string, headers: Record<string, string> = {}) =>
  raw({
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query }),
  });
const get = (query: string, headers: Record<string, string> = {}) =>
  raw({
    path: `/graphql?query=${encodeURIComponent(query)}`,
    headers: { "apollo-require-preflight": "true", ...headers },
  });
const codeIn = (text: string) =>
  (JSON.parse(text) as { errors: { extensions: { code: string } }[] }).errors[0]!.extensions.code;

const names = "{ products(first: 1) { name } }";
const named = '{"data":{"products":[{"name":"Product 0"}]}}';

describe("pages of other origins", () => {
  const ask = { "access-control-request-method": "POST", "access-control-request-headers": "content-type, x-tenant" };
  const options = (origin: string) => raw({ method: "OPTIONS", headers: { origin, ...ask } });

  test("those that are named may send operations with any header; others aren't told that they may", async () => {
    await serve({ cors: { origins: ["https://app.example.com"], credentials: true } });
    const allowed = await options("https://app.example.com");
    expect([allowed.status, allowed.headers]).toMatchObject([
      204,
      {
        "access-control-allow-origin": "https://app.example.com",
        "access-control-allow-headers": "content-type, x-tenant",
        "access-control-allow-credentials": "true",
        vary: "origin",
      },
    ]);
    const other = await options("https://other.example.com");
    expect(other.headers).not.toHaveProperty("access-control-allow-origin");
    const answer = await post(names, { origin: "https://app.example.com" });
    expect([answer.text, answer.headers["access-control-allow-origin"]]).toEqual([named, "https://app.example.com"]);
    expect((await post(names)).headers).not.toHaveProperty("access-control-allow-origin");
  });

  test("any may where that is said, but not with cookies", async () => {
    await serve({ cors: { origins: ["*"] } });
    const { headers } = await options("https://other.example.com");
    expect(headers["access-control-allow-origin"]).toBe("https://other.example.com");
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });
});

describe("what is refused", () => {
  test.each<[string, Parameters<typeof raw>[0], number, string]>([
    ["another method", { method: "PUT" }, 405, "METHOD_NOT_ALLOWED"],
    ["a form", { method: "POST", headers: { "content-type": "multipart/form-data" } }, 415, "UNSUPPORTED_MEDIA_TYPE"],
    [
      "a compressed body",
      {
        method: "POST",
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
        body: gzipSync(JSON.stringify({ query: names })),
      },
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    [
      "what isn't UTF-8",
      {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
      },
      400,
      "BAD_REQUEST",
    ],
    ["an Accept that nothing meets", { headers: { accept: "image/png" } }, 406, "NOT_ACCEPTABLE"],
    ["a page's plain GET", { path: `/graphql?query=${encodeURIComponent(names)}` }, 400, "BAD_REQUEST"],
  ])("%s", async (_, request, status, code) => {
    await serve();
    const answer = await raw(request);
    expect([answer.status, codeIn(answer.text)]).toEqual([status, code]);
    expect(shop.asked).toEqual([]);
  });

  test("a body that never ends is given up, and so is a client that goes on sending", async () => {
    await serve({ limits: { bodyTimeoutMs: 100 } });
    const answered = new Promise<number>((resolve) => {
      const request = httpRequest(
        {
          port: gateway!.port,
          host: "127.0.0.1",
          path: "/graphql",
          method: "POST",
          headers: { "content-type": "application/json" },
        },
        (response) => {
          response.resume();
          resolve(response.statusCode!);
        },
      );
      request.on("error", () => {});
      request.write('{"query":');
    });
    expect(await answered).toBe(408);
  });

  test("an operation that takes too long is given up where it waits, whatever kind of answer was asked for", async () => {
    await serve({ limits: { operationTimeoutMs: 200 } });
    shop.intercept = () => true;
    for (const accept of ["application/json", "text/event-stream, application/json"]) {
      const { text } = await post(names, { accept });
      expect(text).toContain('"reason":"TIMEOUT"');
    }
  });

  test("more new operations than are planned at a time are told to come again", async () => {
    await serve({ planner: { waiting: 1, waitingPerCaller: 1 } });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => post(`{ ${"x".repeat(n + 1)}: products { id reviews { id } } }`)),
    );
    const busy = answers.filter(({ status }) => status === 503);
    expect(busy.length).toBeGreaterThan(0);
    expect([codeIn(busy[0]!.text), busy[0]!.headers["retry-after"]]).toEqual(["SERVICE_UNAVAILABLE", "1"]);
    expect(answers.some(({ status }) => status === 200)).toBe(true);
  });
});

test("a client that offers HTTP/2 is answered in HTTP/1.1, on a connection that goes on", async () => {
  await serve();
  const socket = connect(gateway!.port, "127.0.0.1");
  let answer = "";
  socket.on("data", (data: Buffer) => (answer += String(data)));
  const answered = () => eventually(() => answer.includes('{"data":{"__typename":"Query"}}'));
  const sent = JSON.stringify({ query: "{ __typename }" });
  const offer = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
  const head = (more: string) =>
    `POST /graphql HTTP/1.1\r\nhost: x\r\n${more}content-type: application/json\r\ncontent-length: ${sent.length}\r\n\r\n`;
  socket.write(head(offer) + sent.slice(0, 5));
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.write(sent.slice(5));
  await answered();
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  answer = "";
  socket.write(head("") + sent);
  await answered();
  socket.destroy();
});

describe("answers that may be kept", () => {
  const policies: Record<string, string | undefined> = {};
  beforeEach(() => {
    for (const name of Object.keys(policies)) delete policies[name];
    shop.intercept = (_, response, body) => {
      const policy = policies[body.includes("_entities") ? "reviews" : "products"];
      if (policy !== undefined) response.setHeader("cache-control", policy);
      return false;
    };
  });
  const responseCache = { enabled: true };
  const joined = "{ products(first: 1) { reviews { id } } }";

  test("what every subgraph calls public is asked for once, for as long as the shortest of them allows", async () => {
    await serve({ responseCache });
    policies["products"] = "max-age=60, public";
    policies["reviews"] = "public, max-age=1";
    const first = await get(joined);
    expect(first.headers["cache-control"]).toBe("public, max-age=1");
    expect(await post(joined)).toMatchObject({ status: 200, text: first.text });
    expect(shop.asked).toHaveLength(2);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect((await post(joined)).text).toBe(first.text);
    expect(shop.asked).toHaveLength(4);
  });

  test.each([
    ["one that says nothing", undefined],
    ["one that says private", "private, max-age=60"],
    ["one that doesn't say public", "max-age=60"],
    ["one that says no-store", "public, no-store, max-age=60"],
  ])("nothing is kept with %s among them", async (_, policy) => {
    await serve({ responseCache });
    policies["products"] = "public, max-age=60";
    policies["reviews"] = policy;
    expect((await get(joined)).headers["cache-control"]).toBe("private, no-cache");
    await get(joined);
    expect(shop.asked).toHaveLength(4);
  });

  test("nothing is kept that wasn't asked to be, nor an answer with errors, nor a mutation's", async () => {
    policies["products"] = policies["reviews"] = "public, max-age=60";
    await serve();
    await post(names);
    await post(names);
    expect(shop.asked).toHaveLength(2);
    await gateway!.stop();
    await serve({ responseCache });
    shop.asked.length = 0;
    for (let n = 0; n < 2; n++) await post("{ secret products(first: 1) { name } }");
    for (let n = 0; n < 2; n++) await post('mutation { addReview(body: "x") { id } }');
    expect(shop.asked).toHaveLength(4);
  });

  test("callers of whom subgraphs are told different things never share, nor do those with other rights", async () => {
    policies["products"] = "public, max-age=60";
    await serve({ responseCache, authentication, headers: [{ propagate: "x-tenant" }] });
    const callers: Record<string, string>[] = [
      {},
      { "x-tenant": "a" },
      { "x-tenant": "b" },
      bearer({ sub: "ada" }),
      bearer({ sub: "ada", scope: "money:read shop:read" }),
    ];
    for (const headers of callers) await post(names, headers);
    expect(shop.asked).toHaveLength(callers.length);
    for (const headers of callers) await post(names, headers);
    expect(shop.asked).toHaveLength(callers.length);
    // The same rights, and nothing of the person reaches a subgraph.
    await post(names, bearer({ sub: "bob", scope: "shop:read money:read" }));
    expect(shop.asked).toHaveLength(callers.length);
    const own = await get(names, { "x-tenant": "a" });
    expect(own.headers["cache-control"]).toMatch(/^private, max-age=\d+$/);
    const margin = "{ products(first: 1) { margin } }";
    const [owner, nobody] = [await post(margin, callers[4]), await post(margin)];
    expect([owner.text, JSON.parse(nobody.text)]).toMatchObject([
      '{"data":{"products":[{"margin":0}]}}',
      { data: { products: [{ margin: null }] } },
    ]);
  });

  test("whatever keeps an answer is told which headers chose it", async () => {
    policies["products"] = "public, max-age=60";
    await serve({
      responseCache,
      authentication,
      headers: [{ propagate: "X-Tenant" }],
      subgraphs: { products: { headers: [{ propagate: "accept-language" }] } },
      exposePlan: true,
      demandControl: {},
    });
    const listed = (vary = "") => vary.split(", ").sort();
    const chosenBy = ["accept", "accept-encoding", "accept-language", "apollo-expose-query-plan", "authorization"];
    const nobodys = await get(names);
    expect(nobodys.headers["cache-control"]).toMatch(/^public, /);
    expect(listed(nobodys.headers.vary)).toEqual([...chosenBy, "expose-cost", "origin", "x-tenant"]);
    const unchanged = await get(names, { "if-none-match": nobodys.headers.etag! });
    expect([unchanged.status, unchanged.headers.vary]).toEqual([304, nobodys.headers.vary]);
    const own = await get(names, { "x-tenant": "a" });
    expect([own.headers["cache-control"], own.headers.vary]).toEqual([
      expect.stringMatching(/^private, max-age/),
      nobodys.headers.vary,
    ]);
  });

  test("an answer by GET is asked for again by its ETag, and only what changed is sent", async () => {
    await serve();
    const first = await get(names);
    const etag = first.headers.etag!;
    expect([first.headers["cache-control"], first.text]).toEqual(["private, no-cache", named]);
    const again = await get(names, { "if-none-match": `"other", ${etag}` });
    expect([again.status, again.text, again.headers.etag]).toEqual([304, "", etag]);
    shop.intercept = (_, response) => {
      response.end('{"data":{"products":[{"name":"New"}]}}');
      return true;
    };
    expect(await get(names, { "if-none-match": etag })).toMatchObject({
      status: 200,
      text: '{"data":{"products":[{"name":"New"}]}}',
    });
  });

  test("an answer to somebody in particular isn't kept by anything in between", async () => {
    await serve();
    for (const [name, value] of [
      ["authorization", "Bearer x"],
      ["cookie", "a=b"],
    ] as const) {
      const answer = await get(names, { [name]: value });
      expect(answer.headers["cache-control"]).toBe("private, no-store");
      expect(answer.headers).not.toHaveProperty("etag");
    }
    expect((await post(names)).headers["cache-control"]).toBe("private, no-store");
  });

  test("HEAD has an answer's headers and no body", async () => {
    await serve();
    const { status, headers, text } = await raw({
      method: "HEAD",
      path: `/graphql?query=${encodeURIComponent(names)}`,
      headers: { "apollo-require-preflight": "true" },
    });
    expect([status, headers["content-length"], text]).toEqual([200, String(named.length), ""]);
  });
});

describe("streams over HTTP", () => {
  const added = "subscription { reviewAdded { body } }";
  const stream = (headers: Record<string, string> = {}) =>
    fetch(gateway!.url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream", ...headers },
      body: JSON.stringify({ query: added }),
    });

  test("are bounded for each caller, together with sockets", async () => {
    await serve({ subscriptions: { perCaller: 2 } });
    const open = [await stream(), await stream()];
    const refused = await stream();
    expect([refused.status, codeIn(await refused.text())]).toEqual([429, "RATE_LIMITED"]);
    await open[0]!.body!.cancel();
    await eventually(async () => (await stream()).status === 200);
  });

  test("bring a query's answer and an operation's faults too, to a client that reads nothing else", async () => {
    await serve();
    const accept = "text/event-stream";
    const answer = await post(names, { accept });
    expect([answer.headers["content-type"], answer.text]).toEqual([
      "text/event-stream; charset=utf-8",
      `:\n\nevent: next\ndata: ${named}\n\nevent: complete\ndata:\n\n`,
    ]);
    const refused = await post("{ nothing }", { accept });
    expect(refused.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(refused.text).toMatch(
      /^:\n\nevent: next\ndata: .*GRAPHQL_VALIDATION_FAILED.*\n\nevent: complete\ndata:\n\n$/,
    );
  });

  test("end with their caller's token", async () => {
    await serve({ authentication });
    const response = await stream(bearer({ sub: "ada" }, 1));
    expect(response.status).toBe(200);
    const startedAt = Date.now();
    await expect(response.text()).rejects.toThrow();
    expect(Date.now() - startedAt).toBeLessThan(3_000);
    await eventually(() => shop.subscriptions === 0);
  });

  test("are cut when the gateway stops, which lets a running request end and takes no new ones", async () => {
    await serve();
    const open = await stream();
    const cut = open.text().catch(() => "cut");
    const unused = connect(gateway!.port, "127.0.0.1").on("error", () => {});
    await new Promise((resolve) => unused.once("connect", resolve));
    let release: (() => void) | undefined;
    shop.intercept = (_, response) => {
      release = () => response.end('{"data":{"products":[{"name":"Late"}]}}');
      return true;
    };
    const running = post(names);
    await eventually(() => release !== undefined);
    const stopped = gateway!.stop();
    expect(await cut).toBe("cut");
    await expect(fetch(gateway!.url)).rejects.toThrow();
    release!();
    expect((await running).text).toBe('{"data":{"products":[{"name":"Late"}]}}');
    const startedAt = Date.now();
    await stopped;
    expect(Date.now() - startedAt).toBeLessThan(5_000);
  });
});

describe("beside operations", () => {
  test("a browser gets a page to try operations where the schema may be read, and nothing else does", async () => {
    await serve({ introspection: true });
    const visit = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
    const page = await raw({ headers: visit });
    expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
    await gateway!.stop();
    await serve();
    expect((await raw({ headers: visit })).status).toBe(400);
  });

  test("health, readiness and metrics", async () => {
    await serve();
    await post(names);
    expect(await raw({ path: "/health" })).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    const ready = await raw({ path: "/ready" });
    expect([ready.status, JSON.parse(ready.text)]).toMatchObject([
      200,
      { ready: true, subgraphs: ["products", "reviews"] },
    ]);
    expect((await raw({ path: "/metrics" })).text).toMatch(/atrium_gateway_operation_seconds_count\{.*\} 1\n/);
    expect((await raw({ path: "/metrics", method: "POST" })).status).toBe(405);
    expect((await raw({ path: "/other" })).status).toBe(404);
    await gateway!.stop();
    await serve({ telemetry: { metrics: false } });
    expect((await raw({ path: "/metrics" })).status).toBe(404);
  });

  test("a configuration that names a subgraph which isn't there doesn't start", async () => {
    await expect(serve({ subgraphs: { product: { timeoutMs: 5 } } })).rejects.toThrow(/doesn't have: product/);
  });
});
