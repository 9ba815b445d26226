import type { Logger } from "pino";

/**
 * What every step between a front and the subgraphs knows of one client's request. Each front makes its own kind of it:
 * the house's with a signed actor, the bare one with headers and claims. Steps that don't care take this one.
 */
export interface ClientRequest {
  requestId: string;
  /** Aborted when the client has gone or the time is up. */
  signal: AbortSignal;
  /** Aborted only when the time is up: what a mutation heeds, so that a closed tab doesn't cut it in two. */
  deadline: AbortSignal;
  /** When the time is up, as `Date.now()` counts; passed on to subgraphs as what is left. */
  deadlineAt?: number;
  /** As the client calls itself; made up by clients, so bounded before it becomes a label. */
  client: { name?: string; version?: string };
  /** Who pays: tenant and person, API key, or address. Budgets and limits per caller are counted under it. */
  callerKey: string;
  /** What `@authenticated`, `@requiresScopes` and `@policy` are asked about. */
  claims: Claims;
  traceparent?: string;
  /** Whether the plan is to stand in the answer's extensions: for developers, where the gateway is set to allow it. */
  exposePlan?: boolean;
  log: Logger;
}

/** What a caller may claim, as far as the graph's own authorization directives care. */
export interface Claims {
  isAuthenticated: boolean;
  scopes: ReadonlySet<string>;
  /** Which of these policies the caller satisfies. A policy that nobody can judge isn't satisfied. */
  policies(names: readonly string[]): Promise<ReadonlySet<string>> | ReadonlySet<string>;
}

/** A GraphQL request's parameters, as GraphQL over HTTP names them. */
export interface OperationParams {
  query?: string;
  operationName?: string;
  variables?: Readonly<Record<string, unknown>>;
  extensions?: Readonly<Record<string, unknown>>;
}
