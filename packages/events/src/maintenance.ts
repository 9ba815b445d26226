import type { EventTransaction } from "./handle";

const batchSize = 5_000;

/** Removes receipts and published events older than `keepDays`, in small transactions. */
export async function prune(service: EventTransaction, keepDays: number): Promise<void> {
  for (const [table, at] of [
    ["inbox_receipt", "received_at"],
    ["published_event", "published_at"],
  ]) {
    const old = `select ctid from ${table} where ${at} < now() - $1 * interval '1 day' limit ${batchSize}`;
    let pruned: number;
    do {
      pruned = (await service.sql(`delete from ${table} where ctid = any (array(${old})) returning 1`, [keepDays]))
        .length;
    } while (pruned === batchSize);
  }
}

/** How a service's events stand; the figures of its metrics. */
export interface EventStats {
  /** Whether this process relays and handles for its service. */
  leads: boolean;
  /** Appended, not yet published. */
  outbox: { waiting: number; oldestSeconds: number };
  /** Received, not yet handled; `failing` are those that wait for another attempt. */
  inbox: { waiting: number; failing: number; oldestSeconds: number };
  deadLetters: number;
  /** By this process since its start. */
  published: number;
  handled: number;
  failures: number;
}

type StoredStats = Pick<EventStats, "outbox" | "inbox" | "deadLetters">;

export async function storedStats(service: EventTransaction, groups: readonly string[]): Promise<StoredStats> {
  const [row] = await service.sql<Record<string, string>>(
    `select
       (select count(*) from outbox_event) as outbox,
       (select extract(epoch from now() - min(time)) from outbox_event) as outbox_seconds,
       (select count(*) from inbox_event where consumer_group = any ($1)) as inbox,
       (select count(*) from inbox_event where consumer_group = any ($1) and attempts > 0) as failing,
       (select extract(epoch from now() - min(received_at)) from inbox_event where consumer_group = any ($1))
         as inbox_seconds,
       (select count(*) from dead_letter) as dead_letters`,
    [groups],
  );
  const of = (name: string) => Math.max(0, Number(row?.[name] ?? 0));
  return {
    outbox: { waiting: of("outbox"), oldestSeconds: of("outbox_seconds") },
    inbox: { waiting: of("inbox"), failing: of("failing"), oldestSeconds: of("inbox_seconds") },
    deadLetters: of("dead_letters"),
  };
}
