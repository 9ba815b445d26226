import { isSpanContextValid, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { IncomingMessage } from "node:http";

/**
 * Runs `work` in a span that goes on where the client's trace stopped. Without tracing it just runs it.
 *
 * The request says from then on that it stands in that span, so whatever is asked on its behalf does. To carry the span
 * through asynchronous calls, Node (before 24) would look at every promise.
 */
export async function inSpan<Value>(
  name: string,
  request: IncomingMessage,
  work: () => Promise<Value>,
): Promise<Value> {
  const parent = propagation.extract(ROOT_CONTEXT, request.headers);
  const span = trace.getTracer("@atrium/gateway").startSpan(name, { kind: SpanKind.SERVER }, parent);
  const own = span.spanContext();
  if (isSpanContextValid(own))
    request.headers["traceparent"] = `00-${own.traceId}-${own.spanId}-0${own.traceFlags & 1}`;
  try {
    return await work();
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
