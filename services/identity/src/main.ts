import path from "node:path";
import { actorKeyFor, systemActor } from "@atrium/access";
import { migrate, openDatabase, type ServiceDatabase } from "@atrium/database";
import { eventsBase, runEvents } from "@atrium/events";
import { prepareJobs, runJobs } from "@atrium/jobs";
import { answerForPeople, personalDataBase } from "@atrium/personal-data";
import { parseSettings, runAlone, startSubgraph, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { askTenancy } from "./clients/tenancy";
import { consumers } from "./consumers";
import { contextMaker, type Services } from "./context";
import { PrismaClient } from "./generated/prisma/client";
import { internalOperations } from "./internal";
import { forgetOldMail } from "./mail/commands";
import { held } from "./personal-data";
import { jwksRoute } from "./routes";
import { schema } from "./schema";
import { deriveKey } from "./secret-box";
import { forgetPastSessions } from "./session/commands";
import { settingsSchema, type Settings } from "./settings";
import { signingKeys } from "./signing-key/commands";
import { passwordHasher } from "./user/password-hash";
import { emailsOf } from "./user/queries";

const forgetEveryMs = 3600_000;

/** Starts the service in whatever shape the platform has. `now` is the clock that sessions and keys go by. */
export async function startIdentity(platform: Platform, { now = () => new Date() } = {}): Promise<RunningSubgraph> {
  const settings = parseSettings(settingsSchema, platform.env);
  const log = platform.log.child({ service: "identity" });
  const { appUrl, ...owner } = await platform.database("identity");
  await migrate({
    ...owner,
    directory: path.join(__dirname, "../prisma/migrations"),
    base: [eventsBase, personalDataBase],
  });
  await prepareJobs(owner);
  const database = openDatabase({
    url: appUrl,
    // The longer formats repeat the values of the query, which are names and addresses, into the log.
    createClient: (adapter) => new PrismaClient({ adapter, errorFormat: "minimal" }),
    poolMax: settings.IDENTITY_DATABASE_CONNECTIONS,
    log,
  });
  try {
    return await startOn(platform, settings, { database, urls: { appUrl, ...owner }, now, log });
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function startOn(
  platform: Platform,
  settings: Settings,
  { database, urls, now, log }: Pick<Services, "database" | "now"> & { urls: ServiceDatabase; log: Platform["log"] },
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
  const people = answerForPeople({
    ...platform,
    service: "identity",
    held,
    database,
    emailsOf: (userId) => emailsOf(services, userId),
    now,
  });
  const events = await runEvents({
    service: "identity",
    url: urls.appUrl,
    database,
    transport: platform.transport,
    consumers: [...consumers, ...people.consumers],
    contextFor: (envelope, db) => ({ ...contextFor(ofEvent(envelope.id)), db }),
    log,
  });
  const jobs = await runJobs({ ownerUrl: urls.ownerUrl, database, tasks: people.tasks, concurrency: 1, log });
  const forgetting = setInterval(() => {
    forgetPastSessions(services).catch((error) => log.warn({ err: error }, "past sessions weren't deleted"));
    forgetOldMail(services).catch((error) => log.warn({ err: error }, "old mails weren't deleted"));
  }, forgetEveryMs).unref();

  return startSubgraph({
    name: "identity",
    schema,
    personalData: people,
    context: contextFor,
    routes: [jwksRoute],
    internal: internalOperations(services),
    readiness: { "identity database": () => database.ready() },
    gauges: events.gauges,
    stop: async () => {
      clearInterval(forgetting);
      await events.stop();
      await jobs.stop();
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
