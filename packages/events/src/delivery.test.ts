import { testAdminUrl } from "@atrium/database/testing";
import { Client } from "pg";
import { z } from "zod";
import {
  appendEvent,
  deadLetters,
  defineEvent,
  discardDeadLetters,
  embeddedTransport,
  handle,
  handleTogether,
  publishedEvents,
  retryDeadLetters,
  userRegistered,
  type Envelope,
  type EventTransport,
} from ".";
import {
  accountChanged,
  ada,
  bob,
  change,
  changeAccount,
  effects,
  effectsOf,
  eventually,
  inTrace,
  log,
  noteChanges,
  startService,
  type Context,
  type TestService,
} from "./testing/ledger";

let ledger: TestService;
let reports: TestService;
let transport: EventTransport;

beforeEach(async () => {
  [ledger, reports] = await Promise.all([startService("ledger"), startService("reports")]);
  transport = embeddedTransport({ groups: ["ledger", "reports"] });
});
afterEach(() => Promise.all([ledger.close(), reports.close()]));

const parked = ({ database }: TestService) => deadLetters(database.asService());
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Changes an account in a transaction that has appended, and commits when it is told to. */
async function changeSlowly(accountId: string): Promise<{ commit(): void; committed: Promise<void> }> {
  let commit = () => {};
  let appended = () => {};
  const isAppended = new Promise<void>((resolve) => (appended = resolve));
  const committed = ledger.database.as(ada).transaction(async (tx) => {
    await changeAccount(tx, accountId);
    appended();
    await new Promise<void>((resolve) => (commit = resolve));
  });
  await isAppended;
  return { commit: () => commit(), committed };
}

test("what was committed is handled once, as the tenant and for the actor that it names", async () => {
  const heard: Envelope[] = [];
  const tenants: unknown[] = [];
  await ledger.run(transport);
  await reports.run(transport, [
    handle(accountChanged, ({ db }: Context, _, envelope) => {
      heard.push(envelope);
      tenants.push(db.tenant);
    }),
  ]);
  await change(ledger, "acc_1", ada, "opened");
  const [envelope] = await eventually(
    async () => heard,
    ({ length }) => length === 1,
  );
  expect(envelope).toEqual({
    specversion: "1.0",
    id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
    source: "/atrium/ledger",
    type: "ledger.account.changed.v1",
    subject: "acc_1",
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    datacontenttype: "application/json",
    organizationid: "org_a",
    workspaceid: "wsp_a",
    actorid: "usr_ada",
    agentid: "ledger",
    data: { accountId: "acc_1", version: 1, note: "opened" },
  });
  expect(tenants).toEqual([ada]);
});

test("what was rolled back is announced to nobody", async () => {
  await ledger.run(transport);
  await reports.run(transport, [noteChanges()]);
  const rolledBack = ledger.database.as(ada).transaction(async (tx) => {
    await changeAccount(tx, "acc_1");
    throw new Error("no");
  });
  await expect(rolledBack).rejects.toThrow("no");
  await change(ledger, "acc_2");
  expect(await effectsOf(reports, 1)).toEqual(["acc_2 1"]);
});

test("a transaction that commits late is not lost behind those that overtook it", async () => {
  const events = await ledger.run(transport);
  await reports.run(transport, [noteChanges()]);
  const { commit, committed } = await changeSlowly("acc_slow");
  for (const n of range(1, 20)) await change(ledger, `acc_${n}`);
  expect(await effectsOf(reports, 20)).not.toContain("acc_slow 1");
  expect((await events.stats()).published).toBe(20);
  commit();
  await committed;
  expect((await effectsOf(reports, 21)).at(-1)).toBe("acc_slow 1");
});

test("one subject's events keep their order while transactions commit in any order", async () => {
  await ledger.run(transport);
  await reports.run(transport, [noteChanges()]);
  // Takes its transaction id early and ends late, between all others.
  const straggler = ledger.database.as(bob).transaction(async (tx) => {
    await changeAccount(tx, "acc_straggler");
    await eventually(
      () => effects(reports),
      ({ length }) => length > 100,
    );
  });
  const accounts = ["acc_1", "acc_2", "acc_3"];
  const writers = range(1, 6).map(async (writer) => {
    for (const n of range(1, 20)) await change(ledger, accounts[(writer + n) % 3]!);
  });
  await Promise.all([...writers, straggler]);
  await effectsOf(reports, 121);
  for (const account of accounts)
    expect(await effects(reports, account)).toEqual(range(1, 40).map((version) => `${account} ${version}`));
  expect(await effects(reports, "acc_straggler")).toEqual(["acc_straggler 1"]);
});

