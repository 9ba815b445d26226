import type { ExecutionResult } from "graphql";
import type { Permit } from "./authorization/permit";
import type { Steps } from "./endpoint";
import { isEventStream, type Answer, type Engine, type EventStream } from "./execution/engine";
import { asGraphQLError, refusalErrors } from "./executor";
import type { Documents } from "./graph/documents";
import type { Operation } from "./graph/operation";
import { maskGraphQLError } from "./masking";
import type { Metrics } from "./metrics";
import type { RequestContext } from "./request-context";
import type { EventStream as ResultStream } from "./subgraph-client";

export interface SubscriptionRequest {
  operation: Operation;
  variables: Record<string, unknown>;
  context: RequestContext;
  /** Asked for each event: the caller as they are after it came; rejects when they may not see it any more. */
  stillAllowed(arrivedAt: number): Promise<RequestContext>;
}

export type Subscribe = (request: SubscriptionRequest) => Promise<ResultStream | ExecutionResult>;

/** Subscriptions across services: the events are one service's, the rest of each is joined from the others. */
export function createSubscriptions(o: {
  engine: Engine<RequestContext>;
  permit: Permit;
  documents: Documents;
  charge: Steps<RequestContext>["charge"];
  metrics: Metrics;
}): Subscribe {
  return async ({ operation: asked, variables: given, context, stillAllowed }) => {
    try {
      const variables = o.documents.variablesOf(asked, given);
      const settle = await o.charge(asked, variables, context);
      const operation = await o.permit(asked, context);
      const { callerKey, traceparent } = context;
      const prepared = await o.engine.prepare(operation, variables, { callerKey, signal: context.signal, traceparent });
      const source = await o.engine.subscribe(prepared, variables, context, { requestOfEvent: stillAllowed });
      if (!isEventStream(source)) return asResult(settle(source));
      o.metrics.subscriptions.inc();
      return guarded(source, {
        passOn(event) {
          o.metrics.events.inc();
          return asResult(settle(event));
        },
        ended: () => o.metrics.subscriptions.dec(),
      });
    } catch (error) {
      try {
        return { errors: refusalErrors(error) };
      } catch {
        return { errors: [maskGraphQLError(error, context.log)] };
      }
    }
  };
}

const asResult = ({ errors, ...answer }: Answer): ExecutionResult => ({
  ...answer,
  ...(errors && { errors: errors.map(asGraphQLError) }),
});

const done = { done: true, value: undefined } as const;

/** The source's events, each passed on by `passOn`. Ending it ends the source, and whoever waits for its next event. */
function guarded(source: EventStream, o: { passOn(event: Answer): ExecutionResult; ended(): void }): ResultStream {
  let hasEnded = false;
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    o.ended();
    void source.return?.();
  };
  return {
    async next() {
      try {
        const step = hasEnded ? done : await source.next();
        if (!step.done && !hasEnded) return { done: false, value: o.passOn(step.value) };
        end();
        return done;
      } catch (error) {
        end();
        throw error;
      }
    },
    async return() {
      end();
      return done;
    },
    async throw(error: unknown) {
      end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
