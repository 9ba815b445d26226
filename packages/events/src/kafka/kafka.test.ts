import { describeWithKafka, testBroker, testPrefix } from "@atrium/kafka/testing";
import { Kafka, logLevel, type IHeaders } from "kafkajs";
import { kafkaSettings, kafkaTransport, deadLetters, handleEvery, type Envelope, type EventTransport } from "..";
import {
  accountChanged,
  ada,
  bob,
  change,
  changeAccount,
  effects,
  eventually,
  log,
  noteChanges,
  startService,
  type Context,
  type TestService,
} from "../testing/ledger";

const secret = "a secret of tests, long enough to be one";
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const longMs = 30_000;

describeWithKafka()("over Kafka", () => {
  let ledger: TestService;
  let reports: TestService;
  let brokers: string;
  let prefix: string;
  let transports: Required<EventTransport>[];

  beforeEach(async () => {
    brokers = await testBroker();
    prefix = testPrefix();
    transports = [];
    [ledger, reports] = await Promise.all([startService("ledger"), startService("reports")]);
  }, 120_000);
  afterEach(async () => {
    await Promise.all([ledger.close(), reports.close()]);
    await Promise.all(transports.map((each) => each.close()));
  }, 60_000);

  const transport = (env: Record<string, string> = {}) => {
    const settings = kafkaSettings.parse({
      KAFKA_BROKERS: brokers,
      KAFKA_TOPIC_PREFIX: prefix,
      KAFKA_PARTITIONS: "3",
      ...env,
    });
    const made = kafkaTransport({ settings, secret, log });
    transports.push(made);
    return made;
  };
  const administer = () => new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
  const parked = () => deadLetters(reports.database.asService());
  const effectsSoon = (count: number, subject?: string) =>
    eventually(
      () => effects(reports, subject),
      ({ length }) => length >= count,
      longMs,
    );

  /** Everything in a topic, as another program would read it. */
  const recordsOf = async (topic: string, count: number) => {
    const consumer = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).consumer({
      groupId: `${prefix}reader`,
    });
    const records: { key: string; value: string; headers: IHeaders | undefined }[] = [];
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message: { key, value, headers } }) =>
        void records.push({ key: String(key), value: String(value), headers }),
    });
    await eventually(
      async () => records,
      ({ length }) => length >= count,
      longMs,
    );
    await consumer.disconnect();
    return records;
  };

  const write = async (topic: string, messages: { key?: string; value: string | Buffer; headers?: IHeaders }[]) => {
    const producer = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({ topic, messages });
    await producer.disconnect();
  };

  test("what was committed is handled once and in order per subject, in another process's database", async () => {
    await reports.run(transport(), [noteChanges()]);
    await ledger.run(transport());
    const writers = range(1, 4).map(async (n) => {
      for (const _ of range(1, 50)) await change(ledger, `acc_${n}`, n % 2 ? ada : bob);
    });
    await Promise.all(writers);
    await effectsSoon(200);
    expect(await effects(reports)).toHaveLength(200);
    for (const n of range(1, 4))
      expect(await effects(reports, `acc_${n}`)).toEqual(range(1, 50).map((version) => `acc_${n} ${version}`));
  });

  test("records are CloudEvents in binary mode, keyed by tenant and subject", async () => {
    const events = await ledger.run(transport());
    await change(ledger, "acc_1", ada, "opened");
    await eventually(events.stats, ({ published }) => published === 1, longMs);
    const [record] = await recordsOf(`${prefix}ledger`, 1);
    const headers = Object.fromEntries(Object.entries(record!.headers!).map(([name, value]) => [name, String(value)]));
    expect(record!.key).toBe("org_a acc_1");
    expect(JSON.parse(record!.value)).toEqual({ accountId: "acc_1", version: 1, note: "opened" });
    expect(headers).toEqual({
      ce_specversion: "1.0",
      ce_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      ce_source: "/atrium/ledger",
      ce_type: "ledger.account.changed.v1",
      ce_subject: "acc_1",
      ce_time: expect.stringMatching(/^\d{4}-.*Z$/),
      ce_organizationid: "org_a",
      ce_workspaceid: "wsp_a",
      ce_actorid: "usr_ada",
      ce_agentid: "ledger",
      "content-type": "application/json",
      atriumsignature: expect.any(String),
    });
  });

  test("a handler of everything hears topics of services that come up after it", async () => {
    const heard: Envelope[] = [];
    await reports.run(transport(), [handleEvery((_: Context, envelopes) => void heard.push(...envelopes))]);
    await change(ledger, "acc_1");
    await ledger.run(transport());
    await eventually(
      async () => heard,
      ({ length }) => length === 1,
      longMs,
    );
    expect(heard[0]).toMatchObject({ type: "ledger.account.changed.v1", data: { version: 1 } });
  });

  test("a handler of everything that fails gets the event from its inbox again, and later ones of its subject wait there", async () => {
    const heard: string[] = [];
    let broken = true;
    await ledger.run(transport());
    const events = await reports.run(
      transport(),
      [
        handleEvery(({ db }: Context, envelopes) => {
          const bad = ({ subject, data }: Envelope) =>
            subject === "acc_1" && (data as { version: number }).version === 3;
          if (broken && envelopes.some(bad)) throw new Error("not now");
          const lines = envelopes.map(({ subject, data }) => `${subject} ${(data as { version: number }).version}`);
          db.afterCommit(() => heard.push(...lines));
        }),
      ],
      { retry: { attemptsMax: 1_000, firstDelayMs: 5 } },
    );
    for (const _ of range(1, 5)) {
      await change(ledger, "acc_1");
      await change(ledger, "acc_2");
    }
    const hears = (count: number) =>
      eventually(
        async () => heard,
        ({ length }) => length >= count,
        longMs,
      );
    const of = (account: string) => heard.filter((line) => line.startsWith(account));
    await hears(7);
    expect(of("acc_1")).toEqual(["acc_1 1", "acc_1 2"]);
    expect(of("acc_2")).toEqual(range(1, 5).map((version) => `acc_2 ${version}`));
    broken = false;
    await change(ledger, "acc_1");
    await hears(11);
    expect(of("acc_1")).toEqual(range(1, 6).map((version) => `acc_1 ${version}`));
    expect(await events.stats()).toMatchObject({ handled: 11, inbox: { waiting: 0 }, deadLetters: 0 });
  });

  test("an event of 900 kB passes, and many of them in one batch", async () => {
    const lengths: number[] = [];
    await reports.run(transport(), [
      handleEvery((_: Context, envelopes) => {
        for (const { data } of envelopes) lengths.push((data as { note: string }).note.length);
      }),
    ]);
    await ledger.database.as(ada).transaction(async (tx) => {
      for (const n of range(1, 6)) await changeAccount(tx, `acc_${n % 2}`, "x".repeat(899_000));
    });
    await ledger.run(transport());
    await eventually(
      async () => lengths,
      ({ length }) => length === 6,
      longMs,
    );
    expect(lengths).toEqual(Array(6).fill(899_000));
  });

  test("what is forged, foreign, newer or no event is parked with what came, and what follows is handled", async () => {
    await reports.run(transport(), [noteChanges()]);
    await ledger.run(transport());
    await change(ledger, "acc_1");
    await effectsSoon(1);
    const [genuine] = await recordsOf(`${prefix}ledger`, 1);
    const { headers, ...record } = genuine!;
    const withHeaders = (changed: IHeaders) => ({ ...record, headers: { ...headers, ...changed } });
    const unsigned = Object.fromEntries(Object.entries(headers!).filter(([name]) => name !== "atriumsignature"));
    const id = (n: number) => `01900000-0000-7000-8000-00000000000${n}`;
    await write(`${prefix}ledger`, [
      // Another tenant's name on a genuine event; the same with a key that fits; another's data.
      withHeaders({ ce_id: id(1), ce_organizationid: "org_b" }),
      { ...withHeaders({ ce_id: id(2), ce_organizationid: "org_b" }), key: "org_b acc_1" },
      { ...withHeaders({}), value: '{"accountId":"acc_1","version":7}' },
      { ...record, headers: unsigned },
      { key: "x", value: Buffer.from([0xff, 0xfe, 0x00]) },
      { key: "org_a acc_1", value: "not JSON", headers: { ...headers, ce_id: id(3) } },
      withHeaders({ ce_id: id(4), ce_source: "/atrium/identity" }),
    ]);
    await change(ledger, "acc_1");
    await effectsSoon(2);
    const letters = await eventually(parked, ({ length }) => length === 7, longMs);
    expect(letters.map(({ reason }) => reason).sort()).toEqual([
      "FOREIGN",
      "FORGED",
      "FORGED",
      "FORGED",
      "FORGED",
      "FORGED",
      "INVALID",
    ]);
    const rubbish = letters.find(({ reason }) => reason === "INVALID")!;
    expect(rubbish).toMatchObject({
      error: expect.stringContaining("no header ce_type"),
      payload: { topic: `${prefix}ledger`, value: Buffer.from([0xff, 0xfe, 0x00]).toString("base64") },
    });
    expect(await effects(reports)).toEqual(["acc_1 1", "acc_1 2"]);
  });

  test("a broker that isn't there stops nothing: the outbox holds, and drains when it comes", async () => {
    const nowhere = transport({ KAFKA_BROKERS: "127.0.0.1:1" });
    const first = await ledger.run(nowhere);
    const consumer = await reports.run(nowhere, [noteChanges()]);
    for (const _ of range(1, 20)) await change(ledger, "acc_1");
    expect((await first.stats()).outbox.waiting).toBe(20);
    await first.stop();
    await consumer.stop();
    await reports.run(transport(), [noteChanges()]);
    const second = await ledger.run(transport());
    await effectsSoon(20);
    expect(await effects(reports)).toEqual(range(1, 20).map((version) => `acc_1 ${version}`));
    expect((await second.stats()).outbox.waiting).toBe(0);
  });

  test("what has been published can be had again from a moment on", async () => {
    const carrying = transport();
    const events = await reports.run(carrying, [noteChanges()]);
    await ledger.run(carrying);
    for (const _ of range(1, 5)) await change(ledger, "acc_1");
    await effectsSoon(5);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const from = new Date();
    for (const _ of range(6, 8)) await change(ledger, "acc_1");
    await effectsSoon(8);
    const versions: number[] = [];
    for await (const page of carrying.history({ types: [accountChanged.type], from })) {
      versions.push(...page.map(({ data }) => (data as { version: number }).version));
      await events.receiveAgain(page);
    }
    expect(versions).toEqual([6, 7, 8]);
    await effectsSoon(11);
    expect((await effects(reports)).slice(8)).toEqual(["acc_1 6", "acc_1 7", "acc_1 8"]);
    const everything: Envelope[] = [];
    for await (const page of carrying.history({ types: "EVERY", from: new Date(0) })) everything.push(...page);
    expect(everything).toHaveLength(8);
  });

  test("lag and age say what waits for a group", async () => {
    const carrying = transport();
    await ledger.run(carrying);
    let refuses = true;
    const stored: unknown[] = [];
    const deliver = async (received: readonly unknown[]) => {
      if (refuses) throw new Error("the inbox can't be written");
      stored.push(...received);
    };
    const subscription = await carrying.subscribe({ group: "audits", types: [accountChanged.type], deliver });
    for (const n of range(1, 5)) await change(ledger, `acc_${n}`);
    const lag = () => carrying.lag("audits").catch(() => ({ waiting: -1, oldestSeconds: 0 }));
    const waiting = await eventually(lag, (now) => now.waiting === 5, longMs);
    expect(waiting.oldestSeconds).toBeGreaterThan(0);
    refuses = false;
    expect(await eventually(lag, (now) => now.waiting === 0, longMs)).toEqual({ waiting: 0, oldestSeconds: 0 });
    expect(stored).toHaveLength(5);
    await subscription.stop();
    const gauges = await reports.run(carrying, [noteChanges()]);
    const names = await Promise.all(gauges.gauges.map(async ({ name, read }) => [name, typeof (await read())]));
    expect(Object.fromEntries(names)).toMatchObject({
      atrium_events_transport_waiting: "number",
      atrium_events_inbox_waiting: "number",
      atrium_events_dead_letters: "number",
    });
  });

  test("changed settings are taken over on start: retention at once, partitions when everything is consumed", async () => {
    const first = transport();
    const events = await reports.run(first, [noteChanges()]);
    const relay = await ledger.run(first);
    await change(ledger, "acc_1");
    await effectsSoon(1);
    await eventually(
      () => first.lag("reports"),
      ({ waiting }) => waiting === 0,
      longMs,
    );
    await relay.stop();
    const admin = administer();
    await admin.connect();
    try {
      // What an operator has set besides stays.
      await admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name: `${prefix}ledger`, configEntries: [{ name: "segment.bytes", value: "2000000" }] }],
      });
      await ledger.run(transport({ KAFKA_RETENTION_DAYS: "3", KAFKA_PARTITIONS: "5" }));
      await change(ledger, "acc_1");
      await effectsSoon(2);
      const described = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [
          { type: 2, name: `${prefix}ledger`, configNames: ["retention.ms", "segment.bytes", "cleanup.policy"] },
        ],
      });
      const values = described.resources[0]!.configEntries.map(({ configName, configValue }) => [
        configName,
        configValue,
      ]);
      expect(Object.fromEntries(values)).toEqual({
        "retention.ms": String(3 * 86_400_000),
        "segment.bytes": "2000000",
        "cleanup.policy": "delete",
      });
      const { topics } = await admin.fetchTopicMetadata({ topics: [`${prefix}ledger`] });
      expect(topics[0]!.partitions).toHaveLength(5);
      for (const n of range(1, 20)) await change(ledger, `acc_${n}`);
      await effectsSoon(22);
    } finally {
      await admin.disconnect();
    }
    expect((await events.stats()).deadLetters).toBe(0);
  });

  test("a replica that goes while it works is followed by the other, without a loss and in order", async () => {
    const first = await reports.run(transport(), [noteChanges()]);
    const second = await reports.run(transport(), [noteChanges()]);
    await ledger.run(transport());
    const writing = (async () => {
      for (const n of range(1, 300)) await change(ledger, `acc_${n % 5}`);
    })();
    await effectsSoon(50);
    await first.stop();
    await writing;
    await effectsSoon(300);
    expect(await effects(reports)).toHaveLength(300);
    for (const n of range(0, 4))
      expect(await effects(reports, `acc_${n}`)).toEqual(range(1, 60).map((version) => `acc_${n} ${version}`));
    expect((await second.stats()).leads).toBe(true);
  });
});

test("settings that don't fit together are refused, and each fault names its setting", () => {
  const faultsOf = (env: Record<string, string>) => () =>
    kafkaTransport({ settings: kafkaSettings.parse(env), secret, log });
  expect(faultsOf({})).toThrow("KAFKA_BROKERS is missing");
  expect(faultsOf({ KAFKA_BROKERS: "b:9092", KAFKA_SASL_MECHANISM: "plain" })).toThrow(
    /needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.*set KAFKA_TLS=on/,
  );
  expect(faultsOf({ KAFKA_BROKERS: "b:9092", KAFKA_TLS_CERT_FILE: "x" })).toThrow("one needs the other");
  expect(faultsOf({ KAFKA_BROKERS: "b:9092", KAFKA_TLS_CA_FILE: "/nowhere/ca.pem" })).toThrow(
    /KAFKA_TLS_CA_FILE: \/nowhere\/ca.pem can't be read; KAFKA_TLS_CA_FILE: has no effect without KAFKA_TLS=on/,
  );
  expect(() => kafkaSettings.parse({ KAFKA_BROKERS: "b" })).toThrow("must be host:port");
});
