import type { Tx } from "../context";
import { genesisOf, separator, type AuditEntry, type Link } from "./audit-entry";

/** Where a chain ends. Hashes are in hexadecimal. */
export interface Head {
  chain: string;
  number: number;
  hash: string;
  mac: string;
  firstNumber: number;
  recordedAt: Date;
}

const headColumns = `chain, number, encode(hash, 'hex') as hash, encode(mac, 'hex') as mac,
  first_number as "firstNumber", recorded_at as "recordedAt"`;

/** Locks the ends of these chains until `tx` ends, in one order; those that have no entry yet are begun. */
export async function lockHeads(tx: Tx, chains: readonly string[], now: Date): Promise<Map<string, Head>> {
  const lock = () =>
    tx.sql<Head>(`select ${headColumns} from audit_chain where chain = any ($1::text[]) order by chain for update`, [
      chains,
    ]);
  let heads = await lock();
  if (heads.length < chains.length) {
    await tx.sql(
      `insert into audit_chain (chain, number, hash, mac, recorded_at)
       select chain, 0, decode(hash, 'hex'), '', $3 from unnest($1::text[], $2::text[]) as begun (chain, hash)
       on conflict do nothing`,
      [chains, chains.map(genesisOf), now],
    );
    heads = await lock();
  }
  return new Map(heads.map((head) => [head.chain, head]));
}

/** Those of the events that have an entry, recorded at `since` at the earliest. */
export async function findRecorded(tx: Tx, eventIds: readonly string[], since: Date): Promise<Set<string>> {
  const rows = await tx.sql<{ id: string }>(
    "select event_id as id from audit_entry where event_id = any ($1::uuid[]) and recorded_at >= $2",
    [eventIds, since],
  );
  return new Set(rows.map(({ id }) => id));
}

export async function makePartition(tx: Tx, month: Date): Promise<void> {
  await tx.sql("select audit_make_partition($1::date)", [month.toISOString().slice(0, 10)]);
}

/** Adds entries in one statement. */
export async function insertEntries(tx: Tx, entries: readonly AuditEntry[]): Promise<void> {
  const column = <Value>(of: (entry: AuditEntry) => Value) => entries.map(of);
  await tx.sql(
    `insert into audit_entry (chain, number, recorded_at, event_id, occurred_at, action, subject, actor_id, workspace_id,
                              outcome, trace_id, data_hash, previous_hash, hash, agent_id, origin_hash)
     select chain, number, recorded_at, event_id, occurred_at, action, subject, actor_id, workspace_id, outcome, trace_id,
            decode(data_hash, 'hex'), decode(previous_hash, 'hex'), decode(hash, 'hex'), agent_id, decode(origin_hash, 'hex')
       from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[],
                   $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                   $15::text[], $16::text[])
         as e (chain, number, recorded_at, event_id, occurred_at, action, subject, actor_id, workspace_id, outcome,
               trace_id, data_hash, previous_hash, hash, agent_id, origin_hash)`,
    [
      column((entry) => entry.chain),
      column((entry) => entry.number),
      column((entry) => entry.recordedAt),
      column((entry) => entry.eventId),
      column((entry) => entry.occurredAt),
      column((entry) => entry.action),
      column((entry) => entry.subject),
      column((entry) => entry.actorId),
      column((entry) => entry.workspaceId),
      column((entry) => entry.outcome),
      column((entry) => entry.traceId),
      column((entry) => entry.dataHash),
      column((entry) => entry.previousHash),
      column((entry) => entry.hash),
      column((entry) => entry.agentId),
      column((entry) => entry.originHash),
    ],
  );
}

/** Moves the ends of locked chains. */
export async function saveHeads(tx: Tx, heads: readonly Head[]): Promise<void> {
  await tx.sql(
    `update audit_chain c set number = h.number, hash = decode(h.hash, 'hex'), mac = decode(h.mac, 'hex'),
            first_number = h.first_number, recorded_at = h.recorded_at
       from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[])
         as h (chain, number, hash, mac, first_number, recorded_at)
      where c.chain = h.chain`,
    [
      heads.map(({ chain }) => chain),
      heads.map(({ number }) => number),
      heads.map(({ hash }) => hash),
      heads.map(({ mac }) => mac),
      heads.map(({ firstNumber }) => firstNumber),
      heads.map(({ recordedAt }) => recordedAt),
    ],
  );
}

export interface EntryFilter {
  actorId?: string | null;
  subject?: string | null;
  action?: string | null;
  from?: Date | null;
  to?: Date | null;
  /** One workspace's entries alone. */
  workspaceId?: string | null;
}

