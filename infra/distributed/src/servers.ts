import { provisionDatabase, startEmbeddedPostgres, type ServiceDatabase } from "@atrium/database";
import { isAlive } from "@atrium/database/local";
import type { Closing } from "@atrium/embedded/closing";
import { StartRefused } from "@atrium/embedded/refusals";
import { KafkaUnavailable, startKafka, whatIsMissing as missingForKafka } from "@atrium/kafka";
import { RedisServerError, startRedis, whatIsMissing as missingForRedis } from "@atrium/redis/server";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "pino";
import { keepRunning, type Started } from "./keep-running";
import { ownPort } from "./ports";
import type { DistributedSettings } from "./settings";
import type { Will } from "./will";

/** Where the services find what they share. */
export interface Servers {
  /** A service's database, with its two roles. */
  database(service: string): Promise<ServiceDatabase>;
  redisUrl: string;
  kafkaBrokers: string;
}

interface Options {
  settings: DistributedSettings;
  log: Logger;
  will: Will;
  close: Closing;
}

/** Why this machine can't start what no setting names, in one line each; none when it can. */
export function missingServers(settings: Partial<Pick<DistributedSettings, "REDIS_URL" | "KAFKA_BROKERS">>): string[] {
  // In continuous integration they are installed.
  if (process.env["CI"]) return [];
  return [settings.REDIS_URL ? null : missingForRedis(), settings.KAFKA_BROKERS ? null : missingForKafka()].filter(
    (why) => why !== null,
  );
}

/** Those that the settings name, and for the others one of our own each, all started at once. */
export async function openServers(options: Options): Promise<Servers> {
  const missing = missingServers(options.settings);
  if (missing.length > 0) throw new StartRefused(missing.join("\n"));
  const [adminUrl, redisUrl, kafkaBrokers] = await allOrFirstFailure([
    openPostgres(options),
    openRedis(options),
    openKafka(options),
  ]);
  return {
    database: (service) => provisionDatabase(adminUrl!, service),
    redisUrl: redisUrl!,
    kafkaBrokers: kafkaBrokers!,
  };
}

async function openPostgres({ settings, log, will, close }: Options): Promise<string> {
  if (settings.DATABASE_ADMIN_URL) return settings.DATABASE_ADMIN_URL;
  const directory = path.join(settings.ATRIUM_DATA, "postgres");
  // It starts itself again when it has ended.
  const postgres = await startEmbeddedPostgres({ directory, log });
  close.later(() => postgres.stop());
  will.name("postgres", path.join(directory, "data/postmaster.pid"));
  return postgres.adminUrl;
}

async function openRedis({ settings, log, will, close }: Options): Promise<string> {
  if (settings.REDIS_URL) return settings.REDIS_URL;
  const port = await ownPort();
  let url = "";
  const kept = await keepRunning({
    name: "redis",
    log,
    async start() {
      const directory = path.join(settings.ATRIUM_DATA, "redis");
      const server = await startRedis({ directory, port, outlivingCtrlC: true }).catch(explained);
      ({ url } = server);
      return { pid: server.pid, ended: server.ended.then(() => "ended"), stop: () => server.stop() };
    },
    onStart: ({ pid }) => will.name("redis", pid),
  });
  close.later(() => kept.stop());
  return url;
}

async function openKafka({ settings, log, will, close }: Options): Promise<string> {
  if (settings.KAFKA_BROKERS) return [settings.KAFKA_BROKERS].flat().join(",");
  const port = await ownPort();
  const kept = await keepRunning({
    name: "kafka",
    log,
    async start(): Promise<Started> {
      const directory = path.join(settings.ATRIUM_DATA, "kafka");
      let broker = await startKafka({ directory, port }).catch(explained);
      // One that a killed start has left is where nobody looks for it.
      if (broker.port !== port) {
        await broker.stop();
        broker = await startKafka({ directory, port }).catch(explained);
      }
      return { pid: broker.pid, ended: endOf(broker.pid), stop: () => broker.stop() };
    },
    onStart: ({ pid }) => will.name("kafka", pid),
  });
  close.later(() => kept.stop());
  return `127.0.0.1:${port}`;
}

// It isn't a child of ours, or of this start.
async function endOf(pid: number): Promise<string> {
  while (isAlive(pid)) await wait(250, undefined, { ref: false });
  return "ended";
}

function explained(error: Error): never {
  throw error instanceof KafkaUnavailable || error instanceof RedisServerError
    ? new StartRefused(error.message, { cause: error })
    : error;
}

/** Waits for all of them also when one fails, so that what starts is known to be closed. */
async function allOrFirstFailure<Value>(starting: Promise<Value>[]): Promise<Value[]> {
  const outcomes = await Promise.allSettled(starting);
  return outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}
