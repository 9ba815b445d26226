import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from "@opentelemetry/api";

/** The active span as a W3C `traceparent`; undefined where nothing is traced. */
export function activeTraceparent(): string | undefined {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent;
}

/** Runs an attempt at a job as a span of the trace in which the job was enqueued. */
export function traced<T>(
  { task, jobId, attempt, traceparent }: { task: string; jobId: string; attempt: number; traceparent: string | null },
  work: () => Promise<T>,
): Promise<T> {
  const parent = traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent }) : ROOT_CONTEXT;
  const attributes = {
    "messaging.operation.name": "process",
    "messaging.message.id": jobId,
    "atrium.attempt": attempt,
  };
  const options = { kind: SpanKind.CONSUMER, attributes };
  return trace.getTracer("@atrium/jobs").startActiveSpan(`job ${task}`, options, parent, async (span) => {
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
