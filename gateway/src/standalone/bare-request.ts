import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Logger } from "pino";
import type { Claims, ClientRequest } from "../client-request";
import { clientAddressOf, clientTraceparent } from "../http/incoming";
import { OperationTime } from "../operation-time";
import { CachePolicy } from "./response-cache";
import type { Caller } from "./tokens";

/** A client's request at the bare gateway: its headers and its token's claims. */
export interface BareRequest extends ClientRequest {
  readonly headers: IncomingHttpHeaders;
  /** What the caller may do, as text: alike for callers who may do the same. */
  readonly claimsKey: string;
  /** What the subgraphs that were asked say of how long the answer may be kept. */
  readonly policy: CachePolicy;
  /** The same caller's request with another end. */
  lasting(signal: AbortSignal): BareRequest;
}

/** One that came over HTTP or a socket. It is made for each operation, so what few need is made when it is asked for. */
export class ClientsRequest implements BareRequest {
  readonly headers: IncomingHttpHeaders;
  readonly client: ClientRequest["client"];
  readonly callerKey: string;
  readonly exposePlan: boolean;
  readonly traceparent: string | undefined;
  readonly deadlineAt: number | undefined;
  readonly #time: OperationTime;
  #requestId: string | undefined;
  #policy: CachePolicy | undefined;

  constructor(
    request: IncomingMessage,
    private readonly caller: Caller,
    readonly log: Logger,
    o: { timeoutMs?: number; exposePlan: boolean; trustedProxies: number; traceparent?: string },
  ) {
    const { headers } = request;
    this.headers = headers;
    this.client = {
      name: one(headers["apollographql-client-name"]),
      version: one(headers["apollographql-client-version"]),
    };
    this.callerKey = caller.subject ?? clientAddressOf(request, o.trustedProxies) ?? "";
    this.exposePlan = o.exposePlan && headers["apollo-expose-query-plan"] === "true";
    this.traceparent = o.traceparent ?? clientTraceparent(request);
    this.deadlineAt = o.timeoutMs === undefined ? undefined : Date.now() + o.timeoutMs;
    this.#time = new OperationTime(o.timeoutMs);
  }

  get requestId(): string {
    return (this.#requestId ??= saneRequestId(this.headers["x-request-id"]) ?? randomUUID());
  }

  get policy(): CachePolicy {
    return (this.#policy ??= new CachePolicy());
  }

  get claims(): Claims {
    return this.caller.claims;
  }

  get claimsKey(): string {
    return this.caller.claimsKey;
  }

  get signal(): AbortSignal {
    return this.#time.signal;
  }

  get deadline(): AbortSignal {
    return this.#time.deadline;
  }

  lasting(signal: AbortSignal): BareRequest {
    const { requestId, headers, client, callerKey, claims, claimsKey, traceparent, exposePlan, log } = this;
    const facts = { requestId, headers, client, callerKey, claims, claimsKey, traceparent, exposePlan, log };
    const until = (end: AbortSignal): BareRequest => ({
      ...facts,
      policy: new CachePolicy(),
      signal: end,
      deadline: end,
      lasting: until,
    });
    return until(signal);
  }

  clientLeft(): void {
    this.#time.clientLeft();
  }

  /** It has been answered. */
  end(): void {
    this.#time.stop();
  }
}

const one = (header: string | string[] | undefined): string | undefined =>
  typeof header === "string" ? header : header?.[0];

const saneRequestId = (given: string | string[] | undefined): string | undefined =>
  typeof given === "string" && /^[A-Za-z0-9][A-Za-z0-9_.:-]{7,127}$/.test(given) ? given : undefined;
