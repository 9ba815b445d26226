import { accessSync, constants } from "node:fs";
import { z } from "zod";

const broker = /^(\[[\da-f:]+\]|[\w.-]+):\d{1,5}$/i;

/** How a process of the distributed shape reaches Kafka. */
export const kafkaSettings = z.object({
  KAFKA_BROKERS: z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .refine((brokers) => brokers.every((each) => broker.test(each)), "must be host:port, several separated by commas")
    .optional()
    .describe("Kafka brokers to begin with: host:port, separated by commas. Without them events wait in the outbox."),
  KAFKA_TOPIC_PREFIX: z
    .string()
    .regex(/^[\w.-]{0,100}$/, "may have letters, digits, dots, dashes and underscores")
    .default("atrium.")
    .describe("How the names of topics and consumer groups begin; another one for each installation on a cluster."),
  KAFKA_PARTITIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(6)
    .describe("Partitions of each topic. A greater number is taken over on start, once everything is consumed."),
  KAFKA_REPLICATION: z.coerce
    .number()
    .int()
    .min(-1)
    .max(9)
    .default(-1)
    .describe("Replicas of each partition of a new topic; -1 leaves it to the broker."),
  KAFKA_RETENTION_DAYS: z.coerce
    .number()
    .min(1)
    .max(3_650)
    .default(14)
    .describe("How long topics keep events: for replay, and for services that were away."),
  KAFKA_TLS: z.enum(["off", "on"]).default("off").describe("Whether brokers are reached by TLS."),
  KAFKA_TLS_CA_FILE: z
    .string()
    .optional()
    .describe("Certificates of the authorities that brokers are trusted by, as PEM; otherwise those of the system."),
  KAFKA_TLS_CERT_FILE: z.string().optional().describe("Our own certificate, as PEM, where brokers ask for one."),
  KAFKA_TLS_KEY_FILE: z.string().optional().describe("The private key of our own certificate, as PEM."),
  KAFKA_SASL_MECHANISM: z
    .enum(["plain", "scram-sha-256", "scram-sha-512"])
    .optional()
    .describe("How we sign in to brokers: plain (over TLS alone), scram-sha-256 or scram-sha-512."),
  KAFKA_SASL_USERNAME: z.string().optional().describe("The name we sign in to brokers by."),
  KAFKA_SASL_PASSWORD: z.string().optional().describe("The password we sign in to brokers with."),
});

export type KafkaSettings = z.output<typeof kafkaSettings>;

/** What is wrong with settings that are right one by one; each fault names its setting. */
export function faultsOfKafkaSettings(settings: KafkaSettings): string[] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_TLS: tls } = settings;
  const faults: string[] = [];
  if (mechanism && (!settings.KAFKA_SASL_USERNAME || !settings.KAFKA_SASL_PASSWORD))
    faults.push("KAFKA_SASL_MECHANISM: needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD");
  if (mechanism === "plain" && tls === "off")
    faults.push("KAFKA_SASL_MECHANISM: plain would show the password to the network; set KAFKA_TLS=on, or use scram");
  for (const name of ["KAFKA_TLS_CA_FILE", "KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE"] as const) {
    const file = settings[name];
    if (file && !isReadable(file)) faults.push(`${name}: ${file} can't be read`);
    if (file && tls === "off") faults.push(`${name}: has no effect without KAFKA_TLS=on`);
  }
  if (!settings.KAFKA_TLS_CERT_FILE !== !settings.KAFKA_TLS_KEY_FILE)
    faults.push("KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE: one needs the other");
  return faults;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
