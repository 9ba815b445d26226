import { allows, anonymous, permissionsOf, type Actor } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import { describeFault } from "@atrium/subgraph";
import jwt from "jsonwebtoken";
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { Logger } from "pino";
import { z } from "zod";
import type { AccessSource, SigningKey, TokenClaims } from "./access-source";

/** Where credentials may stand: the headers of a request, or what a socket sent when it opened. */
export interface Credentials {
  authorization?: string;
  apiKey?: string;
}

/** Credentials whose form and signature hold. Whether they still count is asked anew each time. */
export type Proof = { kind: "NONE" } | { kind: "TOKEN"; claims: TokenClaims } | { kind: "API_KEY"; secret: string };

export interface Session {
  /** The session, or the API key's own id. */
  id: string;
  kind: "USER" | "GUEST" | "API_KEY";
}

export interface Caller {
  actor: Actor;
  /** Null for nobody. */
  session: Session | null;
}

export interface Authentication {
  /** Checks form and signature. Throws `UNAUTHENTICATED` for bad credentials; never takes them for none. */
  verify(credentials: Credentials): Promise<Proof>;
  /** Who this is and what they may do, now. Throws `UNAUTHENTICATED` when the session or key has ended. */
  resolve(proof: Proof): Promise<Caller>;
  /** Whether the session or key behind the proof still lives; says nothing of rights. */
  alive(proof: Proof): Promise<boolean>;
  /** `verify`, then `resolve`. */
  authenticate(credentials: Credentials): Promise<Caller>;
}

// A token is some 600 characters; more is an attempt to keep us busy.
const credentialLengthMax = 4_096;
const clockSkewSeconds = 5;
// A withdrawn signing key stops counting after so long, a new one counts at once.
const signingKeysFreshMs = 10_000;
// Tokens that name made-up keys mustn't turn into a call each: they wait, and share the next one.
const signingKeysRetryMs = 1_000;

const claimsSchema = z.object({
  sub: z.string().min(1),
  sid: z.string().min(1),
  org: z.string().nullish(),
  ws: z.string().nullish(),
  kind: z.enum(["USER", "GUEST"]),
  exp: z.number(),
});

export function createAuthentication(o: {
  source: AccessSource;
  issuer: string;
  audience: string;
  log: Logger;
}): Authentication {
  const { source, issuer, audience } = o;
  const logged = new WeakSet<Error>();
  const keys = signingKeyRing(() => ask(() => source.signingKeys()));
  const verified = new VerifiedTokens();

  async function verify({ authorization, apiKey }: Credentials): Promise<Proof> {
    if (authorization === undefined && apiKey === undefined) return { kind: "NONE" };
    if (authorization !== undefined && apiKey !== undefined)
      throw unauthenticated("Send either an access token or an API key, not both.");
    if (apiKey !== undefined) return apiKeyProof(apiKey);
    const [, bearer] = /^Bearer +([^\s]+)$/i.exec(authorization!) ?? [];
    if (!bearer) throw unauthenticated("Send the token as: Authorization: Bearer <token>.");
    return bearer.includes(".") ? { kind: "TOKEN", claims: await verifyToken(bearer) } : apiKeyProof(bearer);
  }

  async function verifyToken(token: string): Promise<TokenClaims> {
    if (token.length > credentialLengthMax) throw unauthenticated("The access token isn't valid.");
    const known = verified.find(token);
    const kid = known?.kid ?? keyIdOf(token);
    const key = kid === undefined ? undefined : await keys.find(kid);
    if (!kid || !key) throw unauthenticated("The access token isn't valid.");
    if (known?.holdsWith(key)) return known.claims;
    try {
      // The algorithm is ours to say, never the token's; and `key` is a public P-256 key, never a shared secret.
      const payload = jwt.verify(token, key, {
        algorithms: ["ES256"],
        issuer,
        audience,
        clockTolerance: clockSkewSeconds,
      });
      const { sub, sid, org, ws, kind, exp } = claimsSchema.parse(payload);
      const claims = {
        userId: sub,
        sessionId: sid,
        organizationId: org ?? null,
        workspaceId: ws ?? null,
        kind,
        expiresAt: new Date(exp * 1000),
      };
      verified.add(token, new Verified(kid, key, claims));
      return claims;
    } catch (error) {
      if (error instanceof jwt.TokenExpiredError)
        throw unauthenticated("The access token has expired. Get a new one with refreshSession.", error);
      throw unauthenticated("The access token isn't valid.", error);
    }
  }

  async function resolve(proof: Proof): Promise<Caller> {
    if (proof.kind === "NONE") return { actor: anonymous, session: null };
    return proof.kind === "TOKEN" ? resolveToken(proof.claims) : resolveApiKey(proof.secret);
  }

  async function resolveToken(claims: TokenClaims): Promise<Caller> {
    const { userId, sessionId, organizationId, workspaceId, kind } = claims;
    const [lives, permissions] = await ask(() =>
      Promise.all([
        source.session(claims),
        organizationId === null ? null : source.permissions(userId, organizationId, workspaceId),
      ]),
    );
    if (!lives) throw sessionEnded();
    // Whoever was removed from the place that their token names is still who they are, but stands nowhere.
    const place = permissions === null ? { organizationId: null, workspaceId: null } : { organizationId, workspaceId };
    const actor: Actor = { kind, userId, sessionId, ...place, permissions: permissions ?? [] };
    return { actor, session: { id: sessionId, kind } };
  }

  async function resolveApiKey(secret: string): Promise<Caller> {
    const key = await ask(() => source.apiKey(secret));
    if (!key) throw unauthenticated("This API key isn't known, or has been revoked or has expired.");
    const { id, userId, organizationId, workspaceId } = key;
    const held = await ask(() => source.permissions(userId, organizationId, workspaceId));
    if (held === null) throw unauthenticated("Who made this API key no longer belongs to its organization.");
    // A key never outgrows the person who made it.
    const permissions = permissionsOf(key.permissions).filter((permission) => allows(held, permission));
    const actor: Actor = { kind: "API_KEY", userId, sessionId: id, organizationId, workspaceId, permissions };
    return { actor, session: { id, kind: "API_KEY" } };
  }

  async function alive(proof: Proof): Promise<boolean> {
    if (proof.kind === "NONE") return false;
    if (proof.kind === "TOKEN") return ask(() => source.session(proof.claims));
    return ask(async () => (await source.apiKey(proof.secret)) !== null);
  }

  /** Identity and tenancy not answering is their outage, not the caller's fault; and no reason to let anyone in. */
  async function ask<Value>(question: () => Promise<Value>): Promise<Value> {
    try {
      return await question();
    } catch (error) {
      // A whole batch of callers fails with one error: one line says so.
      const isNew = !(error instanceof Error) || !logged.has(error);
      if (isNew) o.log.error({ fault: describeFault(error) }, "Who callers are can't be checked.");
      if (error instanceof Error) logged.add(error);
      throw new PublicError("SERVICE_UNAVAILABLE", "Who you are can't be checked at the moment. Try again shortly.", {
        cause: error,
      });
    }
  }

  return { verify, resolve, alive, authenticate: async (credentials) => resolve(await verify(credentials)) };
}

