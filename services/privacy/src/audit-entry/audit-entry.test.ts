import { newId } from "@atrium/ids";
import type { Envelope } from "@atrium/events";
import { announced, testTables, type Tables } from "../testing";
import { hashAfter, hashOfData, lineOf } from "./audit-entry";
import { signCheckpoints, tendPartitions } from "./checkpoint";
import { recordEvents } from "./record";
import { verifyChain } from "./verify";

let tables: Tables;
beforeAll(async () => {
  tables = await testTables();
});
afterAll(() => tables.close());

const eventOf = (organizationid: string | undefined, subject: string, more: Partial<Envelope> = {}): Envelope => ({
  ...announced(tables.clock.now, organizationid, { subject }),
  ...(organizationid && { workspaceid: "wsp_1" }),
  actorid: "usr_1",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  data: { messageId: subject },
  ...more,
});

const record = (envelopes: Envelope[]) => {
  const { database, keys, now } = tables;
  return database.asService().transaction((db) => recordEvents({ db, database, keys, now }, envelopes));
};

/** A chain of ten entries, recorded in two batches. */
async function givenChain(count = 10): Promise<string> {
  const chain = newId("org");
  const events = Array.from({ length: count }, (_, i) => eventOf(chain, `msg_${i + 1}`));
  await record(events.slice(0, 4));
  await record(events.slice(4));
  return chain;
}

const verify = (chain: string, time: { from?: Date; to?: Date } = {}) =>
  verifyChain({ ...tables, db: tables.database.asService() }, chain, time);
const tamper = (sql: string, ...values: unknown[]) => tables.owner.query(sql, values);

test("each event becomes one entry at the end of its organization's chain, whatever it is delivered with", async () => {
  const [one, other] = [newId("org"), newId("org")];
  const events = [eventOf(one, "msg_1"), eventOf(other, "msg_2"), eventOf(one, "msg_3"), eventOf(undefined, "usr_1")];
  await record(events);
  // A replay, with one that is new.
  await record([...events, eventOf(one, "msg_4", { type: "identity.user.sign_in_refused.v1" })]);
  const { rows } = await tamper(
    `select chain, number::int, subject, outcome, trace_id, workspace_id from audit_entry
      where chain = any ($1) order by chain, number`,
    [one, other, ""],
  );
  const of = (chain: string) => rows.filter((row) => row.chain === chain).map((row) => `${row.number} ${row.subject}`);
  expect(of(one)).toEqual(["1 msg_1", "2 msg_3", "3 msg_4"]);
  expect(of(other)).toEqual(["1 msg_2"]);
  expect(of("")).toEqual(["1 usr_1"]);
  expect(rows.find((row) => row.subject === "msg_4")).toMatchObject({
    outcome: "REFUSED",
    trace_id: "0af7651916cd43dd8448eb211c80319c",
  });
  for (const chain of [one, other, ""]) expect((await verify(chain)).firstBroken).toBeNull();
});

test("the order of an event's fields doesn't change its hash", () => {
  expect(hashOfData({ a: 1, b: [{ d: null, c: "x" }] })).toBe(hashOfData({ b: [{ c: "x", d: null }], a: 1 }));
  expect(hashOfData({ a: 1 })).not.toBe(hashOfData({ a: "1" }));
});

test("an untouched chain is intact, in whole and in any part of it", async () => {
  const chain = newId("org");
  const before = tables.clock.now;
  for (let minute = 0; minute < 5; minute++) {
    tables.clock.now = new Date(before.getTime() + minute * 60_000);
    await record([eventOf(chain, `msg_${minute}a`), eventOf(chain, `msg_${minute}b`)]);
  }
  expect(await verify(chain)).toEqual({ entryCount: 10, checkpointCount: 0, firstBroken: null });
  const at = (minute: number) => new Date(before.getTime() + minute * 60_000);
  expect(await verify(chain, { from: at(1), to: at(3) })).toMatchObject({ entryCount: 4, firstBroken: null });
  expect(await verify(chain, { from: at(4) })).toMatchObject({ entryCount: 2, firstBroken: null });
  expect(await verify(chain, { from: at(9) })).toMatchObject({ entryCount: 0, firstBroken: null });
});

