import { hkdfSync } from "node:crypto";
import path from "node:path";
import { actorKeyFor, systemActor, type Actor } from "@atrium/access";
import { migrate, openDatabase } from "@atrium/database";
import { eventsBase, runEvents } from "@atrium/events";
import { prepareJobs, runJobs } from "@atrium/jobs";
import { parseSettings, runAlone, startSubgraph, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { consumers } from "./consumers";
import type { Context, RequestContext, Services, Tx } from "./context";
import { PrismaClient } from "./generated/prisma/client";
import { startParsing } from "./ingestion/parse";
import { loadersFor } from "./loaders";
import { routes } from "./routes";
import { schema } from "./schema";
import { openIndexes } from "./search/indexes";
import { databaseSource } from "./search/source";
import { settingsSchema } from "./settings";
import { tasksOf } from "./tasks";

const name = "knowledge";

/** Migrates the database, runs consumers and jobs, and answers operations until it is stopped. */
export async function startKnowledge(platform: Platform): Promise<RunningSubgraph> {
  const settings = parseSettings(settingsSchema, platform.env);
  const log = platform.log.child({ service: name });
  const urls = await platform.database(name);
  await migrate({ ...urls, directory: path.join(__dirname, "../prisma/migrations"), base: [eventsBase] });
  await prepareJobs(urls);
  const database = openDatabase({
    url: urls.appUrl,
    createClient: (adapter) => new PrismaClient({ adapter }),
    poolMax: settings.KNOWLEDGE_DATABASE_CONNECTIONS,
    log,
  });
  const parsing = startParsing({ processesMax: settings.KNOWLEDGE_READING_PROCESSES });
  const services: Services = {
    database,
    blobs: platform.blobs,
    topics: platform.topics,
    indexes: openIndexes(databaseSource, { bytesMax: settings.KNOWLEDGE_INDEX_BYTES_MAX, log }),
    limits: { uploadBytesMax: settings.KNOWLEDGE_UPLOAD_BYTES_MAX },
    fileLinkKey: Buffer.from(hkdfSync("sha256", platform.secret, "atrium", "knowledge:file-links", 32)),
    publicUrl: platform.publicUrl,
    log,
  };
  const never = new AbortController().signal;
  const contextOf = (actor: Actor, db: Tx): Context => ({
    ...services,
    actor,
    db,
    now: () => new Date(),
    signal: never,
  });

  const events = await runEvents({
    service: name,
    url: urls.appUrl,
    database,
    transport: platform.transport,
    consumers,
    contextFor: (_envelope, tx: Tx) => contextOf(systemActor(name, tx.tenant), tx),
    log,
  });
  const jobs = await runJobs({
    ownerUrl: urls.ownerUrl,
    database,
    ...tasksOf(services, parsing.parsePassages),
    concurrency: settings.KNOWLEDGE_READING_PROCESSES,
    log,
  });
  return startSubgraph<RequestContext>({
    name,
    schema,
    context: ({ actor, now, signal }) => {
      const ctx = { ...contextOf(actor, database.as(actor.kind === "ANONYMOUS" ? {} : actor)), now, signal };
      return { ...ctx, loaders: loadersFor(ctx) };
    },
    routes,
    readiness: { database: () => database.ready(), jobs: () => jobs.ready() },
    stop: async () => {
      await jobs.stop();
      await events.stop();
      await parsing.close();
      await services.indexes.close();
      await database.close();
    },
    actorKey: actorKeyFor(name, platform.secret),
    metricsToken: platform.env.METRICS_TOKEN,
    log,
  });
}

if (require.main === module) runAlone(name, startKnowledge);
