import jwt, { type Algorithm, type JwtPayload } from "jsonwebtoken";
import { LRUCache } from "lru-cache";
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { request } from "undici";
import { RequestRefused } from "../endpoint";
import { GraphQLError } from "graphql";
import type { Claims } from "../client-request";
import type { Config } from "./config";

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
const clockSkewSeconds = 5;

/** Verifies access tokens by a JSON Web Key Set (RFC 7517, 7519). A token that was found good stays so until it expires or the keys change. */
export async function openTokens(settings: Settings, log: Logger): Promise<Tokens> {
  let keys = await readKeys(settings.jwks);
  const good = new LRUCache<string, { caller: Caller; expiresAt: number }>({ max: rememberedMax });
  let refreshing: Promise<void> | null = null;
  let refreshedAt = performance.now();

  function refresh(): Promise<void> {
    refreshedAt = performance.now();
    return (refreshing ??= readKeys(settings.jwks)
      .then((fresh) => {
        const isChanged = [...keys.keys()].join(" ") !== [...fresh.keys()].join(" ");
        keys = fresh;
        if (isChanged) good.clear();
      })
      .catch((error: unknown) =>
        log.warn({ err: error }, "The signing keys couldn't be read again; the old ones stay."),
      )
      .finally(() => (refreshing = null)));
  }
  const timer = setInterval(() => void refresh(), settings.refreshMs).unref();

  async function verify(token: string): Promise<Caller> {
    const header = jwt.decode(token, { complete: true })?.header;
    if (!header) throw refused("The access token isn't one.");
    // A key that isn't known yet may be new; made-up ones cost one look a second.
    if (!keyFor(header.kid) && performance.now() - refreshedAt > 1_000) await refresh();
    const key = keyFor(header.kid);
    if (!key) throw refused("The access token isn't signed with a key that is known here.");
    let payload: JwtPayload;
    try {
      payload = jwt.verify(token, key, {
        algorithms: settings.algorithms as Algorithm[],
        issuer: settings.issuer,
        audience: settings.audience,
        clockTolerance: clockSkewSeconds,
      }) as JwtPayload;
    } catch (error) {
      throw refused(
        error instanceof jwt.TokenExpiredError ? "The access token has expired." : "The access token isn't valid.",
      );
    }
    const caller = callerFrom(payload, settings);
    good.set(token, { caller, expiresAt: (payload.exp ?? Infinity) * 1_000 });
    return caller;
  }

  const keyFor = (kid: string | undefined): KeyObject | undefined =>
    kid === undefined ? (keys.size === 1 ? [...keys.values()][0] : undefined) : keys.get(kid);

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

function callerFrom(payload: JwtPayload, { scopesClaim, policiesClaim }: Settings): Caller {
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

async function readKeys(source: string): Promise<Map<string, KeyObject>> {
  const { keys } = JSON.parse(await textOf(source)) as { keys?: (JsonWebKey & { kid?: string; use?: string })[] };
  if (!Array.isArray(keys)) throw new Error(`${source} is no JSON Web Key Set.`);
  const read = new Map<string, KeyObject>();
  for (const [index, { kid, use, ...jwk }] of keys.entries()) {
    // Shared secrets have no place in a public set.
    if (jwk.kty === "oct" || (use !== undefined && use !== "sig")) continue;
    read.set(kid ?? `#${index}`, createPublicKey({ key: jwk, format: "jwk" }));
  }
  return read;
}

async function textOf(source: string): Promise<string> {
  if (!/^https?:/.test(source)) return readFile(source, "utf8");
  const { statusCode, body } = await request(source, { signal: AbortSignal.timeout(keysTimeoutMs) });
  if (statusCode !== 200) throw new Error(`${source} answered ${statusCode}.`);
  return body.text();
}

const refused = (message: string) =>
  new RequestRefused([new GraphQLError(message, { extensions: { code: "UNAUTHENTICATED", http: { status: 401 } } })]);