test("what waited long for its commit is published before what the next transaction says about the same subject", async () => {
  // Somewhat more than the pause between two looks at the whole outbox.
  let aheadMs = 0;
  const now = performance.now.bind(performance);
  const clock = jest.spyOn(performance, "now").mockImplementation(() => now() + aheadMs);
  await ledger.run(transport);
  await reports.run(transport, [noteChanges()]);
  const { commit, committed } = await changeSlowly("acc_slow");
  for (const n of range(1, 4)) {
    aheadMs += 6_000;
    await change(ledger, "acc_1");
    await effectsOf(reports, n);
  }
  // Waits for the account's lock, and so commits right after it.
  const next = change(ledger, "acc_slow");
  commit();
  await Promise.all([committed, next]);
  await effectsOf(reports, 6);
  expect(await effects(reports, "acc_slow")).toEqual(["acc_slow 1", "acc_slow 2"]);
  clock.mockRestore();
});

test("a relay that loses its connection between publishing and deleting publishes twice, with one effect", async () => {
  let cut = true;
  const published: string[] = [];
  const cutting: EventTransport = {
    ...transport,
    async publish(envelopes) {
      await transport.publish(envelopes);
      published.push(...envelopes.map(({ id }) => id));
      if (cut) await cutRelay(ledger);
      cut = false;
    },
  };
  await reports.run(transport, [noteChanges()]);
  await ledger.run(cutting);
  for (const n of range(1, 3)) await change(ledger, `acc_${n}`);
  await eventually(
    async () => published,
    ({ length }) => length > new Set(published).size,
  );
  await change(ledger, "acc_1");
  await effectsOf(reports, 4);
  expect((await effects(reports)).sort()).toEqual(["acc_1 1", "acc_1 2", "acc_2 1", "acc_3 1"]);
});

const cutRelay = async ({ url, name }: TestService) => {
  const administrator = new Client({ connectionString: await testAdminUrl() });
  await administrator.connect();
  await administrator.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = $2",
    [new URL(url).pathname.slice(1), `atrium events ${name}`],
  );
  await administrator.end();
};

test("a handler that fails holds up its own subject in order, and nobody else's", async () => {
  let broken = true;
  await ledger.run(transport);
  await reports.run(
    transport,
    [
      noteChanges(({ accountId, version }) => {
        if (broken && accountId === "acc_bad" && version === 2) throw new Error("not now");
      }),
    ],
    { retry: { attemptsMax: 1_000, firstDelayMs: 5 } },
  );
  for (const _ of range(1, 4)) await change(ledger, "acc_bad");
  for (const n of range(1, 50)) await change(ledger, `acc_${n}`);
  await effectsOf(reports, 51);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await effects(reports, "acc_bad")).toEqual(["acc_bad 1"]);
  broken = false;
  await effectsOf(reports, 54);
  expect(await effects(reports, "acc_bad")).toEqual(range(1, 4).map((version) => `acc_bad ${version}`));
});

test("after bounded attempts an event is a dead letter with its error, the next of its subject go on, and a retry handles it", async () => {
  let broken = true;
  await ledger.run(transport);
  const events = await reports.run(transport, [
    noteChanges(({ version }) => {
      if (version === 1 && broken) throw new Error("the printer is out of paper");
    }),
  ]);
  for (const _ of range(1, 3)) await change(ledger, "acc_1", ada, "kept");
  expect(await effectsOf(reports, 2)).toEqual(["acc_1 2", "acc_1 3"]);
  const [letter, ...others] = await parked(reports);
  expect(others).toEqual([]);
  expect(letter).toMatchObject({
    group: "reports",
    type: "ledger.account.changed.v1",
    subject: "acc_1",
    organizationId: "org_a",
    reason: "FAILED",
    attempts: 3,
    error: expect.stringContaining("the printer is out of paper"),
    payload: { data: { version: 1, note: "kept" } },
  });
  expect(await events.stats()).toMatchObject({ deadLetters: 1, inbox: { waiting: 0 }, handled: 2, failures: 3 });

  broken = false;
  expect(await retryDeadLetters(reports.database.asService(), [letter!.id])).toBe(1);
  expect((await effectsOf(reports, 3)).at(-1)).toBe("acc_1 1");
  expect(await parked(reports)).toEqual([]);
});

