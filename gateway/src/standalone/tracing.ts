import { startTelemetry } from "@atrium/subgraph/telemetry";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { IncomingMessage } from "node:http";
import type { Operation } from "../graph/operation";
import { clientTraceparent } from "../http/incoming";
import type { Config } from "./config";

/** The span of one request, under which plans and fetches have theirs. */
export interface RequestSpan {
  traceparent: string;
  /** Which operation it turned out to ask for. */
  resolved(operation: Pick<Operation, "type" | "name">): void;
  /** With the HTTP status, where it has one of its own. */
  ended(status?: number): void;
}

export interface Tracing {
  /**
   * Null for a request that isn't sampled: its client's trace says so, or, without one, chance. A socket's request begins
   * one for each of its queries and mutations.
   */
  begin(request: IncomingMessage): RequestSpan | null;
  /** Sends what is left. */
  stop(): Promise<void>;
}

/** Traces a share of the requests, and those of traces that are sampled already. Null where no collector is named. */
export async function startTracing({ otlpEndpoint, sampling }: Config["telemetry"]): Promise<Tracing | null> {
  if (otlpEndpoint === undefined) return null;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint };
  const stop = await startTelemetry("atrium-gateway", env, { carriesContext: false });
  const tracer = trace.getTracer("@atrium/gateway");
  return {
    stop,
    begin(request) {
      const [, traceId, spanId, flags] = clientTraceparent(request)?.split("-") ?? [];
      const isSampled = flags === undefined ? Math.random() < sampling : (Number.parseInt(flags, 16) & 1) === 1;
      if (!isSampled) return null;
      const parent =
        traceId && spanId
          ? trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 1, isRemote: true })
          : ROOT_CONTEXT;
      const attributes = { "http.request.method": request.method! };
      const span = tracer.startSpan("graphql", { kind: SpanKind.SERVER, attributes }, parent);
      const own = span.spanContext();
      return {
        traceparent: `00-${own.traceId}-${own.spanId}-01`,
        resolved({ type, name }) {
          span.setAttribute("graphql.operation.type", type);
          if (name !== undefined) span.setAttribute("graphql.operation.name", name);
        },
        ended(status) {
          if (status !== undefined) span.setAttribute("http.response.status_code", status);
          if (status !== undefined && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },
  };
}
