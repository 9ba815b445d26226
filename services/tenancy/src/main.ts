import path from "node:path";
import { actorKeyFor, systemActor, type Actor } from "@atrium/access";
import { migrate, openDatabase } from "@atrium/database";
import { eventsBase, runEvents } from "@atrium/events";
import { prepareJobs, runJobs } from "@atrium/jobs";
import { answerForPeople, askEmails, personalDataBase } from "@atrium/personal-data";
import { parseSettings, runAlone, startSubgraph, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { askUsersByEmail } from "./clients/identity";
import { consumers } from "./consumers";
import type { Context, RequestContext, Tx } from "./context";
import { PrismaClient } from "./generated/prisma/client";
import { internalOperations } from "./internal";
import { loadersFor } from "./loaders";
import { held } from "./personal-data";
import { schema } from "./schema";
import { settingsSchema } from "./settings";

const name = "tenancy";
const base = [eventsBase, personalDataBase];

/** Starts the service in whatever shape the platform has. `now` is the clock that invitations go by. */
export async function startTenancy(platform: Platform, { now = () => new Date() } = {}): Promise<RunningSubgraph> {
  const settings = parseSettings(settingsSchema, platform.env);
  const log = platform.log.child({ service: name });
  const { ownerUrl, appUrl, appRole } = await platform.database(name);
  await migrate({ ownerUrl, appRole, directory: path.join(__dirname, "../prisma/migrations"), base });
  await prepareJobs({ ownerUrl, appRole });
  const database = openDatabase({
    url: appUrl,
    // The longer formats repeat the values of the query, which are names and addresses, into the log.
    createClient: (adapter) => new PrismaClient({ adapter, errorFormat: "minimal" }),
    poolMax: settings.TENANCY_DATABASE_CONNECTIONS,
    log,
  });
  const usersByEmail = askUsersByEmail(platform);
  const contextOf = (actor: Actor, db: Tx): Context => ({ actor, db, database, now, usersByEmail });

  const emailsOf = askEmails(platform, name);
  const people = answerForPeople({ ...platform, service: name, held, database, emailsOf, now });
  const events = await runEvents({
    service: name,
    url: appUrl,
    database,
    transport: platform.transport,
    consumers: [...consumers, ...people.consumers],
    contextFor: (_envelope, tx: Tx) => contextOf(systemActor(name, tx.tenant), tx),
    log,
  });
  const jobs = await runJobs({ ownerUrl, database, tasks: people.tasks, concurrency: 1, log });
  return startSubgraph<RequestContext>({
    name,
    schema,
    personalData: people,
    context: ({ actor }) => {
      const ctx = contextOf(actor, database.as(actor.kind === "ANONYMOUS" ? {} : actor));
      return { ...ctx, loaders: loadersFor(ctx) };
    },
    internal: internalOperations({ database }),
    readiness: { database: () => database.ready() },
    gauges: events.gauges,
    stop: async () => {
      await events.stop();
      await jobs.stop();
      await database.close();
    },
    actorKey: actorKeyFor(name, platform.secret),
    metricsToken: platform.env.METRICS_TOKEN,
    log,
  });
}

if (require.main === module) runAlone(name, startTenancy);
