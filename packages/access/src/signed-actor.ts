import { createHmac, hash, hkdfSync, timingSafeEqual } from "node:crypto";
import type { Actor } from "./actor";

/** The header in which the gateway tells a subgraph who is asking. */
export const actorHeader = "x-atrium-actor";

// Long enough for a slow queue between gateway and subgraph, short enough that a logged header is worthless.
const lifetimeSeconds = 30;
const clockSkewSeconds = 5;

interface Claims {
  actor: Actor;
  aud: string;
  exp: number;
  /** SHA-256 of the request body, so that a header can't be moved to another operation. */
  body: string;
}

/**
 * The key with which actors are signed for one subgraph (HKDF-SHA256, RFC 5869, of the installation's secret). A
 * subgraph knows its own key alone, so it can't speak to another subgraph in anybody's name.
 */
export function actorKeyFor(subgraph: string, secret: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "atrium", `actor:${subgraph}`, 32));
}

/** Returns the value of `actorHeader` for one request: base64url claims and their HMAC-SHA256. */
export function signActor(
  actor: Actor,
  { audience, body, key, now = Date.now() }: { audience: string; body: string; key: Buffer; now?: number },
): string {
  const exp = Math.floor(now / 1000) + lifetimeSeconds;
  const claims: Claims = { actor, aud: audience, exp, body: digest(body) };
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `${payload}.${mac(payload, key).toString("base64url")}`;
}

/** The actor in a header made by `signActor` for this audience and body; null when anything doesn't hold. */
export function verifyActor(
  header: string | undefined,
  { audience, body, key, now = Date.now() }: { audience: string; body: string; key: Buffer; now?: number },
): Actor | null {
  const [payload, signature, ...rest] = header?.split(".") ?? [];
  if (!payload || !signature || rest.length > 0) return null;
  const expected = mac(payload, key);
  const given = Buffer.from(signature, "base64url");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Claims;
  const expired = claims.exp + clockSkewSeconds < now / 1000;
  return claims.aud === audience && claims.body === digest(body) && !expired ? claims.actor : null;
}

const mac = (payload: string, key: Buffer) => createHmac("sha256", key).update(payload).digest();
const digest = (body: string) => hash("sha256", body, "base64url");
