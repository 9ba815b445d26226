import { requireSignedIn, type Actor, type SignedInActor } from "@atrium/access";
import { PublicError, ok, refuse, type Result } from "@atrium/errors";
import { appendEvent, refreshTokenReused, sessionRevoked, userSignedOut } from "@atrium/events";
import { newId } from "@atrium/ids";
import { requireId } from "@atrium/schema-kit";
import type { Context, Db } from "../context";
import { limitAddress } from "../limits";
import { mayEnter } from "../membership/queries";
import { hashSecret } from "../secret-box";
import { rememberPlace, startingPlace } from "../user/place";
import { findOwnUser } from "../user/queries";
import type { User } from "../user/user";
import type { Viewer } from "../viewer/viewer";
import { issueAccessToken } from "./access-token";
import { looksLikeRefreshToken, newRefreshToken, successorOf } from "./refresh-token";
import {
  deviceOf,
  isAlive,
  judgeRefresh,
  type RefreshRefusal,
  type Session,
  type SessionEndCause,
  type Standing,
} from "./session";
import {
  deletePast,
  findExchange,
  findRefreshToken,
  insertRefreshToken,
  insertSession,
  lockLivingSessions,
  lockSession,
  saveEnd,
  saveExchange,
  saveStanding,
  saveUse,
} from "./store";

/** What a sign-in, a refresh and a change of place hand out. */
export interface Authentication {
  accessToken: string;
  accessTokenExpiresAt: Date;
  /** Null where the one that the caller has stays good. */
  refreshToken: string | null;
  viewer: Viewer;
}

/** Begins a session of this user, in the transaction of what proved who they are. */
export async function openSession(ctx: Context, tx: Db, user: User, { organizationId, workspaceId }: Standing) {
  const now = ctx.now();
  const session: Session = {
    id: newId("ses"),
    userId: user.id,
    organizationId,
    workspaceId,
    device: user.kind === "GUEST" ? null : deviceOf(ctx.userAgent),
    createdAt: now,
    lastUsedAt: now,
    expiresAt: new Date(now.getTime() + sessionIdleMs(ctx, user)),
    endedAt: null,
  };
  const refreshToken = newRefreshToken();
  await insertSession(tx, session);
  await insertRefreshToken(tx, {
    id: newId("rft"),
    sessionId: session.id,
    userId: user.id,
    hash: hashSecret(refreshToken),
    createdAt: now,
  });
  return { session, refreshToken };
}

const sessionIdleMs = ({ settings }: Context, { kind }: User) =>
  60_000 * (kind === "GUEST" ? settings.GUEST_SESSION_IDLE_MINUTES : settings.SESSION_IDLE_MINUTES);

/** What proves from now on that the caller is this user in this session. */
export async function authenticate(
  ctx: Context,
  { user, session, refreshToken }: { user: User; session: Session; refreshToken: string | null },
): Promise<Authentication> {
  const { organizationId, workspaceId } = session;
  const token = issueAccessToken(
    { userId: user.id, sessionId: session.id, kind: user.kind, organizationId, workspaceId },
    {
      key: await ctx.signingKeys.current(),
      issuer: ctx.settings.TOKEN_ISSUER,
      audience: ctx.settings.TOKEN_AUDIENCE,
      now: ctx.now(),
    },
  );
  ctx.continueAs(token.accessToken);
  const viewer = { user, kind: user.kind, sessionId: session.id, organizationId, workspaceId, permissions: null };
  return { ...token, refreshToken, viewer };
}

/**
 * Exchanges a refresh token for a new access token and the next refresh token. A token that was exchanged before ends
 * the session, except for the repetition that `judgeRefresh` allows. Every failure looks alike to the caller.
 */
export async function refreshSession(
  ctx: Context,
  { refreshToken }: { refreshToken: string },
): Promise<Result<Authentication, keyof typeof RefreshRefusal>> {
  await limitAddress(ctx, "refreshPerAddress");
  const known = looksLikeRefreshToken(refreshToken)
    ? await findRefreshToken(ctx.database.asService(), hashSecret(refreshToken))
    : null;
  if (!known) return refuse("INVALID_REFRESH_TOKEN", { path: ["refreshToken"] });

  const own = ctx.database.as({ userId: known.userId });
  const exchanged = await own.transaction((tx) => exchange(ctx, tx, { ...known, refreshToken }));
  if (!exchanged) return refuse("INVALID_REFRESH_TOKEN", { path: ["refreshToken"] });
  const { user, session } = exchanged;
  const standing = await startingPlace(ctx, user, session);
  if (standing.organizationId !== session.organizationId || standing.workspaceId !== session.workspaceId)
    await own.transaction((tx) => moveSession(tx, session, standing));
  return ok(await authenticate(ctx, { ...exchanged, session: { ...session, ...standing } }));
}

