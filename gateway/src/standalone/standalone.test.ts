import { serverAudits } from "graphql-http";
import { createClient as createSseClient } from "graphql-sse";
import { createClient, type Client } from "graphql-ws";
import jwt from "jsonwebtoken";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pino from "pino";
import WebSocket from "ws";
import { configSchema, readConfig, type Config } from "./config";
import { serveSupergraph, type RunningBareGateway } from "./serve";
import { Shop, type Intercept } from "./testing/shop";

const log = pino({ level: "silent" });
let directory: string;
let shop: Shop;
let gateway: RunningBareGateway;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "atrium-gateway-"));
  shop = await new Shop().start();
});
afterAll(async () => {
  await shop.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function serve(given: object = {}, o: { watch?: boolean } = {}): Promise<RunningBareGateway> {
  const supergraph = path.join(directory, "supergraph.graphql");
  writeFileSync(supergraph, shop.sdl);
  const config: Config = configSchema.parse({ port: 0, introspection: true, watchMs: 20, ...given });
  return (gateway = await serveSupergraph({ supergraph, config, watch: o.watch ?? false, log }));
}
beforeEach(() => {
  shop.asked.length = 0;
  shop.intercept = null;
});
afterEach(() => gateway?.stop());

interface Answered {
  status: number;
  headers: Headers;
  body: {
    data?: Record<string, unknown> | null;
    errors?: { message: string; path?: unknown; extensions?: Record<string, unknown> }[];
    extensions?: Record<string, unknown>;
  };
}

async function post(body: unknown, headers: Record<string, string> = {}): Promise<Answered> {
  const response = await fetch(gateway.url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answered["body"] };
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const endsAt = Date.now() + 8_000; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 10)))
    if (Date.now() > endsAt) throw new Error(`It didn't happen within 8 s (${shop.subscriptions} subscriptions).`);
}

