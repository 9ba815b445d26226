import type { EventTransport } from "@atrium/events";
import type { Logger } from "pino";
import { z } from "zod";
import { connectSubgraph, type RemoteSubgraph } from "./connect-subgraph";
import type { Platform } from "./platform";
import { SettingsError } from "./settings";

const postgresUrl = z.url({
  protocol: /^postgres(ql)?$/,
  error: "must be an address like postgres://user:password@host/database",
});

/** `identity=http://identity:4001,tenancy=http://tenancy:4001` */
const serviceUrls = z.string().transform((text, context) => {
  const urls = new Map<string, string>();
  for (const entry of text.split(",").map((part) => part.trim())) {
    const [, name, url] = /^([a-z]+)=(https?:\/\/.+)$/.exec(entry) ?? [];
    if (name && url && URL.canParse(url)) urls.set(name, new URL(url).origin);
    else context.addIssue({ code: "custom", message: `"${entry}" is not name=http://host:port` });
  }
  return urls;
});

/** Where a process of the distributed shape finds what it shares with the others. */
export const sharedSettings = z.object({
  DATABASE_ADMIN_URL: postgresUrl
    .optional()
    .describe("A role that may create databases and roles; the service then makes its own. Instead of the next four."),
  DATABASE_OWNER_URL: postgresUrl.optional().describe("The service's database, as the role that owns it and migrates."),
  DATABASE_APP_URL: postgresUrl.optional().describe("The service's database, as the role that reads and writes."),
  EPHEMERAL_OWNER_URL: postgresUrl.optional().describe("The database of what expires, as the role that owns it."),
  EPHEMERAL_APP_URL: postgresUrl
    .optional()
    .describe("The database of what expires, as the role that reads and writes."),
  BLOBS_DIRECTORY: z.string().default("./blobs").describe("The folder of uploaded files, shared by all replicas."),
  SERVICE_URLS: serviceUrls
    .prefault("gateway=http://localhost:4000")
    .describe("Where the other services are: name=http://host:port, separated by commas."),
});

type SharedSettings = z.output<typeof sharedSettings>;

interface Process {
  name: string;
  secret: string;
  publicUrl: string;
  env: NodeJS.ProcessEnv;
  log: Logger;
}

/** Opens what a process of the distributed shape shares with the others. */
export async function openPlatform(
  settings: SharedSettings,
  { name, secret, publicUrl, env, log }: Process,
): Promise<{ platform: Platform; close(): Promise<void> }> {
  const [{ provisionDatabase }, { postgresEphemeral }, { folderBlobs }, { inProcessTopics }, events] =
    await Promise.all([
      import("@atrium/database"),
      import("@atrium/ephemeral"),
      import("@atrium/blobs"),
      import("@atrium/topics"),
      import("@atrium/events"),
    ]);
  const { DATABASE_ADMIN_URL: adminUrl, BLOBS_DIRECTORY, SERVICE_URLS } = settings;

  async function databaseOf(service: string, ownerUrl: string | undefined, appUrl: string | undefined) {
    if (ownerUrl && appUrl) return { ownerUrl, appUrl, appRole: decodeURIComponent(new URL(appUrl).username) };
    if (adminUrl) return provisionDatabase(adminUrl, service);
    const [owner, app] =
      service === "ephemeral"
        ? ["EPHEMERAL_OWNER_URL", "EPHEMERAL_APP_URL"]
        : ["DATABASE_OWNER_URL", "DATABASE_APP_URL"];
    throw new SettingsError([
      `Set DATABASE_ADMIN_URL, or ${owner} and ${app}: the database of ${service} isn't known.`,
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

  // Events need a broker between processes. Without one nothing is published, and nothing is lost: outboxes hold.
  const transport: EventTransport = {
    keepsHistory: false,
    publish: async () => {
      throw new events.TransportNotReady("No broker is configured; events wait in the outbox.");
    },
    subscribe: async () => ({ stop: async () => {} }),
  };
  log.warn("No broker is configured; events wait in the outbox.");

  const ephemeral = await postgresEphemeral({
    ...(await databaseOf("ephemeral", settings.EPHEMERAL_OWNER_URL, settings.EPHEMERAL_APP_URL)),
    log,
  });
  const topics = inProcessTopics();
  return {
    platform: {
      shape: "distributed",
      secret,
      env,
      log,
      publicUrl,
      async database(service) {
        if (service !== name) throw new Error(`${name} has no business in the database of ${service}.`);
        return databaseOf(service, settings.DATABASE_OWNER_URL, settings.DATABASE_APP_URL);
      },
      transport,
      topics,
      blobs: await folderBlobs(BLOBS_DIRECTORY),
      ephemeral,
      call: (service, request) => remote(service).execute(request),
      callInternal: (service, operation, input, from) => remote(service).internal(operation, input, from),
    },
    async close() {
      topics.close();
      await Promise.all([...remotes.values()].map((connected) => connected.close()));
      await ephemeral.close();
    },
  };
}
