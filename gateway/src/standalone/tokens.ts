import type { JWTPayload } from "jose";
import { LRUCache } from "lru-cache";
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { request } from "undici";
import type { Claims } from "../client-request";
import { refused as refusal } from "../http/refusal";
import type { Config } from "./config";
import { ConfigError } from "./config-file";
import { BadToken, readToken, type SigningKey } from "./json-web-token";

type Settings = NonNullable<Config["authentication"]>;

export interface Caller {
  claims: Claims;
  /** The same for whoever may do the same. */
  claimsKey: string;
  /** The token's subject; undefined for nobody. */
  subject: string | undefined;
  /** As `Date.now()` counts; until then sockets stay open. */
  expiresAt?: number;
}

export interface Tokens {
  /** Throws `RequestRefused` (401) for a bad token: it is never taken for none. */
  callerOf(authorization: string | undefined): Caller | Promise<Caller>;
  close(): void;
}

export const nobody: Caller = {
  claims: { isAuthenticated: false, scopes: new Set(), policies: () => new Set() },
  claimsKey: "",
  subject: undefined,
};

const tokenLengthMax = 8_192;
const rememberedMax = 10_000;
const keysTimeoutMs = 10_000;
// RFC 7518 3.3.
const rsaBitsMin = 2_048;

/**
 * Verifies access tokens by a JSON Web Key Set (RFC 7517, 7519). A token that was found good stays so until it expires or
 * the keys change. Rejects with `ConfigError` when there are no keys to begin with.
 */
export async function openTokens(settings: Settings, log: Logger): Promise<Tokens> {
  let keys = await firstKeys(settings.jwks);
  const good = new LRUCache<string, { caller: Caller; expiresAt: number }>({ max: rememberedMax });
  let refreshing: Promise<void> | null = null;
  let refreshedAt = performance.now();

  function refresh(): Promise<void> {
    refreshedAt = performance.now();
    return (refreshing ??= readKeys(settings.jwks)
      .then((fresh) => {
        if (!isSame(keys, fresh)) good.clear();
        keys = fresh;
      })
      .catch((error: unknown) =>
        log.warn({ err: error }, "The signing keys couldn't be read again; the old ones stay."),
      )
      .finally(() => (refreshing = null)));
  }
  const timer = setInterval(() => void refresh(), settings.refreshMs).unref();

  const keyFor = (kid: string | undefined): SigningKey | undefined =>
    kid === undefined ? (keys.size === 1 ? [...keys.values()][0] : undefined) : keys.get(kid);

  /** A key that isn't known yet may be new; made-up ones cost one look a second. */
  async function keyOf(kid: string | undefined): Promise<SigningKey | undefined> {
    if (!keyFor(kid)) await (refreshing ?? (performance.now() - refreshedAt > 1_000 ? refresh() : undefined));
    return keyFor(kid);
  }

  async function verify(token: string): Promise<Caller> {
    try {
      const payload = await readToken(token, { ...settings, keyOf });
      const caller = callerFrom(payload, settings);
      good.set(token, { caller, expiresAt: (payload.exp ?? Infinity) * 1_000 });
      return caller;
    } catch (error) {
      throw error instanceof BadToken ? refused(error.message, ', error="invalid_token"') : error;
    }
  }

  return {
    callerOf(authorization) {
      if (authorization === undefined) {
        if (settings.required) throw refused("Send an access token as: Authorization: Bearer <token>.");
        return nobody;
      }
      const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
      if (!token || token.length > tokenLengthMax) throw refused("Send the token as: Authorization: Bearer <token>.");
      const known = good.get(token);
      if (known && known.expiresAt > Date.now()) return known.caller;
      return verify(token);
    },
    close: () => clearInterval(timer),
  };
}

function callerFrom(payload: JWTPayload, { scopesClaim, policiesClaim }: Settings): Caller {
  const policies = policiesClaim === undefined ? none : namesIn(payload[policiesClaim]);
  const scopes = namesIn(payload[scopesClaim]);
  return {
    claims: { isAuthenticated: true, scopes, policies: () => policies },
    claimsKey: JSON.stringify([[...scopes].sort(), [...policies].sort()]),
    subject: payload.sub,
    ...(payload.exp !== undefined && { expiresAt: payload.exp * 1_000 }),
  };
}

/** A list, or a text with spaces between (RFC 8693, `scope`). */
function namesIn(claim: unknown): ReadonlySet<string> {
  if (Array.isArray(claim)) return new Set(claim.filter((name): name is string => typeof name === "string"));
  return typeof claim === "string" ? new Set(claim.split(/\s+/).filter(Boolean)) : none;
}

const none: ReadonlySet<string> = new Set();

async function firstKeys(source: string): Promise<Map<string, SigningKey>> {
  let keys: Map<string, SigningKey>;
  try {
    keys = await readKeys(source);
  } catch (error) {
    throw new ConfigError(`The signing keys can't be read (authentication.jwks): ${(error as Error).message}`);
  }
  if (keys.size === 0) throw new ConfigError(`${source} has no key that a token could be signed with.`);
  return keys;
}

async function readKeys(source: string): Promise<Map<string, SigningKey>> {
  const set = JSON.parse(await textOf(source)) as { keys?: Jwk[] } | null;
  if (!Array.isArray(set?.keys)) throw new Error(`${source} is no JSON Web Key Set.`);
  const read = new Map<string, SigningKey>();
  for (const [index, jwk] of set.keys.entries()) {
    const key = publicKeyOf(jwk);
    if (key) read.set(jwk.kid ?? `#${index}`, { key, algorithm: jwk.alg });
  }
  return read;
}

type Jwk = JsonWebKey & { kid?: string; use?: string; alg?: string };

/** Undefined for what verifies nothing, and for kinds that aren't known here (RFC 7517 5: they are passed over). */
function publicKeyOf({ kid: _kid, use, alg: _alg, ...jwk }: Jwk): KeyObject | undefined {
  // Shared secrets have no place in a public set.
  if (jwk.kty === "oct" || (use !== undefined && use !== "sig")) return undefined;
  try {
    const key = createPublicKey({ key: jwk, format: "jwk" });
    return (key.asymmetricKeyDetails?.modulusLength ?? rsaBitsMin) < rsaBitsMin ? undefined : key;
  } catch {
    return undefined;
  }
}

const isSame = (some: ReadonlyMap<string, SigningKey>, others: ReadonlyMap<string, SigningKey>): boolean =>
  some.size === others.size &&
  [...some].every(([kid, { key, algorithm }]) => {
    const other = others.get(kid);
    return other !== undefined && other.algorithm === algorithm && other.key.equals(key);
  });

async function textOf(source: string): Promise<string> {
  if (!/^https?:/.test(source)) return readFile(source, "utf8");
  const { statusCode, body } = await request(source, { signal: AbortSignal.timeout(keysTimeoutMs) });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${source} answered ${statusCode}.`);
  return text;
}

/** With the challenge that a 401 has (RFC 6750 3). */
const refused = (message: string, fault = "") =>
  refusal("UNAUTHENTICATED", message, 401, { "www-authenticate": `Bearer realm="graphql"${fault}` });
