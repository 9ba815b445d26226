import path from "node:path";
import type { Actor } from "@atrium/access";
import type { BlobStore } from "@atrium/blobs";
import { openDatabase, provisionDatabase, type Database } from "@atrium/database";
import { testAdminUrl, testDatabase } from "@atrium/database/testing";
import { postgresEphemeral } from "@atrium/ephemeral";
import { PublicError } from "@atrium/errors";
import { embeddedTransport, eventsBase, type EventTransport } from "@atrium/events";
import { newId } from "@atrium/ids";
import { prepareJobs } from "@atrium/jobs";
import { personalDataBase } from "@atrium/personal-data";
import { createLog, type OperationRequest, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { inProcessTopics } from "@atrium/topics";
import type { ExecutionResult } from "graphql";
import pg from "pg";
import { PrismaClient } from "./generated/prisma/client";
import { startChat } from "./main";

/** Knowledge as far as chat asks it: bases by workspace, and sentences found by a word of the question. */
export class Library {
  answers = true;
  /** How long it takes to answer. */
  delayMs = 0;
  /** Ids of the bases that a workspace has. */
  readonly bases = new Map<string, Set<string>>();
  /** What the documents say, by a word that the question holds. */
  readonly facts = new Map<string, string>();
  readonly asked: { question: string; actor: Actor; knowledgeBaseIds: string[] }[] = [];

  givenBase(workspaceId: string): string {
    const id = newId("kb");
    this.bases.set(workspaceId, (this.bases.get(workspaceId) ?? new Set()).add(id));
    return id;
  }

  call = async (_service: string, { query, variables = {}, actor }: OperationRequest): Promise<ExecutionResult> => {
    if (this.delayMs) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (!this.answers) return failed(new PublicError("SERVICE_UNAVAILABLE", "Knowledge is stopping."));
    if (actor.kind !== "SYSTEM" || !actor.workspaceId) return failed(new PublicError("FORBIDDEN", "No."));
    const own = this.bases.get(actor.workspaceId) ?? new Set();
    if (query.includes("_entities")) {
      const { representations } = variables as { representations: { id: string }[] };
      return { data: { _entities: representations.map(({ id }) => (own.has(id) ? { id } : null)) } };
    }
    const { knowledgeBaseIds, question } = variables as { knowledgeBaseIds: string[]; question: string };
    this.asked.push({ question, actor, knowledgeBaseIds });
    if (question.length > 2_000) return failed(new PublicError("BAD_USER_INPUT", "The question is too long."));
    if (knowledgeBaseIds.some((id) => !own.has(id))) return failed(new PublicError("NOT_FOUND", "No such base."));
    const found = [...this.facts].filter(([word]) => question.toLowerCase().includes(word)).map(([, fact]) => fact);
    const sentences = found.map((text) => ({ text, citations: [citationOf(text)] }));
    const confidence = sentences.length > 0 ? 0.9 : 0.1;
    return {
      data: {
        answerFromKnowledge: { answered: sentences.length > 0, text: found.join(" "), confidence, sentences },
      },
    };
  };
}

const citationOf = (quote: string) => ({
  // A document that was deleted meanwhile has no title any more.
  document: quote.includes("deleted") ? null : { id: "doc_1", title: "The manual" },
  passageId: "psg_1",
  page: 3,
  headingPath: ["Safety"],
  start: 10,
  end: 10 + quote.length,
  quote,
});

const failed = ({ message, extensions }: PublicError) =>
  ({ errors: [{ message, extensions }] }) as unknown as ExecutionResult;

export type Chat = Awaited<ReturnType<typeof startTestChat>>;

/** The service on a database of its own, beside a library that a test can fill. */
export async function startTestChat({
  transport = neverPublishes(),
  env = {},
}: { transport?: EventTransport; env?: NodeJS.ProcessEnv } = {}) {
  const home = await testDatabase("chat", path.join(__dirname, "../prisma/migrations"), {
    base: [eventsBase, personalDataBase],
  });
  const log = createLog("chat", { LOG_LEVEL: process.env.LOG_LEVEL ?? "silent" });
  const ephemeralName = `${new URL(home.appUrl).pathname.slice(1)}_ephemeral`;
  const adminUrl = await testAdminUrl();
  const ephemeralUrls = await provisionDatabase(adminUrl, "ephemeral", ephemeralName);
  const ephemeral = await postgresEphemeral({ ...ephemeralUrls, log });
  await prepareJobs(home);
  const database: Database<PrismaClient> = openDatabase({
    url: home.appUrl,
    createClient: (adapter) => new PrismaClient({ adapter }),
  });
  const library = new Library();
  const topics = inProcessTopics();
  const platform: Platform = {
    shape: "embedded",
    secret: "a secret of the tests, long enough to be one",
    env,
    log,
    publicUrl: "http://localhost:4000",
    database: async () => home,
    transport,
    topics,
    blobs: null as unknown as BlobStore,
    ephemeral,
    call: library.call,
    callInternal: async () => ({}),
  };
  const start = (overrides: Partial<Platform> = {}) => startChat({ ...platform, ...overrides });
  const running: RunningSubgraph[] = [await start()];

  return {
    start,
    home,
    ephemeralUrls,
    database,
    library,
    topics,

    /** Runs an operation; the data, or the first error as it is. */
    async run<Data = Record<string, never>>(actor: Actor, query: string, variables: object = {}): Promise<Data> {
      const result = await running[0]!.execute(requestOf(actor, query, variables));
      if (result.errors) throw Object.assign(new Error(result.errors[0]!.message), { ...result.errors[0]!.extensions });
      return result.data as Data;
    },

    subscribe: (actor: Actor, query: string, variables: object = {}) =>
      running[0]!.subscribe(requestOf(actor, query, variables)),

    /** Stops the running service and starts it anew. */
    async restart(overrides: Partial<Platform> = {}) {
      await running[0]!.stop();
      running[0] = await start(overrides);
    },

    /** What was announced since it was last asked, in order. */
    async announced(): Promise<{ type: string; data: Record<string, unknown> }[]> {
      const rows = await database
        .asService()
        .sql<{ type: string; data: Record<string, unknown>; position: number }>(
          "delete from outbox_event returning type, data, position",
        );
      return rows.sort((a, b) => a.position - b.position).map(({ type, data }) => ({ type, data }));
    },

    /** As the database's owner, who sees every row. */
    async asOwner<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
      const admin = new pg.Client(new URL(new URL(home.ownerUrl).pathname, adminUrl).href);
      await admin.connect();
      try {
        return (await admin.query(sql, values)).rows as Row[];
      } finally {
        await admin.end();
      }
    },

    async stop() {
      await running[0]!.stop();
      topics.close();
      await database.close();
      await ephemeral.close();
      await home.drop();
      const admin = new pg.Client(adminUrl);
      await admin.connect();
      await admin.query(`drop database "${ephemeralName}"`);
      await admin.end();
    },
  };
}

const requestOf = (actor: Actor, query: string, variables: object): OperationRequest => ({
  query,
  variables: { ...variables },
  actor,
  requestId: "test",
});

// Until a group that never comes has subscribed, events stay where they were appended, to be looked at.
const neverPublishes = () => embeddedTransport({ groups: ["chat", "nobody"] });

export interface Place {
  organizationId: string;
  workspaceId: string;
}

/** A place that nothing else in the tests stands in. */
export const givenPlace = (): Place => ({ organizationId: newId("org"), workspaceId: newId("wsp") });

/** Somebody who may do this in that place. */
export const member = (place: Place, permissions: string[] = ["*"]): Actor & { userId: string } => ({
  kind: "USER",
  userId: newId("usr"),
  sessionId: newId("ses"),
  ...place,
  permissions,
});

export const guest = (): Actor & { userId: string } => ({
  kind: "GUEST",
  userId: newId("usr"),
  sessionId: newId("ses"),
  organizationId: null,
  workspaceId: null,
  permissions: [],
});