async function exchange(ctx: Context, tx: Db, presented: { id: string; sessionId: string; refreshToken: string }) {
  const now = ctx.now();
  const session = await lockSession(tx, presented.sessionId);
  const token = await findExchange(tx, presented.id);
  const user = session && (await findOwnUser(tx, session.userId));
  if (!session || !token || !user) return null;

  const verdict = judgeRefresh(token, session, now);
  if (verdict === "ENDED") return null;
  if (verdict === "REUSED") {
    await appendEvent(tx, refreshTokenReused({ userId: user.id, sessionId: session.id }));
    await endSession(tx, session, "TOKEN_REUSED", now);
    return null;
  }
  const successorId = token.successorId ?? newId("rft");
  const refreshToken = successorOf(presented.refreshToken, successorId, ctx.keys.refreshTokens);
  if (verdict === "REPEAT") return { user, session, refreshToken };

  const expiresAt = new Date(now.getTime() + sessionIdleMs(ctx, user));
  const hash = hashSecret(refreshToken);
  await insertRefreshToken(tx, { id: successorId, sessionId: session.id, userId: user.id, hash, createdAt: now });
  await saveExchange(tx, presented.id, successorId, now);
  await saveUse(tx, session.id, now, expiresAt);
  return { user, session: { ...session, lastUsedAt: now, expiresAt }, refreshToken };
}

/** Returns an access token that stands there. The one before stays valid until it expires, and the refresh token too. */
export async function switchContext(
  ctx: Context,
  input: { organizationId: string; workspaceId?: string | null },
): Promise<Authentication> {
  const actor = requireSession(ctx.actor);
  const organizationId = requireId("org", input.organizationId, "input.organizationId");
  const workspaceId = input.workspaceId == null ? null : requireId("wsp", input.workspaceId, "input.workspaceId");
  if (!(await mayEnter(ctx, { userId: actor.userId, organizationId, workspaceId })))
    throw new PublicError(
      "NOT_FOUND",
      `You have no ${workspaceId ? `workspace ${workspaceId} in` : ""} organization ${organizationId}.`,
    );

  const moved = await ctx.db.transaction(async (tx) => {
    const session = await lockSession(tx, actor.sessionId);
    const user = await findOwnUser(tx, actor.userId);
    if (!user || !session || !isAlive(session, ctx.now()))
      throw new PublicError("UNAUTHENTICATED", "This session has ended.");
    return { user, session: await moveSession(tx, session, { organizationId, workspaceId }) };
  });
  return authenticate(ctx, { ...moved, refreshToken: null });
}

/** Lets the session stand there, and the user's next one begin there. */
export async function moveSession(tx: Db, session: Session, standing: Standing): Promise<Session> {
  await saveStanding(tx, session.id, standing);
  await rememberPlace(tx, session.userId, standing);
  return { ...session, ...standing };
}

export async function signOut(ctx: Context): Promise<Session> {
  const actor = requireSession(ctx.actor);
  return endOwnSession(ctx, actor.sessionId, "SIGNED_OUT");
}

/** Ends one of the caller's sessions; what it was signed in with stops working with the next request. */
export async function revokeSession(ctx: Context, { id }: { id: string }): Promise<Session> {
  requireSession(ctx.actor);
  return endOwnSession(ctx, requireId("ses", id, "input.id"), "REVOKED");
}

export async function revokeOtherSessions(ctx: Context): Promise<Session[]> {
  const actor = requireSession(ctx.actor);
  return ctx.db.transaction((tx) => endOtherSessions(ctx, tx, actor, "REVOKED"));
}

/** Ends the user's sessions but the one they are in, in the transaction of what made that necessary. */
export async function endOtherSessions(ctx: Context, tx: Db, actor: SignedInActor, cause: SessionEndCause) {
  const living = await lockLivingSessions(tx, actor.userId, ctx.now());
  const ended: Session[] = [];
  for (const session of living)
    if (session.id !== actor.sessionId) ended.push(await endSession(tx, session, cause, ctx.now()));
  return ended;
}

/** Ends all of a user's sessions. */
export async function endSessionsOf({ now }: Pick<Context, "now">, tx: Db, userId: string): Promise<void> {
  for (const session of await lockLivingSessions(tx, userId, now())) await endSession(tx, session, "REVOKED", now());
}

const endOwnSession = (ctx: Context, id: string, cause: SessionEndCause): Promise<Session> =>
  ctx.db.transaction(async (tx) => {
    const session = await lockSession(tx, id);
    if (!session) throw new PublicError("NOT_FOUND", `You have no session ${id}.`);
    return isAlive(session, ctx.now()) ? endSession(tx, session, cause, ctx.now()) : session;
  });

async function endSession(tx: Db, session: Session, cause: SessionEndCause, endedAt: Date): Promise<Session> {
  const { id: sessionId, userId } = session;
  await saveEnd(tx, sessionId, cause, endedAt);
  const ended =
    cause === "SIGNED_OUT" ? userSignedOut({ userId, sessionId }) : sessionRevoked({ userId, sessionId, cause });
  await appendEvent(tx, ended);
  return { ...session, endedAt };
}

/** A person or guest in a session of their own. An API key has none, and can't act on its owner's. */
export function requireSession(actor: Actor): SignedInActor {
  const signedIn = requireSignedIn(actor);
  if (signedIn.kind === "API_KEY") throw new PublicError("FORBIDDEN", "This needs a signed-in person, not an API key.");
  return signedIn;
}

const keepPastMs = 30 * 24 * 3600_000;
const forgetBatchSize = 1_000;

/** Deletes sessions, tokens and guests that ended a month ago. */
export async function forgetPastSessions({ database, now }: Pick<Context, "database" | "now">): Promise<void> {
  const before = new Date(now().getTime() - keepPastMs);
  while ((await deletePast(database.asService(), before, forgetBatchSize)) >= forgetBatchSize);
}
