import { faultsOfKafkaSettings, kafkaSettings, kafkaTransport, type EventTransport } from "@atrium/events";
import type { Logger } from "pino";
import { z } from "zod";
import { connectSubgraph, type RemoteSubgraph } from "./connect-subgraph";
import type { Platform } from "./platform";
import { SettingsError } from "./settings";

const postgresUrl = z.url({
  protocol: /^postgres(ql)?$/,
  error: "must be an address like postgres://user:password@host/database",
});

const redisUrl = z.url({
  protocol: /^rediss?$/,
  error: "must be an address like redis://:password@host:6379",
});

/** `identity=http://identity:4001,knowledge=http://one:4001,knowledge=http://two:4001` */
const serviceUrls = z.string().transform((text, context) => {
  const urls = new Map<string, string[]>();
  for (const entry of text.split(",").map((part) => part.trim())) {
    const [, name, url] = /^([a-z]+)=(https?:\/\/.+)$/.exec(entry) ?? [];
    if (name && url && URL.canParse(url)) urls.set(name, [...(urls.get(name) ?? []), new URL(url).origin]);
    else context.addIssue({ code: "custom", message: `"${entry}" is not name=http://host:port` });
  }
  return urls;
});

/** Where a process of the distributed shape finds what it shares with the others. */
export const sharedSettings = z.object({
  DATABASE_ADMIN_URL: postgresUrl
    .optional()
    .describe("A role that may create databases and roles; the service then makes its own. Instead of the next two."),
  DATABASE_OWNER_URL: postgresUrl.optional().describe("The service's database, as the role that owns it and migrates."),
  DATABASE_APP_URL: postgresUrl.optional().describe("The service's database, as the role that reads and writes."),
  REDIS_URL: redisUrl.describe("What expires, and live updates between replicas; rediss:// for TLS. It may not evict."),
  ...kafkaSettings.shape,
  BLOBS_DIRECTORY: z.string().default("./blobs").describe("The folder of uploaded files, shared by all replicas."),
  SERVICE_URLS: serviceUrls
    .prefault("gateway=http://localhost:4000")
    .describe("Where the other services are: name=http://host:port, separated by commas; one entry per replica."),
});

type SharedSettings = z.output<typeof sharedSettings>;

interface Process {
  name: string;
  secret: string;
  publicUrl: string;
  env: NodeJS.ProcessEnv;
  log: Logger;
}

export interface OpenPlatform {
  platform: Platform;
  /** What every process needs besides what is its service's own, by name; each rejects while it isn't there. */
  readiness: Readonly<Record<string, () => Promise<unknown>>>;
  close(): Promise<void>;
}

/** Opens what a process of the distributed shape shares with the others. */
export async function openPlatform(
  settings: SharedSettings,
  { name, secret, publicUrl, env, log }: Process,
): Promise<OpenPlatform> {
  const [{ provisionDatabase }, { redisEphemeral }, { folderBlobs }, { redisTopics }] = await Promise.all([
    import("@atrium/database"),
    import("@atrium/ephemeral"),
    import("@atrium/blobs"),
    import("@atrium/topics"),
    import("@atrium/events"),
  ]);
  const { DATABASE_ADMIN_URL: adminUrl, BLOBS_DIRECTORY, SERVICE_URLS } = settings;

  async function ownDatabase() {
    const { DATABASE_OWNER_URL: ownerUrl, DATABASE_APP_URL: appUrl } = settings;
    if (ownerUrl && appUrl) return { ownerUrl, appUrl, appRole: decodeURIComponent(new URL(appUrl).username) };
    if (adminUrl) return provisionDatabase(adminUrl, name);
    throw new SettingsError([
      `Set DATABASE_ADMIN_URL, or DATABASE_OWNER_URL and DATABASE_APP_URL: the database of ${name} isn't known.`,
    ]);
  }

  const remotes = new Map<string, RemoteSubgraph>();
  function remote(service: string): RemoteSubgraph {
    const known = remotes.get(service);
    if (known) return known;
    const url = SERVICE_URLS.get(service);
    if (!url) throw new Error(`SERVICE_URLS doesn't say where ${service} is.`);
    const connected = connectSubgraph({ name: service, url, secret });
    remotes.set(service, connected);
    return connected;
  }

  const faults = faultsOfKafkaSettings(settings);
  if (!settings.KAFKA_BROKERS) faults.push("KAFKA_BROKERS is missing: the brokers over which services hear each other");
  if (faults.length > 0) throw new SettingsError(faults);
  const transport: EventTransport = kafkaTransport({ settings, secret, log });

  const [ephemeral, topics] = await Promise.all([
    redisEphemeral({ url: settings.REDIS_URL, log }),
    redisTopics({ url: settings.REDIS_URL, name, log }),
  ]);
  return {
    platform: {
      shape: "distributed",
      secret,
      env,
      log,
      publicUrl,
      async database(service) {
        if (service !== name) throw new Error(`${name} has no business in the database of ${service}.`);
        return ownDatabase();
      },
      transport,
      topics,
      blobs: await folderBlobs(BLOBS_DIRECTORY),
      ephemeral,
      call: (service, request) => remote(service).execute(request),
      callInternal: (service, operation, input, from) => remote(service).internal(operation, input, from),
    },
    readiness: { redis: () => ephemeral.ready(), "live updates": () => topics.ready() },
    async close() {
      await topics.close();
      await transport.close?.();
      await Promise.all([...remotes.values()].map((connected) => connected.close()));
      await ephemeral.close();
    },
  };
}
