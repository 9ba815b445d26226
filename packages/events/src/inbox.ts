import { parseEnvelope, type Envelope } from "./envelope";
import type { EventTransaction } from "./handle";
import { hearing } from "./hearing";
import { Unreadable } from "./unreadable";
import { boundedByBytes, eventColumns, toEnvelope, type EventRow } from "./row";

/** A row of the inbox: an event that this group hasn't handled yet. */
export interface InboxRow extends EventRow {
  /** Tenant and subject: what is handled in order. */
  lane: string;
  attempts: number;
}

export type DeadLetterReason = "FAILED" | "INVALID" | "UNKNOWN_TYPE" | "FOREIGN" | "FORGED";

const windowSize = 500;
const windowBytesMax = 16_000_000;

/** A place where a service keeps what it hears: one for its handlers of single types, one for a handler of everything. */
export interface InboxGroup {
  readonly name: string;
  hears(type: string): boolean;
  types: readonly string[] | "EVERY";
  /** Handles what has just arrived at once, where that may be; returns what has to go into the inbox after all. */
  straight?(envelopes: readonly Envelope[]): Promise<readonly Envelope[]>;
}

/** Notes which groups a service hears as, so that a replay from outside knows. */
export async function noteGroups(service: EventTransaction, groups: readonly InboxGroup[]): Promise<void> {
  for (const { name, types } of groups)
    await service.sql(
      `insert into inbox_group (name, types) values ($1, $2) on conflict (name) do update set types = excluded.types`,
      [name, types === "EVERY" ? null : types],
    );
  await service.sql("delete from inbox_group where name <> all ($1)", [groups.map(({ name }) => name)]);
}

/** What `noteGroups` noted. */
export async function knownGroups(service: EventTransaction): Promise<InboxGroup[]> {
  const rows = await service.sql<{ name: string; types: string[] | null }>("select name, types from inbox_group");
  return rows.map(({ name, types }) => ({ name, types: types ?? "EVERY", hears: hearing(types ?? "EVERY") }));
}

/**
 * Stores what arrived in each group that hears it, each id once, with one statement for each group. What isn't an
 * envelope becomes a dead letter of the first group. Returns the groups whose inbox has got something.
 */
export async function receive(
  service: EventTransaction,
  groups: readonly Pick<InboxGroup, "name" | "hears" | "straight">[],
  received: readonly unknown[],
  { again = false } = {},
): Promise<string[]> {
  const envelopes: Envelope[] = [];
  for (const each of received) {
    const read = each instanceof Unreadable ? each : envelopeOrUnreadable(each);
    if (!(read instanceof Unreadable)) envelopes.push(read);
    else
      await service.sql(again ? parkUnreadableAgainSql : parkUnreadableSql, [
        groups[0]!.name,
        read.id,
        JSON.stringify(read.payload) ?? "null",
        read.reason,
        errorText(read.error),
      ]);
  }
  const stored = await Promise.allSettled(
    groups.map(async ({ name, hears, straight }) => {
      const heard = envelopes.filter(({ type }) => hears(type));
      const waiting = straight && !again ? await straight(heard) : heard;
      await storeOrPark(service, name, waiting, again);
      return waiting.length > 0 ? [name] : [];
    }),
  );
  const failed = stored.find((each) => each.status === "rejected");
  if (failed) throw failed.reason;
  return stored.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
}

function envelopeOrUnreadable(received: unknown): Envelope | Unreadable {
  try {
    return parseEnvelope(received);
  } catch (error) {
    return Unreadable.of([JSON.stringify(received) ?? ""], "INVALID", (error as Error).message, received);
  }
}

