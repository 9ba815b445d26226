import { context, propagation, SpanKind, SpanStatusCode, trace, type Context, type Span } from "@opentelemetry/api";
import { setTimeout as delay } from "node:timers/promises";

const sendingMaxMs = 3_000;

const tracer = () => trace.getTracer("@atrium/subgraph");

/** Where the trace of a request goes on: in the span that is active here, or in what came over the wire. */
function parentOf(traceparent: string | undefined): Context {
  const active = context.active();
  return traceparent && !trace.getSpan(active) ? propagation.extract(active, { traceparent }) : active;
}

/** Runs `work` in a span of its own. */
export function traced<T>(
  name: string,
  { traceparent, attributes }: { traceparent?: string; attributes: Record<string, string> },
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracer().startActiveSpan(name, { kind: SpanKind.SERVER, attributes }, parentOf(traceparent), async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The W3C trace context for a request that leaves this process; undefined outside a trace. */
export function currentTraceparent(): string | undefined {
  const active = context.active();
  if (!trace.getSpan(active)) return undefined;
  const carrier: { traceparent?: string } = {};
  propagation.inject(active, carrier);
  return carrier.traceparent;
}

/**
 * Sends traces to `OTEL_EXPORTER_OTLP_ENDPOINT`; does and loads nothing when that isn't set. Once per process. Returns
 * what sends the rest and stops; what a collector that is away can't take by then is lost, and holds nobody up.
 */
export async function startTelemetry(
  service: string,
  env: NodeJS.ProcessEnv,
  {
    carriesContext = true,
    sampling,
  }: {
    /**
     * False where every span is told its parent: to carry the active one through asynchronous calls, Node (before 24)
     * looks at every promise, which costs a busy process a tenth of its time or more.
     */
    carriesContext?: boolean;
    /** The share of traces begun here that is recorded: all of them unless told. Others go on as they came. */
    sampling?: number;
  } = {},
): Promise<() => Promise<void>> {
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/$/, "");
  if (!endpoint) return async () => {};
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]);
  const { BatchSpanProcessor, NodeTracerProvider, ParentBasedSampler, TraceIdRatioBasedSampler } = sdk;
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": env.OTEL_SERVICE_NAME ?? service }),
    ...(sampling !== undefined && {
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampling) }),
    }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }))],
  });
  provider.register(carriesContext ? {} : { contextManager: null });
  return async () => {
    const sent = provider.shutdown().catch(() => {});
    await Promise.race([sent, delay(sendingMaxMs, undefined, { ref: false })]);
  };
}