const entryColumns = `chain, number, recorded_at as "recordedAt", event_id as "eventId", occurred_at as "occurredAt",
  action, subject, actor_id as "actorId", workspace_id as "workspaceId", outcome, trace_id as "traceId",
  agent_id as "agentId", encode(origin_hash, 'hex') as "originHash", encode(data_hash, 'hex') as "dataHash", encode(previous_hash, 'hex') as "previousHash", encode(hash, 'hex') as hash`;

/** An organization's entries, newest first. */
export function listEntries(
  tx: Tx,
  chain: string,
  filter: EntryFilter,
  { limit, after }: { limit: number; after: number | null },
): Promise<AuditEntry[]> {
  const values: unknown[] = [chain, limit];
  const wanted: [string, unknown][] = [
    ["actor_id =", filter.actorId],
    ["subject =", filter.subject],
    ["action =", filter.action],
    ["workspace_id =", filter.workspaceId],
    ["recorded_at >=", filter.from],
    ["recorded_at <", filter.to],
    ["number <", after],
  ];
  // Only what is asked for stands in the text, so that each combination has a plan of its own.
  const conditions = wanted.flatMap(([condition, value]) =>
    value === null || value === undefined ? [] : [`and ${condition} $${values.push(value)}`],
  );
  return tx.sql<AuditEntry>(
    `select ${entryColumns} from audit_entry where chain = $1 ${conditions.join(" ")} order by number desc limit $2`,
    values,
  );
}

/** What a person did, in all organizations: for their own export. Needs a service handle. */
export const listEntriesBy = (
  service: Tx,
  actorId: string,
  { limit, after }: { limit: number; after: { chain: string; number: number } | null },
): Promise<AuditEntry[]> =>
  service.sql<AuditEntry>(
    `select ${entryColumns} from audit_entry where actor_id = $1 and (chain, number) > ($2, $3)
      order by chain, number limit $4`,
    [actorId, after?.chain ?? "", after?.number ?? 0, limit],
  );

export async function countEntriesBy(service: Tx, actorId: string): Promise<number> {
  const [row] = await service.sql<{ count: number }>("select count(*) as count from audit_entry where actor_id = $1", [
    actorId,
  ]);
  return row!.count;
}

// Milliseconds as a whole number, as `Date.getTime` has them. In floating point it is as exact, and a third of the time.
const millisecondsOf = (column: string) => `(date_part('epoch', ${column}) * 1000)::bigint`;

const lineColumns = `concat_ws('${separator}', chain, number, ${millisecondsOf("recorded_at")}, event_id,
  ${millisecondsOf("occurred_at")}, action, subject, coalesce(actor_id, ''), coalesce(workspace_id, ''), outcome,
  coalesce(trace_id, ''), encode(data_hash, 'hex'),
  case when agent_id is not null or origin_hash is not null then
    coalesce(agent_id, '') || '${separator}' || coalesce(encode(origin_hash, 'hex'), '') end)`;

const hexCharacters = 64;
const linkSeparator = "\u001e";

/** Entries of a chain from `from` to `to` in order, to be verified: in as few rows as may be. */
export async function readLinks(tx: Tx, chain: string, { from, to }: { from: number; to: number }): Promise<Link[]> {
  const rows = await tx.sql<{ links: string }>(
    `select string_agg(link, '${linkSeparator}' order by number, recorded_at) as links from (
       select number, recorded_at,
              number || '${separator}' || encode(previous_hash, 'hex') || encode(hash, 'hex') || ${lineColumns} as link
         from audit_entry where chain = $1 and number >= $2 and number <= $3 order by number, recorded_at
     ) as read group by number / 1000 order by number / 1000`,
    [chain, from, to],
  );
  return rows.flatMap(({ links }) => links.split(linkSeparator).map(toLink));
}

function toLink(text: string): Link {
  const begin = text.indexOf(separator) + 1;
  const line = begin + 2 * hexCharacters;
  return {
    number: Number(text.slice(0, begin - 1)),
    previousHash: text.slice(begin, begin + hexCharacters),
    hash: text.slice(begin + hexCharacters, line),
    line: text.slice(line),
  };
}

/** The first and last entry of a time; nulls where nothing was recorded in it. */
export async function numbersWithin(
  tx: Tx,
  chain: string,
  { from, to }: { from: Date | null; to: Date | null },
): Promise<{ first: number | null; last: number | null }> {
  const [row] = await tx.sql<{ first: number | null; last: number | null }>(
    `select min(number) as first, max(number) as last from audit_entry
      where chain = $1 and recorded_at >= coalesce($2::timestamptz, '-infinity')
        and recorded_at < coalesce($3::timestamptz, 'infinity')`,
    [chain, from, to],
  );
  return row!;
}

