import type { QueryPlan } from "@apollo/query-planner";
import { GraphQLError } from "graphql";
import type { ClientRequest, OperationParams } from "./client-request";
import type { Answer, Engine, EventStream, IncrementalAnswer, Prepared, SubscribeOptions } from "./execution/engine";
import { PlanningRefused } from "./graph/graph";
import type { Operation } from "./graph/operation";
import type { Observer } from "./observing/observer";

/**
 * The steps from a client's parameters to the answer, in order. Each is one folder; the fronts (HTTP, WebSocket,
 * server-sent events, multipart) call `answer` and know none of them.
 */
export interface Steps<Request extends ClientRequest> {
  /** The text to run: what was sent, or what is kept under the hash or id that was sent. Throws when it may not run. */
  textOf(params: OperationParams, request: Request): Promise<string> | string;
  /** Parsed, within the limits of shape, valid; kept by its text. Throws `RequestRefused` with every fault. */
  operationOf(text: string, operationName: string | undefined): Operation;
  /** The variables as the operation declares them, defaults included. Throws `RequestRefused` naming each wrong one. */
  variablesOf(operation: Operation, given: OperationParams["variables"]): Readonly<Record<string, unknown>>;
  /** Whether the caller can afford it; the returned function is told the answer, and may add to its extensions. */
  charge(
    operation: Operation,
    variables: Readonly<Record<string, unknown>>,
    request: Request,
  ): Promise<Settle> | Settle;
  /** The operation without what the caller may not see. */
  permit(operation: Operation, request: Request): Promise<Operation> | Operation;
  engine: Engine<Request>;
}

export type Settle = (answer: Answer) => Answer;

/** A request that isn't run at all: answered without `data`, by 400 unless an error's `extensions.http.status` differs. */
export class RequestRefused extends Error {
  override readonly name = "RequestRefused";
  constructor(readonly errors: readonly GraphQLError[]) {
    super(errors.map(({ message }) => message).join("\n"));
  }
}

/** What a front can carry back. */
export interface Accepts {
  /** Refuses an operation of a type that this request can't run, by throwing `RequestRefused`. */
  check(operation: Operation): void;
  /** Whether an answer may come in parts. */
  incremental: boolean;
}

export interface Endpoint<Request extends ClientRequest> {
  /** Runs one operation. Rejects with `RequestRefused` when it isn't run; whatever fails later stands in the answer. */
  answer(
    params: OperationParams,
    request: Request,
    accepts: Accepts,
    o?: Pick<SubscribeOptions<Request>, "requestOfEvent">,
  ): Promise<Answer | IncrementalAnswer | EventStream>;
}

export function createEndpoint<Request extends ClientRequest>(
  steps: Steps<Request>,
  observer: Observer = {},
): Endpoint<Request> {
  const { engine } = steps;
  return {
    async answer(params, request, accepts, o) {
      const observation = observer.operationStarted?.(request);
      try {
        const text = await steps.textOf(params, request);
        const operation = steps.operationOf(text, params.operationName);
        observation?.resolved(operation);
        accepts.check(operation);
        const variables = steps.variablesOf(operation, params.variables);
        const settle = await steps.charge(operation, variables, request);
        const permitted = await steps.permit(operation, request);
        const answer = await run(permitted, variables, request, accepts.incremental, settle, o);
        observation?.ended("errors" in answer && answer.errors?.length ? "errors" : "ok");
        return answer;
      } catch (error) {
        observation?.ended("refused");
        throw error;
      }
    },
  };

  async function run(
    operation: Operation,
    variables: Readonly<Record<string, unknown>>,
    request: Request,
    incremental: boolean,
    ended: (answer: Answer) => Answer,
    o: Parameters<Engine<Request>["subscribe"]>[3],
  ): Promise<Answer | IncrementalAnswer | EventStream> {
    const { callerKey, signal, traceparent } = request;
    let prepared: Prepared;
    try {
      prepared = await engine.prepare(operation, variables, { callerKey, signal, traceparent });
    } catch (error) {
      throw error instanceof PlanningRefused ? planningRefusal(error) : error;
    }
    const complete = request.exposePlan ? (answer: Answer) => withPlan(ended(answer), prepared.plan) : ended;
    if (operation.type === "subscription") {
      const events = await engine.subscribe(prepared, variables, request, o);
      return Symbol.asyncIterator in events ? mapped(events, complete) : complete(events);
    }
    if (!incremental) return complete(await engine.execute(prepared, variables, request));
    const answer = await engine.executeIncrementally(prepared, variables, request);
    if (!("subsequent" in answer)) return complete(answer);
    return { ...answer, initial: { ...complete(answer.initial), hasNext: answer.initial.hasNext } };
  }
}

/** Too much waits to be planned, or this operation never gets a plan. */
export function planningRefusal({ reason, message }: PlanningRefused): RequestRefused {
  const extensions =
    reason === "QUEUE_FULL"
      ? { code: "SERVICE_UNAVAILABLE", http: { status: 503, headers: { "retry-after": "1" } } }
      : { code: "OPERATION_TOO_COMPLEX", http: { status: 400 } };
  return new RequestRefused([new GraphQLError(message, { extensions })]);
}

// The planner's package takes longer to load than all else here, and few ever look at a plan.
/* eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports */
const planner = () => require("@apollo/query-planner") as typeof import("@apollo/query-planner");

const withPlan = (answer: Answer, plan: QueryPlan): Answer => ({
  ...answer,
  extensions: { ...answer.extensions, queryPlan: { text: planner().prettyFormatQueryPlan(plan), object: plan } },
});

function mapped(events: EventStream, change: (answer: Answer) => Answer): EventStream {
  return {
    async next() {
      const step = await events.next();
      return step.done ? step : { done: false, value: change(step.value) };
    },
    return: () => events.return?.() ?? Promise.resolve({ done: true, value: undefined }),
    throw: (error) => events.throw?.(error) ?? Promise.reject(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
