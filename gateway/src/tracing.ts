import { isSpanContextValid, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { IncomingMessage } from "node:http";
import { clientTraceparent } from "./http/incoming";

/**
 * Where each request stands in its trace. It is told along: to carry it through asynchronous calls, Node (before 24) looks
 * at every promise.
 */
const places = new WeakMap<IncomingMessage, string>();

/** Runs `work` in a span that goes on where the client's trace stopped. Without tracing it just runs it. */
export async function inSpan<Value>(
  name: string,
  request: IncomingMessage,
  work: () => Promise<Value>,
): Promise<Value> {
  const parent = propagation.extract(ROOT_CONTEXT, request.headers);
  const span = trace.getTracer("@atrium/gateway").startSpan(name, { kind: SpanKind.SERVER }, parent);
  const own = span.spanContext();
  if (isSpanContextValid(own)) places.set(request, `00-${own.traceId}-${own.spanId}-0${own.traceFlags & 1}`);
  try {
    return await work();
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

/** The trace that subgraphs go on with: ours where tracing is on, else the client's own. */
export const traceparentOf = (request: IncomingMessage): string | undefined =>
  places.get(request) ?? clientTraceparent(request);