test("the pauses between attempts grow", async () => {
  const attemptedAt: number[] = [];
  await ledger.run(transport);
  await reports.run(
    transport,
    [
      noteChanges(() => {
        attemptedAt.push(Date.now());
        throw new Error("never");
      }),
    ],
    { retry: { attemptsMax: 4, firstDelayMs: 50 } },
  );
  await change(ledger, "acc_1");
  await eventually(
    () => parked(reports),
    ({ length }) => length === 1,
  );
  const pauses = attemptedAt.slice(1).map((at, i) => at - attemptedAt[i]!);
  expect(pauses).toHaveLength(3);
  for (const [i, pause] of pauses.entries()) expect(pause).toBeGreaterThanOrEqual(50 * 2 ** i);
});

test("order holds in every subject while handlers of all of them fail now and then", async () => {
  await ledger.run(transport);
  let calls = 0;
  await reports.run(
    transport,
    [
      noteChanges(() => {
        if (++calls % 7 === 0) throw new Error("now and then");
      }),
    ],
    { retry: { attemptsMax: 1_000, firstDelayMs: 1 } },
  );
  const writers = range(1, 5).map(async (n) => {
    for (const _ of range(1, 80)) await change(ledger, `acc_${n}`);
  });
  await Promise.all(writers);
  await effectsOf(reports, 400);
  for (const n of range(1, 5))
    expect(await effects(reports, `acc_${n}`)).toEqual(range(1, 80).map((version) => `acc_${n} ${version}`));
});

test("order holds in every subject when the database fails while more is being read", async () => {
  // Of these, the first is being handled and the others are at hand when a further one is read and all is forgotten.
  await change(ledger, "acc_first", ada);
  for (const _ of range(1, 2)) await change(ledger, "acc_second", bob);

  let away = false;
  let arrive = () => {};
  const arrives = new Promise<void>((resolve) => (arrive = resolve));
  let read = () => {};
  const isRead = new Promise<void>((resolve) => (read = resolve));
  const service = reports.database.asService();
  const sql: typeof service.sql = async (text, values) => {
    if (away && text.includes("update inbox_event")) {
      away = false;
      setTimeout(arrive, 50);
      throw new Error("The database is away.");
    }
    const rows = await service.sql(text, values);
    if (away && text.includes("inbox_event as waiting")) {
      read();
      await arrives;
    }
    return rows as never;
  };
  const failing = new Proxy(service, { get: (handle, name) => (name === "sql" ? sql : Reflect.get(handle, name)) });
  const database = { as: reports.database.as, asService: () => failing };

  let attempts = 0;
  const failAtFirst = async ({ accountId }: { accountId: string }) => {
    if (accountId !== "acc_first" || ++attempts > 1) return;
    away = true;
    await change(ledger, "acc_second", bob);
    await isRead;
    throw new Error("this once");
  };
  await reports.run(transport, [noteChanges(failAtFirst)], { database, concurrency: 1 });
  await ledger.run(transport);
  await effectsOf(reports, 4);
  expect(attempts).toBe(2);
  expect(await effects(reports, "acc_second")).toEqual(range(1, 3).map((version) => `acc_second ${version}`));
});

test("an event whose effect is refused only at the commit isn't handled", async () => {
  const pledge = ({ db }: Context) => db.sql("insert into pledge values ($1, 'once')", [db.tenant.organizationId]);
  await reports.database.as(ada).transaction((db) => pledge({ db }));
  await ledger.run(transport);
  await reports.run(transport, [handle(accountChanged, (ctx: Context) => pledge(ctx))]);
  await change(ledger, "acc_1");
  const [letter] = await eventually(
    () => parked(reports),
    ({ length }) => length === 1,
  );
  expect(letter!.error).toContain("UniqueConstraintViolation");
  await reports.database.as(ada).sql("delete from pledge");
  await retryDeadLetters(reports.database.asService(), [letter!.id]);
  await eventually(
    () => reports.database.as(ada).sql("select name from pledge"),
    ({ length }) => length === 1,
  );
});

