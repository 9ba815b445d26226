import { constants, verify, type KeyObject } from "node:crypto";

/** The signatures that tokens may have (RFC 7518, 8037), each with the one kind of key that makes it. */
const signatures = {
  ES256: { digest: "sha256", curve: "prime256v1" },
  ES384: { digest: "sha384", curve: "secp384r1" },
  ES512: { digest: "sha512", curve: "secp521r1" },
  RS256: { digest: "sha256", padding: constants.RSA_PKCS1_PADDING },
  RS384: { digest: "sha384", padding: constants.RSA_PKCS1_PADDING },
  RS512: { digest: "sha512", padding: constants.RSA_PKCS1_PADDING },
  PS256: { digest: "sha256", padding: constants.RSA_PKCS1_PSS_PADDING },
  PS384: { digest: "sha384", padding: constants.RSA_PKCS1_PSS_PADDING },
  PS512: { digest: "sha512", padding: constants.RSA_PKCS1_PSS_PADDING },
  EdDSA: { digest: null },
} as const;

export type Algorithm = keyof typeof signatures;
export const algorithms = Object.keys(signatures) as Algorithm[];

export interface SigningKey {
  key: KeyObject;
  /** The one algorithm that it is for, where its set says so. */
  algorithm?: string;
}

export interface Payload extends Record<string, unknown> {
  sub?: string;
  exp?: number;
}

/** What is wrong with a token, for whoever sent it. */
export class BadToken extends Error {
  override readonly name = "BadToken";
}

interface Header {
  alg: Algorithm;
  kid?: string;
}

const clockSkewSeconds = 5;

/**
 * The claims of a JSON Web Token (RFC 7519) in its compact form. Rejects with `BadToken` unless one of the named algorithms
 * signed it with the key that it names, for this issuer and audience, and it is valid now. The token's header chooses among
 * what is allowed here, and no key is taken from it.
 */
export async function readToken(
  token: string,
  o: {
    algorithms: readonly Algorithm[];
    keyOf(kid: string | undefined): Promise<SigningKey | undefined>;
    issuer?: string;
    audience?: string;
  },
): Promise<Payload> {
  const [head, body, signature, ...more] = token.split(".");
  const header = jsonIn(head);
  if (!header || body === undefined || !isBase64Url(signature) || more.length > 0)
    throw new BadToken("The access token isn't one.");
  if (!isAllowed(header, o.algorithms)) throw new BadToken("The access token isn't valid.");
  const signing = await o.keyOf(header.kid);
  if (!signing) throw new BadToken("The access token isn't signed with a key that is known here.");
  const isGenuine =
    fits(signing, header.alg) &&
    isSigned(header.alg, `${head}.${body}`, Buffer.from(signature, "base64url"), signing.key);
  const payload = isGenuine ? jsonIn(body) : undefined;
  if (!payload || !isFor(payload, o)) throw new BadToken("The access token isn't valid.");
  const now = Date.now() / 1_000;
  if (payload["exp"] !== undefined && payload["exp"] <= now - clockSkewSeconds)
    throw new BadToken("The access token has expired.");
  if (payload["nbf"] !== undefined && payload["nbf"] > now + clockSkewSeconds)
    throw new BadToken("The access token isn't valid yet.");
  return payload;
}

const isBase64Url = (part: string | undefined): part is string => part !== undefined && /^[\w-]+$/.test(part);

function jsonIn(part: string | undefined): Record<string, unknown> | undefined {
  if (!isBase64Url(part)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A header that says that it can't be read without knowing more (`crit`, RFC 7515 4.1.11) can't be read here. */
function isAllowed(header: Record<string, unknown>, allowed: readonly Algorithm[]): header is Header & typeof header {
  const { alg, kid, crit } = header;
  return crit === undefined && allowed.includes(alg as Algorithm) && (kid === undefined || typeof kid === "string");
}

/** A key makes signatures of its own kind, and of one kind alone where its set says which. */
function fits({ key, algorithm }: SigningKey, alg: Algorithm): boolean {
  if (algorithm !== undefined && algorithm !== alg) return false;
  const signature = signatures[alg];
  if ("curve" in signature)
    return key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === signature.curve;
  return "padding" in signature ? key.asymmetricKeyType === "rsa" : key.asymmetricKeyType === "ed25519";
}

function isSigned(alg: Algorithm, text: string, signature: Buffer, key: KeyObject): boolean {
  const { digest, ...how } = signatures[alg];
  const padding = "padding" in how ? { padding: how.padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {};
  return verify(digest, Buffer.from(text), { key, dsaEncoding: "ieee-p1363", ...padding }, signature);
}

/** Whether the claims have their form (RFC 7519 4.1), and are said by this issuer to this audience. */
function isFor(
  payload: Record<string, unknown>,
  { issuer, audience }: { issuer?: string; audience?: string },
): payload is Payload & { nbf?: number } {
  const { sub, exp, nbf, iss, aud } = payload;
  const isTime = (time: unknown) => time === undefined || Number.isFinite(time);
  return (
    isTime(exp) &&
    isTime(nbf) &&
    (sub === undefined || typeof sub === "string") &&
    (issuer === undefined || iss === issuer) &&
    (audience === undefined || aud === audience || (Array.isArray(aud) && aud.includes(audience)))
  );
}
