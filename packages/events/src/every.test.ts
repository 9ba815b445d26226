import {
  appendEvent,
  deadLetters,
  defineEvent,
  embeddedTransport,
  handleEvery,
  publishedEvents,
  retryDeadLetters,
  type Envelope,
  type EventTransport,
} from ".";
import { newUuid } from "@atrium/ids";
import { z } from "zod";
import type { EventTransaction } from "./handle";
import { receive } from "./inbox";
import {
  accountChanged,
  ada,
  bob,
  change,
  changeAccount,
  effects,
  effectsOf,
  eventually,
  noteChanges,
  startService,
  type Context,
  type TestService,
} from "./testing/ledger";

let ledger: TestService;
let audits: TestService;
let transport: EventTransport;

beforeEach(async () => {
  [ledger, audits] = await Promise.all([startService("ledger"), startService("audits")]);
  transport = embeddedTransport({ groups: ["ledger", "audits"] });
});
afterEach(() => Promise.all([ledger.close(), audits.close()]));

const parked = () => deadLetters(audits.database.asService());
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
type Interlude = (envelopes: readonly Envelope[]) => unknown;

/** Notes everything with one statement a batch. */
const noteEverything = (before: Interlude = () => {}, after: Interlude = () => {}) =>
  handleEvery(async ({ db }: Context, envelopes) => {
    await before(envelopes);
    await db.sql(
      `insert into effect (organization_id, subject, note)
       select organization_id, subject, note
       from unnest($1::text[], $2::text[], $3::text[]) with ordinality as heard (organization_id, subject, note, nth)
       order by nth`,
      [
        envelopes.map(({ organizationid }) => organizationid ?? "none"),
        envelopes.map(({ subject }) => subject),
        envelopes.map(({ data }) => String((data as { version?: number }).version)),
      ],
    );
    await after(envelopes);
  });

const append = (draft: Parameters<typeof appendEvent>[1], tenant: object = ada) =>
  ledger.database.as(tenant).transaction((tx) => appendEvent(tx, draft));

test("a handler of everything hears every tenant's events, also of types that nobody knows, in order and by the batch", async () => {
  const batches: Envelope[][] = [];
  const tenants: unknown[] = [];
  const unheardOf = defineEvent("ledger.cupboard.opened.v3", { subject: "id", data: { id: z.string() } });
  for (const n of range(1, 30)) {
    await change(ledger, `acc_${n % 3}`, ada);
    await change(ledger, `acc_b${n % 3}`, bob);
  }
  await append(unheardOf({ id: "cup_1" }));
  await ledger.run(transport);
  await audits.run(transport, [
    handleEvery(({ db }: Context, envelopes) => {
      batches.push([...envelopes]);
      tenants.push(db.tenant);
    }),
  ]);
  await eventually(
    async () => batches.flat(),
    ({ length }) => length >= 61,
  );
  expect(batches.length).toBeLessThan(10);
  expect(tenants[0]).toEqual({});
  const heard = batches.flat();
  expect(new Set(heard.map(({ id }) => id)).size).toBe(61);
  expect(heard.at(-1)).toMatchObject({ type: "ledger.cupboard.opened.v3", subject: "cup_1", actorid: "usr_ada" });
  for (const subject of ["acc_0", "acc_1", "acc_2", "acc_b0", "acc_b1", "acc_b2"]) {
    const versions = heard
      .filter((each) => each.subject === subject)
      .map(({ data }) => (data as { version: number }).version);
    expect(versions).toEqual(range(1, 10));
  }
});

test("an event that fails becomes a dead letter with its error, and those of its batch have their effect once", async () => {
  for (const n of range(1, 60)) await change(ledger, `acc_${n % 20}`, n % 2 ? ada : bob);
  let unlucky = true;
  await ledger.run(transport);
  const events = await audits.run(transport, [
    noteEverything(
      () => {},
      (envelopes) => {
        const bad = ({ subject, data }: Envelope) =>
          subject === "acc_13" && (data as { version: number }).version === 2;
        if (unlucky && envelopes.some(bad)) throw new Error("the ink has run out");
      },
    ),
  ]);
  expect((await effectsOf(audits, 59)).length).toBe(59);
  const [letter, ...others] = await eventually(parked, ({ length }) => length > 0);
  expect(others).toEqual([]);
  expect(letter).toMatchObject({
    group: "audits.every",
    subject: "acc_13",
    reason: "FAILED",
    attempts: 3,
    error: expect.stringContaining("the ink has run out"),
  });
  expect(await effectsOf(audits, 59, undefined)).not.toContain("acc_13 2");
  expect(await effects(audits, "acc_13")).toEqual(["acc_13 1", "acc_13 3"]);
  expect(await events.stats()).toMatchObject({ deadLetters: 1, inbox: { waiting: 0 }, handled: 59, failures: 3 });

  unlucky = false;
  expect(await retryDeadLetters(audits.database.asService(), [letter!.id])).toBe(1);
  await effectsOf(audits, 60);
  expect((await effects(audits, "acc_13")).at(-1)).toBe("acc_13 2");
  expect(new Set(await effects(audits)).size).toBe(60);
});