test("a leader that has lost its place and doesn't know yet has no effect beside its successor's", async () => {
  let goOn = () => {};
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  const first = await reports.run(transport, [
    noteChanges(
      () => {},
      () => {
        begun();
        return new Promise<void>((resolve) => (goOn = resolve));
      },
    ),
  ]);
  await ledger.run(transport);
  await change(ledger, "acc_1");
  await change(ledger, "acc_1");
  await hasBegun;
  const second = await reports.run(embeddedTransport({ groups: [] }), [noteChanges()]);
  await cutRelay(reports);
  await eventually(second.stats, ({ leads }) => leads);
  expect(await effectsOf(reports, 2)).toEqual(["acc_1 1", "acc_1 2"]);
  goOn();
  await first.stop();
  expect(await effects(reports)).toEqual(["acc_1 1", "acc_1 2"]);
});

test("stopping ends also what is still connecting, and leaves nothing running", async () => {
  for (const afterMs of [0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20]) {
    const events = await ledger.run(embeddedTransport({ groups: [] }));
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await events.stop();
  }
  const messages: string[] = [];
  const warn = (_: object, message: string) => void messages.push(message);
  const events = await ledger.run(embeddedTransport({ groups: [] }), [], { log: { ...log, warn } });
  await eventually(events.stats, ({ leads }) => leads);
  await events.stop();
  await ledger.database.close();
  expect(messages).toEqual([]);
});

test("a handler that never ends fails, and whatever it still tries comes to nothing", async () => {
  let afterwards = "";
  await ledger.run(transport);
  const events = await reports.run(
    transport,
    [
      handle(accountChanged, ({ db }: Context, { accountId, version }) => {
        const note = () =>
          db.effect.create({ data: { organizationId: "org_a", subject: accountId, note: String(version) } });
        if (version > 1) return note();
        return new Promise((resolve) => setTimeout(resolve, 150)).then(note).then(
          () => (afterwards = "written"),
          () => (afterwards = "refused"),
        );
      }),
    ],
    { handlerMsMax: 50, retry: { attemptsMax: 1 } },
  );
  await change(ledger, "acc_1");
  await change(ledger, "acc_1");
  expect(await effectsOf(reports, 1)).toEqual(["acc_1 2"]);
  expect(await parked(reports)).toMatchObject([{ error: expect.stringContaining("didn't end within 50 ms") }]);
  expect(await eventually(async () => afterwards, Boolean)).toBe("refused");
  await events.stop();
  expect(await effects(reports)).toEqual(["acc_1 2"]);
});

test("an error with any text can be noted", async () => {
  await ledger.run(transport);
  await reports.run(transport, [
    noteChanges(() => {
      throw new Error("a \0 and a lone \ud800");
    }),
  ]);
  await change(ledger, "acc_1", ada, "a \0 and a lone \ud800");
  const [letter] = await eventually(
    () => parked(reports),
    ({ length }) => length === 1,
  );
  expect(letter!.error).toContain("a  and a lone");
  expect(letter!.payload).toMatchObject({ data: { note: "a \0 and a lone \ud800" } });
});

test("a discarded dead letter is gone", async () => {
  await ledger.run(transport);
  await reports.run(transport, [
    noteChanges(() => {
      throw new Error("never");
    }),
  ]);
  await change(ledger, "acc_1");
  const [letter] = await eventually(
    () => parked(reports),
    ({ length }) => length === 1,
  );
  expect(await discardDeadLetters(reports.database.asService(), [letter!.id])).toBe(1);
  expect(await parked(reports)).toEqual([]);
  expect(await effects(reports)).toEqual([]);
});

test("an event shares a transaction with others, and their failure isn't its own", async () => {
  await reports.run(transport, [
    noteChanges(({ accountId }) => {
      if (accountId === "acc_13") throw new Error("unlucky");
    }),
  ]);
  await ledger.database.as(ada).transaction(async (tx) => {
    for (const n of range(1, 40)) await changeAccount(tx, `acc_${n}`);
  });
  await ledger.run(transport);
  await eventually(
    () => parked(reports),
    ({ length }) => length === 1,
  );
  const subjects = (await effectsOf(reports, 39)).sort();
  expect(subjects).toEqual(
    range(1, 40)
      .filter((n) => n !== 13)
      .map((n) => `acc_${n} 1`)
      .sort(),
  );
});

