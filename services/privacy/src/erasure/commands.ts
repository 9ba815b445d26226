import { ok, refuse, type Result } from "@atrium/errors";
import { appendEvent, erasureCancelled, erasureScheduled } from "@atrium/events";
import { newId } from "@atrium/ids";
import type { Context } from "../context";
import { requirePerson } from "../data-export/policy";
import { isSame } from "../keys";
import { limitCodes } from "../limits";
import {
  cancel,
  codeMinutes,
  codeTries,
  hashOfToken,
  newCode,
  newToken,
  type CancelErasureRefusal,
  type Erasure,
  type RequestErasureCodeRefusal,
  type RequestErasureRefusal,
} from "./erasure";
import {
  countTry,
  deleteCode,
  findByTokenHash,
  findOpen,
  insertErasure,
  lockCode,
  lockErasure,
  saveCode,
  saveErasure,
} from "./store";

/** Mails the actor a code by which they prove that it is them. The one before is void. */
export async function requestErasureCode(
  ctx: Context,
): Promise<Result<{ expiresAt: Date }, RequestErasureCodeRefusal>> {
  const { db, keys, now, mailUser } = ctx;
  const { userId } = requirePerson(ctx.actor);
  if (await findOpen(db, userId)) return refuse("ALREADY_SCHEDULED");
  await limitCodes(ctx, userId);
  const code = newCode();
  const expiresAt = new Date(now().getTime() + codeMinutes * 60_000);
  await saveCode(db, { userId, codeHash: keys.mac("erasure-code", userId, code), triesLeft: codeTries, expiresAt });
  if (await mailUser({ userId, subject: "Your code to erase your account", text: mailText(code) }))
    return ok({ expiresAt });
  await deleteCode(db, userId);
  return refuse("NO_ADDRESS");
}

const mailText = (
  code: string,
) => `Somebody who is signed in as you wants to erase your account, and all that is kept of you.

If it is you, enter this code within ${codeMinutes} minutes: ${code}

If it isn't, change your password: without the code, nothing happens.
`;

/**
 * Schedules the erasure of the actor, for the end of the days of grace. A wrong code is counted: after the last try,
 * a new one is needed.
 */
export async function requestErasure(
  { actor, database, keys, now, settings }: Context,
  { verificationCode, reason }: { verificationCode: string; reason: string | null },
): Promise<Result<{ erasure: Erasure; cancellationToken: string }, RequestErasureRefusal>> {
  const { userId } = requirePerson(actor);
  const requestedAt = now();
  // Of all organizations of theirs, so in none.
  return database.as({ userId }).transaction(async (tx) => {
    const code = await lockCode(tx, userId);
    if (await findOpen(tx, userId)) return refuse("ALREADY_SCHEDULED");
    if (!code || code.triesLeft === 0 || code.expiresAt <= requestedAt) return refuse("NO_CODE");
    if (!isSame(code.codeHash, keys.mac("erasure-code", userId, verificationCode))) {
      await countTry(tx, userId);
      return refuse("WRONG_CODE", { path: ["verificationCode"] });
    }
    await deleteCode(tx, userId);
    const dueAt = new Date(requestedAt.getTime() + settings.PRIVACY_GRACE_DAYS * 24 * 3600_000);
    const erasure: Erasure = {
      id: newId("era"),
      userId,
      status: "SCHEDULED",
      reason,
      requestedAt,
      dueAt,
      endedAt: null,
    };
    const cancellationToken = newToken();
    if (!(await insertErasure(tx, erasure, hashOfToken(cancellationToken)))) return refuse("ALREADY_SCHEDULED");
    await appendEvent(tx, erasureScheduled({ erasureId: erasure.id, userId, dueAt: dueAt.toISOString() }));
    return ok({ erasure, cancellationToken });
  });
}

/** Stops an erasure in its days of grace. Whoever has the token may, signed in or not. */
export async function cancelErasure(
  { database, now }: Context,
  { token }: { token: string },
): Promise<Result<Erasure, CancelErasureRefusal>> {
  const unknown = refuse("UNKNOWN_TOKEN", { path: ["token"] });
  const found = await findByTokenHash(database.asService(), hashOfToken(token));
  if (!found) return unknown;
  return database.as({ userId: found.userId }).transaction(async (tx) => {
    const erasure = await lockErasure(tx, found.id);
    if (!erasure) return unknown;
    const cancelled = cancel(erasure, now());
    if (!cancelled.ok || erasure.status === "CANCELLED") return cancelled;
    await saveErasure(tx, cancelled.value);
    await appendEvent(tx, erasureCancelled({ erasureId: erasure.id, userId: erasure.userId }));
    return cancelled;
  });
}
