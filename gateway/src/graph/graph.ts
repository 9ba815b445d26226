import type { QueryPlan } from "@apollo/query-planner";
import type { GraphQLSchema } from "graphql";
import type { Operation } from "./operation";

/** A supergraph that is being served. A changed one is another `Graph`; what runs on this one ends on this one. */
export interface Graph {
  /** The SHA-256 of its text. */
  readonly id: string;
  readonly sdl: string;
  /** What clients see, with `@defer` and without anything inaccessible. */
  readonly apiSchema: GraphQLSchema;
  /** With the join, authorization and cost directives, and what is inaccessible. */
  readonly supergraphSchema: GraphQLSchema;
  readonly subgraphs: readonly { name: string; url: string }[];
  /**
   * The plan of an operation, planned off the event loop and kept by the operation's key and the labels' values. Rejects
   * with `PlanningRefused` when too many wait to be planned or planning takes too long, with `PlanningFailed` when there is
   * none.
   */
  plan(operation: Operation, o?: PlanOptions): Promise<QueryPlan> | QueryPlan;
  /** Ends the planning threads once nothing runs on it any more. */
  close(): Promise<void>;
}

export interface PlanOptions {
  /** Who asks: the share of the planner that one caller may take is bounded. */
  callerKey?: string;
  /** The values of the `@override(label:)` labels that this operation's fields depend on. */
  overrides?: ReadonlyMap<string, boolean>;
  signal?: AbortSignal;
  /** The trace that a planning is part of. */
  traceparent?: string;
}

/** Planning was refused to keep others served: `QUEUE_FULL` (try again), `TOO_SLOW` (this operation never gets a plan). */
export class PlanningRefused extends Error {
  override readonly name = "PlanningRefused";
  constructor(
    readonly reason: "QUEUE_FULL" | "TOO_SLOW",
    message: string,
  ) {
    super(message);
  }
}

/** The planner has no plan for an operation that is valid: a fault of its own. */
export class PlanningFailed extends Error {
  override readonly name = "PlanningFailed";
}
