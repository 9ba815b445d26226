import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startKafka, type RunningKafka } from "@atrium/kafka";
import { describeWithKafka } from "@atrium/kafka/testing";
import { kafkaSettings, kafkaTransport, type EventTransport } from "..";
import { change, effects, effectsOf, eventually, noteChanges, startService, type TestService } from "../testing/ledger";

const secret = "a secret of tests, long enough to be one";
const longMs = 30_000;

describeWithKafka()("over Kafka that is reached by TLS and a sign-in", () => {
  let directory: string;
  let broker: RunningKafka;
  let env: Record<string, string>;
  let ledger: TestService;
  let reports: TestService;
  let transports: Required<EventTransport>[];
  let prefixes = 0;

  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "atrium-kafka-"));
    broker = await startKafka({ directory, secured: { username: "atrium", password: "right-one" } });
  }, 120_000);
  afterAll(async () => {
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  beforeEach(async () => {
    env = {
      KAFKA_BROKERS: broker.brokers,
      KAFKA_TOPIC_PREFIX: `secured${++prefixes}.`,
      KAFKA_PARTITIONS: "3",
      KAFKA_TLS: "on",
      KAFKA_TLS_CA_FILE: broker.certificateFile!,
      KAFKA_SASL_MECHANISM: "scram-sha-512",
      KAFKA_SASL_USERNAME: "atrium",
      KAFKA_SASL_PASSWORD: "right-one",
    };
    transports = [];
    [ledger, reports] = await Promise.all([startService("ledger"), startService("reports")]);
  }, 120_000);
  afterEach(async () => {
    await Promise.all([ledger.close(), reports.close()]);
    await Promise.all(transports.map((each) => each.close()));
  }, 60_000);

  /** A transport, and what it and whoever uses it have warned of. */
  const transport = (more: Record<string, string | undefined> = {}) => {
    const warnings: string[] = [];
    const log = { info() {}, warn: ({ err }: { err?: unknown }) => void warnings.push(String(err)), error() {} };
    const carrying = kafkaTransport({ settings: kafkaSettings.parse({ ...env, ...more }), secret, log });
    transports.push(carrying);
    return { carrying, log, warnings };
  };

  test.each(["plain", "scram-sha-256", "scram-sha-512"])("events arrive after a sign-in by %s", async (mechanism) => {
    const { carrying } = transport({ KAFKA_SASL_MECHANISM: mechanism });
    await ledger.run(carrying);
    await reports.run(carrying, [noteChanges()]);
    await change(ledger, "acc_1");
    expect(
      await eventually(
        () => effects(reports),
        ({ length }) => length > 0,
        longMs,
      ),
    ).toEqual(["acc_1 1"]);
  });

  const signIn = "Kafka refuses our sign-in (KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD): SASL";
  const hangsUp = "A Kafka broker hangs up on us; one does so that wants TLS or a sign-in";
  test.each([
    ["a wrong password", { KAFKA_SASL_PASSWORD: "wrong" }, `${signIn} SCRAM`],
    ["an unknown name", { KAFKA_SASL_USERNAME: "mallory" }, `${signIn} SCRAM`],
    ["a wrong password in plain", { KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_PASSWORD: "wrong" }, `${signIn} PLAIN`],
    ["no sign-in", { KAFKA_SASL_MECHANISM: undefined }, hangsUp],
    ["no TLS", { KAFKA_TLS: "off", KAFKA_TLS_CA_FILE: undefined }, hangsUp],
    [
      "a certificate that nobody we know vouches for",
      { KAFKA_TLS_CA_FILE: undefined },
      "A Kafka broker's certificate isn't trusted (KAFKA_TLS_CA_FILE says whom to trust): Connection error: self-signed",
    ],
  ])("with %s nothing passes, the reason names the setting, and the outbox holds", async (_, wrong, reason) => {
    const { carrying, log, warnings } = transport(wrong);
    await ledger.run(carrying, [], { log });
    await reports.run(carrying, [noteChanges()], { log });
    await change(ledger, "acc_1");
    // The relay of one, and the consumer of the other.
    await eventually(
      async () => warnings,
      ({ length }) => length >= 2,
      longMs,
    );
    expect(warnings).toEqual(warnings.map(() => expect.stringContaining(reason)));
    expect(await effects(reports)).toEqual([]);
    expect(await ledger.database.asService().sql("select type from outbox_event")).toHaveLength(1);
  });

  test("what waited passes once the password is right", async () => {
    const { carrying: wrong, log } = transport({ KAFKA_SASL_PASSWORD: "wrong" });
    const before = await ledger.run(wrong, [], { log });
    await change(ledger, "acc_1");
    await before.stop();
    const { carrying } = transport();
    await ledger.run(carrying);
    await reports.run(carrying, [noteChanges()]);
    expect(await effectsOf(reports, 1)).toEqual(["acc_1 1"]);
  });
});