/** Stores them together; where the database refuses a value of one, that one is parked, and the others are stored. */
async function storeOrPark(
  service: EventTransaction,
  group: string,
  envelopes: readonly Envelope[],
  again: boolean,
): Promise<void> {
  if (envelopes.length === 0) return;
  try {
    await store(service, group, envelopes, again);
  } catch (error) {
    if (!isRefusedValue(error)) throw error;
    if (envelopes.length === 1) {
      const [{ id }] = envelopes as [Envelope];
      const payload = JSON.stringify(envelopes[0]);
      await service.sql(again ? parkUnreadableAgainSql : parkUnreadableSql, [
        ...[group, id, payload, "INVALID", errorText(error)],
      ]);
      return;
    }
    const half = Math.ceil(envelopes.length / 2);
    await storeOrPark(service, group, envelopes.slice(0, half), again);
    await storeOrPark(service, group, envelopes.slice(half), again);
  }
}

// Class 22, data exception: a time that no calendar of the database has.
const isRefusedValue = (error: unknown) => /^22/.test(String((error as { code?: unknown }).code ?? ""));

async function store(service: EventTransaction, group: string, envelopes: readonly Envelope[], again: boolean) {
  const datas = envelopes.map(({ data }) => JSON.stringify(data ?? null));
  await service.sql(again ? receiveAgainSql : receiveSql, [
    group,
    envelopes.map(({ id }) => id),
    envelopes.map(({ type }) => type),
    envelopes.map(({ subject }) => subject),
    envelopes.map(({ time }) => time),
    envelopes.map(({ organizationid }) => organizationid ?? null),
    envelopes.map(({ workspaceid }) => workspaceid ?? null),
    envelopes.map(({ actorid }) => actorid ?? null),
    envelopes.map(({ traceparent }) => traceparent ?? null),
    envelopes.map(({ agentid }) => agentid ?? null),
    envelopes.map(({ sealedorigin }) => sealedorigin ?? null),
    datas,
    datas.map((data) => Buffer.byteLength(data)),
  ]);
}

const arrived = `
  unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::json[], $13::integer[]) with ordinality as arrived (${eventColumns}, nth)`;
// In order of their ids, so that two deliveries of the same events never wait for each other both. The receipt decides: only who wrote it puts the event into the inbox. The same id twice in one delivery is one event.
const receiveSql = `
  with receipt as (
    insert into inbox_receipt (consumer_group, id) select $1, id from unnest($2::uuid[]) as given (id) order by id
    on conflict (consumer_group, id) do nothing returning id
  )
  insert into inbox_event (consumer_group, ${eventColumns})
  select $1, ${eventColumns} from (select distinct on (id) * from ${arrived} order by id, nth) as first_of_id
  where id in (select id from receipt) order by nth`;
const receiveAgainSql = `
  with receipt as (
    insert into inbox_receipt (consumer_group, id) select $1, id from unnest($2::uuid[]) as given (id) order by id
    on conflict (consumer_group, id) do nothing
  )
  insert into inbox_event (consumer_group, ${eventColumns})
  select $1, ${eventColumns} from (select distinct on (id) * from ${arrived} order by id, nth) as first_of_id
  where not exists (select from inbox_event as waiting where waiting.consumer_group = $1 and waiting.id = first_of_id.id)
  order by nth`;
const parkUnreadableSql = `
  with receipt as (
    insert into inbox_receipt (consumer_group, id) values ($1, $2) on conflict (consumer_group, id) do nothing returning id
  )
  insert into dead_letter (consumer_group, event_id, payload, reason, error, attempts)
  select $1, id, $3, $4, $5, 0 from receipt`;
const parkUnreadableAgainSql = `
  insert into dead_letter (consumer_group, event_id, payload, reason, error, attempts) values ($1, $2, $3, $4, $5, 0)`;

/** What is being handled and so isn't to be loaded: single events, or whole lanes. */
export interface Held {
  positions?: EventRow["position"][];
  lanes?: string[];
}

/** The oldest events that may be handled now: not held, and in no lane whose first event waits for its next attempt. */
export async function loadWindow(service: EventTransaction, group: string, held: Held = {}) {
  const { positions = [], lanes = [] } = held;
  const rows = await service.sql<InboxRow>(loadSql, [group, positions, lanes, backOffMsMax]);
  return { rows, mayHaveMore: rows.length > 0 };
}

