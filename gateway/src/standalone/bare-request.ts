import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Logger } from "pino";
import type { Claims, ClientRequest } from "../client-request";
import { clientAddressOf, clientTraceparent } from "../http/incoming";
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
  readonly #presence = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #patience: AbortController | undefined;
  #requestId: string | undefined;
  #policy: CachePolicy | undefined;

  constructor(
    request: IncomingMessage,
    private readonly caller: Caller,
    readonly log: Logger,
    o: { timeoutMs?: number; exposePlan: boolean; trustedProxies: number; traceparent?: string },
  ) {
    const { headers } = request;
    // Each of an operation's fetches listens, and there may be many.
    setMaxListeners(0, this.#presence.signal);
    this.headers = headers;
    this.client = {
      name: one(headers["apollographql-client-name"]),
      version: one(headers["apollographql-client-version"]),
    };
    this.callerKey = caller.subject ?? clientAddressOf(request, o.trustedProxies) ?? "";
    this.exposePlan = o.exposePlan && headers["apollo-expose-query-plan"] === "true";
    this.traceparent = o.traceparent ?? clientTraceparent(request);
    this.deadlineAt = o.timeoutMs === undefined ? undefined : Date.now() + o.timeoutMs;
    if (o.timeoutMs !== undefined) this.#timer = setTimeout(() => this.#timeUp(o.timeoutMs!), o.timeoutMs);
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
    return this.#presence.signal;
  }

  get deadline(): AbortSignal {
    if (!this.#patience) setMaxListeners(0, (this.#patience = new AbortController()).signal);
    return this.#patience!.signal;
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
    this.#presence.abort(new Error("The client has gone."));
  }

  /** It has been answered. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #timeUp(ms: number): void {
    const late = new DOMException(`An operation may take ${ms} ms at the most.`, "TimeoutError");
    (this.#patience ??= new AbortController()).abort(late);
    this.#presence.abort(late);
  }
}

const one = (header: string | string[] | undefined): string | undefined =>
  typeof header === "string" ? header : header?.[0];

const saneRequestId = (given: string | string[] | undefined): string | undefined =>
  typeof given === "string" && /^[A-Za-z0-9][A-Za-z0-9_.:-]{7,127}$/.test(given) ? given : undefined;
