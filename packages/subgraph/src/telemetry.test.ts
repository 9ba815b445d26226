import { context, propagation, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { connectSubgraph, currentTraceparent, startTelemetry, type RemoteSubgraph } from ".";
import { ada, secret, startLibrary } from "./testing/library";

let library: Awaited<ReturnType<typeof startLibrary>>;
let remote: RemoteSubgraph;
beforeEach(async () => {
  library = await startLibrary();
  remote = connectSubgraph({ name: "library", url: library.url, secret });
});
afterEach(async () => {
  await remote.close();
  await library.close();
  for (const api of [trace, propagation, context]) api.disable();
});

const operation = { query: '{ book(id: "a") { id } }', actor: ada, requestId: "req_1" };

test("without an address to send them to, there are no traces", async () => {
  const stop = await startTelemetry("library", { OTEL_EXPORTER_OTLP_ENDPOINT: "" });
  await remote.execute({ ...operation, traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" });
  expect(currentTraceparent()).toBeUndefined();
  await stop();
});

test("a trace goes on from the caller's span, in this process and over HTTP, and is of no other request", async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  const callers = await Promise.all(
    [library.subgraph, remote, library.subgraph, remote].map((subgraph, index) =>
      trace.getTracer("test").startActiveSpan(`caller ${index}`, async (span) => {
        expect(currentTraceparent()).toContain(span.spanContext().spanId);
        await subgraph.execute(operation);
        span.end();
        return span.spanContext();
      }),
    ),
  );
  const spans = exporter.getFinishedSpans().filter(({ name }) => name === "query book");
  expect(spans).toHaveLength(4);
  for (const { traceId, spanId } of callers) {
    const [mine] = spans.filter((span) => span.spanContext().traceId === traceId);
    expect(mine?.parentSpanContext?.spanId).toBe(spanId);
    expect(mine?.attributes).toEqual({
      "atrium.subgraph": "library",
      "atrium.request_id": "req_1",
      "graphql.operation.type": "query",
      "graphql.field": "book",
    });
  }
  await provider.shutdown();
});
