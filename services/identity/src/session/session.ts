export interface Session {
  id: string;
  userId: string;
  organizationId: string | null;
  workspaceId: string | null;
  device: string | null;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
  endedAt: Date | null;
}

/** Why a session ended before its time. */
export type SessionEndCause = "SIGNED_OUT" | "REVOKED" | "TOKEN_REUSED" | "PASSWORD_CHANGED";

/** Where somebody acts. */
export interface Standing {
  organizationId: string | null;
  workspaceId: string | null;
}

export const nowhere: Standing = { organizationId: null, workspaceId: null };

const deviceLengthMax = 200;

/** What a client calls itself, short enough to be shown. */
export const deviceOf = (userAgent: string | null): string | null =>
  userAgent
    ?.replace(/[^\x20-\x7e]/g, "")
    .trim()
    .slice(0, deviceLengthMax) || null;

export const isAlive = (session: Pick<Session, "endedAt" | "expiresAt">, now: Date) =>
  session.endedAt === null && session.expiresAt > now;

// A client's answer to a lost response, or its second tab, comes within moments; a stolen token rarely does.
export const repeatWithinMs = 10_000;

export interface PresentedToken {
  replacedAt: Date | null;
  /** Whether the token that it was exchanged for has itself been exchanged. */
  successorReplaced: boolean;
}

/**
 * What to do with a refresh token that is known:
 * - `ROTATE`: it is the newest of its family.
 * - `REPEAT`: it was exchanged moments ago and nobody has used what it was exchanged for. The same successor is given
 *   again, so whoever holds a copy gains nothing that the first holder hasn't got.
 * - `REUSED`: an old token. One of its two holders is not the user, and nobody can tell which: the family ends.
 * - `ENDED`: the session is over, whatever the token.
 */
export function judgeRefresh(
  token: PresentedToken,
  session: Pick<Session, "endedAt" | "expiresAt">,
  now: Date,
): "ROTATE" | "REPEAT" | "REUSED" | "ENDED" {
  if (!isAlive(session, now)) return "ENDED";
  if (token.replacedAt === null) return "ROTATE";
  const isRepeat = now.getTime() - token.replacedAt.getTime() <= repeatWithinMs && !token.successorReplaced;
  return isRepeat ? "REPEAT" : "REUSED";
}

export const RefreshRefusal = {
  INVALID_REFRESH_TOKEN: "This refresh token doesn't open a session, or no longer. Sign in again.",
} as const;
