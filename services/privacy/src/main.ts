import path from "node:path";
import { actorKeyFor, systemActor, type Actor } from "@atrium/access";
import { migrate, openDatabase } from "@atrium/database";
import { eventsBase, runEvents } from "@atrium/events";
import { prepareJobs, repeatedly, runJobs } from "@atrium/jobs";
import { answerForPeople, askEmails, personalDataBase } from "@atrium/personal-data";
import { parseSettings, runAlone, startSubgraph, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { askedServices } from "./asked-services";
import { tendPartitions } from "./audit-entry/checkpoint";
import { closeAccountBy, mailUserBy } from "./clients/identity";
import { consumers } from "./consumers";
import type { Context, RequestContext, Services, Tx } from "./context";
import { tendExports } from "./data-export/commands";
import { tendErasures } from "./erasure/progress";
import { PrismaClient } from "./generated/prisma/client";
import { internalOperations } from "./internal";
import { keysOf } from "./keys";
import { held } from "./personal-data";
import { routes } from "./routes";
import { schema } from "./schema";
import { settingsSchema } from "./settings";
import { tasksOf } from "./tasks";

const name = "privacy";
const base = [eventsBase, personalDataBase];
const tendEveryMs = 2_000;

interface Options {
  /** The clock that grace and deadlines go by. */
  now?(): Date;
  /** Which services are asked for what they hold: every one that there is, unless told. */
  asked?: readonly string[];
}

/** Starts the service in whatever shape the platform has. */
export async function startPrivacy(
  platform: Platform,
  { now = () => new Date(), asked = askedServices }: Options = {},
): Promise<RunningSubgraph> {
  const settings = parseSettings(settingsSchema, platform.env);
  const log = platform.log.child({ service: name });
  const urls = await platform.database(name);
  await migrate({ ...urls, directory: path.join(__dirname, "../prisma/migrations"), base });
  await prepareJobs(urls);

  const closings: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const end of closings.splice(0).reverse()) await end();
  };
  try {
    const database = openDatabase({
      url: urls.appUrl,
      createClient: (adapter) => new PrismaClient({ adapter, errorFormat: "minimal" }),
      poolMax: settings.PRIVACY_DATABASE_CONNECTIONS,
      log,
    });
    closings.push(() => database.close());
    const services: Services = {
      database,
      blobs: platform.blobs,
      ephemeral: platform.ephemeral,
      settings,
      keys: keysOf(platform.secret),
      mailUser: mailUserBy(platform),
      closeAccount: closeAccountBy(platform),
      askedServices: asked,
      publicUrl: platform.publicUrl,
      now,
      log,
    };
    await tendPartitions(services);
    const contextOf = (actor: Actor, db: Tx): Context => ({ ...services, actor, db });
    const emailsOf = askEmails(platform, name);
    const people = answerForPeople({ ...platform, service: name, held, database, emailsOf, now });

    const events = await runEvents({
      service: name,
      url: urls.appUrl,
      database,
      transport: platform.transport,
      consumers: [...consumers, ...people.consumers],
      contextFor: (_envelope, tx: Tx) => contextOf(systemActor(name, tx.tenant), tx),
      log,
    });
    closings.push(() => events.stop());
    let brokenChains = 0;
    const jobs = await runJobs({
      ownerUrl: urls.ownerUrl,
      database,
      ...tasksOf(services, people, (count) => (brokenChains = count)),
      concurrency: 2,
      log,
    });
    closings.push(() => jobs.stop());
    const tending = repeatedly({
      everyMs: tendEveryMs,
      async work() {
        await tendExports(services);
        await tendErasures(services);
      },
      onFailure: (error) => log.warn({ err: error }, "exports and erasures weren't tended; it is tried again"),
    });
    closings.push(() => tending.stop());

    return await startSubgraph<RequestContext>({
      name,
      schema,
      personalData: people,
      context: ({ actor, clientAddress, userAgent, signal }) => {
        const ctx = contextOf(actor, database.as(actor.kind === "ANONYMOUS" ? {} : actor));
        return { ...ctx, clientAddress, userAgent, signal };
      },
      routes,
      internal: internalOperations(services),
      readiness: { "privacy database": () => database.ready(), "privacy jobs": () => jobs.ready() },
      gauges: [
        ...events.gauges,
        {
          name: "atrium_privacy_broken_audit_chains",
          help: "Audit trails that weren't intact when they were last verified.",
          read: () => brokenChains,
        },
      ],
      stop: close,
      actorKey: actorKeyFor(name, platform.secret),
      metricsToken: platform.env.METRICS_TOKEN,
      log,
    });
  } catch (error) {
    await close();
    throw error;
  }
}

if (require.main === module) runAlone(name, startPrivacy);
