import { PublicError } from "@atrium/errors";
import { causedBy } from "@atrium/events";
import {
  createSourceEventStream,
  execute,
  OperationTypeNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
} from "graphql";
import type { Logger } from "pino";
import type { causeOf } from "./cause";
import { maskError, maskResult } from "./masking";
import type { Metrics } from "./metrics";
import { continueAsExtension, type OperationRequest, type RequestFacts } from "./operation";
import type { OperationLimits } from "./operation-limits";
import { operationPreparer, type PreparedOperation } from "./prepare";
import { SharedEvent } from "./shared-event";
import { eventResults } from "./subscription";
import { traced } from "./telemetry";
import type { Work } from "./work";

export interface ExecutorOptions<Context> {
  name: string;
  schema: GraphQLSchema;
  context(facts: RequestFacts): Context;
  causeOf: ReturnType<typeof causeOf>;
  limits?: Partial<OperationLimits>;
  /** After which an operation is answered with `SERVICE_UNAVAILABLE` and its signal aborts. */
  timeoutMs: number;
  log: Logger;
  metrics: Metrics;
  work: Work;
}

/** Runs operations in this process: prepared, traced, counted, their errors masked. */
export function executor<Context>(o: ExecutorOptions<Context>) {
  const prepare = operationPreparer(o.schema, o.limits);

  async function run(request: OperationRequest): Promise<ExecutionResult> {
    const log = o.log.child({ requestId: request.requestId });
    const startedAt = performance.now();
    let kind = "unknown";
    let field = "…";
    const result = await traced(
      `${o.name} operation`,
      {
        traceparent: request.traceparent,
        attributes: { "atrium.subgraph": o.name, "atrium.request_id": request.requestId },
      },
      async (span) => {
        try {
          o.work.admit();
          const prepared = prepare(request.query, request.operationName);
          kind = prepared.operation.operation;
          field = prepared.field;
          span.updateName(`${kind} ${field}`);
          if (prepared.operation.operation === OperationTypeNode.SUBSCRIPTION)
            throw new PublicError("BAD_USER_INPUT", "A subscription is subscribed to, not executed.", {
              field: "query",
            });
          return await runOnce(prepared, request, log);
        } catch (error) {
          return { errors: [maskError(error, log)] };
        } finally {
          span.setAttributes({ "graphql.operation.type": kind, "graphql.field": field });
        }
      },
    );
    const durationMs = performance.now() - startedAt;
    count(kind, field, result);
    o.metrics.durations.observe({ kind, field }, durationMs / 1000);
    log.debug({ kind, field, outcome: outcomeOf(result), durationMs: Math.round(durationMs) }, "Operation answered.");
    return result;
  }

  async function runOnce(
    { document, checkVariables }: PreparedOperation,
    request: OperationRequest,
    log: Logger,
  ): Promise<ExecutionResult> {
    checkVariables(request.variables ?? {});
    return executeWithin(request.signal, request, log, {
      schema: o.schema,
      document,
      operationName: request.operationName,
      variableValues: request.variables,
    });
  }

  async function executeWithin(
    outer: AbortSignal | undefined,
    request: OperationRequest,
    log: Logger,
    args: Omit<ExecutionArgs, "contextValue">,
  ): Promise<ExecutionResult> {
    const { signal, interrupted, end } = o.work.begin(outer, o.timeoutMs);
    let accessToken: string | undefined;
    const facts = factsOf(request, signal, log, (token) => (accessToken = token));
    const answer = causedBy(o.causeOf(request), async () => execute({ ...args, contextValue: o.context(facts) }));
    // The work is over when its resolvers are, even if the caller was answered before.
    answer.then(end, end);
    const result = maskResult(await Promise.race([answer, interrupted]), log);
    return accessToken ? { ...result, extensions: { [continueAsExtension]: accessToken } } : result;
  }

  async function subscribe(
    request: OperationRequest,
  ): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
    const log = o.log.child({ requestId: request.requestId });
    let field = "…";
    try {
      o.work.admit();
      const prepared = prepare(request.query, request.operationName);
      field = prepared.field;
      if (prepared.operation.operation !== OperationTypeNode.SUBSCRIPTION) return await run(request);
      prepared.checkVariables(request.variables ?? {});
      const opened = await open(prepared, request, log);
      count("subscription", field, "errors" in opened ? opened : {});
      return opened;
    } catch (error) {
      const result = { errors: [maskError(error, log)] };
      count("subscription", field, result);
      return result;
    }
  }

  async function open({ document }: PreparedOperation, request: OperationRequest, log: Logger) {
    const { operationName, variables: variableValues } = request;
    const args = { schema: o.schema, document, operationName, variableValues };
    const sharedAs = JSON.stringify([operationName, variableValues]);
    const ending = o.work.openSubscription(request.signal);
    try {
      const contextValue = o.context(factsOf(request, ending.signal, log, noContinuation));
      const source = await createSourceEventStream({ ...args, contextValue });
      if (!(Symbol.asyncIterator in source)) {
        ending.close();
        return maskResult(source, log);
      }
      o.metrics.subscriptions.inc();
      return eventResults(source, ending, {
        // A context for each event: its loaders remember nothing of the event before, and policy is asked again.
        resultOf(event) {
          o.metrics.events.inc();
          if (!(event instanceof SharedEvent))
            return executeWithin(ending.signal, request, log, { ...args, rootValue: event });
          event.permit(request.actor);
          // Nobody's signal: whoever leaves doesn't end it for the others.
          return event.resultOf(document, sharedAs, () =>
            executeWithin(undefined, request, log, { ...args, rootValue: event.value }),
          );
        },
        failure: (error) => ({ errors: [maskError(error, log)] }),
        closed: () => o.metrics.subscriptions.dec(),
      });
    } catch (error) {
      ending.close();
      throw error;
    }
  }

  function factsOf(
    request: OperationRequest,
    signal: AbortSignal,
    log: Logger,
    continueAs: RequestFacts["continueAs"],
  ): RequestFacts {
    const { actor, requestId, clientAddress = null, userAgent = null } = request;
    return { actor, requestId, clientAddress, userAgent, signal, log, now: () => new Date(), continueAs };
  }

  function count(kind: string, field: string, result: ExecutionResult): void {
    o.metrics.operations.inc({ kind, field, outcome: outcomeOf(result) });
    for (const error of result.errors ?? []) o.metrics.errors.inc({ code: String(error.extensions.code) });
  }

  return { execute: run, subscribe };
}

const noContinuation = () => {};

export const outcomeOf = ({ errors }: ExecutionResult): string => (errors ? String(errors[0]?.extensions.code) : "ok");
