import type { Envelope } from "@atrium/events";
import type { Context } from "../context";
import { hashAfter, hashOfData, lineOf, outcomeOf, type AuditEntry } from "./audit-entry";
import { headMac } from "./head";
import { findRecorded, insertEntries, lockHeads, makePartition, saveHeads, type Head } from "./store";

/** Months that have a partition, as far as this process knows. */
const madeMonths = new WeakMap<object, Set<string>>();

// How far a clock of another machine may go wrong before an event that is replayed gets a second entry.
const clockSkewMs = 24 * 3600_000;

/**
 * Makes an entry of each event at the end of its organization's chain, all in one pass. Events that have one, because
 * they are replayed, get no other. `db` is the service's own.
 */
export async function recordEvents(
  { db, keys, now, database }: Pick<Context, "db" | "keys" | "now" | "database">,
  envelopes: readonly Envelope[],
): Promise<void> {
  const at = now();
  const chains = [...new Set(envelopes.map(chainOf))].sort();
  const heads = await lockHeads(db, chains, at);
  // Entries of a chain are recorded in the order of time, also while the clock is set back.
  const latest = [...heads.values()].reduce((time, head) => Math.max(time, head.recordedAt.getTime()), at.getTime());
  const since = Math.min(...envelopes.map(({ time }) => Date.parse(time)), at.getTime()) - clockSkewMs;
  const known = await findRecorded(
    db,
    envelopes.map(({ id }) => id),
    new Date(since),
  );

  const entries: AuditEntry[] = [];
  for (const envelope of envelopes) {
    if (known.has(envelope.id)) continue;
    const head = heads.get(chainOf(envelope))!;
    const entry = entryAfter(head, envelope, new Date(Math.max(at.getTime(), head.recordedAt.getTime())));
    known.add(envelope.id);
    entries.push(entry);
    heads.set(head.chain, { ...head, number: entry.number, hash: entry.hash, recordedAt: entry.recordedAt });
  }
  if (entries.length === 0) return;
  await preparePartitions({ db, database }, [at, new Date(latest)]);
  await insertEntries(db, entries);
  const moved = new Set(entries.map(({ chain }) => chain));
  const ends = [...heads.values()].filter(({ chain }) => moved.has(chain));
  await saveHeads(
    db,
    ends.map((head) => ({ ...head, mac: headMac(keys, head) })),
  );
}

const chainOf = ({ organizationid }: Envelope) => organizationid ?? "";

function entryAfter(head: Head, envelope: Envelope, recordedAt: Date): AuditEntry {
  const entry = {
    chain: head.chain,
    number: head.number + 1,
    recordedAt,
    eventId: envelope.id,
    occurredAt: new Date(envelope.time),
    action: envelope.type,
    subject: envelope.subject,
    actorId: envelope.actorid ?? null,
    workspaceId: envelope.workspaceid ?? null,
    outcome: outcomeOf(envelope.type),
    traceId: envelope.traceparent?.split("-")[1] ?? null,
    dataHash: hashOfData(envelope.data),
  };
  return { ...entry, previousHash: head.hash, hash: hashAfter(head.hash, lineOf(entry)) };
}

async function preparePartitions({ db, database }: Pick<Context, "db" | "database">, times: readonly Date[]) {
  const made = madeMonths.get(database) ?? new Set();
  madeMonths.set(database, made);
  for (const time of times) {
    const month = time.toISOString().slice(0, 7);
    if (made.has(month)) continue;
    await makePartition(db, time);
    // Rolled back, it would have to be made again.
    db.afterCommit(() => made.add(month));
  }
}