/** Where a chain ends, and the last entry that there is, as of one moment. */
export async function findEnd(tx: Tx, chain: string): Promise<{ head: Head | null; last: number | null }> {
  const [{ last, ...head } = { last: null }] = await tx.sql<Partial<Head> & { last: number | null }>(
    `select h.*, (select max(number) from audit_entry where chain = $1) as last
       from (select 1) as one left join (select ${headColumns} from audit_chain where chain = $1) as h on true`,
    [chain],
  );
  return { head: head.chain == null ? null : (head as Head), last };
}

/** Where chains with entries end, in order of their names. */
export const listHeads = (service: Tx, { after, limit }: { after: string | null; limit: number }): Promise<Head[]> =>
  service.sql<Head>(
    `select ${headColumns} from audit_chain where ($1::text is null or chain > $1) and number > 0
      order by chain limit $2`,
    [after, limit],
  );

/** Of the entry with this number; null where there is none. */
export async function findHash(tx: Tx, chain: string, number: number): Promise<string | null> {
  const [row] = await tx.sql<{ hash: string }>(
    "select encode(hash, 'hex') as hash from audit_entry where chain = $1 and number = $2 order by recorded_at limit 1",
    [chain, number],
  );
  return row?.hash ?? null;
}

/** The chains there are, in order of their names. */
export async function listChains(service: Tx, { after, limit }: { after: string | null; limit: number }) {
  const rows = await service.sql<{ chain: string }>(
    "select chain from audit_chain where $1::text is null or chain > $1 order by chain limit $2",
    [after, limit],
  );
  return rows.map(({ chain }) => chain);
}

export interface Checkpoint {
  chain: string;
  /** `2026-11-26` */
  day: string;
  number: number;
  hash: string;
  keyId: string;
  signature: Buffer;
  signedAt: Date;
}

/** The ends of chains that have moved since their last checkpoint. */
export const listUnsigned = (service: Tx, limit: number, day: string): Promise<Head[]> =>
  service.sql<Head>(
    `select ${headColumns} from audit_chain h
      where number > coalesce((select max(number) from audit_checkpoint c where c.chain = h.chain), 0)
        and not exists (select from audit_checkpoint c where c.chain = h.chain and c.day = $2::date)
      order by chain limit $1`,
    [limit, day],
  );

export async function insertCheckpoints(service: Tx, checkpoints: readonly Checkpoint[]): Promise<void> {
  await service.sql(
    `insert into audit_checkpoint (chain, day, number, hash, key_id, signature, signed_at)
     select chain, day, number, decode(hash, 'hex'), key_id, decode(signature, 'hex'), signed_at
       from unnest($1::text[], $2::date[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
         as c (chain, day, number, hash, key_id, signature, signed_at)
     on conflict do nothing`,
    [
      checkpoints.map(({ chain }) => chain),
      checkpoints.map(({ day }) => day),
      checkpoints.map(({ number }) => number),
      checkpoints.map(({ hash }) => hash),
      checkpoints.map(({ keyId }) => keyId),
      checkpoints.map(({ signature }) => signature.toString("hex")),
      checkpoints.map(({ signedAt }) => signedAt),
    ],
  );
}

/** A chain's checkpoints in a range of its entries, oldest first. */
export const listCheckpoints = (
  tx: Tx,
  chain: string,
  { from, to }: { from: number; to: number },
): Promise<Checkpoint[]> =>
  tx.sql<Checkpoint>(
    `select chain, day::text as day, number, encode(hash, 'hex') as hash, key_id as "keyId", signature,
            signed_at as "signedAt"
       from audit_checkpoint where chain = $1 and number between $2 and $3 order by number, day`,
    [chain, from, to],
  );

/** Removes the months that have been kept for long enough; returns how many. */
export async function dropOldPartitions(service: Tx): Promise<number> {
  // Not a plain query: that would be asked again if the connection broke.
  const dropped = await service.sql("with gone as (select audit_drop_old_partitions()) select * from gone");
  return dropped.length;
}

export async function firstNumberOf(service: Tx, chain: string): Promise<number | null> {
  const [row] = await service.sql<{ first: number | null }>(
    "select min(number) as first from audit_entry where chain = $1",
    [chain],
  );
  return row?.first ?? null;
}
