import { requireSignedIn, requireWorkspace } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import { appendEvent, interactionsRecorded } from "@atrium/events";
import { daysBefore } from "../calendar/calendar";
import { mayKeepDetail } from "../consent/commands";
import type { Context, Tx } from "../context";
import { countsOf, type Interaction } from "./interaction";
import { claimBatch, deleteDetailIn, deleteDetailOf, insertDetail, pruneBatches } from "./store";

/**
 * Counts what was done in the user interface, by kind and workspace, and nothing of whom. With the person's consent to
 * analytics also keeps what they did. A batch that comes again changes nothing.
 */
export async function recordInteractions(
  ctx: Context,
  { batchId, interactions }: { batchId: string; interactions: readonly Interaction[] },
): Promise<{ counted: number; detailKept: boolean }> {
  const { actor, database, now } = ctx;
  const { organizationId, workspaceId } = requireWorkspace(actor);
  const { userId } = requireSignedIn(actor);
  await consume(ctx, userId);
  const recordedAt = now();
  // As the service: what is announced has no author, and so may not be written in the author's name.
  return database.asService().transaction(async (tx) => {
    const batch = { organizationId, workspaceId, id: batchId, recordedAt, interactions };
    if (!(await claimBatch(tx, batch))) return { counted: 0, detailKept: false };
    const detailKept = await mayKeepDetail(tx, organizationId, userId);
    if (detailKept) await insertDetail(tx, { ...batch, userId });
    const counts = countsOf(interactions);
    await appendEvent(tx, interactionsRecorded({ batchId, counts }), { organizationId, workspaceId, userId: null });
    return { counted: interactions.length, detailKept };
  });
}

async function consume({ ephemeral, settings }: Context, userId: string): Promise<void> {
  const limit = { name: "activity.interactions", points: settings.ACTIVITY_BATCHES_PER_MINUTE, windowSeconds: 60 };
  const { allowed, retryAfterSeconds } = await ephemeral.consume(limit, userId);
  if (allowed) return;
  throw new PublicError("RATE_LIMITED", `Too many batches; try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
  });
}

export const forgetInteractionsOf = deleteDetailOf;
export const forgetInteractionsIn = deleteDetailIn;

// Longer than a front end tries to send a batch again.
const receiptsKeptDays = 3;

/** Lets go of detail that is older than it is kept, and of the ids of batches that won't come again. */
export const pruneInteractions = ({ settings, now }: Pick<Context, "settings" | "now">, service: Tx): Promise<void> =>
  pruneBatches(service, {
    details: daysBefore(now(), settings.ACTIVITY_DETAIL_KEPT_DAYS),
    receipts: daysBefore(now(), receiptsKeptDays),
  });
