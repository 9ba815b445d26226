import { embeddedSettings, root } from "@atrium/embedded/settings";
import { parseSettings, sharedSettings } from "@atrium/subgraph";
import path from "node:path";
import { z } from "zod";

const { DATABASE_ADMIN_URL, REDIS_URL, KAFKA_BROKERS } = sharedSettings.shape;

/** The settings of the distributed shape on one machine. Each service and the gateway has its own beside them. */
export const distributedSettings = z.object({
  ...embeddedSettings.shape,
  ATRIUM_DATA: z
    .string()
    .default(".atrium/distributed")
    .describe("The folder that holds everything this installation stores."),
  DATABASE_ADMIN_URL: DATABASE_ADMIN_URL.describe(
    "A PostgreSQL server, as a role that may create databases and roles; without it one is started.",
  ),
  REDIS_URL: REDIS_URL.optional().describe("A Redis that doesn't evict; without it one is started."),
  KAFKA_BROKERS: KAFKA_BROKERS.describe("Kafka brokers: host:port, separated by commas; without them one is started."),
});

export type DistributedSettings = z.output<typeof distributedSettings>;

export function readSettings(env: NodeJS.ProcessEnv): DistributedSettings {
  const settings = parseSettings(distributedSettings, env);
  return { ...settings, ATRIUM_DATA: path.resolve(root, settings.ATRIUM_DATA) };
}
