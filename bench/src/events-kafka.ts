import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { kafkaSettings, kafkaTransport } from "@atrium/events";
import { startKafka } from "@atrium/kafka";
import { log } from "../../packages/events/src/testing/ledger";
import { withServer } from "./events-house";
import { drain, latency, type Commits, type Load } from "./events-load";
import { perSecond, percentile, rounded, spread } from "./statistics";
import { atLeast, below, type Measure } from "./table";

// More than a minute's worth, also of what a fast machine reaches.
const sustained = 900_000;
const secret = "a secret of measurements, long enough";

/** The same over a Kafka broker on this machine: publisher (who writes and relays), consumer, broker and database share its cores, each a process. */
export const eventsOverKafka: Measure = (say) =>
  withServer(async ({ directory, withServices }) => {
    const kafka = await startKafka({ directory: path.join(directory, "kafka"), heapMegabytes: 1_024 });
    let measures = 0;
    const overKafka = () => {
      const settings = kafkaSettings.parse({
        KAFKA_BROKERS: kafka.brokers,
        KAFKA_TOPIC_PREFIX: `bench${++measures}.`,
      });
      return kafkaTransport({ settings, secret, log });
    };
    const relay = async (LEDGER_URL: string) => {
      const env = { ...process.env, LEDGER_URL, BENCH_SECRET: secret };
      Object.assign(env, { KAFKA_BROKERS: kafka.brokers, KAFKA_TOPIC_PREFIX: `bench${measures}.` });
      const child = fork(path.join(__dirname, "events-relay.ts"), { env, execArgv: process.execArgv });
      await once(child, "message");
      return {
        async write(load: Load) {
          child.send(load);
          const [commits] = (await once(child, "message")) as [Commits];
          return commits;
        },
        async stop() {
          child.kill();
          await once(child, "exit");
        },
      };
    };
    const count = Number(process.env.BENCH_EVENTS ?? sustained);
    try {
      say("warming up");
      await withServices(overKafka, (party) => drain(party, { count: 5_000, tenants: 10, everything: true }), relay);
      say(`${rounded(count)} events into a handler of everything`);
      const batch = await withServices(
        overKafka,
        (party) => drain(party, { count, tenants: 100, everything: true }),
        relay,
      );
      say("30,000 events, handled one by one");
      const single = await withServices(overKafka, (party) => drain(party, { count: 30_000, tenants: 100 }), relay);
      say("1,000 a second, ten a transaction");
      const tens = { perTransaction: 10 };
      const lateBatch = await withServices(
        overKafka,
        (party) => latency(party, 1_000, 15, { ...tens, everything: true }),
        relay,
      );
      const late = await withServices(overKafka, (party) => latency(party, 1_000, 15, tens), relay);
      return [
        {
          what: `events, outbox → Kafka → handled by the batch, ${rounded(count)} waiting`,
          value: `${perSecond(count, batch.tookMs)} for ${Math.round(batch.tookMs / 1_000)} s`,
          reach: atLeast(10_000, "/s", (count * 1_000) / batch.tookMs),
        },
        {
          what: "events, the relay's part of it: outbox → Kafka, beside the handling",
          value: perSecond(count, batch.publishedMs),
        },
        { what: "events, outbox → Kafka → handled one by one", value: perSecond(30_000, single.tookMs) },
        {
          what: "events, Kafka, commit → handled by the batch, 1,000 a second, ten a transaction",
          value: spread(lateBatch),
          reach: below(250, "ms", percentile(lateBatch, 0.95)),
        },
        {
          what: "events, Kafka, commit → handled one by one, 1,000 a second, ten a transaction",
          value: spread(late),
          reach: below(250, "ms", percentile(late, 0.95)),
        },
      ];
    } finally {
      await kafka.stop();
    }
  });
