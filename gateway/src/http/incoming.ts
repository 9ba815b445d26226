import { actorHeader } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Credentials } from "../authentication";

// What a client may not say of itself: these headers are how parts of Atrium speak to each other.
const internalPrefix = actorHeader.slice(0, actorHeader.lastIndexOf("-") + 1);
const saneRequestId = /^[A-Za-z0-9][A-Za-z0-9_.:-]{7,127}$/;

/** Removes every header with which a client could pose as the gateway. Done before anything else looks at them. */
export function stripInternalHeaders(request: IncomingMessage): void {
  const internal = Object.keys(request.headers).filter((name) => name.startsWith(internalPrefix));
  if (internal.length === 0) return;
  for (const name of internal) delete request.headers[name];
  const raw = request.rawHeaders;
  request.rawHeaders = raw.filter((_, i) => !raw[i - (i % 2)]!.toLowerCase().startsWith(internalPrefix));
}

/** The client's own request id if it is a sane one, so that a call can be followed across systems; otherwise a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && saneRequestId.test(given) ? given : randomUUID();
}

/**
 * The client's address. Behind `trustedProxies` proxies of our own it is the entry that the outermost of them appended to
 * `X-Forwarded-For`; entries further left are whatever the client wrote.
 */
export function clientAddressOf(request: IncomingMessage, trustedProxies: number): string | undefined {
  const peer = request.socket.remoteAddress;
  if (trustedProxies === 0) return peer;
  const header = request.headers["x-forwarded-for"];
  const chain = (typeof header === "string" ? header.split(",").map((entry) => entry.trim()) : []).filter(Boolean);
  return chain.at(-trustedProxies) ?? chain[0] ?? peer;
}

/**
 * The path to route by. Throws `BAD_USER_INPUT` for anything that a further server could read as another path: dot
 * segments, empty segments, encoded separators, control characters, a whole URL.
 */
export function pathOf(request: IncomingMessage): string {
  const target = request.url ?? "";
  const path = target.split("?", 1)[0]!;
  const segments = path.split("/");
  const isSane =
    path.startsWith("/") &&
    !/%(2f|5c|2e|00|25)|[\\\u0000-\u0020\u007f-\uffff]/i.test(path) &&
    segments
      .slice(1)
      .every((segment, i) => segment !== "." && segment !== ".." && (segment !== "" || i === segments.length - 2));
  if (!isSane) throw new PublicError("BAD_USER_INPUT", "The path of this request isn't one.", { field: "path" });
  return path;
}

const saneTraceparent = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The trace (W3C Trace Context) that the client's request is part of, if it says so sanely. */
export function clientTraceparent({ headers }: IncomingMessage): string | undefined {
  const given = headers["traceparent"];
  return typeof given === "string" && saneTraceparent.test(given) ? given : undefined;
}

/** What the client calls itself. */
export function clientNameOf({ headers }: IncomingMessage): { name?: string; version?: string } {
  const text = (name: string) => {
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  };
  return { name: text("apollographql-client-name"), version: text("apollographql-client-version") };
}

export function credentialsOf(request: IncomingMessage): Credentials {
  const apiKey = request.headers["x-api-key"];
  return { authorization: request.headers.authorization, apiKey: typeof apiKey === "string" ? apiKey : undefined };
}
