import { OperationTypeNode } from "graphql";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import pino from "pino";
import type { ClientRequest } from "../client-request";
import { guarded, type GuardOptions } from "./guards";
import { httpTransport } from "./http-transport";
import { SubgraphFault, type SubgraphRequest, type SubgraphTransport } from "./transport";

let server: Server;
let transport: SubgraphTransport;
let asked = 0;
const states: string[] = [];
let handle: (request: IncomingMessage, response: ServerResponse) => unknown;
const well = (_: IncomingMessage, response: ServerResponse) => response.end('{"data":{"a":1}}');
const down = (request: IncomingMessage) => request.socket.destroy();

beforeEach(async () => {
  asked = 0;
  states.length = 0;
  handle = well;
  server = createServer((request, response) => {
    asked++;
    request.resume().on("end", () => void handle(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await transport.close();
  await new Promise((resolve) => server.close(resolve));
});

function guard(options: Partial<GuardOptions>): void {
  const { port } = server.address() as AddressInfo;
  const plain = httpTransport({ name: "reviews", url: `http://127.0.0.1:${port}/` });
  transport = guarded(plain, options, { breakerChanged: (_, state) => void states.push(state) });
}

const never = new AbortController().signal;
const ask = (kind = OperationTypeNode.QUERY, signal: AbortSignal = never) => {
  const request: ClientRequest = {
    requestId: "r",
    signal,
    deadline: never,
    client: {},
    callerKey: "c",
    claims: { isAuthenticated: false, scopes: new Set(), policies: () => new Set() },
    log: pino({ level: "silent" }),
  };
  const fetch: SubgraphRequest = {
    kind,
    query: "{ a }",
    operationName: undefined,
    variables: {},
    body: () => '{"query":"{ a }"}',
    request,
    signal,
  };
  return transport.fetch(fetch).then(
    () => "ok",
    (error: unknown) => (error instanceof SubgraphFault ? error.reason : String(error)),
  );
};
const times = async (count: number) => {
  const outcomes: string[] = [];
  for (let n = 0; n < count; n++) outcomes.push(await ask());
  return outcomes;
};

test("queries are sent again as often as is allowed, mutations never", async () => {
  guard({ retriesMax: 2 });
  handle = down;
  expect([await ask(), asked]).toEqual(["UNREACHABLE", 3]);
  asked = 0;
  expect([await ask(OperationTypeNode.MUTATION), asked]).toEqual(["UNREACHABLE", 1]);
});

test.each([
  [401, 1],
  [429, 1],
  [302, 1],
  [500, 3],
  [503, 3],
])("a bare %i is asked for %i times", async (status, count) => {
  guard({ retriesMax: 2 });
  handle = (_, response) => response.writeHead(status).end("no");
  expect([await ask(), asked]).toEqual(["HTTP_STATUS", count]);
});

test("retries are a share of what is asked, however much fails", async () => {
  guard({ retriesMax: 5, retryShare: 0.1, breakerFetchesMin: 10_000 });
  handle = down;
  await Promise.all(Array.from({ length: 100 }, () => ask()));
  expect(asked).toBeGreaterThanOrEqual(110);
  expect(asked).toBeLessThanOrEqual(121);
});

test("so many at a time, so many wait, the rest fails at once", async () => {
  guard({ concurrencyMax: 3, waitingMax: 2 });
  const held: ServerResponse[] = [];
  handle = (_, response) => held.push(response);
  const outcomes = Array.from({ length: 8 }, () => ask());
  expect(await Promise.all(outcomes.slice(5))).toEqual(["OVERLOADED", "OVERLOADED", "OVERLOADED"]);
  while (held.length < 3) await delay(5);
  await delay(30);
  expect(held).toHaveLength(3);
  handle = well;
  for (const response of held) response.end('{"data":{}}');
  expect(await Promise.all(outcomes.slice(0, 5))).toEqual(["ok", "ok", "ok", "ok", "ok"]);
});

test("who leaves while waiting makes room", async () => {
  guard({ concurrencyMax: 1, waitingMax: 1 });
  const held: ServerResponse[] = [];
  handle = (_, response) => held.push(response);
  const running = ask();
  const leaving = new AbortController();
  const left = ask(undefined, leaving.signal);
  leaving.abort();
  expect(await left).toBe("ABORTED");
  const next = ask();
  while (held.length < 1) await delay(5);
  handle = well;
  held[0]!.end('{"data":{}}');
  expect(await Promise.all([running, next])).toEqual(["ok", "ok"]);
});

test("silence ends by the time limit and isn't asked again", async () => {
  guard({ timeoutMs: 50 });
  handle = () => {};
  expect([await ask(), asked]).toEqual(["TIMEOUT", 1]);
});

const breaker = { retriesMax: 0, breakerFetchesMin: 4, breakerPauseMs: 60 };

test("the breaker opens, lets one try, and closes when that is answered", async () => {
  guard(breaker);
  handle = down;
  expect(await times(6)).toEqual([...Array<string>(4).fill("UNREACHABLE"), "BREAKER_OPEN", "BREAKER_OPEN"]);
  await delay(80);
  expect([await ask(), await ask(), asked]).toEqual(["UNREACHABLE", "BREAKER_OPEN", 5]);
  await delay(80);
  handle = well;
  expect(await Promise.all([ask(), ask(), ask()])).toEqual(["ok", "BREAKER_OPEN", "BREAKER_OPEN"]);
  expect(await times(2)).toEqual(["ok", "ok"]);
  expect(states).toEqual(["OPEN", "HALF_OPEN", "OPEN", "HALF_OPEN", "CLOSED"]);
});

test("a try whose caller left has tried nothing: the next one does", async () => {
  guard(breaker);
  handle = down;
  await times(4);
  await delay(80);
  handle = () => {};
  const leaving = new AbortController();
  const left = ask(undefined, leaving.signal);
  leaving.abort();
  expect(await left).toBe("ABORTED");
  handle = well;
  expect(await ask()).toBe("ok");
});

test("refusals of callers, and callers who leave, don't open it", async () => {
  guard(breaker);
  handle = (_, response) => response.writeHead(401).end("no");
  await times(20);
  handle = () => {};
  const leaving = new AbortController();
  const left = Array.from({ length: 20 }, () => ask(undefined, leaving.signal));
  leaving.abort();
  await Promise.all(left);
  handle = well;
  expect([await ask(), states]).toEqual(["ok", []]);
});

test("few failures among many answers don't open it", async () => {
  guard(breaker);
  let n = 0;
  handle = (request, response) => (n++ % 3 === 2 ? down(request) : well(request, response));
  expect(await times(30)).not.toContain("BREAKER_OPEN");
});
