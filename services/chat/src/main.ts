import path from "node:path";
import { actorKeyFor, systemActor, type Actor } from "@atrium/access";
import { migrate, openDatabase } from "@atrium/database";
import { eventsBase, runEvents } from "@atrium/events";
import { prepareJobs, repeatedly, runJobs } from "@atrium/jobs";
import { answerForPeople, askEmails, personalDataBase } from "@atrium/personal-data";
import { parseSettings, runAlone, startSubgraph, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { answersUnderWay } from "./answers-under-way";
import { knowledgeOf } from "./clients/knowledge";
import { consumers } from "./consumers";
import type { Context, RequestContext, Tx } from "./context";
import { answerMessage, answerTask, giveUpAnswer, handOverOverdue } from "./conversation/answering";
import { PrismaClient } from "./generated/prisma/client";
import { loadersFor } from "./loaders";
import { held } from "./personal-data";
import { schema } from "./schema";
import { settingsSchema } from "./settings";

const name = "chat";
const base = [eventsBase, personalDataBase];
const now = () => new Date();
const overdueEveryMs = 1_000;

/** Migrates the database, runs the consumers and the jobs, and answers operations until it is stopped. */
export async function startChat(platform: Platform): Promise<RunningSubgraph> {
  const settings = parseSettings(settingsSchema, platform.env);
  const { topics, ephemeral } = platform;
  const log = platform.log.child({ service: name });
  const { ownerUrl, appUrl, appRole } = await platform.database(name);
  await migrate({ ownerUrl, appRole, directory: path.join(__dirname, "../prisma/migrations"), base });
  await prepareJobs({ ownerUrl, appRole });
  const database = openDatabase({
    url: appUrl,
    // The longer formats repeat the values of the query, which are what people wrote, into the log.
    createClient: (adapter) => new PrismaClient({ adapter, errorFormat: "minimal" }),
    poolMax: settings.CHAT_DATABASE_CONNECTIONS,
    log,
  });
  const knowledge = knowledgeOf(platform);
  const answers = answersUnderWay({
    atOnce: settings.CHAT_ANSWERS_AT_ONCE,
    answer: ({ messageId, tenant }) =>
      answerMessage({ db: database.as(tenant), knowledge, topics, now }, { messageId }),
    onFailure: ({ messageId }, error) =>
      log.warn({ err: error, messageId }, "a message wasn't answered at once; its job answers it later"),
  });
  const services = { database, knowledge, topics, ephemeral, settings, answerSoon: answers.soon };
  const contextOf = (actor: Actor, db: Tx): Context => ({ ...services, actor, db, now });

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
    tasks: {
      ...people.tasks,
      [answerTask]: (payload: { messageId: string }, { db }) => answerMessage({ db, knowledge, topics, now }, payload),
    },
    onGivenUp: async ({ task, db, payload }) => {
      if (task === answerTask) await giveUpAnswer({ db, topics, now }, payload as { messageId: string });
    },
    log,
  });

  const overdue = repeatedly({
    everyMs: overdueEveryMs,
    work: () => handOverOverdue({ database, now }, { afterSeconds: settings.CHAT_ANSWER_AGAIN_SECONDS }),
    onFailure: (error) => log.warn({ err: error }, "overdue messages weren't handed over; it is tried again"),
  });

  return startSubgraph<RequestContext>({
    name,
    schema,
    personalData: people,
    context: ({ actor, signal }) => {
      const ctx = contextOf(actor, database.as(actor.kind === "ANONYMOUS" ? {} : actor));
      return { ...ctx, signal, loaders: loadersFor(ctx) };
    },
    readiness: { "chat database": () => database.ready(), "chat jobs": () => jobs.ready() },
    gauges: [
      ...events.gauges,
      {
        name: "atrium_chat_answers_waiting",
        help: "Accepted messages that wait for their turn.",
        read: answers.waiting,
      },
    ],
    stop: async () => {
      await overdue.stop();
      await events.stop();
      await jobs.stop();
      await answers.stop();
      await database.close();
    },
    actorKey: actorKeyFor(name, platform.secret),
    metricsToken: platform.env.METRICS_TOKEN,
    log,
  });
}

if (require.main === module) runAlone(name, startChat);