describe("HTTP", () => {
  test("the audit of GraphQL over HTTP: every MUST and every SHOULD", async () => {
    await serve();
    const audits = serverAudits({
      url: gateway.url,
      // As any client does that sends plain GETs from a browser: it says that it isn't one.
      fetchFn: (url: string, init: RequestInit = {}) =>
        fetch(url, { ...init, headers: { ...(init.headers as object), "apollo-require-preflight": "true" } }),
    });
    const results = await Promise.all(audits.map((audit) => audit.fn()));
    const failed = results.flatMap((result) => (result.status === "ok" ? [] : [`${result.name}: ${result.reason}`]));
    expect(failed.filter((each) => !each.startsWith("MAY"))).toEqual([]);
    expect(results.length).toBeGreaterThan(50);
  });

  test("an operation over two subgraphs", async () => {
    await serve();
    const { status, headers, body } = await post({ query: "{ products(first: 2) { name reviews { body } } }" });
    expect(body).toEqual({
      data: {
        products: [
          { name: "Product 0", reviews: [{ body: "Review 0" }] },
          { name: "Product 1", reviews: [{ body: "Review 1" }] },
        ],
      },
    });
    expect([status, headers.get("cache-control")]).toEqual([200, "private, no-store"]);
  });

  test.each([
    ["text/plain", "a", 415, "UNSUPPORTED_MEDIA_TYPE"],
    ["application/json", "{", 400, "BAD_REQUEST"],
    ["application/json", "[]", 400, "BAD_REQUEST"],
    ["application/json", '{"query": 1}', 400, "BAD_REQUEST"],
    ["application/json", '{"query": "{ __typename }", "variables": []}', 400, "BAD_REQUEST"],
  ])("a body of %s %s is refused by %i %s", async (type, text, status, code) => {
    await serve();
    const answer = await post(text, { "content-type": type });
    expect([answer.status, answer.body.errors![0]!.extensions!["code"]]).toEqual([status, code]);
  });

  test("a body that is too large isn't read", async () => {
    await serve({ limits: { bodyBytes: 1_000 } });
    const answer = await post({ query: `{ __typename } # ${"x".repeat(2_000)}` });
    expect([answer.status, answer.body.errors![0]!.extensions!["code"]]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  test("mutations aren't run by GET, and a plain GET of a page isn't answered", async () => {
    await serve();
    const get = (query: string, headers: Record<string, string>) =>
      fetch(`${gateway.url}?query=${encodeURIComponent(query)}`, { headers });
    const asked = { "apollo-require-preflight": "true" };
    const mutation = await get('mutation { addReview(body: "x") { id } }', asked);
    expect([mutation.status, mutation.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await get("{ __typename }", {})).status).toBe(400);
    expect(await (await get("{ __typename }", asked)).json()).toEqual({ data: { __typename: "Query" } });
    expect(shop.asked).toEqual([]);
  });

  test("long answers are compressed as the client takes it", async () => {
    await serve();
    const query = `{ ${Array.from({ length: 40 }, (_, n) => `p${n}: products { name }`).join(" ")} }`;
    for (const [taken, sent] of [
      ["br, gzip", "br"],
      ["gzip, br;q=0", "gzip"],
      ["identity", null],
    ] as const) {
      const answer = await post({ query }, { "accept-encoding": taken });
      expect([answer.headers.get("content-encoding"), Object.keys(answer.body.data!).length]).toEqual([sent, 40]);
    }
  });

  test("batches are off unless they are on, and bounded", async () => {
    await serve();
    const one = { query: "{ __typename }" };
    expect((await post([one])).status).toBe(400);
    await gateway.stop();
    await serve({ limits: { batch: 2 } });
    expect((await post([one, { query: "{ nothing }" }])).body).toMatchObject([
      { data: { __typename: "Query" } },
      { errors: [{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }] },
    ]);
    expect((await post([one, one, one])).status).toBe(400);
  });

  test.each([
    ["depth", { depth: 2 }, "{ products { reviews { product { id } } } }", /levels/],
    ["aliases", { aliases: 1 }, "{ a: __typename b: __typename }", /aliases/],
    [
      "root fields",
      { rootFields: 2 },
      "{ __typename a: __typename ...F } fragment F on Query { b: __typename }",
      /root/,
    ],
    [
      "directives",
      { directives: 2 },
      "{ __typename @include(if: true) @skip(if: false) a: __typename @skip(if: false) }",
      /directives/,
    ],
    ["tokens", { tokens: 5 }, "{ products { id name } }", /tokens/],
  ])("the limit of %s", async (_, limits, query, message) => {
    await serve({ limits });
    const { errors } = (await post({ query })).body;
    expect(errors).toMatchObject([
      { message: expect.stringMatching(message) as string, extensions: { code: "OPERATION_TOO_COMPLEX" } },
    ]);
    expect(shop.asked).toEqual([]);
  });

  test("a deferred fragment comes later, in the form that Apollo's clients read", async () => {
    await serve();
    const response = await fetch(gateway.url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "multipart/mixed;deferSpec=20220824, application/json" },
      body: JSON.stringify({ query: '{ products(first: 1) { id ... @defer(label: "late") { reviews { body } } } }' }),
    });
    expect(response.headers.get("content-type")).toBe('multipart/mixed; boundary="-"; deferSpec=20220824');
    const parts = (await response.text())
      .split("\r\n---")
      .flatMap((part) => (part.includes("{") ? [JSON.parse(part.slice(part.indexOf("{"))) as unknown] : []));
    expect(parts).toEqual([
      { data: { products: [{ id: "p0" }] }, hasNext: true },
      {
        incremental: [{ data: { reviews: [{ body: "Review 0" }] }, path: ["products", 0], label: "late" }],
        hasNext: false,
      },
    ]);
  });

  test("the plan is shown to those who ask for it where that is allowed, and nowhere else", async () => {
    await serve({ exposePlan: true });
    const ask = () => post({ query: "{ products { reviews { id } } }" }, { "apollo-expose-query-plan": "true" });
    expect((await ask()).body.extensions).toMatchObject({
      queryPlan: { text: expect.stringContaining("reviews") as string },
    });
    await gateway.stop();
    await serve();
    expect((await ask()).body.extensions).toBeUndefined();
  });
});

describe("what operations cost", () => {
  const query = "{ products(first: 2) { name reviews { body } } }";

  test("those who ask are told the estimate and what it was", async () => {
    await serve({ demandControl: { costMax: 1_000 } });
    expect((await post({ query }, { "expose-cost": "true" })).body.extensions).toEqual({
      cost: { estimated: 10 * (1 + 10), actual: 2 * (1 + 1), max: 1_000 },
    });
    expect((await post({ query })).body.extensions).toBeUndefined();
  });

  test("what may cost too much isn't run, nor what goes beyond a caller's minute", async () => {
    await serve({ demandControl: { mode: "ENFORCE", costMax: 100 } });
    expect((await post({ query })).body.errors).toMatchObject([{ extensions: { code: "OPERATION_TOO_COMPLEX" } }]);
    await gateway.stop();
    await serve({ demandControl: { mode: "ENFORCE", costMax: 1_000, costPerMinuteMax: 115 } });
    expect((await post({ query })).status).toBe(200);
    // The estimate was 110, and the answer cost 4: there is room for one more.
    expect((await post({ query })).body.errors).toBeUndefined();
    expect(shop.asked.length).toBe(4);
    const refused = await post({ query });
    expect([refused.status, refused.body.errors![0]!.extensions!["code"]]).toEqual([429, "RATE_LIMITED"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(shop.asked.length).toBe(4);
  });
});

test("a safelist holds for every way in", async () => {
  const manifest = path.join(directory, "operations.json");
  const body = "query Known { products(first: 1) { id } }";
  writeFileSync(
    manifest,
    JSON.stringify({ format: "apollo-persisted-query-manifest", version: 1, operations: [{ id: "known", body }] }),
  );
  await serve({ persistedOperations: { manifest, unknown: "REFUSE" } });
  const persisted = { extensions: { persistedQuery: { version: 1, sha256Hash: "known" } } };
  expect((await post(persisted)).body).toEqual({ data: { products: [{ id: "p0" }] } });
  expect((await post({ query: "{ products { id } }" })).status).toBe(403);
  expect(
    (await fetch(`${gateway.url}?query={__typename}`, { headers: { "apollo-require-preflight": "true" } })).status,
  ).toBe(403);
  const client = createClient({ url: gateway.url.replace("http", "ws"), webSocketImpl: WebSocket, retryAttempts: 0 });
  const { value } = await client.iterate({ query: "{ products { id } }" }).next();
  expect(value).toMatchObject({ errors: [{ extensions: { code: "OPERATION_NOT_SAFELISTED" } }] });
  await client.dispose();
});

describe("faults of a subgraph", () => {
  test.each<[string, (...given: Parameters<Intercept>) => unknown, string]>([
    [
      "500 and HTML",
      (_, response) => response.writeHead(500, { "content-type": "text/html" }).end("<h1>Oops"),
      "HTTP_STATUS",
    ],
    ["200 and HTML", (_, response) => response.writeHead(200).end("<h1>Hello"), "NOT_GRAPHQL"],
    ["a list", (_, response) => response.end("[1]"), "NOT_GRAPHQL"],
    [
      "half a body",
      (_, response) => (
        response.writeHead(200, { "content-length": "100" }),
        response.write('{"data"'),
        setTimeout(() => response.destroy(), 20)
      ),
      "UNREACHABLE",
    ],
    ["a reset", (request) => void request.socket.destroy(), "UNREACHABLE"],
    ["silence", () => {}, "TIMEOUT"],
    ["50 MB", (_, response) => response.end(`{"data":{"x":"${"x".repeat(50_000_000)}"}}`), "TOO_LARGE"],
    ["too few entities", (_, response) => response.end('{"data":{"_entities":[]}}'), "NOT_GRAPHQL"],
    ["a redirect", (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(), "HTTP_STATUS"],
  ])("%s: the rest is answered, and an error says where and why", async (_, fault, reason) => {
    const timeoutMs = reason === "TIMEOUT" ? 300 : 30_000;
    await serve({ traffic: { timeoutMs, retries: 0, answerBytes: 1_000_000 } });
    shop.intercept = (request, response, body) => {
      if (!body.includes("_entities")) return false;
      fault(request, response, body);
      return true;
    };
    const { body } = await post({ query: "{ products(first: 1) { id reviews { id } } }" });
    expect(body.data).toEqual({ products: [{ id: "p0", reviews: null }] });
    expect(body.errors).toMatchObject([
      { path: ["products"], extensions: { code: "DOWNSTREAM_SERVICE_ERROR", serviceName: "reviews", reason } },
    ]);
    expect(JSON.stringify(body)).not.toContain("127.0.0.1");
  });

  test("values of the wrong type become null with an error at their place", async () => {
    await serve();
    shop.intercept = (_, response, body) => {
      if (body.includes("_entities")) return false;
      response.end(
        '{"data":{"products":[{"__typename":"Product","id":{"a":1},"name":"A"},{"__typename":"Product","id":"p1","name":7}]}}',
      );
      return true;
    };
    const { body } = await post({ query: "{ products { name } }" });
    expect(body).toMatchObject({
      data: null,
      errors: [{ path: ["products", 1, "name"], extensions: { code: "SUBGRAPH_VALUE_INVALID" } }],
    });
  });

  test("queries are sent again, mutations never", async () => {
    await serve({ traffic: { retries: 2 } });
    let failures = 2;
    shop.intercept = (request) => {
      if (failures-- <= 0) return false;
      request.socket.destroy();
      return true;
    };
    expect((await post({ query: "{ products { id } }" })).body.errors).toBeUndefined();
    failures = 1;
    const { body } = await post({ query: 'mutation { addReview(body: "x") { id } }' });
    expect(body).toMatchObject({ data: { addReview: null }, errors: [{ path: ["addReview"] }] });
    expect(shop.asked.filter(({ query }) => query.startsWith("mutation"))).toEqual([]);
  });

  test("after many failures it is left alone for a while", async () => {
    await serve({ traffic: { retries: 0 } });
    let asked = 0;
    shop.intercept = (request) => {
      asked++;
      request.socket.destroy();
      return true;
    };
    for (let n = 0; n < 25; n++) await post({ query: "{ products { id } }" });
    expect(asked).toBe(20);
    const { errors } = (await post({ query: "{ products { id } }" })).body;
    expect(errors![0]!.extensions!["reason"]).toBe("BREAKER_OPEN");
    expect(await (await fetch(gateway.url.replace("/graphql", "/metrics"))).text()).toContain(
      'atrium_gateway_breaker_state{subgraph="products"} 2',
    );
  });
});

describe("headers", () => {
  test("nothing of the client's goes on by itself; rules say what does", async () => {
    await serve({
      headers: [
        { propagate: "x-tenant", default: "none" },
        { insert: "x-from", value: "gateway" },
        { propagate: "x-secret" },
      ],
      subgraphs: { reviews: { headers: [{ remove: "x-secret" }, { propagate: "authorization", as: "x-caller" }] } },
    });
    await post(
      { query: "{ products { reviews { id } } }" },
      { authorization: "Bearer t", cookie: "a=b", "x-secret": "s", "x-other": "o" },
    );
    const [products, reviews] = shop.asked.map(({ headers }) => headers);
    expect(products).toMatchObject({ "x-tenant": "none", "x-from": "gateway", "x-secret": "s" });
    expect(reviews).toMatchObject({ "x-tenant": "none", "x-from": "gateway", "x-caller": "Bearer t" });
    for (const headers of [products!, reviews!])
      for (const name of ["cookie", "x-other", "authorization"]) expect(headers).not.toHaveProperty(name);
    expect(reviews).not.toHaveProperty("x-secret");
  });
});

describe("authentication", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const token = (claims: object = {}, key = privateKey, expiresIn = 60) =>
    jwt.sign({ sub: "ada", ...claims }, key, {
      algorithm: "ES256",
      keyid: "k1",
      issuer: "them",
      audience: "us",
      expiresIn,
    });
  const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

  async function serveGuarded(more: object = {}) {
    const jwks = path.join(directory, "jwks.json");
    writeFileSync(jwks, JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k1", use: "sig" }] }));
    return serve({ authentication: { jwks, issuer: "them", audience: "us", ...more } });
  }

  test("@authenticated and @requiresScopes: what isn't allowed isn't asked for, and says so at its place", async () => {
    await serveGuarded();
    const query = "{ secret cost products(first: 2) { id margin } }";
    const denied = (...path: (string | number)[]) => ({ path, extensions: { code: "UNAUTHORIZED_FIELD_OR_TYPE" } });
    const nobody = (await post({ query })).body;
    expect(nobody).toMatchObject({
      data: {
        secret: null,
        cost: null,
        products: [
          { id: "p0", margin: null },
          { id: "p1", margin: null },
        ],
      },
      errors: [denied("secret"), denied("cost"), denied("products", 0, "margin"), denied("products", 1, "margin")],
    });
    expect(shop.asked.map(({ query: sent }) => sent).join()).not.toMatch(/secret|cost|margin/);
    const some = (await post({ query }, bearer(token({ scope: "money:read" })))).body;
    expect(some).toMatchObject({ data: { secret: "hidden", cost: 7, products: [{ margin: null }, { margin: null }] } });
    expect(some.errors).toHaveLength(2);
    for (const scope of ["money:read shop:read", "admin money:read"]) {
      const all = (await post({ query }, bearer(token({ scope })))).body;
      expect(all).toEqual({
        data: {
          secret: "hidden",
          cost: 7,
          products: [
            { id: "p0", margin: 0 },
            { id: "p1", margin: 1 },
          ],
        },
      });
    }
  });

  test.each([
    ["of a stranger's key", () => token({}, stranger)],
    ["that has expired", () => token({}, privateKey, -60)],
    ["without a signature", () => `${token().split(".").slice(0, 2).join(".")}.`],
    ["that is none", () => "abc"],
  ])("a token %s is refused, never taken for none", async (_, made) => {
    await serveGuarded();
    const { status, body } = await post({ query: "{ __typename }" }, bearer(made()));
    expect([status, body.data, body.errors![0]!.extensions!["code"]]).toEqual([401, undefined, "UNAUTHENTICATED"]);
  });

  test("where a token is required, nobody gets in without", async () => {
    await serveGuarded({ required: true });
    expect((await post({ query: "{ __typename }" })).status).toBe(401);
    expect((await post({ query: "{ __typename }" }, bearer(token()))).status).toBe(200);
  });
});

describe("subscriptions", () => {
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.dispose();
  });
  const connect = () => {
    const client = createClient({ url: gateway.url.replace("http", "ws"), webSocketImpl: WebSocket, retryAttempts: 0 });
    clients.push(client);
    return client;
  };
  const added = "subscription { reviewAdded { body product { id name } } }";
  const event = (body: string) => ({ id: "r", body, product: { __typename: "Product", id: "p2" } });
  const heard = (body: string) => ({ data: { reviewAdded: { body, product: { id: "p2", name: "Product 2" } } } });

  function listen(query = added) {
    const messages: unknown[] = [];
    let ended: unknown = null;
    connect().subscribe(
      { query },
      {
        next: (message) => void messages.push(message),
        error: (error) => (ended = error),
        complete: () => (ended ??= "complete"),
      },
    );
    return { messages, ended: () => ended };
  }

  test("graphql-ws: identical subscriptions are one at the subgraph, with one join for each event", async () => {
    await serve();
    const listeners = Array.from({ length: 20 }, () => listen());
    await eventually(() => shop.subscriptions === 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    shop.asked.length = 0;
    shop.publish(event("one"));
    await eventually(() => listeners.every(({ messages }) => messages.length === 1));
    for (const { messages } of listeners) expect(messages).toEqual([heard("one")]);
    expect([shop.subscriptions, shop.asked.length]).toEqual([1, 1]);
    for (const client of clients.splice(0)) await client.dispose();
    await eventually(() => shop.subscriptions === 0);
  });

  test("callers of whom subgraphs are told different things don't share", async () => {
    await serve({ headers: [{ propagate: "x-tenant" }] });
    const open = (tenant: string) => {
      const socket = new WebSocket(gateway.url.replace("http", "ws"), "graphql-transport-ws", {
        headers: { "x-tenant": tenant },
      });
      socket.on("open", () => socket.send('{"type":"connection_init"}'));
      socket.on("message", (data) => {
        if (String(data).includes("ack"))
          socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query: added } }));
      });
      return socket;
    };
    const sockets = ["a", "b", "a"].map(open);
    await eventually(() => shop.subscriptions === 2);
    for (const socket of sockets) socket.close();
    await eventually(() => shop.subscriptions === 0);
  });

  test("a token that comes with a socket's first message is passed on by the rules for its header", async () => {
    await serve({ headers: [{ propagate: "authorization", as: "x-token" }] });
    const open = (authorization: string) => {
      const client = createClient({
        url: gateway.url.replace("http", "ws"),
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        connectionParams: { authorization },
      });
      clients.push(client);
      return client;
    };
    const { value } = await open("Bearer abc").iterate({ query: "{ products(first: 1) { id } }" }).next();
    expect(value).toEqual({ data: { products: [{ id: "p0" }] } });
    expect(shop.asked.map(({ headers }) => headers["x-token"])).toEqual(["Bearer abc"]);
    const smuggled = open("Bearer abc\r\nx-tenant: other").iterate({ query: "{ products(first: 1) { id } }" });
    await expect(smuggled.next()).rejects.toMatchObject({ code: 4401 });
    expect(shop.asked).toHaveLength(1);
  });

  test("a subgraph that was away comes back without its subscribers noticing", async () => {
    await serve();
    const { messages, ended } = listen();
    await eventually(() => shop.subscriptions === 1);
    await shop.close("reviews");
    await new Promise((resolve) => setTimeout(resolve, 100));
    await shop.open("reviews");
    await eventually(() => shop.subscriptions === 1);
    shop.publish(event("after"));
    await eventually(() => messages.length > 0);
    expect([messages, ended()]).toEqual([[heard("after")], null]);
  });

  test("a subgraph that stays away ends them with an error that names it", async () => {
    await serve({ subscriptions: { awayMs: 300 } });
    const { messages, ended } = listen();
    await eventually(() => shop.subscriptions === 1);
    await shop.close("reviews");
    try {
      await eventually(() => ended() !== null);
      expect([ended(), messages]).toMatchObject([
        "complete",
        [{ errors: [{ extensions: { serviceName: "reviews" } }] }],
      ]);
    } finally {
      await shop.open("reviews");
    }
  });

  test("queries and faults over a socket", async () => {
    await serve();
    const client = connect();
    const ask = async (query: string) => {
      try {
        for await (const answer of client.iterate({ query })) return answer;
      } catch (error) {
        return error;
      }
      return null;
    };
    expect(await ask("{ products(first: 1) { id } }")).toEqual({ data: { products: [{ id: "p0" }] } });
    expect(await ask("{ nothing }")).toMatchObject([{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }]);
    expect(await ask("subscription { counted(to: 1) }")).toEqual({ data: { counted: 1 } });
  });

  test("server-sent events: graphql-sse's client hears the same, and its leaving is noticed", async () => {
    await serve();
    const client = createSseClient({ url: gateway.url, retryAttempts: 0 });
    const events = client.iterate({ query: added });
    const first = events.next();
    await eventually(() => shop.subscriptions === 1);
    shop.publish(event("by SSE"));
    expect((await first).value).toEqual(heard("by SSE"));
    client.dispose();
    await eventually(() => shop.subscriptions === 0);
    const counted = createSseClient({ url: gateway.url, retryAttempts: 0 });
    const numbers: unknown[] = [];
    for await (const { data } of counted.iterate({ query: "subscription { counted(to: 3) }" }))
      numbers.push(data!["counted"]);
    expect(numbers).toEqual([1, 2, 3]);
    counted.dispose();
  });

  test("multipart for Apollo's clients", async () => {
    await serve();
    const response = await fetch(gateway.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json",
      },
      body: JSON.stringify({ query: "subscription { counted(to: 2) }" }),
    });
    expect(response.headers.get("content-type")).toBe('multipart/mixed; boundary="-"; subscriptionSpec=1.0');
    const text = await response.text();
    const payloads = text
      .split("\r\n---")
      .flatMap((part) => (part.includes("payload") ? [JSON.parse(part.slice(part.indexOf("{"))) as unknown] : []));
    expect(payloads).toEqual([{ payload: { data: { counted: 1 } } }, { payload: { data: { counted: 2 } } }]);
    expect(text.endsWith("-----\r\n")).toBe(true);
  });

  test("without a stream to answer by, a subscription says how it is asked for", async () => {
    await serve();
    expect((await post({ query: added })).body.errors![0]!.message).toMatch(/text\/event-stream/);
  });
});

