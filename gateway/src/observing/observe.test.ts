import { context, propagation, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { getOperationAST, OperationTypeNode, parse } from "graphql";
import { setTimeout as delay } from "node:timers/promises";
import { Writable } from "node:stream";
import pino from "pino";
import type { ClientRequest } from "../client-request";
import type { Operation } from "../graph/operation";
import { createMetrics } from "../metrics";
import { createObserver } from "./observe";

const document = parse("query Shelf { shelf }");
const operation: Operation = {
  key: "key-1",
  document,
  definition: getOperationAST(document)!,
  name: "Shelf",
  type: OperationTypeNode.QUERY,
};
const traceId = "0af7651916cd43dd8448eb211c80319c";
const parentId = "b7ad6b7169203331";
const sampled = `00-${traceId}-${parentId}-01`;

const lines: Record<string, unknown>[] = [];
const log = pino(
  { base: null },
  new Writable({
    write(chunk, _, done) {
      lines.push(JSON.parse(String(chunk)) as Record<string, unknown>);
      done();
    },
  }),
);
const requestOf = (more: Partial<ClientRequest> = {}): ClientRequest => ({
  requestId: "req_1",
  signal: new AbortController().signal,
  deadline: new AbortController().signal,
  client: { name: "console", version: "7" },
  callerKey: "org_1",
  claims: { isAuthenticated: false, scopes: new Set(), policies: () => new Set() },
  log,
  ...more,
});

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
beforeAll(() => provider.register());
beforeEach(() => {
  exporter.reset();
  lines.length = 0;
});
afterAll(async () => {
  await provider.shutdown();
  for (const api of [trace, propagation, context]) api.disable();
});

test("what operations, plans, fetches, retries and breakers do is counted by name and outcome", async () => {
  const metrics = createMetrics({ processMetrics: false });
  const observer = createObserver({ metrics });
  const request = requestOf();
  const observed = observer.operationStarted!(request);
  observed.resolved(operation);
  observer.planStarted!(operation, {})("planned");
  observer.planCached!(operation);
  observer.fetchStarted!("library", request).ended("ok");
  observer.fetchStarted!("library", request).ended("TIMEOUT");
  observer.retried!("library", "UNREACHABLE");
  observer.breakerChanged!("library", "OPEN");
  observed.ended("errors");
  observer.operationStarted!(requestOf({ client: {} })).ended("refused");
  const text = await metrics.registry.metrics();
  for (const line of [
    'atrium_gateway_operation_seconds_count{operation="Shelf",type="query",outcome="errors"} 1',
    'atrium_gateway_operation_seconds_count{operation="refused",type="unknown",outcome="refused"} 1',
    'atrium_gateway_planning_seconds_count{outcome="planned"} 1',
    'atrium_gateway_plans_total{source="cache"} 1',
    'atrium_gateway_plans_total{source="planner"} 1',
    'atrium_gateway_fetch_seconds_count{subgraph="library",outcome="ok"} 1',
    'atrium_gateway_fetch_seconds_count{subgraph="library",outcome="timeout"} 1',
    'atrium_gateway_fetch_retries_total{subgraph="library",reason="unreachable"} 1',
    'atrium_gateway_breaker_state{subgraph="library"} 2',
    'atrium_gateway_client_operations_total{client="console",version="7"} 1',
    'atrium_gateway_client_operations_total{client="anonymous",version="anonymous"} 1',
  ])
    expect(text).toContain(line);
});

test("plans and fetches are spans of the request's trace, and a fetch's own span is what goes on to the subgraph", () => {
  const observer = createObserver({ metrics: createMetrics({ processMetrics: false }) });
  const request = requestOf({ traceparent: sampled });
  observer.planStarted!(operation, { traceparent: sampled })("planned");
  const fetch = observer.fetchStarted!("library", request);
  fetch.ended("HTTP_STATUS");
  const [plan, fetched] = exporter.getFinishedSpans();
  expect(plan).toMatchObject({ name: "plan Shelf", parentSpanContext: { traceId, spanId: parentId } });
  expect(fetched).toMatchObject({
    name: "fetch library",
    parentSpanContext: { traceId, spanId: parentId },
    attributes: { "atrium.subgraph": "library", "atrium.request_id": "req_1", "atrium.outcome": "HTTP_STATUS" },
  });
  expect(fetch.traceparent).toBe(`00-${traceId}-${fetched!.spanContext().spanId}-01`);
});

test.each([undefined, `00-${traceId}-${parentId}-00`, "rubbish", `00-${"0".repeat(32)}-${parentId}-01`])(
  "a trace that isn't sampled has no spans: %s",
  (traceparent) => {
    const observer = createObserver({ metrics: createMetrics({ processMetrics: false }) });
    const fetch = observer.fetchStarted!("library", requestOf({ traceparent }));
    fetch.ended("ok");
    expect(fetch.traceparent).toBeUndefined();
    expect(exporter.getFinishedSpans()).toEqual([]);
  },
);

test("a slow operation gets a line that says where its time went, without text or variables", async () => {
  const observer = createObserver({ metrics: createMetrics({ processMetrics: false }), slowOperationMs: 20 });
  for (const pauseMs of [0, 40]) {
    const request = requestOf();
    const observed = observer.operationStarted!(request);
    observed.resolved(operation);
    const fetch = observer.fetchStarted!("library", request);
    await delay(pauseMs);
    fetch.ended("ok");
    observed.ended("ok");
  }
  expect(lines).toEqual([
    expect.objectContaining({
      msg: "A slow operation.",
      operation: "Shelf",
      key: "key-1",
      type: OperationTypeNode.QUERY,
      outcome: "ok",
      fetches: [{ subgraph: "library", ms: expect.any(Number) as number, outcome: "ok" }],
    }),
  ]);
  expect(lines[0]!["durationMs"]).toBeGreaterThanOrEqual(20);
});
