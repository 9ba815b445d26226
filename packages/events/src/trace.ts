import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  context,
  isSpanContextValid,
  trace,
  type Span,
} from "@opentelemetry/api";
import { causedBy } from "./cause";
import { traceparentForm, type Envelope } from "./envelope";

const tracer = trace.getTracer("@atrium/events");

/** The active span as a W3C `traceparent`; undefined where nothing is traced. */
export function activeTraceparent(): string | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  if (!span || !isSpanContextValid(span)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, "0")}`;
}

/** Runs the handling of an event as a span of the trace that caused the event. */
export function traced<T>(envelope: Envelope, work: () => Promise<T>): Promise<T> {
  const [, traceId, spanId, flags] = traceparentForm.exec(envelope.traceparent ?? "") ?? [];
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
  return spanned(tracer.startSpan(`handle ${envelope.type}`, { kind: SpanKind.CONSUMER, attributes }, parent), work);
}

/** Runs the handling of many events as one span. They have many causes, so it begins a trace of its own. */
export function tracedBatch<T>(group: string, count: number, work: () => Promise<T>): Promise<T> {
  const attributes = { "messaging.operation.name": "process", "messaging.batch.message_count": count };
  return spanned(tracer.startSpan(`handle ${group}`, { kind: SpanKind.CONSUMER, attributes }, ROOT_CONTEXT), work);
}

function spanned<T>(span: Span, work: () => Promise<T>): Promise<T> {
  const caused = () => causedBy(undefined, work);
  return context.with(trace.setSpan(ROOT_CONTEXT, span), async () => {
    try {
      return await caused();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}
