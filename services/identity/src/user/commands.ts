import { ok, refuse, type Result } from "@atrium/errors";
import { appendEvent, passwordChanged, userRegistered, userSignInRefused, userSignedIn } from "@atrium/events";
import { newId } from "@atrium/ids";
import { badInput, requireText } from "@atrium/schema-kit";
import type { Context } from "../context";
import { pseudonym, limitAddress, limitPasswordTries, rememberAddress } from "../limits";
import {
  authenticate,
  endOtherSessions,
  moveSession,
  openSession,
  requireSession,
  type Authentication,
} from "../session/commands";
import { parseEmail, type EmailAddress } from "./email";
import { judgePassword, normalizePassword, passwordLengthMax, type PasswordRefusal } from "./password";
import { firstPlace, startingPlace } from "./place";
import { findOwnUser } from "./queries";
import {
  EmailTaken,
  findByEmail,
  findEmails,
  insertEmailMethod,
  insertUser,
  lockPassword,
  recordUse,
  savePassword,
} from "./store";
import {
  guestName,
  nameLengthMax,
  type ChangePasswordRefusal,
  type SignInRefusal,
  type SignUpRefusal,
  type User,
} from "./user";

/**
 * Makes a user who signs in by e-mail and password, and signs them in. Waits a moment for their first organization, so
 * that the token stands in it.
 */
export async function signUp(
  ctx: Context,
  input: { email: string; password: string; name: string },
): Promise<Result<Authentication, keyof typeof SignUpRefusal | PasswordRefusal>> {
  const email = requireEmail(input.email);
  const name = requireText(input.name, "input.name", { lengthMax: nameLengthMax });
  const password = judgePassword(requirePassword(input.password, "input.password"));
  if (!password.ok) return { ...password, path: ["password"] };
  await limitAddress(ctx, "signUpPerAddress");
  const taken = refuse("EMAIL_TAKEN", { path: ["email"] });
  if (await findByEmail(ctx.database.asService(), email.key)) return taken;

  const passwordHash = await ctx.passwords.hash(password.value);
  const user: User = { id: newId("usr"), kind: "USER", name };
  const own = ctx.database.as({ userId: user.id });
  const now = ctx.now();
  try {
    const opened = await own.transaction(async (tx) => {
      await insertUser(tx, user, now);
      await insertEmailMethod(tx, {
        id: newId("sim"),
        userId: user.id,
        identifier: email.address,
        identifierKey: email.key,
        passwordHash,
        now,
      });
      const session = await openSession(ctx, tx, user, { organizationId: null, workspaceId: null });
      await appendEvent(tx, userRegistered({ userId: user.id, method: "EMAIL" }));
      await appendEvent(tx, userSignedIn({ userId: user.id, sessionId: session.session.id, method: "EMAIL" }));
      return session;
    });
    const place = await firstPlace(ctx, user.id);
    const session = place.organizationId
      ? await own.transaction((tx) => moveSession(tx, opened.session, place))
      : opened.session;
    await rememberAddress(ctx, email.key);
    return ok(await authenticate(ctx, { user, session, refreshToken: opened.refreshToken }));
  } catch (error) {
    if (error instanceof EmailTaken) return taken;
    throw error;
  }
}