test("what is behind a failed event of its subject waits for it, in order, and nothing else does", async () => {
  let broken = true;
  await ledger.run(transport);
  await audits.run(
    transport,
    [
      noteEverything((envelopes) => {
        const bad = ({ subject, data }: Envelope) =>
          subject === "acc_bad" && (data as { version: number }).version === 2;
        if (broken && envelopes.some(bad)) throw new Error("not now");
      }),
    ],
    { retry: { attemptsMax: 1_000, firstDelayMs: 5 } },
  );
  for (const _ of range(1, 4)) await change(ledger, "acc_bad");
  for (const n of range(1, 150)) await change(ledger, `acc_${n}`);
  await effectsOf(audits, 151);
  await change(ledger, "acc_bad");
  await change(ledger, "acc_last");
  await effectsOf(audits, 152);
  expect(await effects(audits, "acc_bad")).toEqual(["acc_bad 1"]);
  broken = false;
  await effectsOf(audits, 156);
  expect(await effects(audits, "acc_bad")).toEqual(range(1, 5).map((version) => `acc_bad ${version}`));
});

test("what arrives between the positions of a batch, once that is read, isn't overtaken by what is read ahead", async () => {
  const everything = [{ name: "audits.every", hears: () => true }];
  let versions = 0;
  const arrive = (handle: EventTransaction, subject: string) =>
    receive(handle, everything, [
      {
        specversion: "1.0",
        id: newUuid(),
        source: "/atrium/ledger",
        type: accountChanged.type,
        subject,
        time: new Date().toISOString(),
        datacontenttype: "application/json",
        organizationid: ada.organizationId,
        data: { accountId: subject, version: ++versions },
      } satisfies Envelope,
    ]);
  const service = audits.database.asService();
  await arrive(service, "acc_before");
  // One delivery has its position and isn't committed while many others behind it are.
  let commit = () => {};
  const mayCommit = new Promise<void>((resolve) => (commit = resolve));
  let slow!: Promise<void>;
  await new Promise<void>((begun) => {
    slow = service.transaction(async (tx) => {
      await arrive(tx, "acc_slow");
      begun();
      await mayCommit;
    });
  });
  for (const n of range(1, 150)) await arrive(service, `acc_${n}`);

  let reads = 0;
  const sql: typeof service.sql = async (text, values) => {
    const rows = await service.sql(text, values);
    if (text.includes("inbox_event as waiting") && values?.[0] === "audits.every" && ++reads === 1) {
      commit();
      await slow;
      await arrive(service, "acc_slow");
    }
    return rows as never;
  };
  const slowly = new Proxy(service, { get: (handle, name) => (name === "sql" ? sql : Reflect.get(handle, name)) });
  const database = { as: audits.database.as, asService: () => slowly };
  await audits.run(transport, [noteEverything()], { database });
  await effectsOf(audits, 153);
  expect(await effects(audits, "acc_slow")).toEqual(["acc_slow 2", "acc_slow 153"]);
});

test("a handler of everything and handlers of single types don't hold each other up", async () => {
  await ledger.run(transport);
  const heard: Envelope[] = [];
  let everythingBroken = true;
  await audits.run(
    transport,
    [
      noteChanges(),
      handleEvery((_: Context, envelopes) => {
        if (everythingBroken) throw new Error("not now");
        heard.push(...envelopes);
      }),
    ],
    { retry: { attemptsMax: 1_000, firstDelayMs: 5 } },
  );
  for (const _ of range(1, 3)) await change(ledger, "acc_1");
  expect(await effectsOf(audits, 3)).toEqual(["acc_1 1", "acc_1 2", "acc_1 3"]);
  expect(heard).toEqual([]);
  everythingBroken = false;
  await eventually(
    async () => heard,
    ({ length }) => length === 3,
  );
  expect(heard.map(({ data }) => (data as { version: number }).version)).toEqual([1, 2, 3]);
  expect(await effects(audits)).toHaveLength(3);
});

test("a replay reaches the handler of everything again", async () => {
  const heard: Envelope[] = [];
  await ledger.run(transport);
  const events = await audits.run(transport, [handleEvery((_: Context, envelopes) => void heard.push(...envelopes))]);
  for (const _ of range(1, 3)) await change(ledger, "acc_1");
  const hears = (count: number) =>
    eventually(
      async () => heard,
      ({ length }) => length === count,
    );
  await hears(3);
  // Heard is before committed: what is still being handled isn't received again.
  await eventually(
    () => audits.database.asService().sql("select 1 from inbox_event"),
    ({ length }) => length === 0,
  );
  const history = publishedEvents(ledger.database.asService(), { types: [accountChanged.type], from: new Date(0) });
  for await (const page of history) await events.receiveAgain(page);
  await hears(6);
});

test("events of many megabytes are handed over in bounded batches", async () => {
  const bytes: number[] = [];
  await ledger.database.as(ada).transaction(async (tx) => {
    for (const n of range(1, 30)) await changeAccount(tx, `acc_${n}`, "x".repeat(850_000));
  });
  await ledger.run(transport);
  await audits.run(transport, [
    handleEvery((_: Context, envelopes) => void bytes.push(JSON.stringify(envelopes).length, envelopes.length)),
  ]);
  await eventually(
    async () => bytes.filter((_, i) => i % 2 === 1).reduce((sum, count) => sum + count, 0),
    (count) => count === 30,
  );
  expect(Math.max(...bytes)).toBeLessThan(18_000_000);
});

test("one service has one handler of everything", async () => {
  const everything = handleEvery(() => {});
  await expect(audits.run(transport, [everything, everything])).rejects.toThrow("audits handles everything twice");
});
