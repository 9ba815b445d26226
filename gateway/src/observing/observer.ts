import type { ClientRequest } from "../client-request";
import type { Operation } from "../graph/operation";
import type { FaultReason } from "../subgraphs/transport";

/** What the steps tell whoever measures and traces. Each call costs nothing where nobody listens. */
export interface Observer {
  /** A front hands an operation in. */
  operationStarted?(request: ClientRequest): OperationObservation;
  /** An operation is being planned (not taken from the cache); the returned function says how it ended. */
  planStarted?(operation: Operation, o: { traceparent?: string }): (outcome: "planned" | "refused" | "failed") => void;
  planCached?(operation: Operation): void;
  /** One fetch, retries included. `traceparent` replaces the request's own in what is sent. */
  fetchStarted?(subgraph: string, request: ClientRequest): FetchObservation;
  retried?(subgraph: string, reason: FaultReason): void;
  breakerChanged?(subgraph: string, state: "CLOSED" | "OPEN" | "HALF_OPEN"): void;
}

export interface FetchObservation {
  traceparent?: string;
  ended(outcome: "ok" | "errors" | FaultReason): void;
}

export interface OperationObservation {
  /** Which operation it is: parsed, valid, about to be planned. */
  resolved(operation: Operation): void;
  /** `refused`: it wasn't run. A subscription has ended once it runs. */
  ended(outcome: "ok" | "errors" | "refused"): void;
}