test("a handler of several at once gets those of one tenant and one trace, in order, each once", async () => {
  const heard: { tenant: unknown; accounts: string[] }[] = [];
  await reports.run(transport, [
    handleTogether(accountChanged, ({ db }: Context, changes) => {
      heard.push({ tenant: db.tenant, accounts: changes.map(({ accountId }) => accountId) });
    }),
  ]);
  const changeAll = (tenant: typeof ada, from: number, to: number) =>
    ledger.database.as(tenant).transaction(async (tx) => {
      for (const n of range(from, to)) await changeAccount(tx, `acc_${n}`);
    });
  const [one, another] = ["0af7651916cd43dd8448eb211c80319c", "1bf7651916cd43dd8448eb211c80319c"];
  await inTrace(one, () => changeAll(ada, 1, 20));
  await inTrace(another, () => changeAll(ada, 21, 30));
  await inTrace(another, () => changeAll(bob, 31, 40));
  await ledger.run(transport);
  await eventually(
    async () => heard.flatMap(({ accounts }) => accounts),
    ({ length }) => length === 40,
  );
  const accounts = (from: number, to: number) => range(from, to).map((n) => `acc_${n}`);
  expect(heard).toHaveLength(3);
  expect(heard).toEqual(
    expect.arrayContaining([
      { tenant: ada, accounts: accounts(1, 20) },
      { tenant: ada, accounts: accounts(21, 30) },
      { tenant: bob, accounts: accounts(31, 40) },
    ]),
  );
});

test("one of several that are handled at once fails by itself, and the effects of the others happen once", async () => {
  await reports.run(transport, [
    handleTogether(accountChanged, async ({ db }: Context, changes) => {
      for (const { accountId, version } of changes) {
        await db.effect.create({ data: { organizationId: "org_a", subject: accountId, note: String(version) } });
        if (accountId === "acc_13" && version === 1) throw new Error("unlucky");
      }
    }),
  ]);
  await ledger.database.as(ada).transaction(async (tx) => {
    for (const n of range(1, 40)) await changeAccount(tx, `acc_${n}`);
    await changeAccount(tx, "acc_13");
  });
  await ledger.run(transport);
  await eventually(
    () => parked(reports),
    ({ length }) => length === 1,
  );
  // What is behind it waits for it, and nothing else does.
  expect((await effectsOf(reports, 40)).sort()).toEqual(
    range(1, 40)
      .map((n) => `acc_${n} ${n === 13 ? 2 : 1}`)
      .sort(),
  );
});

test("a handler that swallows a database error loses neither the event nor the rest of its batch", async () => {
  let swallow = true;
  await ledger.run(transport);
  await reports.run(transport, [
    handle(accountChanged, async ({ db }: Context, { accountId, version }) => {
      await db.effect.create({ data: { organizationId: "org_a", subject: accountId, note: String(version) } });
      if (swallow) await db.sql("select 1 / 0").catch(() => {});
      swallow = false;
    }),
  ]);
  await change(ledger, "acc_1");
  expect(await effectsOf(reports, 1)).toEqual(["acc_1 1"]);
});

test("two relays of one service publish once and in order, and the second goes on when the first stops", async () => {
  const published: Envelope[] = [];
  const recording: EventTransport = {
    keepsHistory: true,
    publish: async (envelopes) => void published.push(...envelopes),
    subscribe: async () => ({ stop: async () => {} }),
  };
  const first = await ledger.run(recording);
  const second = await ledger.run(recording);
  const writing = (async () => {
    for (const n of range(1, 200)) await change(ledger, `acc_${n % 5}`);
  })();
  await eventually(
    async () => published,
    ({ length }) => length > 50,
  );
  const leader = (await first.stats()).leads ? first : second;
  const follower = leader === first ? second : first;
  expect((await follower.stats()).leads).toBe(false);
  await leader.stop();
  await writing;
  await eventually(
    async () => published,
    ({ length }) => length >= 200,
  );
  expect((await follower.stats()).leads).toBe(true);
  expect(new Set(published.map(({ id }) => id)).size).toBe(published.length);
  for (const n of range(0, 4)) {
    const versions = published
      .filter(({ subject }) => subject === `acc_${n}`)
      .map(({ data }) => (data as { version: number }).version);
    expect(versions).toEqual(range(1, 40));
  }
});

test("a leader whose connection is lost is followed by another within two seconds, without a loss", async () => {
  await reports.run(transport, [noteChanges()]);
  const first = await ledger.run(transport);
  await eventually(first.stats, ({ leads }) => leads);
  await change(ledger, "acc_1");
  await effectsOf(reports, 1);
  await cutRelay(ledger);
  await change(ledger, "acc_2");
  await eventually(
    () => effects(reports),
    ({ length }) => length === 2,
    2_000,
  );
});