describe("what somebody changes who has the database is found and named:", () => {
  test.each([
    "actor_id = 'usr_2'",
    "subject = 'x'",
    "outcome = 'FAILED'",
    "occurred_at = now()",
    "data_hash = '\\x00'",
  ])("an entry with another %s", async (change) => {
    const chain = await givenChain();
    await tamper(`update audit_entry set ${change} where chain = $1 and number = 6`, chain);
    expect((await verify(chain)).firstBroken).toEqual({ kind: "CHANGED", number: 6 });
  });

  test("an entry that was changed and hashed anew", async () => {
    const chain = await givenChain();
    await rehash(chain, 6, "update audit_entry set subject = 'x' where chain = $1 and number = 6");
    expect((await verify(chain)).firstBroken).toEqual({ kind: "CHANGED", number: 6 });
  });

  test.each([1, 5, 10])("a missing entry, number %i", async (number) => {
    const chain = await givenChain();
    await tamper("delete from audit_entry where chain = $1 and number = $2", chain, number);
    expect((await verify(chain)).firstBroken).toEqual({ kind: "MISSING", number });
  });

  test("a chain without any of its entries", async () => {
    const chain = await givenChain();
    await tamper("delete from audit_entry where chain = $1", chain);
    expect((await verify(chain)).firstBroken).toEqual({ kind: "MISSING", number: 1 });
  });

  test("two entries that have changed places", async () => {
    const chain = await givenChain();
    for (const [from, to] of [
      [4, 99],
      [8, 4],
      [99, 8],
    ])
      await tamper("update audit_entry set number = $3 where chain = $1 and number = $2", chain, from, to);
    expect((await verify(chain)).firstBroken).toEqual({ kind: "REORDERED", number: 4 });
  });

  test("an entry that was put in under a number that is taken", async () => {
    const chain = await givenChain();
    await insertCopy(chain, 5, "number, recorded_at + interval '1 ms'");
    expect((await verify(chain)).firstBroken).toEqual({ kind: "INSERTED", number: 5 });
  });

  test("an entry that was put in between, hashed, with all that follow moved on", async () => {
    const chain = await givenChain();
    await tamper("update audit_entry set number = -number - 1 where chain = $1 and number >= 6", chain);
    await tamper("update audit_entry set number = -number where chain = $1 and number < 0", chain);
    await insertCopy(chain, 5, "6, recorded_at");
    await tamper(
      `update audit_entry set previous_hash = (select hash from audit_entry where chain = $1 and number = 5)
        where chain = $1 and number = 6`,
      chain,
    );
    await rehash(chain, 6, "select $1::text");
    expect((await verify(chain)).firstBroken).toEqual({ kind: "INSERTED", number: 6 });
  });

  test("an entry that was put at the end, also with the chain's end moved there", async () => {
    const chain = await givenChain();
    await insertCopy(chain, 10, "11, recorded_at");
    await tamper(
      `update audit_entry set previous_hash = (select hash from audit_entry where chain = $1 and number = 10)
        where chain = $1 and number = 11`,
      chain,
    );
    await rehash(chain, 11, "select $1::text");
    expect((await verify(chain)).firstBroken).toEqual({ kind: "INSERTED", number: 11 });
    await tamper(
      `update audit_chain set number = 11, hash = (select hash from audit_entry where chain = $1 and number = 11)
        where chain = $1`,
      chain,
    );
    expect((await verify(chain)).firstBroken).toEqual({ kind: "HEAD_FORGED", number: 11 });
  });

  test("a chain that was rewritten from one entry on, by the last signed checkpoint", async () => {
    const chain = await givenChain();
    await signCheckpoints(tables);
    const sum = await verify(chain);
    expect(sum).toEqual({ entryCount: 10, checkpointCount: 1, firstBroken: null });
    await tamper("update audit_entry set actor_id = 'usr_2' where chain = $1 and number = 3", chain);
    for (let number = 3; number <= 10; number++) {
      await tamper(
        `update audit_entry e set previous_hash = p.hash from audit_entry p
          where e.chain = $1 and p.chain = $1 and e.number = $2 and p.number = $2 - 1`,
        chain,
        number,
      );
      await rehash(chain, number, "select $1::text");
    }
    expect((await verify(chain)).firstBroken).toEqual({ kind: "REWRITTEN", number: 1 });
    await tamper(
      `update audit_checkpoint set hash = (select hash from audit_entry where chain = $1 and number = 10)
        where chain = $1`,
      chain,
    );
    expect((await verify(chain)).firstBroken).toEqual({ kind: "CHECKPOINT_FORGED", number: 10 });
  });

  test("entries that were cut off behind a checkpoint, with the chain's end", async () => {
    const chain = await givenChain();
    await signCheckpoints({ ...tables, now: () => new Date(tables.clock.now.getTime() + 86_400_000) });
    await tamper("delete from audit_entry where chain = $1 and number > 7", chain);
    await tamper("delete from audit_chain where chain = $1", chain);
    await tamper("insert into audit_chain values ($1, 7, '', '', 1, now())", chain);
    expect((await verify(chain)).firstBroken).toEqual({ kind: "MISSING", number: 8 });
  });

  /** Gives an entry the hash that its columns have now, as somebody would who knows how it is made. */
  async function rehash(chain: string, number: number, change: string) {
    await tamper(change, chain);
    const { rows } = await tamper(
      `select chain, number::int, recorded_at as "recordedAt", event_id as "eventId", occurred_at as "occurredAt", action,
              subject, actor_id as "actorId", workspace_id as "workspaceId", outcome, trace_id as "traceId",
              encode(data_hash, 'hex') as "dataHash", encode(previous_hash, 'hex') as previous
         from audit_entry where chain = $1 and number = $2`,
      chain,
      number,
    );
    const hash = hashAfter(rows[0].previous, lineOf(rows[0]));
    await tamper(
      "update audit_entry set hash = decode($3, 'hex') where chain = $1 and number = $2",
      chain,
      number,
      hash,
    );
  }

  const insertCopy = (chain: string, number: number, as: string) =>
    tamper(
      `insert into audit_entry select chain, ${as}, event_id, occurred_at, 'forged.entry.made.v1', subject, actor_id,
              workspace_id, outcome, trace_id, data_hash, previous_hash, hash
         from audit_entry where chain = $1 and number = $2`,
      chain,
      number,
    );
});

