import { allows, isSignedIn, type Actor } from "@atrium/access";
import type { IncomingMessage } from "node:http";
import type { Logger } from "pino";
import type { Claims, ClientRequest } from "./client-request";
import { clientAddressOf, clientNameOf, clientTraceparent } from "./http/incoming";
import { isSampled } from "./observing/observe";
import type { OperationTime } from "./operation-time";

/** What the fronts find out of one request. */
export interface RequestFacts {
  requestId: string;
  client: ClientRequest["client"];
  traceparent?: string;
  clientAddress?: string;
  userAgent?: string;
  /** Whether the answer is to say what it cost. */
  exposeCost?: boolean;
  log: Logger;
}

/**
 * What every part behind the HTTP and WebSocket fronts knows of one request. One is made for each operation, and copied
 * by Apollo Server, so it holds little, and what few ask for is made when it is asked for.
 */
export class RequestContext implements ClientRequest {
  readonly callerKey: string;
  private told: { actor: Actor; text: string } | undefined;

  constructor(
    private readonly facts: RequestFacts,
    /** Who asks; from a mutation that signs somebody in on, that person. */
    public actor: Actor,
    private readonly time: Pick<OperationTime, "signal" | "deadline">,
  ) {
    this.callerKey = isSignedIn(actor) ? `${actor.organizationId ?? ""} ${actor.userId}` : (facts.clientAddress ?? "");
  }

  get requestId(): string {
    return this.facts.requestId;
  }

  get client(): ClientRequest["client"] {
    return this.facts.client;
  }

  get traceparent(): string | undefined {
    return this.facts.traceparent;
  }

  get clientAddress(): string | undefined {
    return this.facts.clientAddress;
  }

  get userAgent(): string | undefined {
    return this.facts.userAgent;
  }

  get exposeCost(): boolean {
    return this.facts.exposeCost === true;
  }

  get log(): Logger {
    return this.facts.log;
  }

  get signal(): AbortSignal {
    return this.time.signal;
  }

  get deadline(): AbortSignal {
    return this.time.deadline;
  }

  /** Permissions are the graph's scopes: `documents:read` is held by who holds `documents:*`. */
  get claims(): Claims {
    const { actor } = this;
    return {
      isAuthenticated: isSignedIn(actor),
      scopes: new PermissionScopes(isSignedIn(actor) ? actor.permissions : []),
      policies: () => new Set<string>(),
    };
  }

  /**
   * All that a service is told of the caller and that its answer may depend on. A traced request is told apart, so that
   * its trace has what the service did for it.
   */
  get toldOfCaller(): string {
    const { actor, clientAddress, userAgent, traceparent, requestId } = this;
    if (this.told?.actor !== actor) {
      const parts = [actor, clientAddress, userAgent, isSampled(traceparent) ? requestId : null];
      this.told = { actor, text: JSON.stringify(parts) };
    }
    return this.told!.text;
  }

  /** The same request of somebody whose rights have been asked anew. */
  as(actor: Actor): RequestContext {
    return new RequestContext(this.facts, actor, this.time);
  }

  /** The same request where its trace has come to. */
  within(traceparent: string | undefined): RequestContext {
    return new RequestContext({ ...this.facts, traceparent }, this.actor, this.time);
  }

  /** The same caller's request with another end. */
  lasting(signal: AbortSignal): RequestContext {
    return new RequestContext(this.facts, this.actor, { signal, deadline: this.deadline });
  }
}

const userAgentLengthMax = 512;

/** What a request over HTTP, or a socket's first one, says of itself. */
export const factsOf = (request: IncomingMessage, trustedProxies: number) => ({
  traceparent: clientTraceparent(request),
  clientAddress: clientAddressOf(request, trustedProxies),
  userAgent: request.headers["user-agent"]?.slice(0, userAgentLengthMax),
  client: clientNameOf(request),
  exposeCost: request.headers["expose-cost"] === "true",
});

class PermissionScopes extends Set<string> {
  override has(scope: string): boolean {
    return allows([...this], scope);
  }
}
