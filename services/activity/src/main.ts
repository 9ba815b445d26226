import path from "node:path";
import { actorKeyFor, systemActor, type Actor } from "@atrium/access";
import { migrate, openDatabase } from "@atrium/database";
import { eventsBase, runEvents } from "@atrium/events";
import { prepareJobs, runJobs } from "@atrium/jobs";
import { answerForPeople, askEmails, personalDataBase } from "@atrium/personal-data";
import { parseSettings, runAlone, startSubgraph, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { consumers } from "./consumers";
import type { Context, RequestContext, Tx } from "./context";
import { dashboardHub } from "./dashboard/hub";
import { snapshotOf } from "./dashboard/queries";
import { PrismaClient } from "./generated/prisma/client";
import { requirePlace } from "./metric/place";
import { held } from "./personal-data";
import { pruneActivity, pruneTask } from "./recording/commands";
import { schema } from "./schema";
import { settingsSchema } from "./settings";

const name = "activity";
const base = [eventsBase, personalDataBase];

/** Starts the service in whatever shape the platform has. `now` is the clock that periods and retention go by. */
export async function startActivity(platform: Platform, { now = () => new Date() } = {}): Promise<RunningSubgraph> {
  const settings = parseSettings(settingsSchema, platform.env);
  const { topics, ephemeral } = platform;
  const log = platform.log.child({ service: name });
  const { ownerUrl, appUrl, appRole } = await platform.database(name);
  await migrate({ ownerUrl, appRole, directory: path.join(__dirname, "../prisma/migrations"), base });
  await prepareJobs({ ownerUrl, appRole });
  const database = openDatabase({
    url: appUrl,
    createClient: (adapter) => new PrismaClient({ adapter, errorFormat: "minimal" }),
    poolMax: settings.ACTIVITY_DATABASE_CONNECTIONS,
    log,
  });
  const services = { database, topics, ephemeral, settings, now };
  const contextOf = (actor: Actor, db: Tx): Context => ({ ...services, actor, db });

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
  const jobs = await runJobs<PrismaClient>({
    ownerUrl,
    database,
    tasks: { ...people.tasks, [pruneTask]: (_payload: unknown, { db }) => pruneActivity({ settings, now }, db) },
    cron: [{ task: pruneTask, schedule: "*/10 * * * *" }],
    concurrency: 2,
    log,
  });
  const dashboards = dashboardHub({
    topics,
    read: (scope) => snapshotOf({ database, now }, scope),
    permit: (actor, { organizationId, workspaceId }) =>
      void requirePlace(actor, workspaceId ? { workspaceId } : { organizationId }),
    heartbeatMs: settings.ACTIVITY_HEARTBEAT_SECONDS * 1_000,
    perOrganizationMax: settings.ACTIVITY_DASHBOARDS_PER_ORGANIZATION,
    onFailure: (error) => log.warn({ err: error }, "a dashboard wasn't read anew; it is tried again"),
  });

  return startSubgraph<RequestContext>({
    name,
    schema,
    personalData: people,
    context: ({ actor, signal }) => ({
      ...contextOf(actor, database.as(actor.kind === "ANONYMOUS" ? {} : actor)),
      dashboards,
      signal,
    }),
    readiness: { "activity database": () => database.ready(), "activity jobs": () => jobs.ready() },
    gauges: [
      ...events.gauges,
      {
        name: "atrium_activity_dashboards_watched",
        help: "Different dashboards that are kept up to date for their subscribers.",
        read: () => dashboards.stats().dashboards,
      },
      {
        name: "atrium_activity_dashboard_subscribers",
        help: "Subscribers of dashboards.",
        read: () => dashboards.stats().subscribers,
      },
    ],
    stop: async () => {
      await dashboards.stop();
      await events.stop();
      await jobs.stop();
      await database.close();
    },
    actorKey: actorKeyFor(name, platform.secret),
    metricsToken: platform.env.METRICS_TOKEN,
    log,
  });
}

if (require.main === module) runAlone(name, startActivity);
