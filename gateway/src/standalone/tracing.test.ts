import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { Shop } from "./testing/shop";

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
  status: { code?: number };
  attributes: { key: string; value: Record<string, unknown> }[];
}

const [server, client] = [2, 3];
let directory: string;
let shop: Shop;
let collector: Server;
let received: Span[];
let services: unknown[];
let gateway: { url: string; process: ChildProcess } | undefined;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "atrium-gateway-"));
  shop = await new Shop().start();
  // The protocol is OTLP over HTTP, in JSON.
  collector = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    expect(request.url).toBe("/v1/traces");
    const { resourceSpans } = JSON.parse(text) as {
      resourceSpans: { resource: { attributes: unknown[] }; scopeSpans: { spans: Span[] }[] }[];
    };
    for (const { resource, scopeSpans } of resourceSpans) {
      services.push(...resource.attributes);
      received.push(...scopeSpans.flatMap(({ spans }) => spans));
    }
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
});
afterAll(async () => {
  await shop.stop();
  await new Promise((resolve) => collector.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  shop.asked.length = 0;
  shop.intercept = null;
  received = [];
  services = [];
});
afterEach(() => stop());

/** The program itself: the exporter is loaded as it is for users. */
async function serve(telemetry: object): Promise<void> {
  const [supergraph, config] = [path.join(directory, "supergraph.graphql"), path.join(directory, "config.json")];
  const otlpEndpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  writeFileSync(supergraph, shop.sdl);
  writeFileSync(config, JSON.stringify({ port: 0, telemetry: { otlpEndpoint, ...telemetry } }));
  const words = [path.join(__dirname, "main.ts"), "--supergraph", supergraph, "--config", config];
  const process_ = spawn(
    process.execPath,
    ["--require", require.resolve("tsx/cjs"), "--conditions=@atrium/source", ...words],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  for await (const line of createInterface({ input: process_.stdout })) {
    const { msg, url } = JSON.parse(line) as { msg: string; url: string };
    if (msg === "Ready.") return void (gateway = { url, process: process_ });
  }
  throw new Error("The gateway ended before it was ready.");
}

/** It sends what it has when it stops. Resolves with its exit code. */
async function stop(): Promise<number | null> {
  if (!gateway) return null;
  const { process: stopping } = gateway;
  gateway = undefined;
  const ended = once(stopping, "exit");
  stopping.kill("SIGTERM");
  return ((await ended) as [number | null])[0];
}

async function post(query: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await fetch(gateway!.url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query }),
  });
  await response.text();
}

async function spansOf(): Promise<Span[]> {
  expect(await stop()).toBe(0);
  return received;
}

const attributesOf = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

test("a request, its plan and its fetches are one trace, which the subgraphs are told", async () => {
  await serve({ sampling: 1 });
  await post("query Best { products(first: 1) { name reviews { body } } }");
  const spans = await spansOf();
  expect(services).toContainEqual({ key: "service.name", value: { stringValue: "atrium-gateway" } });
  expect(spans.map(({ name }) => name).sort()).toEqual(["fetch products", "fetch reviews", "graphql", "plan Best"]);
  const root = spans.find(({ name }) => name === "graphql")!;
  expect(root.kind).toBe(server);
  expect(attributesOf(root)).toMatchObject({
    "http.request.method": "POST",
    "graphql.operation.type": "query",
    "graphql.operation.name": "Best",
  });
  expect(Number(attributesOf(root)["http.response.status_code"])).toBe(200);
  for (const span of spans)
    if (span !== root) expect(span).toMatchObject({ traceId: root.traceId, parentSpanId: root.spanId });
  for (const name of ["products", "reviews"]) {
    const fetched = spans.find((span) => span.name === `fetch ${name}`)!;
    expect(fetched.kind).toBe(client);
    const told = shop.asked.find(({ subgraph }) => subgraph === name)!.headers["traceparent"];
    expect(told).toBe(`00-${root.traceId}-${fetched.spanId}-01`);
  }
});

const traceId = "0af7651916cd43dd8448eb211c80319c";
const caller = "b7ad6b7169203331";

test("a client's sampled trace goes on, and one that isn't sampled is only passed on", async () => {
  await serve({ sampling: 0 });
  await post("query Sampled { products(first: 1) { id } }", { traceparent: `00-${traceId}-${caller}-01` });
  await post("query Other { products(first: 2) { id } }", { traceparent: `00-${traceId}-${caller}-00` });
  await post("query Nobodys { products(first: 3) { id } }");
  const spans = await spansOf();
  const root = spans.find(({ name }) => name === "graphql")!;
  expect(root).toMatchObject({ traceId, parentSpanId: caller });
  expect(spans.map(({ name }) => name).sort()).toEqual(["fetch products", "graphql", "plan Sampled"]);
  expect(shop.asked.slice(1).map(({ headers }) => headers["traceparent"])).toEqual([
    `00-${traceId}-${caller}-00`,
    undefined,
  ]);
});

test("made-up traces are no traces, and a share of none samples nothing", async () => {
  await serve({ sampling: 0 });
  for (const traceparent of [
    "00-zz-01",
    `00-${"0".repeat(32)}-${caller}-01`,
    `ff-${traceId}-${caller}-01`,
    "x".repeat(5_000),
  ])
    await post("{ products(first: 1) { id } }", { traceparent });
  expect(await spansOf()).toEqual([]);
  expect(shop.asked.map(({ headers }) => headers["traceparent"])).toEqual(Array(4).fill(undefined));
});

test("a subgraph's fault is a fault in the trace, and a collector that is away costs no answer", async () => {
  await serve({ sampling: 1 });
  shop.intercept = (_request, response) => {
    response.writeHead(500).end("no");
    return true;
  };
  await post("query Broken { products(first: 1) { id } }");
  const fetched = (await spansOf()).find(({ name }) => name === "fetch products")!;
  expect(fetched.status.code).toBe(2);
  expect(attributesOf(fetched)).toMatchObject({ "atrium.outcome": "HTTP_STATUS" });

  shop.intercept = null;
  await serve({ sampling: 1, otlpEndpoint: "http://127.0.0.1:9" });
  await post("query Best { products(first: 1) { id } }");
  expect(await stop()).toBe(0);
});

test("a query over a socket is a trace as well", async () => {
  await serve({ sampling: 1 });
  const socket = createClient({ url: gateway!.url.replace("http", "ws"), webSocketImpl: WebSocket, retryAttempts: 0 });
  for await (const { data } of socket.iterate({ query: "query Best { products(first: 1) { name } }" }))
    expect(data).toHaveProperty("products");
  await socket.dispose();
  const spans = await spansOf();
  expect(spans.map(({ name }) => name).sort()).toEqual(["fetch products", "graphql", "plan Best"]);
  const root = spans.find(({ name }) => name === "graphql")!;
  expect(attributesOf(root)).toMatchObject({ "graphql.operation.type": "query", "graphql.operation.name": "Best" });
  for (const span of spans)
    if (span !== root) expect(span).toMatchObject({ traceId: root.traceId, parentSpanId: root.spanId });
});