test("what another process appends is published without waiting for a poll", async () => {
  const published: Envelope[] = [];
  await ledger.run({
    keepsHistory: true,
    publish: async (envelopes) => void published.push(...envelopes),
    subscribe: async () => ({ stop: async () => {} }),
  });
  const elsewhere = new Client({ connectionString: ledger.url });
  await elsewhere.connect();
  await change(ledger, "acc_1");
  await eventually(
    async () => published,
    ({ length }) => length === 1,
  );
  await elsewhere.query("begin; set local app.scope = 'service'");
  await elsewhere.query(
    `insert into outbox_event (id, type, subject, time, data, size_bytes)
     values (gen_random_uuid(), 'ledger.account.changed.v1', 'acc_2', now(), '{}', 2)`,
  );
  await elsewhere.query("select pg_notify('events_ledger', '')");
  await elsewhere.query("commit");
  await elsewhere.end();
  await eventually(
    async () => published,
    ({ length }) => length === 2,
    500,
  );
});

test("nothing is published past a service that hasn't come up yet", async () => {
  await ledger.run(transport);
  await change(ledger, "acc_1");
  await new Promise((resolve) => setTimeout(resolve, 150));
  await reports.run(transport, [noteChanges()]);
  expect(await effectsOf(reports, 1)).toEqual(["acc_1 1"]);
});

test("a consumer that is added later hears what comes, and by replay what has been", async () => {
  await ledger.run(transport);
  await reports.run(transport, [noteChanges()]);
  for (const _ of range(1, 3)) await change(ledger, "acc_1");
  await effectsOf(reports, 3);
  const audits = await startService("audits");
  try {
    const events = await audits.run(transport, [noteChanges()]);
    const history = publishedEvents(ledger.database.asService(), { types: [accountChanged.type], from: new Date(0) });
    for await (const page of history) await events.receiveAgain(page);
    await effectsOf(audits, 3);
    await change(ledger, "acc_1");
    expect(await effectsOf(audits, 4)).toEqual(range(1, 4).map((version) => `acc_1 ${version}`));
    expect(await effectsOf(reports, 4)).toHaveLength(4);
  } finally {
    await audits.close();
  }
});

