import path from "node:path";
import { actorKeyFor, systemActor } from "@atrium/access";
import { migrate, openDatabase } from "@atrium/database";
import { eventsBase, runEvents } from "@atrium/events";
import { parseSettings, runAlone, startSubgraph, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { askTenancy } from "./clients/tenancy";
import { consumers } from "./consumers";
import { contextMaker, type Services } from "./context";
import { PrismaClient } from "./generated/prisma/client";
import { internalOperations } from "./internal";
import { jwksRoute } from "./routes";
import { schema } from "./schema";
import { deriveKey } from "./secret-box";
import { forgetPastSessions } from "./session/commands";
import { settingsSchema, type Settings } from "./settings";
import { signingKeys } from "./signing-key/commands";
import { passwordHasher } from "./user/password-hash";

const forgetEveryMs = 3600_000;

/** Starts the service in whatever shape the platform has. `now` is the clock that sessions and keys go by. */
export async function startIdentity(platform: Platform, { now = () => new Date() } = {}): Promise<RunningSubgraph> {
  const settings = parseSettings(settingsSchema, platform.env);
  const log = platform.log.child({ service: "identity" });
  const { appUrl, ...owner } = await platform.database("identity");
  await migrate({ ...owner, directory: path.join(__dirname, "../prisma/migrations"), base: [eventsBase] });
  const database = openDatabase({
    url: appUrl,
    // The longer formats repeat the values of the query, which are names and addresses, into the log.
    createClient: (adapter) => new PrismaClient({ adapter, errorFormat: "minimal" }),
    poolMax: settings.IDENTITY_DATABASE_CONNECTIONS,
    log,
  });
  try {
    return await startOn(platform, settings, { database, url: appUrl, now, log });
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function startOn(
  platform: Platform,
  settings: Settings,
  { database, url, now, log }: Pick<Services, "database" | "now"> & { url: string; log: Platform["log"] },
): Promise<RunningSubgraph> {
  const services: Services = {
    database,
    ephemeral: platform.ephemeral,
    passwords: await passwordHasher(),
    signingKeys: signingKeys({ database, now, log, sealingKey: deriveKey(platform.secret, "signing-keys") }),
    tenancy: askTenancy(platform.callInternal, log),
    settings,
    keys: {
      refreshTokens: deriveKey(platform.secret, "refresh-tokens"),
      accounts: deriveKey(platform.secret, "accounts"),
    },
    now,
    log,
  };
  const contextFor = contextMaker(services);
  const events = await runEvents({
    service: "identity",
    url,
    database,
    transport: platform.transport,
    consumers,
    contextFor: (envelope, db) => ({ ...contextFor(ofEvent(envelope.id)), db }),
    log,
  });
  const forgetting = setInterval(() => {
    forgetPastSessions(services).catch((error) => log.warn({ err: error }, "past sessions weren't deleted"));
  }, forgetEveryMs).unref();

  return startSubgraph({
    name: "identity",
    schema,
    context: contextFor,
    routes: [jwksRoute],
    internal: internalOperations(services),
    readiness: { "identity database": () => database.ready() },
    gauges: events.gauges,
    stop: async () => {
      clearInterval(forgetting);
      await events.stop();
      await database.close();
    },
    actorKey: actorKeyFor("identity", platform.secret),
    metricsToken: platform.env.METRICS_TOKEN,
    log,
  });

  /** Who asks when an event does. */
  function ofEvent(eventId: string) {
    const signal = new AbortController().signal;
    const nobody = { clientAddress: null, userAgent: null, continueAs: () => {} };
    return { ...nobody, actor: systemActor("identity"), requestId: eventId, signal, log, now };
  }
}

if (require.main === module) runAlone("identity", startIdentity);
