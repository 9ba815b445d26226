import { hkdfSync } from "node:crypto";
import path from "node:path";
import { actorKeyFor, systemActor, type Actor } from "@atrium/access";
import { migrate, openDatabase } from "@atrium/database";
import { eventsBase, runEvents } from "@atrium/events";
import { prepareJobs, runJobs } from "@atrium/jobs";
import { answerForPeople, askEmails, personalDataBase } from "@atrium/personal-data";
import { parseSettings, runAlone, startSubgraph, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { consumers } from "./consumers";
import type { Context, RequestContext, Services, Tx } from "./context";
import { PrismaClient } from "./generated/prisma/client";
import { indexSnapshots, keptLast } from "./index-snapshot/commands";
import { startParsing } from "./ingestion/parse";
import { loadersFor } from "./loaders";
import { held } from "./personal-data";
import { routes } from "./routes";
import { schema } from "./schema";
import { openIndexes } from "./search/indexes";
import { databaseSource } from "./search/source";
import { warmIndexes } from "./search/warm";
import { settingsSchema } from "./settings";
import { tasksOf } from "./tasks";

const name = "knowledge";
const base = [eventsBase, personalDataBase];

/** Migrates the database, runs consumers and jobs, and answers operations until it is stopped. */
export async function startKnowledge(platform: Platform, { now = () => new Date() } = {}): Promise<RunningSubgraph> {
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
      // The longer formats repeat the values of the query, which are documents' contents, into the log.
      createClient: (adapter) => new PrismaClient({ adapter, errorFormat: "minimal" }),
      poolMax: settings.KNOWLEDGE_DATABASE_CONNECTIONS,
      log,
    });
    closings.push(() => database.close());
    const indexes = openIndexes(databaseSource, {
      bytesMax: settings.KNOWLEDGE_INDEX_BYTES_MAX,
      snapshots: indexSnapshots({ blobs: platform.blobs, log }),
      log,
    });
    closings.push(() => indexes.close());
    const parsing = startParsing({ processesMax: settings.KNOWLEDGE_READING_PROCESSES });
    closings.push(() => parsing.close());
    const services: Services = {
      database,
      blobs: platform.blobs,
      topics: platform.topics,
      indexes,
      limits: { uploadBytesMax: settings.KNOWLEDGE_UPLOAD_BYTES_MAX },
      fileLinkKey: Buffer.from(hkdfSync("sha256", platform.secret, "atrium", "knowledge:file-links", 32)),
      publicUrl: platform.publicUrl,
      now,
      log,
    };
    const never = new AbortController().signal;
    const contextOf = (actor: Actor, db: Tx, signal = never): Context => ({ ...services, actor, db, signal });

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
    const jobs = await runJobs({
      ownerUrl: urls.ownerUrl,
      database,
      ...tasksOf(services, parsing.parsePassages, people),
      // While a file is being read, the passages of others are being written.
      concurrency: settings.KNOWLEDGE_READING_PROCESSES + 2,
      log,
    });
    closings.push(() => jobs.stop());
    const warming = warmIndexes(services, keptLast, { bytesMax: settings.KNOWLEDGE_INDEX_BYTES_MAX / 4 });
    closings.push(() => warming.stop());
    return await startSubgraph<RequestContext>({
      name,
      schema,
      personalData: people,
      context: ({ actor, signal }) => {
        const ctx = contextOf(actor, database.as(actor.kind === "ANONYMOUS" ? {} : actor), signal);
        return { ...ctx, loaders: loadersFor(ctx) };
      },
      routes,
      readiness: { database: () => database.ready(), jobs: () => jobs.ready() },
      gauges: [
        ...events.gauges,
        { name: "atrium_knowledge_indexes", help: "Indexes in memory.", read: () => indexes.stats().indexes },
        {
          name: "atrium_knowledge_index_bytes",
          help: "What the indexes take in memory.",
          read: () => indexes.stats().bytes,
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

if (require.main === module) runAlone(name, startKnowledge);
