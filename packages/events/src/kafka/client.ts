import { readFileSync } from "node:fs";
import type * as kafkajs from "kafkajs";
import type { Admin, Kafka, KafkaConfig, logLevel as LogLevel } from "kafkajs";
import type { EventLog } from "../log";
import type { KafkaSettings } from "./settings";

// A request that isn't answered by then has failed. A broker that is frozen must not hold up those who stop.
const requestTimeoutMs = 10_000;

export type Kafkajs = typeof kafkajs;

/** One process's access to a cluster. The library is loaded when it is first needed. */
export interface KafkaClient {
  readonly library: Kafkajs;
  readonly kafka: Kafka;
  /** Runs `work` on a connection of its own for administration. */
  administer<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
}

export async function openClient(settings: KafkaSettings, log: EventLog): Promise<KafkaClient> {
  // Node finds only a part of the names in a CommonJS module; all of them are in its default export.
  const { default: library } = await import("kafkajs");
  const kafka = new library.Kafka({
    clientId: "atrium",
    brokers: [...(settings.KAFKA_BROKERS ?? [])],
    ...securityOf(settings),
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    requestTimeout: requestTimeoutMs,
    // A few quick attempts for what passes by itself (a new leader, a coordinator that loads); then we begin anew.
    retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 2_000 },
    logLevel: library.logLevel.WARN,
    logCreator: () => logTo(log, library.logLevel),
  });
  const administer: KafkaClient["administer"] = async (work) => {
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await work(admin);
    } catch (error) {
      throw explained(error);
    } finally {
      await inTime(admin.disconnect());
    }
  };
  return { library, kafka, administer };
}

/** What keeps us from a broker, with the settings that may be wrong; other errors as they are. */
export function explained(error: unknown): unknown {
  const { name, message } = error as Error;
  const because = (reason: string) => new Error(`${reason}: ${message}`, { cause: error });
  if (name === "KafkaJSSASLAuthenticationError")
    return because("Kafka refuses our sign-in (KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD)");
  if (/certificate|altnames/i.test(message))
    return because("A Kafka broker's certificate isn't trusted (KAFKA_TLS_CA_FILE says whom to trust)");
  if (/wrong version number|before secure TLS/i.test(message))
    return because("A Kafka broker doesn't speak TLS there (KAFKA_TLS, KAFKA_BROKERS)");
  if (/closed connection/i.test(message))
    return because(
      "A Kafka broker hangs up on us; one does so that wants TLS or a sign-in (KAFKA_TLS, KAFKA_SASL_MECHANISM)",
    );
  return error;
}

function securityOf(settings: KafkaSettings): Pick<KafkaConfig, "ssl" | "sasl"> {
  const read = (file: string | undefined) => (file ? readFileSync(file, "utf8") : undefined);
  const { KAFKA_SASL_MECHANISM: mechanism } = settings;
  const credentials = { username: settings.KAFKA_SASL_USERNAME ?? "", password: settings.KAFKA_SASL_PASSWORD ?? "" };
  return {
    ssl: settings.KAFKA_TLS === "on" && {
      ca: read(settings.KAFKA_TLS_CA_FILE),
      cert: read(settings.KAFKA_TLS_CERT_FILE),
      key: read(settings.KAFKA_TLS_KEY_FILE),
    },
    ...(mechanism && { sasl: { mechanism, ...credentials } as KafkaConfig["sasl"] }),
  };
}

// What the library calls an error is often a moment of its own retries; what stays wrong is told by who asked.
const logTo =
  (log: EventLog, levels: typeof LogLevel) =>
  ({ level, namespace, log: entry }: { level: number; namespace: string; log: { message: string } }) => {
    const { message, ...details } = entry;
    if (level <= levels.WARN) log.info({ kafka: namespace, details: bounded(details) }, `Kafka: ${message}`);
  };

const bounded = (details: object) => JSON.stringify(details).slice(0, 1_000);

/** Waits for a farewell, which a broker that doesn't answer would keep from ending. */
export async function inTime(work: Promise<unknown>, ms = 5_000): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work.catch(() => {}), new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
