import { randomBytes } from "node:crypto";
import { serviceOf, type Envelope } from "@atrium/events";
import { erasedAmong } from "@atrium/personal-data";
import type { Context } from "../context";
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
  const knownOrigins = await originsOf({ db, keys }, envelopes);
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
    const origin = knownOrigins.get(envelope.id);
    const entry = entryAfter(head, envelope, recordedAt, origin ? hashOfOrigin(origin.salt, origin) : null);
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

/**
 * Where events came from, by their ids, each with a salt of its own; only where it can be told whose that is, so that it
 * goes with them, and not of those who have gone already: their events may arrive late.
 */
async function originsOf({ db, keys }: Pick<Context, "db" | "keys">, envelopes: readonly Envelope[]) {
  const known = new Map<string, Pick<StoredOrigin, "network" | "userAgent" | "personId" | "salt">>();
  for (const { id, type, subject, actorid, sealedorigin } of envelopes) {
    const personId = actorid ?? (subject.startsWith("usr_") ? subject : undefined);
    const origin = personId && sealedorigin ? keys.originsOf(serviceOf(type)).open(sealedorigin) : null;
    if (origin) known.set(id, { ...origin, personId: personId!, salt: randomBytes(saltBytes).toString("hex") });
  }
  if (known.size === 0) return known;
  const erased = await erasedAmong(db, [...new Set([...known.values()].map(({ personId }) => personId))].sort());
  for (const [id, { personId }] of known) if (erased.has(personId)) known.delete(id);
  return known;
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
