import type { EventTransaction } from "./handle";
import { receive, type DeadLetterReason } from "./inbox";
import { serviceOfGroup, wakeChannel } from "./wake";

/** An event that was put aside: it failed too often, or this version can't read it. */
export interface DeadLetter {
  readonly id: string;
  readonly group: string;
  readonly eventId: string | null;
  readonly type: string | null;
  readonly subject: string | null;
  readonly organizationId: string | null;
  readonly workspaceId: string | null;
  /** The envelope, or whatever came in its place. */
  readonly payload: unknown;
  readonly reason: DeadLetterReason;
  readonly error: string;
  readonly attempts: number;
  readonly parkedAt: Date;
}

interface Row {
  id: number;
  consumer_group: string;
  event_id: string | null;
  type: string | null;
  subject: string | null;
  organization_id: string | null;
  workspace_id: string | null;
  payload: unknown;
  reason: DeadLetterReason;
  error: string;
  attempts: number;
  parked_at: Date;
}

/** A page of dead letters, oldest first. All of these functions take a service handle. */
export async function deadLetters(
  service: EventTransaction,
  { first = 100, after = "0" }: { first?: number; after?: string } = {},
): Promise<DeadLetter[]> {
  const rows = await service.sql<Row>("select * from dead_letter where id > $1 order by id limit $2", [after, first]);
  return rows.map((row) => ({
    id: String(row.id),
    group: row.consumer_group,
    eventId: row.event_id,
    type: row.type,
    subject: row.subject,
    organizationId: row.organization_id,
    workspaceId: row.workspace_id,
    payload: row.payload,
    reason: row.reason,
    error: row.error,
    attempts: row.attempts,
    parkedAt: row.parked_at,
  }));
}

/**
 * Puts dead letters back into the inbox, in the order in which they arrived, with all their attempts before them.
 * Returns how many. One that still can't be read comes back as a dead letter.
 */
export async function retryDeadLetters<Handle extends EventTransaction>(
  service: { transaction<T>(work: (tx: Handle) => Promise<T>): Promise<T> },
  ids: readonly string[],
): Promise<number> {
  return service.transaction(async (tx) => {
    // What this service may not announce has no inbox to go back to, and what somebody else may not have announced
    // isn't handled however often it is asked for.
    const rows = await tx.sql<Row>(
      "delete from dead_letter where id = any ($1::bigint[]) and reason not in ('FOREIGN', 'FORGED') returning *",
      [ids],
    );
    rows.sort((a, b) => a.id - b.id);
    for (const group of new Set(rows.map((row) => row.consumer_group))) {
      const payloads = rows.filter((row) => row.consumer_group === group).map((row) => row.payload);
      await receive(tx, [{ name: group, hears: () => true }], payloads, { again: true });
      await tx.sql("select pg_notify($1, '')", [wakeChannel(serviceOfGroup(group))]);
    }
    return rows.length;
  });
}

/** Forgets dead letters for good. Returns how many. */
export async function discardDeadLetters(service: EventTransaction, ids: readonly string[]): Promise<number> {
  const rows = await service.sql("delete from dead_letter where id = any ($1::bigint[]) returning id", [ids]);
  return rows.length;
}
