import { randomBytes } from "node:crypto";
import { serviceOf, type Envelope } from "@atrium/events";
import type { Context } from "../context";
import type { Keys } from "../keys";
import { hashAfter, hashOfData, hashOfOrigin, lineOf, outcomeOf, type AuditEntry } from "./audit-entry";
import { headMac } from "./head";
import { insertOrigins, type StoredOrigin } from "./origin-store";
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
  const origins: StoredOrigin[] = [];
  for (const envelope of envelopes) {
    if (known.has(envelope.id)) continue;
    const head = heads.get(chainOf(envelope))!;
    const recordedAt = new Date(Math.max(at.getTime(), head.recordedAt.getTime()));
    const origin = originOf(keys, envelope);
    const entry = entryAfter(head, envelope, recordedAt, origin && hashOfOrigin(origin.salt, origin));
    if (origin) origins.push({ ...origin, chain: entry.chain, number: entry.number, recordedAt });
    known.add(envelope.id);
    entries.push(entry);
    heads.set(head.chain, { ...head, number: entry.number, hash: entry.hash, recordedAt: entry.recordedAt });
  }
  if (entries.length === 0) return;
  await preparePartitions({ db, database }, [at, new Date(latest)]);
  await insertEntries(db, entries);
  if (origins.length > 0) await insertOrigins(db, origins);
  const moved = new Set(entries.map(({ chain }) => chain));
  const ends = [...heads.values()].filter(({ chain }) => moved.has(chain));
  await saveHeads(
    db,
    ends.map((head) => ({ ...head, mac: headMac(keys, head) })),
  );
}

const chainOf = ({ organizationid }: Envelope) => organizationid ?? "";

const saltBytes = 16;

/** Where an event came from, with a salt of its own; only where it can be told whose it is, and so be erased with them. */
function originOf(keys: Keys, { type, subject, actorid, sealedorigin }: Envelope) {
  const personId = actorid ?? (subject.startsWith("usr_") ? subject : null);
  const origin = personId && sealedorigin ? keys.originsOf(serviceOf(type)).open(sealedorigin) : null;
  return origin && { ...origin, personId: personId!, salt: randomBytes(saltBytes).toString("hex") };
}

function entryAfter(head: Head, envelope: Envelope, recordedAt: Date, originHash: string | null): AuditEntry {
  const entry = {
    chain: head.chain,
    number: head.number + 1,
    recordedAt,
    eventId: envelope.id,
    occurredAt: new Date(envelope.time),
    action: envelope.type,
    subject: envelope.subject,
    actorId: envelope.actorid ?? null,
    agentId: envelope.agentid ?? null,
    workspaceId: envelope.workspaceid ?? null,
    outcome: outcomeOf(envelope.type),
    traceId: envelope.traceparent?.split("-")[1] ?? null,
    dataHash: hashOfData(envelope.data),
    originHash,
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
