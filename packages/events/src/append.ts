import { newUuid } from "@atrium/ids";
import { activeCause } from "./cause";
import { EventDraft, EventRefused } from "./define";
import { envelopeBytesMax, serviceOf, sourceOf } from "./envelope";
import type { EventTransaction, Tenant } from "./handle";
import { activeTraceparent } from "./trace";
import { announceAppended } from "./wake";

const insertSql = `
  insert into outbox_event
    (id, type, subject, time, organization_id, workspace_id, actor_id, traceparent, agent_id, sealed_origin, data, size_bytes)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;

/**
 * Announces an event when, and only when, `tx` commits. Organization, workspace and actor are the transaction's own;
 * `about` says otherwise where it may: another workspace of the same organization from a handle that stands in none,
 * and anything from a service handle. The database refuses every other tenant.
 *
 * A request's cause (`causedBy`) says what acted for the actor, and where it came from; without one, in handlers and
 * jobs, that is the service itself.
 *
 * Append after the subject's row was locked or written: events of one subject are delivered in the order in which
 * they were appended, and it is the row lock that gives two transactions an order.
 *
 * Throws `EventRefused` for a foreign tenant and for an envelope of more than 900 kB.
 */
export async function appendEvent(tx: EventTransaction, draft: EventDraft, about: Tenant = {}): Promise<void> {
  if (!(draft instanceof EventDraft)) throw new EventRefused("DATA", "Only what a definition has checked is appended.");
  const { organizationId = null, workspaceId = null, userId = null } = { ...tx.tenant, ...about };
  const now = Date.now();
  const cause = activeCause();
  const event = {
    id: newUuid(now),
    type: draft.type,
    subject: draft.subject,
    time: new Date(now).toISOString(),
    organizationid: organizationId,
    workspaceid: workspaceId,
    actorid: userId,
    traceparent: activeTraceparent() ?? null,
    agentid: (cause ? cause.agentId : serviceOf(draft.type)) ?? null,
    sealedorigin: cause?.origin?.() ?? null,
  };
  const data = JSON.stringify(draft.data);
  const sizeBytes =
    Buffer.byteLength(data) + Buffer.byteLength(JSON.stringify({ ...event, source: sourceOf(draft.type) }));
  if (sizeBytes > envelopeBytesMax)
    throw new EventRefused("SIZE", `${draft.type} has ${sizeBytes} bytes; an event may have ${envelopeBytesMax}.`);

  try {
    await tx.sql(insertSql, [...Object.values(event), data, sizeBytes]);
  } catch (error) {
    if (!isPolicyViolation(error)) throw error;
    throw new EventRefused(
      "TENANT",
      `${draft.type} was refused: this transaction may not announce anything for organization ${organizationId}, ` +
        `workspace ${workspaceId}, actor ${userId}.`,
      { cause: error },
    );
  }
  // Last: outside a transaction it runs at once, and the event has to be there.
  tx.afterCommit(() => announceAppended(serviceOf(draft.type)));
}

// insufficient_privilege, here or in what a driver has wrapped.
function isPolicyViolation(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause)
    if ((each as { code?: unknown }).code === "42501") return true;
  return false;
}
