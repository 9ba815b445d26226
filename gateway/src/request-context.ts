import { allows, isSignedIn, type Actor } from "@atrium/access";
import type { IncomingMessage } from "node:http";
import type { Claims, ClientRequest } from "./client-request";
import { clientAddressOf, clientNameOf, clientTraceparent } from "./http/incoming";

/** What every part behind the HTTP and WebSocket fronts knows of one request. */
export interface RequestContext extends ClientRequest {
  /** Who asks; from a mutation that signs somebody in on, that person. */
  actor: Actor;
  clientAddress?: string;
  userAgent?: string;
  /** Whether the answer is to say what it cost. */
  exposeCost?: boolean;
}

/** What the fronts find out; the rest follows from who asks. */
export type RequestFacts = Omit<RequestContext, "callerKey" | "claims">;

export function requestContext(facts: RequestFacts): RequestContext {
  const { actor, clientAddress } = facts;
  return {
    ...facts,
    callerKey: isSignedIn(actor) ? `${actor.organizationId ?? ""} ${actor.userId}` : (clientAddress ?? ""),
    get claims() {
      return claimsOf(this.actor);
    },
  };
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

/** Permissions are the graph's scopes: `documents:read` is held by who holds `documents:*`. */
function claimsOf(actor: Actor): Claims {
  return {
    isAuthenticated: isSignedIn(actor),
    scopes: new PermissionScopes(isSignedIn(actor) ? actor.permissions : []),
    policies: () => new Set<string>(),
  };
}

class PermissionScopes extends Set<string> {
  override has(scope: string): boolean {
    return allows([...this], scope);
  }
}