export const sessionEnded = () => unauthenticated("This session has ended. Sign in again.");

const unauthenticated = (message: string, cause?: unknown) => new PublicError("UNAUTHENTICATED", message, { cause });

function apiKeyProof(secret: string): Proof {
  if (secret.length > credentialLengthMax) throw unauthenticated("This API key isn't known.");
  return { kind: "API_KEY", secret };
}

/** Which key a token says it was signed with: a name to look up among ours, nothing to trust. */
function keyIdOf(token: string): string | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf(".")), "base64url").toString());
    const kid = (header as { kid?: unknown } | null)?.kid;
    return typeof kid === "string" ? kid : undefined;
  } catch {
    return undefined;
  }
}

// Of each of two generations.
const verifiedMax = 5_000;

/**
 * Tokens whose signature has been checked, so that it isn't again with each request of the same caller. Whether the
 * session lives and what it may do is asked each time all the same.
 */
class VerifiedTokens {
  #older = new Map<string, Verified>();
  #newer = new Map<string, Verified>();

  find(token: string): Verified | undefined {
    return this.#newer.get(token) ?? this.#older.get(token);
  }

  add(token: string, verified: Verified): void {
    if (this.#newer.size >= verifiedMax) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(token, verified);
  }
}

class Verified {
  constructor(
    readonly kid: string,
    private key: KeyObject,
    readonly claims: TokenClaims,
  ) {}

  /** Whether `key`, which counts now under this id, is the one that it was checked by, and it hasn't expired. */
  holdsWith(key: KeyObject): boolean {
    if (this.key !== key) {
      if (!this.key.equals(key)) return false;
      this.key = key;
    }
    return this.claims.expiresAt.getTime() > Date.now();
  }
}

/** The signing keys by their ids, fetched when they get old and when an unknown one is named. */
function signingKeyRing(fetchKeys: () => Promise<readonly SigningKey[]>) {
  let keys = new Map<string, KeyObject>();
  let fetchedAt = -Infinity;
  let fetching: Promise<void> | null = null;

  async function refresh() {
    const wait = fetchedAt + signingKeysRetryMs - performance.now();
    if (wait > 0) await setTimeout(wait);
    fetchedAt = performance.now();
    keys = new Map((await fetchKeys()).flatMap(importKey));
  }

  return {
    async find(kid: string): Promise<KeyObject | undefined> {
      const old = performance.now() - fetchedAt > signingKeysFreshMs;
      if (old || !keys.has(kid)) await (fetching ??= refresh().finally(() => (fetching = null)));
      return keys.get(kid);
    },
  };
}

// Only public keys for ES256 are taken, whatever else the set may hold one day.
function importKey({ kid, ...jwk }: SigningKey): [string, KeyObject][] {
  if (jwk["kty"] !== "EC" || jwk["crv"] !== "P-256") return [];
  const { kty, crv, x, y } = jwk as JsonWebKey;
  return [[kid, createPublicKey({ key: { kty, crv, x, y }, format: "jwk" })]];
}
