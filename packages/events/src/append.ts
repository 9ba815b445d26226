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

const insertManySql = `
  insert into outbox_event
    (id, type, subject, time, organization_id, workspace_id, actor_id, traceparent, agent_id, sealed_origin, data, size_bytes)
  select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::json[], $12::integer[])`;

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
export const appendEvent = (tx: EventTransaction, draft: EventDraft, about: Tenant = {}): Promise<void> =>
  appendEvents(tx, [draft], about);

/** As `appendEvent`, for several at once and in their order: one statement in place of one each. */
export async function appendEvents(
  tx: EventTransaction,
  drafts: readonly EventDraft[],
  about: Tenant = {},
): Promise<void> {
  const rows = drafts.map((draft) => rowOf(tx, draft, about));
  const [first] = rows;
  if (!first) return;
  try {
    if (rows.length === 1) await tx.sql(insertSql, first);
    else
      await tx.sql(
        insertManySql,
        first.map((_, column) => rows.map((row) => row[column])),
      );
  } catch (error) {
    if (!isPolicyViolation(error)) throw error;
    const { organizationId, workspaceId, userId } = tenantOf(tx, about);
    throw new EventRefused(
      "TENANT",
      `${drafts.map(({ type }) => type).join(", ")} was refused: this transaction may not announce anything for organization ` +
        `${organizationId}, workspace ${workspaceId}, actor ${userId}.`,
      { cause: error },
    );
  }
  const services = new Set(drafts.map(({ type }) => serviceOf(type)));
  // Last: outside a transaction it runs at once, and the event has to be there.
  tx.afterCommit(() => services.forEach(announceAppended));
}

const tenantOf = (tx: EventTransaction, about: Tenant) => {
  const { organizationId = null, workspaceId = null, userId = null } = { ...tx.tenant, ...about };
  return { organizationId, workspaceId, userId };
};

/** What is inserted of an event, in the order of the columns. */
function rowOf(tx: EventTransaction, draft: EventDraft, about: Tenant): unknown[] {
  if (!(draft instanceof EventDraft)) throw new EventRefused("DATA", "Only what a definition has checked is appended.");
  const { organizationId, workspaceId, userId } = tenantOf(tx, about);
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
  return [...Object.values(event), data, sizeBytes];
}

// insufficient_privilege, here or in what a driver has wrapped.
function isPolicyViolation(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause)
    if ((each as { code?: unknown }).code === "42501") return true;
  return false;
}
