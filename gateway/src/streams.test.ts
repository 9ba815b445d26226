import { createClient as createSseClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import WebSocket from "ws";
import { eventually, startHouse, type House } from "./testing/world";
import { partsOf } from "./testing/parts";

const added = "subscription { documentAdded { id title author { id name } } }";
const sse = "text/event-stream";
const multipart = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json";
const deferring = "multipart/mixed;deferSpec=20220824,application/json";

type Event = { data?: { documentAdded: { title: string } } | null; errors?: { extensions?: { code?: string } }[] };

const aborts: AbortController[] = [];
afterEach(() => aborts.splice(0).forEach((abort) => abort.abort()));

interface Asking {
  token?: string;
  accept?: string;
  headers?: Record<string, string>;
  method?: string;
  path?: string;
  body?: object;
}

/** One request whose answer is read by the test. */
function ask(house: House, query: string, o: Asking = {}): Promise<Response> {
  const { token, accept = sse, headers, method = "POST", path = "/graphql", body } = o;
  const abort = new AbortController();
  aborts.push(abort);
  const address = `${house.url}${path}${method === "GET" ? `?query=${encodeURIComponent(query)}` : ""}`;
  return fetch(address, {
    method,
    signal: abort.signal,
    headers: {
      accept,
      ...(method === "POST" && { "content-type": "application/json" }),
      ...(token && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(method === "POST" && { body: JSON.stringify(body ?? { query }) }),
  });
}

/** A subscription by graphql-sse's own client. */
function subscribe(house: House, token: string | undefined, query = added) {
  const client = createSseClient({
    url: house.endpoint,
    retryAttempts: 0,
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  });
  const events: Event[] = [];
  let fault: unknown;
  let isOver = false;
  const leave = client.subscribe(
    { query },
    {
      next: (event) => void events.push(event as Event),
      error: (error) => {
        fault = error;
        isOver = true;
      },
      complete: () => (isOver = true),
    },
  );
  return { events, leave, fault: () => fault, isOver: () => isOver };
}

const codesOf = (event: Event | undefined) => event?.errors?.map(({ extensions }) => extensions?.code);
const metricOf = async (house: House, name: string) => {
  const text = await (await fetch(`${house.url}/metrics`)).text();
  return text.split("\n").find((line) => line.startsWith(`${name} `));
};

describe.each(["embedded", "distributed"] as const)("in the %s shape", (shape) => {
  let house: House;
  let token: string;
  beforeAll(async () => {
    house = await startHouse({
      shape,
      cors: { origins: ["https://app.example.com"] },
      limits: { socket: { sessionCheckIntervalMs: 50 }, stream: { perCallerMax: 3, heartbeatMs: 200 } },
    });
    ({ token } = house.world.signIn("usr_ada"));
  });
  afterAll(() => house.close());
  afterEach(async () => {
    aborts.splice(0).forEach((abort) => abort.abort());
    await eventually(() => house.world.openSubscriptions === 0);
  });

  const publish = (title: string) =>
    house.world.topics.publish("documentAdded", { id: "doc_9", title, author: { id: "usr_bob" } });

  test("graphql-sse's client gets the events in order, joined with what other services know, until it leaves", async () => {
    const { events, leave } = subscribe(house, token);
    await eventually(() => house.world.openSubscriptions === 1);
    for (let i = 0; i < 10; i++) publish(`Title ${i}`);
    await eventually(() => events.length === 10);
    expect(events.map(({ data }) => data!.documentAdded.title)).toEqual(
      Array.from({ length: 10 }, (_, i) => `Title ${i}`),
    );
    expect(events[0]).toEqual({
      data: { documentAdded: { id: "doc_9", title: "Title 0", author: { id: "usr_bob", name: "Name of usr_bob" } } },
    });
    expect(await metricOf(house, "atrium_gateway_subscriptions")).toBe("atrium_gateway_subscriptions 1");
    leave();
    await eventually(() => house.world.openSubscriptions === 0);
    await eventually(async () => (await metricOf(house, "atrium_gateway_subscriptions"))!.endsWith(" 0"));
  });

  test("Apollo's multipart protocol: events as payloads, a word in between, the last delimiter at the end", async () => {
    const leaver = house.world.signIn("usr_ada");
    const response = await ask(house, added, { token: leaver.token, accept: multipart });
    expect(response.headers.get("content-type")).toMatch(/^multipart\/mixed;.*subscriptionSpec=1.0/);
    await eventually(() => house.world.openSubscriptions === 1);
    publish("One");
    const parts = partsOf(response);
    const received = [];
    let words = 0;
    for await (const part of parts) {
      if (!("payload" in part)) words++;
      else received.push(part);
      if (received.length === 1 && words > 0) house.world.liveSessions.delete(leaver.sessionId);
    }
    expect(received).toMatchObject([
      { payload: { data: { documentAdded: { title: "One", author: { name: "Name of usr_bob" } } } } },
      // What isn't the operation's own stands beside the payload.
      { payload: null, errors: [{ extensions: { code: "UNAUTHENTICATED" } }] },
    ]);
  });

  test("@defer: what is slow comes later, and all of it together is the whole answer", async () => {
    const query = '{ viewer { id ... @defer(label: "role") { role } } }';
    const response = await ask(house, query, { token, accept: deferring });
    expect(response.headers.get("content-type")).toMatch(/^multipart\/mixed;.*deferSpec=20220824/);
    const parts = [];
    for await (const part of partsOf(response)) parts.push(part);
    expect(parts).toEqual([
      { data: { viewer: { id: "usr_ada" } }, hasNext: true },
      { incremental: [{ label: "role", path: ["viewer"], data: { role: "editor" } }], hasNext: false },
    ]);
    // Whoever reads no parts gets the same as one: over HTTP, as an event, on a socket.
    const whole = { data: { viewer: { id: "usr_ada", role: "editor" } } };
    expect(await house.post(query, { token })).toMatchObject({ status: 200, ...whole });
    const { events, isOver } = subscribe(house, token, query);
    await eventually(isOver);
    expect(events).toEqual([whole]);
    const socket = createSocketClient({
      url: house.socketUrl,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
    });
    const [onSocket] = await collected(socket.iterate({ query }));
    expect(onSocket).toEqual(whole);
    await socket.dispose();
  });

  test("faults in a deferred part are masked as everywhere", async () => {
    const response = await ask(house, "{ viewer { id } ... @defer { broken refused } }", { token, accept: deferring });
    const text = JSON.stringify(await collected(partsOf(response)));
    expect(text).toContain("faultId");
    expect(text).toContain("No document doc_9");
    expect(text).not.toContain("duplicate key");
  });

  test("queries and mutations are single answers: JSON where that is read, one event where nothing else is", async () => {
    const both = await ask(house, "{ viewer { id } }", {
      token,
      accept: "application/graphql-response+json, text/event-stream",
    });
    expect(both.headers.get("content-type")).toBe("application/graphql-response+json; charset=utf-8");
    expect(await both.json()).toEqual({ data: { viewer: { id: "usr_ada" } } });
    const events = subscribe(house, token, 'mutation { rename(input: { name: "Ada L." }) { name } }');
    await eventually(events.isOver);
    expect(events.events).toEqual([{ data: { rename: { name: "Ada L." } } }]);
    const anonymous = subscribe(house, undefined, "{ whoAsks refused }");
    await eventually(anonymous.isOver);
    expect(anonymous.events).toMatchObject([
      { data: { refused: null }, errors: [{ extensions: { code: "NOT_FOUND" } }] },
    ]);
  });

  test("an operation's own faults come as an event (graphql-sse), and as 400 to whoever reads JSON", async () => {
    const { events, isOver } = subscribe(house, token, "subscription { nothing }");
    await eventually(isOver);
    expect(events.map(codesOf)).toEqual([["GRAPHQL_VALIDATION_FAILED"]]);
    const json = await ask(house, "{ nothing }", {
      token,
      accept: "application/graphql-response+json, text/event-stream",
    });
    expect([json.status, codesOf((await json.json()) as Event)]).toEqual([400, ["GRAPHQL_VALIDATION_FAILED"]]);
    const failing = subscribe(house, token, "subscription { failing }");
    await eventually(failing.isOver);
    expect(codesOf(failing.events[0])).toEqual(["INTERNAL_SERVER_ERROR"]);
    expect(JSON.stringify(failing.events)).not.toContain("secret");
  });

  test("nobody subscribes without signing in, with a bad token, or with more than a caller may have", async () => {
    expect((await ask(house, added)).status).toBe(401);
    expect((await ask(house, added, { token: `${token}x` })).status).toBe(401);
    const open = [1, 2, 3].map(() => subscribe(house, token));
    await eventually(() => house.world.openSubscriptions === 3);
    const refused = await ask(house, added, { token });
    expect([refused.status, codesOf((await refused.json()) as Event)]).toEqual([429, ["RATE_LIMITED"]]);
    // Another caller's places are their own, and a place that was left is free.
    const { token: bobs } = house.world.signIn("usr_bob");
    const bob = subscribe(house, bobs);
    await eventually(() => house.world.openSubscriptions === 4);
    open[0]!.leave();
    await eventually(() => house.world.openSubscriptions === 3);
    const again = subscribe(house, token);
    await eventually(() => house.world.openSubscriptions === 4);
    for (const { leave } of [...open, bob, again]) leave();
  });

  test("an event isn't sent to a session that has ended, and an idle stream ends with its session", async () => {
    const idle = house.world.signIn("usr_ada");
    const stream = subscribe(house, idle.token);
    await eventually(() => house.world.openSubscriptions === 1);
    house.world.liveSessions.delete(idle.sessionId);
    publish("Not for you");
    await eventually(stream.isOver);
    expect(stream.events.map(codesOf)).toEqual([["UNAUTHENTICATED"]]);
    expect(JSON.stringify(stream.events)).not.toContain("Not for you");

    const silent = house.world.signIn("usr_ada");
    const another = subscribe(house, silent.token);
    await eventually(() => house.world.openSubscriptions === 1);
    house.world.liveSessions.delete(silent.sessionId);
    await eventually(another.isOver);
    expect(another.events.map(codesOf)).toEqual([["UNAUTHENTICATED"]]);
  });

  test("a stream ends with its token", async () => {
    const { token: short } = house.world.signIn("usr_ada", { expiresIn: 1 });
    const stream = subscribe(house, short);
    await eventually(() => house.world.openSubscriptions === 1);
    await eventually(stream.isOver);
    expect(stream.events.map(codesOf)).toEqual([["UNAUTHENTICATED"]]);
    await eventually(() => house.world.openSubscriptions === 0);
  });

  test("who lost a right since gets FORBIDDEN in place of the event", async () => {
    const carol = house.world.signIn("usr_carol", { permissions: ["knowledge:read", "knowledge:write"] });
    const stream = subscribe(house, carol.token);
    await eventually(() => house.world.openSubscriptions === 1);
    house.world.permissions.set("usr_carol org_1", ["knowledge:write"]);
    publish("Not any more");
    await eventually(stream.isOver);
    expect(stream.events.map(codesOf)).toEqual([["FORBIDDEN"]]);
    expect(JSON.stringify(stream.events)).not.toContain("Not any more");
  });

  test("nobody who is allowed in one place hears of it when access can't be checked", async () => {
    const stream = subscribe(house, token);
    await eventually(() => house.world.openSubscriptions === 1);
    house.world.accessIsDown = true;
    publish("Unchecked");
    await eventually(stream.isOver);
    house.world.accessIsDown = false;
    expect(stream.events.map(codesOf)).toEqual([["SERVICE_UNAVAILABLE"]]);
  });

  test("the same limits as everywhere: text, shape, size, media type, method, cross-site requests", async () => {
    const codeAndStatus = async (response: Response) => [
      response.status,
      codesOf((await response.json()) as Event)?.[0],
    ];
    const json = "application/json, text/event-stream";
    const deep = `{ documents ${"{ parent ".repeat(40)}{ id }${" }".repeat(40)} }`;
    expect(await codeAndStatus(await ask(house, deep, { token, accept: json }))).toEqual([
      400,
      "OPERATION_TOO_COMPLEX",
    ]);
    const wide = "{ a: documents(first: 100) { parent { id } } ".concat(
      ...Array.from({ length: 30 }, (_, i) => `a${i}: documents(first: 100000) { parent { id author { id } } } `),
      "}",
    );
    expect(
      await codeAndStatus(
        await ask(house, wide, { token, accept: "application/graphql-response+json, text/event-stream" }),
      ),
    ).toEqual([400, "OPERATION_TOO_COMPLEX"]);
    expect((await ask(house, "{ x }", { token, headers: { "content-type": "text/plain" } })).status).toBe(415);
    expect((await ask(house, "{ x }", { token, body: { query: 1 } })).status).not.toBe(500);
    expect((await ask(house, "{ viewer { id } }", { token, body: { query: " ".repeat(1_100_000) } })).status).toBe(413);
    // A page of another origin can send this much without being asked first.
    const plain = await ask(house, "{ whoAsks }", { method: "GET", accept: json });
    expect(await codeAndStatus(plain)).toEqual([400, "BAD_REQUEST"]);
    const preflighted = { "apollo-require-preflight": "true" };
    const asked = await ask(house, "{ whoAsks }", { method: "GET", accept: json, headers: preflighted });
    expect(asked.status).toBe(200);
    const mutation = await ask(house, "mutation { slowly }", {
      token,
      method: "GET",
      accept: json,
      headers: preflighted,
    });
    expect([mutation.status, mutation.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("answers in parts have the headers of every answer, and pages of allowed origins alone may read them", async () => {
    const response = await ask(house, "{ viewer { id ... @defer { role } } }", {
      token,
      accept: deferring,
      headers: { origin: "https://app.example.com", "x-request-id": "request-of-a-test" },
    });
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "x-request-id": "request-of-a-test",
      "cache-control": "private, no-store",
      "x-content-type-options": "nosniff",
      "access-control-allow-origin": "https://app.example.com",
    });
    await response.text();
    const other = await ask(house, "{ whoAsks }", {
      accept: "TEXT/Event-Stream",
      headers: { origin: "https://evil.example.com" },
    });
    expect(other.status).toBe(200);
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
    await other.text();
  });

  test("automatic persisted operations are the same for both ways of answering", async () => {
    const query = `{ viewer { id name } } # ${shape}`;
    const sha256Hash = createHash("sha256").update(query).digest("hex");
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    const byHash = async (accept: string) =>
      (await ask(house, "", { token, accept, body: { extensions } })).json() as Promise<Event>;
    const both = "application/json, text/event-stream";
    expect(codesOf(await byHash(both))).toEqual(["PERSISTED_QUERY_NOT_FOUND"]);
    await (await ask(house, "", { token, accept: "application/json", body: { query, extensions } })).text();
    expect((await byHash(both)).data).toEqual({ viewer: { id: "usr_ada", name: "Ada" } });
    expect((await byHash("application/json")).data).toEqual({ viewer: { id: "usr_ada", name: "Ada" } });
  });

  test("a client that leaves ends its queries, not its mutations", async () => {
    const leave = async (query: string) => {
      const abort = new AbortController();
      const response = fetch(house.endpoint, {
        method: "POST",
        signal: abort.signal,
        headers: { accept: sse, "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ query }),
      }).catch(() => {});
      const before = house.world.asked.length;
      await eventually(() => house.world.asked.length > before);
      abort.abort();
      await response;
      return house.world.asked.at(-1)!.facts;
    };
    const query = await leave("{ slow }");
    await eventually(() => query.signal.aborted);
    house.world.releaseSlow();
    const mutation = await leave("mutation { slowly }");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(mutation.signal.aborted).toBe(false);
    house.world.releaseSlow();
  });

  test("clients that leave before it is known who they are leave nothing behind", async () => {
    const body = JSON.stringify({ query: added });
    const { token: hasty } = house.world.signIn("usr_eve");
    const leave = (afterMs: number) =>
      new Promise<void>((resolve) => {
        const socket = connect(house.gateway.port, "127.0.0.1", () => {
          socket.write(
            `POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: ${sse}\r\nContent-Type: application/json\r\n` +
              `Authorization: Bearer ${hasty}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
          );
          setTimeout(() => socket.resetAndDestroy(), afterMs);
        });
        socket.on("error", () => {}).once("close", () => resolve());
      });
    for (let ms = 0; ms < 12; ms++) await Promise.all([leave(ms), leave(ms)]);
    await eventually(async () => (await metricOf(house, "atrium_gateway_subscriptions"))!.endsWith(" 0"));
    await eventually(() => house.world.openSubscriptions === 0);
  });

  test("a client that never reads holds nothing of the gateway once its session is over", async () => {
    const lazy = house.world.signIn("usr_dan");
    const socket = connect(house.gateway.port, "127.0.0.1");
    socket.on("error", () => {});
    const body = JSON.stringify({ query: added });
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: ${sse}\r\nContent-Type: application/json\r\n` +
        `Authorization: Bearer ${lazy.token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    socket.pause();
    await eventually(() => house.world.openSubscriptions === 1);
    for (let i = 0; i < 200; i++) publish("x".repeat(100_000));
    house.world.liveSessions.delete(lazy.sessionId);
    await eventually(() => house.world.openSubscriptions === 0);
    await eventually(async () => (await metricOf(house, "atrium_gateway_subscriptions"))!.endsWith(" 0"));
    socket.destroy();
  });
});

describe("a house of its own", () => {
  let house: House;
  afterEach(() => house.close());

  test("stopping ends subscriptions without a last word, so that clients try again", async () => {
    house = await startHouse({ drainMs: 5_000 });
    const { token } = house.world.signIn("usr_ada");
    const stream = subscribe(house, token);
    const parts = ask(house, added, { token, accept: multipart });
    await eventually(() => house.world.openSubscriptions === 2);
    const startedAt = Date.now();
    await house.gateway.stop();
    expect(Date.now() - startedAt).toBeLessThan(4_000);
    await eventually(stream.isOver);
    expect([stream.events, String(stream.fault())]).toEqual([[], expect.stringContaining("Connection closed")]);
    await expect(collected(partsOf(await parts))).rejects.toThrow("ended before its last part");
  });

  test("what it may cost holds here too, and subscriptions pay by the event", async () => {
    house = await startHouse({ demand: { costMax: 15 } });
    const { token } = house.world.signIn("usr_ada");
    const { events, isOver } = subscribe(house, token, "{ documents { id parent { id } } }");
    await eventually(isOver);
    expect(events.map(codesOf)).toEqual([["OPERATION_TOO_COMPLEX"]]);
    const told = await ask(house, "{ documents { id } }", {
      token,
      accept: "application/json, text/event-stream",
      headers: { "expose-cost": "true" },
    });
    expect(await told.json()).toMatchObject({ extensions: { cost: { estimated: 10, actual: 2, max: 15 } } });
  });

  test("where only known operations run, others don't run here either, under whatever name", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "atrium-manifest-"));
    const manifest = path.join(directory, "manifest.json");
    const body = "query Me { viewer { id } }";
    const operations = [{ id: "me", name: "Me", type: "query", body, clientName: "app" }];
    writeFileSync(manifest, JSON.stringify({ format: "apollo-persisted-query-manifest", version: 1, operations }));
    house = await startHouse({ operations: { manifest, unknown: "REFUSE" } });
    rmSync(directory, { recursive: true });
    const { token } = house.world.signIn("usr_ada");
    const headers = { "apollographql-client-name": "app" };
    const stored = { extensions: { persistedQuery: { version: 1, sha256Hash: "me" } } };
    const known = await ask(house, "", { token, accept: deferring, headers, body: stored });
    expect(await known.json()).toEqual({ data: { viewer: { id: "usr_ada" } } });
    for (const [query, name] of [
      [added, "app"],
      [body, "another"],
    ] as const) {
      const refused = await ask(house, query, { token, headers: { "apollographql-client-name": name } });
      expect([refused.status, codesOf((await refused.json()) as Event)]).toEqual([403, ["OPERATION_NOT_SAFELISTED"]]);
    }
    expect(house.world.openSubscriptions).toBe(0);
  });

  test("no more subscriptions than the process has room for", async () => {
    house = await startHouse({ limits: { stream: { totalMax: 1 } } });
    const { token } = house.world.signIn("usr_ada");
    const first = subscribe(house, token);
    await eventually(() => house.world.openSubscriptions === 1);
    const refused = await ask(house, added, { token });
    expect([refused.status, codesOf((await refused.json()) as Event)]).toEqual([503, ["SERVICE_UNAVAILABLE"]]);
    first.leave();
  });

  test("the stock executor has none of this, and says so", async () => {
    house = await startHouse({ executor: "stock" });
    const { token } = house.world.signIn("usr_ada");
    const response = await ask(house, added, { token, accept: `${sse}, application/json` });
    expect(response.headers.get("content-type")).toMatch("application/json");
    expect(JSON.stringify(await response.json())).toContain("WebSocket");
  });
});

async function collected<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const all: Value[] = [];
  for await (const value of values) all.push(value);
  return all;
}
