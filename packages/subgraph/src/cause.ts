import { isIP } from "node:net";
import type { Actor } from "@atrium/access";
import { originSeal, type Cause } from "@atrium/events";
import type { OperationRequest } from "./operation";

/** Makes a request's cause, for the events that it leads to; its origin is sealed once, when it is first needed. */
export function causeOf(serviceKey: Buffer) {
  const { seal } = originSeal(serviceKey);
  return ({
    actor,
    clientAddress,
    userAgent,
  }: Pick<OperationRequest, "actor" | "clientAddress" | "userAgent">): Cause => {
    const origin = { network: truncatedAddress(clientAddress ?? null), userAgent: userAgent ?? null };
    let sealed: string | undefined;
    return {
      agentId: agentOf(actor),
      origin: () => (origin.network || origin.userAgent ? (sealed ??= seal(origin)) : undefined),
    };
  };
}

function agentOf(actor: Actor): string | undefined {
  if (actor.kind === "API_KEY") return actor.sessionId;
  return actor.kind === "SYSTEM" ? actor.service : undefined;
}

/** The address without what tells one household from another: 24 bits of IPv4, 48 of IPv6. */
export function truncatedAddress(address: string | null): string | null {
  if (!address) return null;
  const mapped = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (isIP(mapped) === 4) return `${mapped.split(".").slice(0, 3).join(".")}.0/24`;
  if (isIP(mapped) !== 6) return null;
  const [before = "", after = ""] = mapped.replace(/%.*/, "").split("::");
  const head = before ? before.split(":") : [];
  const tail = after ? after.split(":") : [];
  const groups = [...head, ...Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0"), ...tail];
  return `${groups.slice(0, 3).join(":")}::/48`;
}
