import { OperationTypeNode } from "graphql";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import pino from "pino";
import type { ClientRequest } from "../client-request";
import { eventSource } from "./event-source";
import type { SubgraphAnswer, SubgraphRequest } from "./transport";

let server: Server;
let source: ReturnType<typeof eventSource>;

async function subgraph(answer: (response: ServerResponse, request: IncomingMessage) => unknown): Promise<void> {
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => void answer(response, request));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  source = eventSource({
    name: "reviews",
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events?v=1`,
    headersFor: ({ request }) => ({ "x-caller": request.callerKey }),
    eventBytesMax: 10_000,
  });
}
afterEach(async () => {
  await source.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function subscription(signal = new AbortController().signal): SubgraphRequest {
  const request: ClientRequest = {
    requestId: "r",
    signal,
    deadline: signal,
    client: {},
    callerKey: "ada",
    claims: { isAuthenticated: false, scopes: new Set(), policies: () => new Set() },
    log: pino({ level: "silent" }),
  };
  const body = '{"query":"subscription { a }"}';
  return {
    kind: OperationTypeNode.SUBSCRIPTION,
    query: "subscription { a }",
    operationName: undefined,
    variables: {},
    body: () => body,
    request,
    signal,
  };
}
type Stream = AsyncIterableIterator<SubgraphAnswer>;
const open = async (signal?: AbortSignal) => (await source.subscribe(subscription(signal))) as Stream;
const streaming = (response: ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream" });

async function all(stream: Stream): Promise<unknown[]> {
  const answers: unknown[] = [];
  for await (const answer of stream) answers.push(answer);
  return answers;
}

test("events are read however they are cut, with every kind of line and what isn't meant for us left out", async () => {
  let asked: IncomingMessage | undefined;
  await subgraph(async (response, request) => {
    asked = request;
    streaming(response);
    const text =
      ":\n\n" +
      'event: next\ndata: {"data":{"a":"zwölf 🏠"}}\n\n' +
      'event:next\r\ndata:{"data":\r\ndata: {"a":2}}\r\n\r\n' +
      "retry: 10\nevent: news\ndata: nothing\n\n" +
      'id: 7\revent: next\rdata: {"errors":[{"message":"no"}]}\r\r' +
      "event: complete\ndata\n\n";
    for (const byte of Buffer.from(text)) {
      response.write(Buffer.from([byte]));
      if (byte > 127 || byte === 13) await delay(2);
    }
  });
  expect(await all(await open())).toEqual([
    { data: { a: "zwölf 🏠" } },
    { data: { a: 2 } },
    { errors: [{ message: "no" }] },
  ]);
  const { method, url, headers } = asked!;
  expect([method, url, headers.accept, headers["x-caller"]]).toEqual([
    "POST",
    "/events?v=1",
    "text/event-stream",
    "ada",
  ]);
});

test("a refusal is an answer", async () => {
  await subgraph((response) =>
    response.writeHead(400, { "content-type": "application/json" }).end('{"errors":[{"message":"no"}]}'),
  );
  expect(await source.subscribe(subscription())).toEqual({ errors: [{ message: "no" }] });
});

test.each([
  ["a page", "HTTP_STATUS", (response: ServerResponse) => response.writeHead(502).end("<html>")],
  ["a redirect", "HTTP_STATUS", (response: ServerResponse) => response.writeHead(302, { location: "/" }).end()],
  ["something else", "NOT_GRAPHQL", (response: ServerResponse) => response.writeHead(200).end("hello")],
  ["a reset", "UNREACHABLE", (response: ServerResponse) => response.destroy()],
  [
    "bytes that unpack to anything",
    "NOT_GRAPHQL",
    (response: ServerResponse) =>
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" }).end("x"),
  ],
])("instead of a stream, %s is a fault", async (_, reason, answer) => {
  await subgraph(answer);
  await expect(source.subscribe(subscription())).rejects.toMatchObject({ reason });
});

test.each([
  ["that breaks off", "UNREACHABLE", (response: ServerResponse) => setTimeout(() => response.destroy(), 20)],
  ["that ends without its end", "UNREACHABLE", (response: ServerResponse) => response.end()],
  ["of no answers", "NOT_GRAPHQL", (response: ServerResponse) => response.write("event: next\ndata: 7\n\n")],
  ["of an event without an end", "TOO_LARGE", (response: ServerResponse) => response.write("data: ".padEnd(20_000))],
])("a stream %s ends with a fault", async (_, reason, go) => {
  let closed = false;
  await subgraph((response) => {
    response.on("close", () => (closed = true));
    streaming(response).write('event: next\ndata: {"data":{"a":1}}\n\n');
    go(response);
  });
  const stream = await open();
  expect((await stream.next()).value).toEqual({ data: { a: 1 } });
  await expect(stream.next()).rejects.toMatchObject({ name: "SubgraphFault", reason });
  expect((await stream.next()).done).toBe(true);
  for (let tries = 0; !closed && tries < 100; tries++) await delay(10);
  expect(closed).toBe(true);
});

test("many small events aren't taken for a large one", async () => {
  await subgraph((response) => {
    streaming(response);
    for (let n = 0; n < 2_000; n++) response.write(`event: next\ndata: {"data":{"a":${n}}}\n\n`);
    response.end("event: complete\ndata:\n\n");
  });
  expect(await all(await open())).toHaveLength(2_000);
});

test.each(["by leaving", "by its caller's leaving"])("who waits for an event is let go at once, %s", async (how) => {
  let closed = false;
  await subgraph((response) => {
    response.on("close", () => (closed = true));
    streaming(response).write(":\n\n");
  });
  const caller = new AbortController();
  const stream = await open(caller.signal);
  const waiting = stream.next();
  if (how === "by leaving") {
    await stream.return!();
    expect(await waiting).toEqual({ done: true, value: undefined });
  } else {
    caller.abort();
    await waiting.catch(() => {});
  }
  for (let tries = 0; !closed && tries < 100; tries++) await delay(10);
  expect(closed).toBe(true);
});

test("a caller who has gone already isn't asked for", async () => {
  let asked = 0;
  await subgraph(() => asked++);
  await expect(open(AbortSignal.abort())).rejects.toMatchObject({ reason: "ABORTED" });
  expect(asked).toBe(0);
});

test("a subgraph that takes the request and says nothing is away", async () => {
  await subgraph(() => {});
  await expect(open()).rejects.toMatchObject({ reason: "UNREACHABLE" });
}, 20_000);
