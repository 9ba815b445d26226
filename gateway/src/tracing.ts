import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { currentTraceparent } from "@atrium/subgraph";
import type { IncomingMessage } from "node:http";
import { clientTraceparent } from "./http/incoming";

/** Runs `work` in a span that goes on where the client's trace stopped. Without tracing it just runs it. */
export function inSpan<Value>(name: string, request: IncomingMessage, work: () => Promise<Value>): Promise<Value> {
  const parent = propagation.extract(context.active(), request.headers);
  return trace.getTracer("@atrium/gateway").startActiveSpan(name, { kind: SpanKind.SERVER }, parent, async (span) => {
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

/** The trace that subgraphs go on with: ours where tracing is on, else the client's own. */
export const traceparentOf = (request: IncomingMessage): string | undefined =>
  currentTraceparent() ?? clientTraceparent(request);
