import type { Actor } from "@atrium/access";
import type { OperationRequest, Readiness } from "@atrium/subgraph";
import type { ExecutionResult } from "graphql";
import type { IncomingMessage, ServerResponse } from "node:http";

/** On whose behalf one of a service's own routes is called. */
export interface RouteCaller {
  actor: Actor;
  requestId: string;
  clientAddress?: string;
}

export type EventStream = AsyncIterableIterator<ExecutionResult>;

/**
 * All that the gateway knows of a subgraph. There are two drivers, in-process and HTTP; nothing else in the gateway
 * knows which one it talks to.
 */
export interface SubgraphClient {
  readonly name: string;
  /** Resolves with the subgraph's result, errors included. */
  execute(request: OperationRequest): Promise<ExecutionResult>;
  /** A stream of events, or the result that says why there is none. Aborting `request.signal` ends the stream. */
  subscribe(request: OperationRequest): Promise<EventStream | ExecutionResult>;
  /** Serves one of the service's own routes (an upload, a file), streaming both ways. */
  handle(request: IncomingMessage, response: ServerResponse, caller: RouteCaller): void;
  /** Calls an operation that the service keeps for other services; the caller is the gateway itself. */
  internal(operation: string, input: unknown): Promise<unknown>;
  /** What the service needs, each part named. Rejects when the service doesn't answer. */
  ready(): Promise<Readiness>;
  /** In Prometheus' text format, where the service shares our process and nobody else can ask it. */
  metrics?(): Promise<string>;
  /** Ends this client's connections, not the service. */
  close(): Promise<void>;
}