describe("the service's own role", () => {
  test.each([
    "update audit_entry set subject = 'x'",
    "delete from audit_entry",
    "truncate audit_entry",
    "update audit_checkpoint set number = 1",
    "delete from audit_checkpoint",
    "select * from audit_entry_2026_11",
    "delete from audit_entry_2026_11",
    "insert into audit_entry_2026_11 select * from audit_entry limit 1",
    "drop table audit_entry_2026_11",
    "alter table audit_entry no force row level security",
  ])("may not: %s", async (statement) => {
    await givenChain(5);
    const { default: pg } = await import("pg");
    const app = new pg.Client(tables.home.appUrl);
    await app.connect();
    await app.query("set app.scope = 'service'");
    await expect(app.query(statement)).rejects.toThrow(/permission denied|must be owner/);
    await app.end();
  });
});

test("another organization's handle sees nothing of a chain, and writes nothing to it", async () => {
  const chain = await givenChain(5);
  const stranger = tables.database.as({ organizationId: newId("org"), userId: "usr_2" });
  for (const table of ["audit_entry", "audit_chain", "audit_checkpoint"])
    expect(await stranger.sql(`select * from ${table}`)).toEqual([]);
  const own = tables.database.as({ organizationId: chain, userId: "usr_2" });
  expect(await own.sql("select number from audit_entry")).toHaveLength(5);
  await expect(own.sql("insert into audit_chain values ($1, 99, '', '', 1, now())", [newId("org")])).rejects.toThrow(
    /row-level security/,
  );
});

test("months that lie seven years back are removed, the chain goes on from what is left", async () => {
  const chain = newId("org");
  const now = tables.clock.now;
  tables.clock.now = new Date("2015-03-10T00:00:00Z");
  await record([eventOf(chain, "msg_1"), eventOf(chain, "msg_2")]);
  tables.clock.now = now;
  await record([eventOf(chain, "msg_3")]);
  expect(await verify(chain)).toMatchObject({ entryCount: 3, firstBroken: null });
  await tendPartitions(tables);
  const { rows } = await tamper("select number::int from audit_entry where chain = $1", chain);
  expect(rows).toEqual([{ number: 3 }]);
  expect(await verify(chain)).toMatchObject({ entryCount: 1, firstBroken: null });
  // By the database's own clock: nobody makes it seven years later than it is.
  await tendPartitions({ ...tables, now: () => new Date("2040-01-01T00:00:00Z") });
  expect(await verify(chain)).toMatchObject({ entryCount: 1, firstBroken: null });
});
