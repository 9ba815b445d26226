import { randomUUID, type KeyObject } from "node:crypto";
import jwt from "jsonwebtoken";
import type { Standing } from "./session";

/** For whom access tokens are meant: the one endpoint of this installation. */
export const audience = "atrium";
export const accessTokenLifetimeSeconds = 900;

export interface AccessTokenSubject extends Standing {
  userId: string;
  sessionId: string;
  kind: "USER" | "GUEST";
}

/** An ES256 token of 15 minutes: `iss aud sub sid kind jti iat exp`, and `org` and `ws` where the session stands in one. */
export function issueAccessToken(
  { userId, sessionId, kind, organizationId, workspaceId }: AccessTokenSubject,
  { key, issuer, now }: { key: { id: string; privateKey: KeyObject }; issuer: string; now: Date },
): { accessToken: string; accessTokenExpiresAt: Date } {
  const issuedAt = Math.floor(now.getTime() / 1000);
  const expiresAt = issuedAt + accessTokenLifetimeSeconds;
  const claims = {
    sid: sessionId,
    kind,
    ...(organizationId && { org: organizationId }),
    ...(workspaceId && { ws: workspaceId }),
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