test("an event of a newer version, of a service's that it isn't, or that is none, is parked and never dropped", async () => {
  await ledger.run(transport);
  const events = await reports.run(transport, [noteChanges()]);
  await change(ledger, "acc_1");
  await effectsOf(reports, 1);
  const [envelope] = (
    await publishedEvents(ledger.database.asService(), { types: [accountChanged.type], from: new Date(0) }).next()
  ).value!;
  const newer = { ...envelope, id: "01900000-0000-7000-8000-000000000002", type: "ledger.account.changed.v2" };
  const forged = { ...envelope, id: "01900000-0000-7000-8000-000000000003", source: "/atrium/reports" };
  const misshapen = { ...envelope, id: "01900000-0000-7000-8000-000000000004", data: { accountId: 7 } };
  const homeless = { ...envelope, id: "01900000-0000-7000-8000-000000000005", organizationid: undefined };
  await events.receiveAgain([newer, forged, misshapen, homeless, "rubbish" as never]);
  const letters = await eventually(
    () => parked(reports),
    ({ length }) => length === 5,
  );
  const reasons = letters.map(({ reason, error }) => `${reason}: ${error.split("\n")[0]}`).sort();
  expect(reasons).toEqual([
    expect.stringMatching(/^INVALID: .*accountId: .*expected string/),
    expect.stringMatching(/^INVALID: This is no event of ours. data: /),
    expect.stringMatching(/^INVALID: This is no event of ours. source: \/atrium\/reports doesn't own ledger/),
    expect.stringMatching(/^INVALID: This is no event of ours. workspaceid: a workspace without/),
    expect.stringMatching(/^UNKNOWN_TYPE: .*ledger.account.changed.v2, only ledger.account.changed.v1/),
  ]);
  expect(letters.find(({ reason }) => reason === "UNKNOWN_TYPE")!.payload).toEqual(newer);
  expect(await effects(reports)).toEqual(["acc_1 1"]);
});

test("nobody announces in another service's name", async () => {
  await ledger.run(transport);
  await reports.run(transport, [noteChanges()]);
  await reports.database.as(ada).transaction((tx) => changeAccount(tx as never, "acc_forged"));
  const [letter] = await eventually(
    () => parked(reports),
    ({ length }) => length === 1,
  );
  expect(letter).toMatchObject({ reason: "FOREIGN", error: "reports may not announce ledger.account.changed.v1" });
  expect(await effects(reports)).toEqual([]);
});

test("a publisher and a consumer may be a version apart by added fields", async () => {
  const before = defineEvent("ledger.account.closed.v1", { subject: "accountId", data: { accountId: z.string() } });
  const after = defineEvent("ledger.account.closed.v1", {
    subject: "accountId",
    data: { accountId: z.string(), balance: z.number().default(0) },
  });
  const heard: unknown[] = [];
  await ledger.run(transport);
  const old = await reports.run(transport, [handle(before, (_: Context, data) => heard.push(data))]);
  const announce = (draft: ReturnType<typeof before>) =>
    ledger.database.as(ada).transaction((tx) => appendEvent(tx, draft));
  await announce(after({ accountId: "acc_1", balance: 7 }));
  await eventually(
    async () => heard,
    ({ length }) => length === 1,
  );
  expect(heard).toEqual([{ accountId: "acc_1" }]);
  await old.stop();
  await reports.run(transport, [handle(after, (_: Context, data) => heard.push(data))]);
  await announce(before({ accountId: "acc_2" }));
  await eventually(
    async () => heard,
    ({ length }) => length === 2,
  );
  expect(heard[1]).toEqual({ accountId: "acc_2", balance: 0 });
});

test("an event without an organization is handled as the one its consumer makes for it; another's can't be", async () => {
  const identity = await startService("identity");
  transport = embeddedTransport({ groups: ["identity", "ledger", "reports"] });
  try {
    await identity.run(transport);
    await ledger.run(transport);
    const found = async ({ db }: Context, subject: string) => {
      await db.effect.create({ data: { organizationId: db.tenant.organizationId!, subject, note: db.tenant.userId! } });
    };
    await reports.run(transport, [
      handle(userRegistered, (ctx: Context, { userId }) => found(ctx, userId), {
        as: ({ userId }) => ({ organizationId: "org_new", userId }),
      }),
      handle(accountChanged, (ctx: Context, { accountId }) => found(ctx, accountId), {
        as: () => ({ organizationId: "org_b" }),
      }),
    ]);
    await identity.database.as({ userId: "usr_new" }).transaction(async (tx) => {
      await appendEvent(tx, userRegistered({ userId: "usr_new", method: "EMAIL" }));
    });
    await change(ledger, "acc_1", ada);
    expect(await effectsOf(reports, 1)).toEqual(["usr_new usr_new"]);
    const [letter] = await eventually(
      () => parked(reports),
      ({ length }) => length === 1,
    );
    expect(letter).toMatchObject({ reason: "INVALID", error: expect.stringContaining("can't be handled as org_b's") });
  } finally {
    await identity.close();
  }
});

test("a consumer that keeps things across tenants handles every tenant's events as the service", async () => {
  const tenants: unknown[] = [];
  await ledger.run(transport);
  await reports.run(transport, [
    handle(
      accountChanged,
      async ({ db }: Context, { accountId, version }, { organizationid }) => {
        tenants.push(db.tenant);
        await db.effect.create({
          data: { organizationId: organizationid!, subject: accountId, note: String(version) },
        });
      },
      { as: "service" },
    ),
  ]);
  await change(ledger, "acc_1", ada);
  await change(ledger, "acc_2", bob);
  expect((await effectsOf(reports, 2)).sort()).toEqual(["acc_1 1", "acc_2 1"]);
  expect(tenants).toEqual([{}, {}]);
  expect(await reports.database.as(ada).effect.count()).toBe(1);
});

test("what a handler wants done after the commit is done after it, and not for an attempt that failed", async () => {
  const done: string[] = [];
  let fail = true;
  await ledger.run(transport);
  await reports.run(transport, [
    handle(accountChanged, ({ db }: Context, { accountId }) => {
      db.afterCommit(() => done.push(accountId));
      if (fail) {
        fail = false;
        throw new Error("once");
      }
    }),
  ]);
  await change(ledger, "acc_1");
  await eventually(
    async () => done,
    ({ length }) => length > 0,
  );
  expect(done).toEqual(["acc_1"]);
});
