import { context, propagation, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { startHouse, type House } from "./testing/world";

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let house: House;
beforeAll(async () => {
  // As the gateway's process has it: nothing carries a span through asynchronous calls.
  provider.register({ contextManager: null });
  house = await startHouse();
});
afterAll(async () => {
  await house.close();
  await provider.shutdown();
  for (const api of [trace, propagation, context]) api.disable();
});

test("a client's trace goes on in the request's span, from there in the fetch's, and from there in the service's", async () => {
  const [traceId, clientSpan] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  await Promise.all(
    [1, 2, 3].map(() => house.post("{ whoAsks }", { headers: { traceparent: `00-${traceId}-${clientSpan}-01` } })),
  );
  const spans = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
  const parentOf = (span: (typeof spans)[0]) =>
    spans.find((each) => each.spanContext().spanId === span.parentSpanContext?.spanId);
  const served = spans.filter(({ name }) => name === "POST /graphql");
  expect(served.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(Array(3).fill(clientSpan));
  const fetched = spans.filter(({ name }) => name === "fetch identity");
  expect(new Set(fetched.map(parentOf))).toEqual(new Set(served));
  const answered = spans.filter((span) => parentOf(span) && fetched.includes(parentOf(span)!));
  expect(new Set(answered.map(parentOf))).toEqual(new Set(fetched));
});

test("a socket's query stands in a span of its own, under what its request said", async () => {
  const [traceId, clientSpan] = ["0af7651916cd43dd8448eb211c80319d", "b7ad6b7169203331"];
  const { token } = house.world.signIn("usr_ada");
  const socket = createClient({
    url: `${house.gateway.url.replace("http", "ws")}/graphql`,
    webSocketImpl: class extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, { headers: { traceparent: `00-${traceId}-${clientSpan}-01` } });
      }
    },
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  for (const _ of [1, 2])
    for await (const { data } of socket.iterate({ query: "{ whoAsks }" })) expect(data).toHaveProperty("whoAsks");
  await socket.dispose();
  const spans = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
  const served = spans.filter(({ name }) => name === "WebSocket /graphql");
  expect(served.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(Array(2).fill(clientSpan));
  const fetched = spans.filter(({ name }) => name === "fetch identity");
  expect(fetched.map(({ parentSpanContext }) => parentSpanContext?.spanId).sort()).toEqual(
    served.map((span) => span.spanContext().spanId).sort(),
  );
});
