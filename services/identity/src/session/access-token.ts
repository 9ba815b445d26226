import { randomUUID, type KeyObject } from "node:crypto";
import jwt from "jsonwebtoken";
import type { Standing } from "./session";

export const accessTokenLifetimeSeconds = 900;

export interface AccessTokenSubject extends Standing {
  userId: string;
  sessionId: string;
  kind: "USER" | "GUEST";
}

/**
 * An ES256 token of 15 minutes: `iss aud sub sid org ws kind jti iat exp`. It says who somebody is and where they want
 * to act (`org` and `ws` are null for nowhere), never what they may do.
 */
export function issueAccessToken(
  { userId, sessionId, kind, organizationId, workspaceId }: AccessTokenSubject,
  means: { key: { id: string; privateKey: KeyObject }; issuer: string; audience: string; now: Date },
): { accessToken: string; accessTokenExpiresAt: Date } {
  const { key, issuer, audience, now } = means;
  const issuedAt = Math.floor(now.getTime() / 1000);
  const expiresAt = issuedAt + accessTokenLifetimeSeconds;
  const claims = {
    sid: sessionId,
    kind,
    org: organizationId,
    ws: workspaceId,
    iat: issuedAt,
    exp: expiresAt,
  };
  const accessToken = jwt.sign(claims, key.privateKey, {
    algorithm: "ES256",
    keyid: key.id,
    issuer,
    audience,
    subject: userId,
    jwtid: randomUUID(),
  });
  return { accessToken, accessTokenExpiresAt: new Date(expiresAt * 1000) };
}
