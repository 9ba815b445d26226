import type { QueryPlan } from "@apollo/query-planner";
import type { GraphQLFormattedError } from "graphql";
import type { ClientRequest } from "../client-request";
import type { Graph, PlanOptions } from "../graph/graph";
import type { Operation } from "../graph/operation";
import type { Observer } from "../observing/observer";
import type { SubgraphFault, SubgraphTransport } from "../subgraphs/transport";

export interface Answer {
  data?: Record<string, unknown> | null;
  errors?: readonly GraphQLFormattedError[];
  extensions?: Record<string, unknown>;
}

/** An answer that comes in parts (`@defer`): the first, then the rest as the incremental delivery proposal has them. */
export interface IncrementalAnswer {
  initial: Answer & { hasNext: boolean };
  /** Ends after the part whose `hasNext` is false; `return` ends the fetches that still run. */
  subsequent: AsyncIterableIterator<IncrementalPart>;
}

export interface IncrementalPart {
  hasNext: boolean;
  incremental?: readonly (Answer & { path: readonly (string | number)[]; label?: string })[];
}

export type EventStream = AsyncIterableIterator<Answer>;

export const isEventStream = (value: object): value is EventStream => Symbol.asyncIterator in value;
export const isIncremental = (value: object): value is IncrementalAnswer => "subsequent" in value;

/** An operation and its plan, compiled: kept with the plan and used by everyone who sends it. */
export interface Prepared {
  readonly operation: Operation;
  readonly plan: QueryPlan;
}

export interface EngineOptions<Request extends ClientRequest> {
  graph: Graph;
  transports: ReadonlyMap<string, SubgraphTransport<Request>>;
  /** What clients are told of an error that a subgraph reported; its path is already the client's own. */
  describeError(error: GraphQLFormattedError, subgraph: string, request: Request): GraphQLFormattedError;
  /** What clients are told when a subgraph gave no answer. */
  describeFault(fault: SubgraphFault, request: Request): GraphQLFormattedError;
  /** What clients are told where a value is missing or wrong and no subgraph said why. */
  describeGap?(gap: { why: "NULL" | "INVALID"; where: string }, request: Request): GraphQLFormattedError;
  /** What clients are told where they may not see a value; its path is put to it. */
  describeDenial?(request: Request): GraphQLFormattedError;
  /** Which of a subgraph's top-level `extensions` reach the client. None unless named. */
  extensionsPassed?: readonly string[];
  observer?: Observer;
}

/** Runs compiled plans against the subgraphs. */
export interface Engine<Request extends ClientRequest> {
  /** Plans an operation for these variables and compiles the plan; at once where both have been done. */
  prepare(
    operation: Operation,
    variables: Readonly<Record<string, unknown>>,
    o?: PlanOptions,
  ): Promise<Prepared> | Prepared;
  /** For valid variables. Resolves with whatever could be answered; errors stand in it. */
  execute(prepared: Prepared, variables: Readonly<Record<string, unknown>>, request: Request): Promise<Answer>;
  /** The same, in parts where the operation defers any. */
  executeIncrementally(
    prepared: Prepared,
    variables: Readonly<Record<string, unknown>>,
    request: Request,
  ): Promise<Answer | IncrementalAnswer>;
  /**
   * The primary fetch's events, each joined with what the other subgraphs know. Ends with `SubgraphFault` where its
   * subgraph is lost.
   */
  subscribe(
    prepared: Prepared,
    variables: Readonly<Record<string, unknown>>,
    request: Request,
    o?: SubscribeOptions<Request>,
  ): Promise<EventStream | Answer>;
}

export interface SubscribeOptions<Request extends ClientRequest> {
  /**
   * Asked before each event is joined, so that the request carries the caller's rights as they are then; rejects when the
   * caller may not see it. `arrivedAt` is when the event was there, as `performance.now()` counts: what was found out
   * later than that holds for it.
   */
  requestOfEvent?(arrivedAt: number): Promise<Request> | Request;
  /** Whether a subgraph that can't be reached rejects with `SubgraphFault`, rather than being an answer that says so. */
  throwsFaults?: boolean;
}