describe("a supergraph that changes", () => {
  test("is taken over without a restart; a broken one is refused and the old one goes on", async () => {
    await serve({}, { watch: true });
    const file = path.join(directory, "supergraph.graphql");
    const { messages, client } = (() => {
      const heard: unknown[] = [];
      const client = createClient({
        url: gateway.url.replace("http", "ws"),
        webSocketImpl: WebSocket,
        retryAttempts: 0,
      });
      client.subscribe(
        { query: "subscription { reviewAdded { body } }" },
        { next: (m) => void heard.push(m), error: () => {}, complete: () => {} },
      );
      return { messages: heard, client };
    })();
    await eventually(() => shop.subscriptions === 1);
    writeFileSync(file, "type Query { broken");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect((await post({ query: "{ products { id } }" })).status).toBe(200);
    const changed = shop.supergraph({
      products: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
        type Query { products(first: Int = 3): [Product!]! } type Product @key(fields: "id") { id: ID! name: String! title: String }`,
    });
    writeFileSync(file, changed);
    await eventually(
      async () =>
        (await post({ query: "{ products { title } }" })).body.errors?.[0]?.extensions?.["code"] !==
        "GRAPHQL_VALIDATION_FAILED",
    );
    expect((await post({ query: "{ secret }" })).body.errors![0]!.extensions!["code"]).toBe(
      "GRAPHQL_VALIDATION_FAILED",
    );
    // The socket goes on over the old one.
    shop.publish({ id: "r", body: "still" });
    await eventually(() => messages.length === 1);
    await client.dispose();
  });
});

describe("configuration", () => {
  const file = () => path.join(directory, "config.yaml");

  test("every fault is named at once", () => {
    writeFileSync(
      file(),
      [
        "port: 99999",
        "limits: { depth: 0, dept: 3 }",
        "headers: [{ propagate: 'a b' }, { insert: x-number, value: 3 }, { pass: x }, { insert: x-key, value: \"a\\n\" }]",
        "cors: { origins: ['${NOT_THERE}'] }",
        "authentication: { jwks: ./keys.json, algorithms: [HS256] }",
        "persistedOperations: { unknown: REFUSE }",
        "contracts: [{ path: /public }]",
        "telemetry: { otlpEndpoint: 'collector:4318' }",
      ].join("\n"),
    );
    for (const fault of [
      /environment has no NOT_THERE/,
      /port: /,
      /headers\.0\.propagate: is no header's name/,
      /headers\.1: is one of `propagate`/,
      /headers\.2: is one of `propagate`/,
      /headers\.3\.value: is no header's value/,
      /limits\.depth: [\s\S]*"dept"/,
      /authentication\.algorithms\.0: .*"EdDSA"/,
      /persistedOperations\.manifest: is what says/,
      /contracts\.0\.include: a contract includes or excludes/,
      /telemetry\.otlpEndpoint: /,
    ])
      expect(() => readConfig(file(), {})).toThrow(fault);
  });

  test("files are found from where the configuration lies", () => {
    writeFileSync(file(), "authentication: { jwks: ./keys.json }\npersistedOperations: { manifest: known.json }\n");
    expect(readConfig(path.relative(process.cwd(), file()), {})).toMatchObject({
      authentication: { jwks: path.join(directory, "keys.json") },
      persistedOperations: { manifest: path.join(directory, "known.json") },
    });
    writeFileSync(file(), "authentication: { jwks: 'https://id.example.com/jwks.json' }\n");
    expect(readConfig(file(), {}).authentication!.jwks).toBe("https://id.example.com/jwks.json");
  });

  test("values come from the environment", () => {
    writeFileSync(file(), "headers: [{ insert: x-key, value: '${KEY}' }]\npath: '${WHERE:-/api}'\n");
    expect(readConfig(file(), { KEY: "k" })).toMatchObject({
      headers: [{ insert: "x-key", value: "k" }],
      path: "/api",
    });
  });

  test("what isn't a configuration says so", () => {
    writeFileSync(file(), "a: [");
    expect(() => readConfig(file(), {})).toThrow(/neither YAML nor JSON/);
    expect(() => readConfig(path.join(directory, "missing.yaml"))).toThrow(/can't be read/);
  });
});
