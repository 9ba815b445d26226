import type { IncomingMessage, ServerResponse } from "node:http";
import type { Actor } from "@atrium/access";
import type { HeldNoun } from "@atrium/personal-data";
import type { ExecutionResult } from "graphql";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { RouteName } from "./routes";

/** One operation, as the gateway or another service hands it to a subgraph. */
export interface OperationRequest {
  query: string;
  variables?: Readonly<Record<string, unknown>>;
  operationName?: string;
  /** These three as JSON text, where whoever asks has it already. */
  body?(): string;
  actor: Actor;
  requestId: string;
  /** W3C trace context, where the caller is in another process. */
  traceparent?: string;
  clientAddress?: string;
  userAgent?: string;
  /** Aborts when nobody waits for the answer any more. */
  signal?: AbortSignal;
}

/** What a service's context is made of, anew for each operation and for each event of a subscription. */
export interface RequestFacts {
  actor: Actor;
  requestId: string;
  clientAddress: string | null;
  userAgent: string | null;
  /** Aborts when nobody waits for the answer any more, when it takes too long, and when the process must end. */
  signal: AbortSignal;
  log: Logger;
  now(): Date;
  /**
   * Lets what other services answer to the same mutation be answered in the name of whom this access token is for: who
   * has just signed in or changed places sees their organization in the same response. Means nothing elsewhere.
   */
  continueAs(accessToken: string): void;
}

/** Where a result tells the gateway what `continueAs` was told. Never reaches a client. */
export const continueAsExtension = "continueAs";

/**
 * An operation of one service for another or for the gateway, beside its API: JSON in, JSON out. It reads and changes
 * nothing: where an answer is missing, it is asked again.
 */
export type InternalOperation = (input: unknown) => Promise<unknown>;

export interface Subgraph {
  readonly name: string;
  /** Never rejects: what goes wrong is in the result's `errors`, masked. */
  execute(request: OperationRequest): Promise<ExecutionResult>;
  /**
   * The events, or one result when it couldn't be subscribed. When the subgraph ends a subscription, the last result
   * carries an error that says why. `return()` ends it from the other side, at once.
   */
  subscribe(request: OperationRequest): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
}

export interface RunningSubgraph extends Subgraph {
  readonly sdl: string;
  readonly routes: readonly RouteName[];
  readonly internal: Readonly<Record<string, InternalOperation>>;
  /** What the service holds of people, by noun. */
  readonly personalData: readonly HeldNoun[];
  /** Serves `/health`, `/ready`, `/metrics`, `/graphql`, `/internal/…` and the service's routes. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  ready(): Promise<Readiness>;
  /** What `/metrics` shows; Prometheus' text by `registry.metrics()`. */
  readonly registry: Registry;
  /** Lets running operations end, ends subscriptions, then closes what the service opened. */
  stop(): Promise<void>;
}

/** Each thing that the subgraph needs, by name. */
export type Readiness = Record<string, { ok: boolean; detail?: string }>;
