import { OperationTypeNode } from "graphql";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import pino from "pino";
import type { ClientRequest } from "../client-request";
import { httpTransport, timeLeftHeader, type HttpTransportOptions } from "./http-transport";
import { SubgraphFault, type SubgraphRequest, type SubgraphTransport } from "./transport";

type Handle = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse & Http2ServerResponse,
) => unknown;

const pem = readFileSync(path.join(__dirname, "testing/localhost.pem"));
let server: Server;
let transport: SubgraphTransport;
let sockets: Set<Socket>;

/** A subgraph that answers as it is told: over plain HTTP, or over TLS by HTTP/2 (`h2`) or HTTP/1.1 alone (`tls`). */
async function subgraph(handle: Handle, more: Partial<HttpTransportOptions<ClientRequest>> = {}, kind = "http") {
  const answer = (request: unknown, response: unknown) => void handle(request as IncomingMessage, response as never);
  server =
    kind === "http"
      ? createServer(answer)
      : kind === "tls"
        ? createTlsServer({ key: pem, cert: pem }, answer)
        : createSecureServer({ key: pem, cert: pem, allowHTTP1: true }, answer);
  sockets = new Set();
  server.on(kind === "http" ? "connection" : "secureConnection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  transport = httpTransport({
    name: "reviews",
    url: `${kind === "http" ? "http" : "https"}://localhost:${port}/graphql?v=1`,
    ca: String(pem),
    ...more,
  });
}
afterEach(async () => {
  await transport.close().catch(() => {});
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const gone = new AbortController();
function asked(more: Partial<SubgraphRequest> = {}, client: Partial<ClientRequest> = {}): SubgraphRequest {
  return {
    kind: OperationTypeNode.QUERY,
    query: "{ a }",
    operationName: undefined,
    variables: {},
    body: () => '{"query":"{ a }"}',
    signal: gone.signal,
    request: {
      requestId: "r",
      signal: gone.signal,
      deadline: gone.signal,
      client: {},
      callerKey: "c",
      claims: { isAuthenticated: false, scopes: new Set(), policies: () => new Set() },
      log: pino({ level: "silent" }),
      ...client,
    },
    ...more,
  };
}

const json =
  (text: string): Handle =>
  (_, response) =>
    response.end(text);

describe.each(["http", "tls", "h2"])("over %s", (kind) => {
  test("an answer", async () => {
    const seen: unknown[] = [];
    await subgraph(
      (request, response) => {
        seen.push([request.method, request.url, request.headers["content-type"], request.httpVersion]);
        request.resume().on("end", () => response.end('{"data":{"a":1},"extensions":{"x":1}}'));
      },
      {},
      kind,
    );
    expect(await transport.fetch(asked(), 1_000)).toEqual({ data: { a: 1 }, extensions: { x: 1 } });
    expect(seen).toEqual([["POST", "/graphql?v=1", "application/json", kind === "h2" ? "2.0" : "1.1"]]);
  });

  test.each<[string, Handle, Partial<SubgraphFault>]>([
    ["silence", () => {}, { reason: "TIMEOUT" }],
    ["headers and silence", (_, response) => (response.writeHead(200), response.write("{")), { reason: "TIMEOUT" }],
    [
      "a slow drip",
      (_, response) => {
        const drip = setInterval(() => response.write(" "), 20);
        response.once("close", () => clearInterval(drip));
      },
      { reason: "TIMEOUT" },
    ],
    ["a reset", (request) => request.socket.destroy(), { reason: "UNREACHABLE" }],
    [
      "half a body",
      (request, response) => {
        response.writeHead(200, { "content-length": 100 });
        response.write('{"data":');
        setTimeout(() => request.socket.destroy(), 20);
      },
      { reason: "UNREACHABLE" },
    ],
    ["HTML", json("<h1>Hello"), { reason: "NOT_GRAPHQL", status: 200 }],
    ["nothing", json(""), { reason: "NOT_GRAPHQL" }],
    ["a list", json("[]"), { reason: "NOT_GRAPHQL" }],
    ["no data", json("{}"), { reason: "NOT_GRAPHQL" }],
    ["data that is a list", json('{"data":[1]}'), { reason: "NOT_GRAPHQL" }],
    ["errors that are none", json('{"errors":"no"}'), { reason: "NOT_GRAPHQL" }],
    ["500 and HTML", (_, response) => response.writeHead(500).end("<h1>"), { reason: "HTTP_STATUS", status: 500 }],
    [
      "503 and data",
      (_, response) => response.writeHead(503).end('{"data":{}}'),
      { reason: "HTTP_STATUS", status: 503 },
    ],
    ["401 and text", (_, response) => response.writeHead(401).end("no"), { reason: "HTTP_STATUS", status: 401 }],
    [
      "a redirect",
      (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
      { reason: "HTTP_STATUS", status: 302 },
    ],
    [
      "a compressed bomb",
      (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(Buffer.alloc(10_000_000))),
      { reason: "NOT_GRAPHQL" },
    ],
    ["too much at once", json(`{"data":{"a":"${"x".repeat(200_000)}"}}`), { reason: "TOO_LARGE" }],
    [
      "too much without an end",
      (_, response) => {
        const more = setInterval(() => response.write("x".repeat(50_000)), 5);
        response.once("close", () => clearInterval(more));
      },
      { reason: "TOO_LARGE" },
    ],
  ])("%s", async (_, handle, fault) => {
    let isFirst = true;
    await subgraph(
      (request, response) => {
        request.resume();
        if (!isFirst) return response.end('{"data":{"a":1}}');
        isFirst = false;
        return handle(request, response);
      },
      { answerBytesMax: 100_000 },
      kind,
    );
    const failing = transport.fetch(asked(), 300);
    await expect(failing).rejects.toBeInstanceOf(SubgraphFault);
    await expect(failing).rejects.toMatchObject({ subgraph: "reviews", ...fault });
    // The way to it isn't spoilt for the next.
    expect(await transport.fetch(asked(), 1_000)).toEqual({ data: { a: 1 } });
  });

  test("errors with a status of 4xx or 5xx are the answer", async () => {
    await subgraph((_, response) => response.writeHead(500).end('{"errors":[{"message":"no"}]}'), {}, kind);
    expect(await transport.fetch(asked())).toMatchObject({ errors: [{ message: "no" }] });
  });

  test("a caller who leaves ends it at the subgraph", async () => {
    let closed = 0;
    let arrived = () => {};
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    await subgraph(
      (request, response) => {
        response.once("close", () => closed++);
        request.resume();
        arrived();
      },
      {},
      kind,
    );
    const leaving = new AbortController();
    const failing = expect(transport.fetch(asked({ signal: leaving.signal }))).rejects.toMatchObject({
      reason: "ABORTED",
    });
    await arrival;
    leaving.abort();
    await failing;
    for (let n = 0; n < 200 && closed === 0; n++) await delay(10);
    expect(closed).toBe(1);
    await expect(transport.fetch(asked({ signal: leaving.signal }))).rejects.toMatchObject({ reason: "ABORTED" });
  });
});

test("requests share one connection of HTTP/2", async () => {
  await subgraph(
    (request, response) => request.resume().on("end", () => setTimeout(() => response.end('{"data":{}}'), 20)),
    {},
    "h2",
  );
  await transport.fetch(asked());
  await Promise.all(Array.from({ length: 60 }, () => transport.fetch(asked(), 2_000)));
  expect(sockets.size).toBe(1);
});

test("a lost connection of HTTP/2 fails what it carried, and no mutation is sent twice", async () => {
  let mutations = 0;
  const arrived: (Http2ServerRequest | IncomingMessage)[] = [];
  await subgraph(
    (request) => {
      if (String(request.headers["x-kind"]) === "mutation") mutations++;
      arrived.push(request.resume());
    },
    { headersFor: ({ kind }) => ({ "x-kind": kind }) },
    "h2",
  );
  const sent = Array.from({ length: 10 }, (_, n) =>
    transport.fetch(asked({ kind: n % 2 ? OperationTypeNode.MUTATION : OperationTypeNode.QUERY }), 1_000),
  );
  const outcomes = Promise.allSettled(sent);
  for (let n = 0; n < 100 && mutations < 5; n++) await delay(10);
  for (const socket of sockets) socket.destroy();
  expect((await outcomes).map(({ status }) => status)).toEqual(sent.map(() => "rejected"));
  expect(mutations).toBe(5);
});

test("without HTTP/2, as many connections as are allowed, and no more", async () => {
  await subgraph(
    (request, response) => request.resume().on("end", () => setTimeout(() => response.end('{"data":{}}'), 20)),
    { connections: 5 },
  );
  await Promise.all(Array.from({ length: 30 }, () => transport.fetch(asked(), 2_000)));
  expect(sockets.size).toBe(5);
});

test("a subgraph is told how long it has, and its place in the trace", async () => {
  const seen: IncomingMessage["headers"][] = [];
  await subgraph((request, response) => (seen.push(request.headers), response.end('{"data":{}}')));
  await transport.fetch(asked());
  await transport.fetch(asked(), 5_000);
  await transport.fetch(asked({ traceparent: "00-b" }, { deadlineAt: Date.now() + 1_000, traceparent: "00-a" }), 5_000);
  await transport.fetch(asked({}, { deadlineAt: Date.now() - 1_000, traceparent: "00-a" }), 5_000);
  expect(seen.map((headers) => [headers[timeLeftHeader], headers["traceparent"]])).toEqual([
    [undefined, undefined],
    ["5000", undefined],
    [expect.stringMatching(/^(1000|9\d\d)$/), "00-b"],
    ["0", "00-a"],
  ]);
});

test("what can't be sent, and nobody at the address, are faults as well", async () => {
  await subgraph(json("{}"), { headersFor: () => ({ "x-bad": "a\r\nb: c" }) });
  await expect(transport.fetch(asked(), 1_000)).rejects.toMatchObject({ reason: "UNREACHABLE" });
  await transport.close();
  transport = httpTransport({ name: "reviews", url: "http://127.0.0.1:1/" });
  await expect(transport.fetch(asked(), 1_000)).rejects.toMatchObject({ reason: "UNREACHABLE" });
  await transport.close();
  await expect(transport.fetch(asked(), 1_000)).rejects.toMatchObject({ reason: "UNREACHABLE" });
});
