import type { Actor } from "@atrium/access";
import type { ExecutionResult } from "graphql";
import type { IncomingMessage, ServerResponse } from "node:http";

/** One operation on one subgraph, and on whose behalf. */
export interface OperationRequest {
  query: string;
  variables?: Record<string, unknown>;
  operationName?: string;
  actor: Actor;
  requestId: string;
  traceparent?: string;
  clientAddress?: string;
  userAgent?: string;
  signal?: AbortSignal;
}

/** On whose behalf one of a service's own routes is called. */
export interface RouteCaller {
  actor: Actor;
  requestId: string;
  clientAddress?: string;
}

export type Readiness = Record<string, { ok: boolean; detail?: string }>;
export type EventStream = AsyncIterableIterator<ExecutionResult>;

/**
 * All that the gateway knows of a subgraph. There are two drivers, in-process and HTTP; nothing else in the gateway
 * knows which one it talks to.
 */
export interface SubgraphClient {
  readonly name: string;
  /** Resolves with the subgraph's result, GraphQL errors included; rejects when no answer can be had from it. */
  execute(request: OperationRequest): Promise<ExecutionResult>;
  /** A stream of events, or the result that says why there is none. Aborting `request.signal` ends the stream. */
  subscribe(request: OperationRequest): Promise<EventStream | ExecutionResult>;
  /** Serves one of the service's own routes (an upload, a file), streaming both ways. */
  handle(request: IncomingMessage, response: ServerResponse, caller: RouteCaller): void;
  /** Calls an operation that the service keeps for other services; the caller is the gateway itself. */
  internal(operation: string, input: unknown): Promise<unknown>;
  /** What the service needs, each part named. Rejects when the service doesn't answer. */
  ready(): Promise<Readiness>;
  close(): Promise<void>;
}
