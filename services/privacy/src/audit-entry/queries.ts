import { appendEvent, privacySensitiveRead } from "@atrium/events";
import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import { limitVerifications } from "../limits";
import type { AuditEntry, AuditOrigin } from "./audit-entry";
import { withOrigins } from "./origin-store";
import { requireReader } from "./policy";
import { listEntries, type EntryFilter } from "./store";
import { verifyChain, type Verification } from "./verify";

/** What was done in the actor's organization, newest first. That it was read becomes an entry too. */
export async function auditTrail(
  { actor, db }: Context,
  filter: Omit<EntryFilter, "workspaceId">,
  page: { limit: number; after: number | null },
): Promise<(AuditEntry & AuditOrigin)[]> {
  const { organizationId, workspaceId } = requireReader(actor);
  const entries = await listEntries(db, organizationId, { ...filter, workspaceId }, page);
  await appendEvent(
    db,
    privacySensitiveRead({ subjectId: organizationId, kind: "AUDIT_TRAIL", count: entries.length }),
  );
  return withOrigins(db, entries);
}

/** Whether the organization's trail is what was recorded. */
export async function verifyAuditTrail(
  ctx: Context,
  time: { from: Date | null; to: Date | null },
  signal?: AbortSignal,
): Promise<Verification> {
  const { organizationId, workspaceId } = requireReader(ctx.actor);
  if (workspaceId !== null)
    throw new PublicError(
      "FORBIDDEN",
      "This needs the permission organization:update: it is of the whole organization.",
    );
  await limitVerifications(ctx, organizationId);
  return verifyChain(ctx, organizationId, time, signal);
}
