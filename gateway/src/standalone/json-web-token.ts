import { errors, jwtVerify, type JWTPayload } from "jose";
import type { KeyObject } from "node:crypto";

/** The signatures that tokens may have (RFC 7518, 8037). None of them is made with a shared secret. */
export const algorithms = [
  ...["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  "EdDSA",
] as const;
export type Algorithm = (typeof algorithms)[number];

export interface SigningKey {
  key: KeyObject;
  /** The one algorithm that it is for, where its set says so. */
  algorithm?: string;
}

/** What is wrong with a token, for whoever sent it. */
export class BadToken extends Error {
  override readonly name = "BadToken";
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
): Promise<JWTPayload> {
  const { issuer, audience } = o;
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ alg, kid }) => {
        const signing = await o.keyOf(kid);
        if (!signing) throw new BadToken("The access token isn't signed with a key that is known here.");
        if (signing.algorithm !== undefined && signing.algorithm !== alg) throw invalid();
        return signing.key;
      },
      { algorithms: [...o.algorithms], issuer, audience, clockTolerance: clockSkewSeconds },
    );
    // Of the registered claims that are read here, the only one whose form the library leaves to its callers.
    if (payload.sub !== undefined && typeof payload.sub !== "string") throw invalid();
    return payload;
  } catch (error) {
    throw error instanceof BadToken ? error : faultOf(error);
  }
}

const invalid = () => new BadToken("The access token isn't valid.");

function faultOf(error: unknown): BadToken {
  if (error instanceof errors.JWSInvalid) return new BadToken("The access token isn't one.");
  if (error instanceof errors.JWTExpired) return new BadToken("The access token has expired.");
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf" && error.reason === "check_failed")
    return new BadToken("The access token isn't valid yet.");
  // A key of another kind than the algorithm's is a TypeError.
  return invalid();
}