/** Signs in by e-mail and password. Takes the same work, and says the same, whichever of the two is wrong. */
export async function signIn(
  ctx: Context,
  input: { email: string; password: string },
): Promise<Result<Authentication, keyof typeof SignInRefusal>> {
  const email = requireEmail(input.email);
  const password = normalizePassword(requirePassword(input.password, "input.password"));
  await limitAddress(ctx, "signInPerAddress");
  await limitPasswordTries(ctx, email.key);

  const found = await findByEmail(ctx.database.asService(), email.key);
  const matches = await ctx.passwords.verify(found?.passwordHash ?? null, password);
  if (!found || !matches) {
    const userId = found?.user.id ?? null;
    const attempt = { accountKey: pseudonym(ctx, email.key), userId, method: "EMAIL" };
    await ctx.database.asService().transaction((tx) => appendEvent(tx, userSignInRefused(attempt)));
    return refuse("INVALID_CREDENTIALS");
  }
  const { methodId } = found;
  const { organizationId, workspaceId, ...user } = found.user;
  const place = await startingPlace(ctx, user, { organizationId, workspaceId });
  const opened = await ctx.database.as({ userId: user.id }).transaction(async (tx) => {
    await recordUse(tx, methodId, ctx.now());
    const session = await openSession(ctx, tx, user, place);
    await appendEvent(tx, userSignedIn({ userId: user.id, sessionId: session.session.id, method: "EMAIL", ...place }));
    return session;
  });
  await rememberAddress(ctx, email.key);
  return ok(await authenticate(ctx, { user, ...opened }));
}

/** Makes a guest, of whom nothing is known or kept, and a session that ends when it has been idle for an hour. */
export async function signInAsGuest(ctx: Context): Promise<Authentication> {
  await limitAddress(ctx, "guestPerAddress");
  const user: User = { id: newId("usr"), kind: "GUEST", name: guestName() };
  const opened = await ctx.database.as({ userId: user.id }).transaction(async (tx) => {
    await insertUser(tx, user, ctx.now());
    const session = await openSession(ctx, tx, user, { organizationId: null, workspaceId: null });
    await appendEvent(tx, userSignedIn({ userId: user.id, sessionId: session.session.id, method: "GUEST" }));
    return session;
  });
  return authenticate(ctx, { user, ...opened });
}

/** Replaces the caller's password, and ends their other sessions: one of them may be why. */
export async function changePassword(
  ctx: Context,
  input: { currentPassword: string; newPassword: string },
): Promise<Result<User, keyof typeof ChangePasswordRefusal | PasswordRefusal>> {
  const actor = requireSession(ctx.actor);
  const current = normalizePassword(requirePassword(input.currentPassword, "input.currentPassword"));
  const next = judgePassword(requirePassword(input.newPassword, "input.newPassword"));
  if (!next.ok) return { ...next, path: ["newPassword"] };
  const [email] = await findEmails(ctx.db, [actor.userId]);
  if (!email) return refuse("NO_PASSWORD");
  await limitPasswordTries(ctx, parseEmail(email.identifier)!.key);

  const known = await ctx.db.transaction((tx) => lockPassword(tx, actor.userId));
  if (!known || !(await ctx.passwords.verify(known.passwordHash, current)))
    return refuse("WRONG_PASSWORD", { path: ["currentPassword"] });
  const passwordHash = await ctx.passwords.hash(next.value);
  return ctx.db.transaction(async (tx) => {
    // The hash that was verified: of two changes at once, the second finds that its «current» one no longer is.
    const now = await lockPassword(tx, actor.userId);
    const user = await findOwnUser(tx, actor.userId);
    if (!user || now?.passwordHash !== known.passwordHash)
      return refuse("WRONG_PASSWORD", { path: ["currentPassword"] });
    await savePassword(tx, known.methodId, passwordHash, ctx.now());
    await appendEvent(tx, passwordChanged({ userId: user.id }));
    await endOtherSessions(ctx, tx, actor, "PASSWORD_CHANGED");
    return ok(user);
  });
}

function requireEmail(text: string): EmailAddress {
  // Control characters and length are looked at before anything else is.
  const email = parseEmail(requireText(text, "input.email", { lengthMax: 254 }));
  if (!email) throw badInput("input.email", "input.email is not an e-mail address.");
  return email;
}

/** Not trimmed or composed: a password is what was typed. */
function requirePassword(text: string, field: string): string {
  if (text === "") throw badInput(field, `${field} is empty.`);
  if (text.length > passwordLengthMax) throw badInput(field, `${field} takes at most ${passwordLengthMax} characters.`);
  // Framed, since spaces count at the ends as well.
  requireText(`"${text}"`, field, { lengthMax: passwordLengthMax * 4 });
  return text;
}
