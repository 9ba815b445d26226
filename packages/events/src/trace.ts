import { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, context, isSpanContextValid, trace } from "@opentelemetry/api";
import type { Envelope } from "./envelope";

const tracer = trace.getTracer("@atrium/events");
const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** The active span as a W3C `traceparent`; undefined where nothing is traced. */
export function activeTraceparent(): string | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  if (!span || !isSpanContextValid(span)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, "0")}`;
}

/** Runs the handling of an event as a span of the trace that caused the event. */
export function traced<T>(envelope: Envelope, work: () => Promise<T>): Promise<T> {
  const [, traceId, spanId, flags] = form.exec(envelope.traceparent ?? "") ?? [];
  const parent =
    traceId && spanId && flags
      ? trace.setSpanContext(ROOT_CONTEXT, {
          traceId,
          spanId,
          traceFlags: parseInt(flags, 16) & TraceFlags.SAMPLED,
          isRemote: true,
        })
      : ROOT_CONTEXT;
  const attributes = { "messaging.operation.name": "process", "messaging.message.id": envelope.id };
  const span = tracer.startSpan(`handle ${envelope.type}`, { kind: SpanKind.CONSUMER, attributes }, parent);
  return context.with(trace.setSpan(parent, span), async () => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
