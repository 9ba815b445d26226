import type { GraphQLFormattedError, OperationTypeNode } from "graphql";
import type { ClientRequest } from "../client-request";

/** One fetch of a plan, ready to be sent. */
export interface SubgraphRequest<Request extends ClientRequest = ClientRequest> {
  readonly kind: OperationTypeNode;
  readonly query: string;
  readonly operationName: string | undefined;
  /** Representations of entities are among them, under `representations`. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** `{"query":…,"operationName":…,"variables":…}` as JSON text, put together at most once. */
  body(): string;
  /** On whose behalf. */
  readonly request: Request;
  /** Ends the fetch; a mutation's is the deadline alone. */
  readonly signal: AbortSignal;
  /** The fetch's own place in the trace, where it has one; otherwise it is the request's. */
  traceparent?: string;
}

/** What a subgraph answered: parsed, not yet trusted to fit the schema. */
export interface SubgraphAnswer {
  data?: Record<string, unknown> | null;
  /** Others have been given the same data: whoever changes it, or hands on what may be changed, makes a copy. */
  isShared?: boolean;
  errors?: readonly GraphQLFormattedError[];
  extensions?: Record<string, unknown>;
}

/** A way to one subgraph. Guards (`subgraphs/guards.ts`) wrap one and are one. */
export interface SubgraphTransport<Request extends ClientRequest = ClientRequest> {
  readonly name: string;
  /** Rejects with `SubgraphFault` when there is no answer that could be read, or none within `timeoutMs`. */
  fetch(request: SubgraphRequest<Request>, timeoutMs?: number): Promise<SubgraphAnswer>;
  /** A stream of events, or the answer that says why there is none. Aborting the signal or `return` ends it upstream. */
  subscribe(request: SubgraphRequest<Request>): Promise<AsyncIterableIterator<SubgraphAnswer> | SubgraphAnswer>;
  close(): Promise<void>;
}

export type FaultReason =
  "TIMEOUT" | "UNREACHABLE" | "OVERLOADED" | "BREAKER_OPEN" | "HTTP_STATUS" | "NOT_GRAPHQL" | "TOO_LARGE" | "ABORTED";

/** Why a subgraph gave no answer. The message is for the log; clients are told by `describeFault`. */
export class SubgraphFault extends Error {
  override readonly name = "SubgraphFault";
  constructor(
    readonly subgraph: string,
    readonly reason: FaultReason,
    message: string,
    options?: ErrorOptions & { status?: number },
  ) {
    super(message, options);
    this.status = options?.status;
  }
  /** The subgraph's HTTP status, where there was one. */
  readonly status: number | undefined;
}