// A next attempt further away than any back-off was written by a clock that has been set back since: it is due.
const loadSql = boundedByBytes(
  `position, ${eventColumns}, lane, attempts`,
  `inbox_event as waiting
   where consumer_group = $1 and position <> all ($2::bigint[]) and lane <> all ($3::text[])
     and not exists (
       select from inbox_event as failing
       where failing.consumer_group = $1 and failing.lane = waiting.lane and failing.attempts > 0
         and failing.next_attempt_at > now() and failing.next_attempt_at < now() + $4 * interval '2 milliseconds')`,
  windowSize,
  windowBytesMax,
);

/**
 * Claims events for being handled in `tx` without a stay in the inbox: returns those that are new, or null where others
 * wait in the inbox, behind which they have to go. What another delivery has claimed and not committed is waited for.
 */
export async function claimStraight(
  tx: EventTransaction,
  group: string,
  envelopes: readonly Envelope[],
): Promise<Envelope[] | null> {
  const claimed = await tx.sql<{ id: string }>(
    `insert into inbox_receipt (consumer_group, id) select $1, id from unnest($2::uuid[]) as given (id) order by id
     on conflict (consumer_group, id) do nothing returning id`,
    [group, envelopes.map(({ id }) => id)],
  );
  // A statement of its own, so that it sees what was committed while the claim waited.
  const [inbox] = await tx.sql<{ waiting: boolean }>(
    "select exists (select from inbox_event where consumer_group = $1) as waiting",
    [group],
  );
  if (inbox!.waiting) return null;
  const unclaimed = new Set(claimed.map(({ id }) => id));
  return envelopes.filter(({ id }) => unclaimed.delete(id.toLowerCase()));
}

/** Takes events out of the inbox within their own transaction; says which were still there. */
export async function take(tx: EventTransaction, group: string, positions: EventRow["position"][]): Promise<number[]> {
  const rows = await tx.sql<{ position: number }>("select inbox_take($1, $2::bigint[]) as position", [
    group,
    positions,
  ]);
  return rows.map(({ position }) => position);
}

export interface RetryPolicy {
  /** After so many failures an event is parked. */
  attemptsMax: number;
  firstDelayMs: number;
}
export const backOffMsMax = 300_000;

/** Notes that an event has failed. Returns after which pause it is due again; null when it was parked instead. */
export async function noteFailure(
  service: EventTransaction,
  group: string,
  row: InboxRow,
  error: unknown,
  { attemptsMax, firstDelayMs }: RetryPolicy,
): Promise<number | null> {
  if (row.attempts + 1 >= attemptsMax) {
    await park(service, group, row, "FAILED", error);
    return null;
  }
  // A tenth of jitter, so that what failed together doesn't come back together.
  const delayMs = Math.min(firstDelayMs * 2 ** row.attempts, backOffMsMax) * (1 + Math.random() / 10);
  await service.sql(
    `update inbox_event
     set attempts = attempts + 1, next_attempt_at = now() + $2 * interval '1 millisecond', last_error = $3
     where consumer_group = $4 and position = $1`,
    [row.position, delayMs, errorText(error), group],
  );
  return delayMs;
}

/** Puts an event aside for a person to decide, with its error; those behind it go on. */
export async function park(
  service: EventTransaction,
  group: string,
  row: InboxRow,
  reason: DeadLetterReason,
  error: unknown,
) {
  await service.sql(
    `with gone as (delete from inbox_event where consumer_group = $2 and position = $1 returning attempts)
     insert into dead_letter
       (consumer_group, event_id, type, subject, organization_id, workspace_id, payload, reason, error, attempts)
     select $2, $3, $4, $5, $6, $7, $8, $9, $10, attempts + 1 from gone`,
    [
      row.position,
      group,
      row.id,
      row.type,
      row.subject,
      row.organization_id,
      row.workspace_id,
      JSON.stringify(toEnvelope(row)),
      reason,
      errorText(error),
    ],
  );
}

// PostgreSQL's text holds no NUL, and an error that can't be noted would come back for ever.
const errorText = (error: unknown): string =>
  (error instanceof Error ? (error.stack ?? error.message) : String(error)).replaceAll("\0", "").slice(0, 4_000);
