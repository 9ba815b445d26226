import {
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type SpanOptions,
} from "@opentelemetry/api";
import type { Logger } from "pino";
import type { ClientRequest } from "../client-request";
import type { Operation } from "../graph/operation";
import type { Metrics } from "../metrics";
import type { FetchObservation, Observer } from "./observer";

// What a slow operation's line lists: enough to see where the time went.
const fetchesListedMax = 30;

interface Work {
  startedAt: number;
  operation?: Operation;
  fetches: { subgraph: string; ms: number; outcome: string }[];
}

/**
 * Measures, traces and logs what the steps tell. Spans are made for sampled traces alone; a trace's parent is the
 * request's `traceparent` (W3C Trace Context), so nothing has to be carried through asynchronous calls.
 */
export function createObserver(o: {
  metrics: Metrics;
  /** Operations that take longer get a line of their own. None do without it. */
  slowOperationMs?: number;
}): Observer {
  const { metrics, slowOperationMs = Infinity } = o;
  const works = new WeakMap<ClientRequest, Work>();
  const listsFetches = slowOperationMs !== Infinity;

  return {
    operationStarted(request) {
      const work: Work = { startedAt: performance.now(), fetches: [] };
      if (listsFetches) works.set(request, work);
      metrics.clientAsked(request.client.name, request.client.version);
      return {
        resolved: (operation) => (work.operation = operation),
        ended(outcome) {
          const { operation } = work;
          const tookMs = performance.now() - work.startedAt;
          metrics.operationEnded(operation?.name, operation?.type ?? "unknown", outcome, tookMs / 1000);
          if (tookMs >= slowOperationMs) logSlow(request.log, work, outcome, tookMs);
        },
      };
    },
    planStarted(operation, { traceparent }) {
      const startedAt = performance.now();
      const span = spanUnder(traceparent, () => ({ name: `plan ${operation.name ?? operation.type}` }));
      return (outcome) => {
        metrics.planned(outcome, performance.now() - startedAt);
        span?.end(outcome, outcome !== "planned");
      };
    },
    planCached: () => metrics.planFromCache(),
    fetchStarted(subgraph, request): FetchObservation {
      const startedAt = performance.now();
      const span = spanUnder(request.traceparent, () => ({
        name: `fetch ${subgraph}`,
        kind: SpanKind.CLIENT,
        attributes: { "atrium.subgraph": subgraph, "atrium.request_id": request.requestId },
      }));
      return {
        traceparent: span?.traceparent,
        ended(outcome) {
          const ms = performance.now() - startedAt;
          const label = outcome.toLowerCase();
          metrics.fetchEnded(subgraph, label, ms);
          span?.end(outcome, outcome !== "ok");
          const work = listsFetches ? works.get(request) : undefined;
          if (work && work.fetches.length < fetchesListedMax)
            work.fetches.push({ subgraph, ms: Math.round(ms), outcome: label });
        },
      };
    },
    retried: (subgraph, reason) => metrics.retried(subgraph, reason.toLowerCase()),
    breakerChanged: (subgraph, state) => metrics.breakerChanged(subgraph, state),
  };
}

function logSlow(log: Logger, { operation, fetches }: Work, outcome: string, tookMs: number): void {
  // Variables and the text are the client's own data; the name and the key find them.
  const about = { operation: operation?.name ?? "anonymous", key: operation?.key, type: operation?.type };
  log.warn({ ...about, outcome, durationMs: Math.round(tookMs), fetches }, "A slow operation.");
}

const tracer = () => trace.getTracer("@atrium/gateway");

/** `describe` is asked for sampled traces alone: few are, and each fetch of all the others gets here. */
function spanUnder(traceparent: string | undefined, describe: () => SpanOptions & { name: string }) {
  const parent = sampledParent(traceparent);
  if (!parent) return undefined;
  const { name, ...options } = describe();
  const span = tracer().startSpan(name, options, parent);
  const { traceId, spanId } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${span.isRecording() ? "01" : "00"}`,
    end(outcome: string, isFault: boolean) {
      span.setAttribute("atrium.outcome", outcome);
      if (isFault) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

const sampled = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f][13579bdf]$/;

/** Whether what is done under this `traceparent` gets spans. */
export const isSampled = (traceparent: string | undefined): boolean =>
  traceparent !== undefined && sampled.test(traceparent);

/** The context that a span is put under; undefined where the trace isn't sampled, or there is none. */
function sampledParent(traceparent: string | undefined): Context | undefined {
  const [, traceId, spanId] = (traceparent && sampled.exec(traceparent)) || [];
  if (!traceId || !spanId) return undefined;
  const spanContext = { traceId, spanId, traceFlags: 1 };
  return isSpanContextValid(spanContext) ? trace.setSpanContext(ROOT_CONTEXT, spanContext) : undefined;
}
