import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { migrate, provisionDatabase, startEmbeddedPostgres } from "@atrium/database";
import { startKafka, type RunningKafka } from "@atrium/kafka";
import { Kafka, logLevel, type EachMessagePayload } from "kafkajs";
import { eventsBase } from "../..";
import { eventually, openService, type TestService } from "../ledger";

/** Everything that the crash tests kill: a database server, a broker, a writer and two workers, each a process. */
export interface World {
  ledger: TestService;
  reports: TestService;
  audits: TestService;
  /** Waits until one of these processes says that it is there, and kills it there. Says which one it was. */
  killFirst(among: readonly Role[], says: string): Promise<Role>;
  kill(role: Role): void;
  signal(role: Role, signal: NodeJS.Signals): void;
  start(role: Role): void;
  postgresPid(): number;
  kafka: { pid(): number; start(): Promise<void>; brokers: string };
  close(): Promise<void>;
}

const topicPrefix = "chaos.";

export const roles = ["writer", "worker 1", "worker 2"] as const;
export type Role = (typeof roles)[number];

const log = { info() {}, warn() {}, error() {} };

export async function openWorld({ kafkaData }: { kafkaData?: string | null } = {}): Promise<World> {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-chaos-"));
  chmodSync(directory, 0o755); // run by root, PostgreSQL is another user's
  const postgresDirectory = path.join(directory, "postgres");
  const kafkaOptions = { directory: path.join(directory, "kafka"), dataDirectory: kafkaData ?? undefined };
  // Small segments: a small disk is full soon.
  const settings = { "log.segment.bytes": 5_000_000, "num.network.threads": 2 };
  const [postgres, firstBroker] = await Promise.all([
    startEmbeddedPostgres({ directory: postgresDirectory, log }),
    startKafka({ ...kafkaOptions, settings }),
  ]);
  let broker: RunningKafka = firstBroker;

  const open = async (name: string) => {
    const urls = await provisionDatabase(postgres.adminUrl, name);
    await migrate({ ...urls, directory: path.join(__dirname, "../../../prisma/migrations"), base: [eventsBase] });
    return openService(name, urls.appUrl);
  };
  const [ledger, reports, audits] = [await open("ledger"), await open("reports"), await open("audits")];
  const env = {
    ...process.env,
    LEDGER_URL: ledger.url,
    REPORTS_URL: reports.url,
    AUDITS_URL: audits.url,
    KAFKA_BROKERS: broker.brokers,
    PREFIX: topicPrefix,
  };

  const children = new Map<Role, ChildProcess>();
  const heard = new Map<Role, Set<(line: string) => void>>(roles.map((role) => [role, new Set()]));
  const start = (role: Role) => {
    const child = spawn(
      process.execPath,
      ["--conditions=@atrium/source", "--import=tsx", path.join(__dirname, "child.ts")],
      { env: { ...env, ROLE: role.split(" ")[0] }, stdio: ["ignore", "pipe", "inherit"] },
    );
    children.set(role, child);
    createInterface(child.stdout!).on("line", (line) => {
      for (const listener of heard.get(role)!) listener(line);
    });
  };
  const signal = (role: Role, name: NodeJS.Signals) => void children.get(role)?.kill(name);

  return {
    ledger,
    reports,
    audits,
    start,
    signal,
    kill: (role) => signal(role, "SIGKILL"),
    killFirst: (among, says) =>
      new Promise((resolve, reject) => {
        const listeners = new Map(
          among.map((role) => [
            role,
            (line: string) => {
              if (line !== says) return;
              forget();
              signal(role, "SIGKILL");
              resolve(role);
            },
          ]),
        );
        const tooLong = setTimeout(() => {
          forget();
          reject(new Error(`None of ${among.join(", ")} said: ${says}`));
        }, 60_000);
        const forget = () => {
          clearTimeout(tooLong);
          for (const [role, listener] of listeners) heard.get(role)!.delete(listener);
        };
        for (const [role, listener] of listeners) heard.get(role)!.add(listener);
      }),
    postgresPid: () => Number(readFileSync(path.join(postgresDirectory, "data/postmaster.pid"), "utf8").split("\n")[0]),
    kafka: {
      brokers: broker.brokers,
      pid: () => broker.pid,
      async start() {
        broker = await startKafka({ ...kafkaOptions, settings, port: broker.port });
      },
    },
    async close() {
      for (const role of roles) signal(role, "SIGKILL");
      await Promise.all([ledger.close(), reports.close(), audits.close()]);
      await Promise.all([postgres.stop(), broker.stop()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** What became of what was committed. */
export interface Tally {
  /** Acts that were committed, each with one event. */
  committed: number;
  /** Events besides, of a version that `reports` doesn't know: parked there, and heard by `audits`, which hears everything. */
  newer: number;
  lost: number;
  doubled: number;
  disordered: number;
  deadLetters: number;
  /** Where what is out of order is, and where Kafka has it, so that a failure that is seldom seen tells its cause. */
  disorder: string[];
}

interface Sequence {
  subject: string;
  versions: number[];
}

const sequencesOf = ({ database }: TestService) =>
  database
    .asService()
    .sql<Sequence>(
      "select subject, json_agg(note::integer order by id) as versions from effect group by subject order by subject",
    );

/** Once everything is handled, or nothing more comes: compares what two services have noted with what was committed. */
export async function tally({ ledger, reports, audits, kafka }: World, withinMs: number): Promise<Tally> {
  const accounts = await ledger.database
    .asService()
    .sql<{ id: string; version: number }>("select id, version from account");
  const committed = accounts.reduce((sum, { version }) => sum + version, 0);
  const count = async ({ database }: TestService, where: string) => {
    const [row] = await database.asService().sql<{ n: number }>(`select count(*)::integer as n from ${where}`);
    return row!.n;
  };
  const newer = await count(ledger, "effect");
  const unknown = "dead_letter where reason = 'UNKNOWN_TYPE'";
  const state = async () => ({
    reports: await count(reports, "effect"),
    parked: await count(reports, unknown),
    audits: await count(audits, "effect"),
  });
  await eventually(
    state,
    (now) => now.reports >= committed && now.parked >= newer && now.audits >= committed + newer,
    withinMs,
  ).catch(() => {}); // what is missing is counted
  // What comes twice comes soon after.
  await wait(1_000);

  const result: Tally = { committed, newer, lost: 0, doubled: 0, disordered: 0, deadLetters: 0, disorder: [] };
  const disordered: { service: string; subject: string; versions: number[] }[] = [];
  const compare = (expected: number, found: number, distinct = found) => {
    result.lost += Math.max(0, expected - distinct);
    result.doubled += Math.max(0, found - distinct, distinct - expected);
  };
  for (const service of [reports, audits]) {
    const noted = new Map((await sequencesOf(service)).map(({ subject, versions }) => [subject, versions]));
    for (const { id, version } of accounts) {
      const versions = noted.get(id) ?? [];
      compare(version, versions.length, new Set(versions).size);
      versions.forEach((each, i) => {
        if (i === 0 || each >= versions[i - 1]!) return;
        const around = versions.slice(Math.max(0, i - 4), i + 4);
        disordered.push({ service: service.name, subject: id, versions: around });
      });
    }
  }
  compare(newer, await count(audits, "effect where subject like 'newer %'"));
  compare(newer, await count(reports, unknown));
  const known = "dead_letter where reason <> 'UNKNOWN_TYPE'";
  result.deadLetters = (await count(reports, known)) + (await count(audits, "dead_letter"));
  result.disordered = disordered.length;
  if (disordered.length > 0) {
    const places = await placesInKafka(kafka.brokers);
    result.disorder = disordered.map(({ service, subject, versions }) => {
      const inKafka = versions.map((version) => `${version}: ${places.get(`${subject} ${version}`)?.join(", ")}`);
      return `${service}, ${subject}: ${versions.join(" ")}; in Kafka ${inKafka.join("; ")}`;
    });
  }
  return result;
}

/** The partition and the offset of each version of each account, as often as it stands in the topic. */
async function placesInKafka(brokers: string): Promise<Map<string, string[]>> {
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING });
  const [admin, consumer] = [kafka.admin(), kafka.consumer({ groupId: "chaos-diagnosis" })];
  const topic = `${topicPrefix}ledger`;
  const places = new Map<string, string[]>();
  try {
    await Promise.all([admin.connect(), consumer.connect()]);
    const ends = new Map(
      (await admin.fetchTopicOffsets(topic))
        .map(({ partition, high }) => [partition, Number(high)] as const)
        .filter(([, high]) => high > 0),
    );
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      setTimeout(resolve, 60_000).unref();
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
      const eachMessage = async ({ partition, message }: EachMessagePayload) => {
        const { accountId, version } = JSON.parse(message.value!.toString()) as { accountId: string; version: number };
        const type = message.headers?.ce_type?.toString() ?? "";
        const at = `${accountId} ${version}${type.endsWith(".v2") ? " newer" : ""}`;
        places.set(at, [...(places.get(at) ?? []), `${partition}/${message.offset}`]);
        if (Number(message.offset) + 1 >= (ends.get(partition) ?? 0)) ends.delete(partition);
        if (ends.size === 0) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
  } finally {
    await Promise.all([admin.disconnect(), consumer.disconnect()]);
  }
  return places;
}
