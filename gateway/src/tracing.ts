import { isSpanContextValid, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

// It is told when tracing starts.
const tracer = trace.getTracer("@atrium/gateway");

/**
 * Runs `work` in a span that goes on where the client's trace stopped. Without tracing it just runs it.
 *
 * The request says from then on that it stands in that span, so whatever is asked on its behalf does. To carry the span
 * through asynchronous calls, Node (before 24) would look at every promise.
 */
export const inSpan = <Value>(name: string, request: IncomingMessage, work: () => Promise<Value>): Promise<Value> =>
  underSpan(name, request.headers, (traceparent) => {
    if (traceparent !== undefined) request.headers["traceparent"] = traceparent;
    return work();
  });

/** The same for one operation of a socket, which says where it stands itself: its socket's request has many. */
export async function underSpan<Value>(
  name: string,
  headers: IncomingHttpHeaders,
  work: (traceparent: string | undefined) => Promise<Value>,
): Promise<Value> {
  const parent = headers["traceparent"] === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, headers);
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, parent);
  const own = span.spanContext();
  try {
    return await work(isSpanContextValid(own) ? `00-${own.traceId}-${own.spanId}-0${own.traceFlags & 1}` : undefined);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
