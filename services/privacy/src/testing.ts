import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { anonymous, type Actor } from "@atrium/access";
import { folderBlobs } from "@atrium/blobs";
import { openDatabase, provisionDatabase } from "@atrium/database";
import { testAdminUrl, testDatabase } from "@atrium/database/testing";
import { postgresEphemeral } from "@atrium/ephemeral";
import { embeddedTransport, eventsBase, runEvents, type Envelope } from "@atrium/events";
import { newId, newUuid } from "@atrium/ids";
import { prepareJobs, runJobs } from "@atrium/jobs";
import { answerForPeople, personalDataBase, type Held } from "@atrium/personal-data";
import { createLog, type Platform } from "@atrium/subgraph";
import { inProcessTopics } from "@atrium/topics";
import type { ExecutionResult } from "graphql";
import pg from "pg";
import { closeAccountBy } from "./clients/identity";
import { PrismaClient } from "./generated/prisma/client";
import { keysOf } from "./keys";
import { startPrivacy } from "./main";
import { settingsSchema } from "./settings";
import { tendExports } from "./data-export/commands";
import { tendErasures } from "./erasure/progress";

export const secret = "a secret of the tests, long enough to be one";
const base = [eventsBase, personalDataBase];
const migrations = path.join(__dirname, "../prisma/migrations");

/** The service's database alone, with its keys: for what needs no service around it. */
export async function testTables() {
  const home = await testDatabase("privacy", migrations, { base });
  const database = openDatabase({ url: home.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
  const owner = new pg.Client(home.ownerUrl);
  await owner.connect();
  // Its owner may lift what is forced upon it, as anybody could who has broken in there.
  for (const table of ["audit_entry", "audit_chain", "audit_checkpoint", "audit_origin"])
    await owner.query(`alter table ${table} no force row level security`);
  const clock = { now: new Date("2026-11-26T12:00:00Z") };
  const folder = mkdtempSync(path.join(tmpdir(), "atrium-privacy-"));
  return {
    home,
    folder,
    blobs: await folderBlobs(folder),
    database,
    owner,
    keys: keysOf(secret),
    clock,
    now: () => clock.now,
    log: createLog("privacy", { LOG_LEVEL: "silent" }),
    async close() {
      await owner.end();
      await database.close();
      await home.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Tables = Awaited<ReturnType<typeof testTables>>;

/** An event as chat announces it, of this organization and moment. */
export const announced = (at: Date, organizationid: string | undefined, more: Partial<Envelope> = {}): Envelope => ({
  specversion: "1.0",
  id: newUuid(),
  source: "/atrium/chat",
  type: "chat.message.received.v1",
  subject: newId("msg"),
  time: at.toISOString(),
  datacontenttype: "application/json",
  ...(organizationid && { organizationid }),
  data: {},
  ...more,
});

/** A service that privacy asks: what it holds of people, and whether it answers at all. */
export interface Neighbour {
  answers: boolean;
  /** How often it was asked. */
  asked: number;
  /** Notes by user. */
  notes: Map<string, string[]>;
  stop(): Promise<void>;
}

export type Privacy = Awaited<ReturnType<typeof startTestPrivacy>>;

/** The service on a database of its own, with a clock that a test can move, beside two services that it can silence. */
export async function startTestPrivacy({ env = {} as NodeJS.ProcessEnv } = {}) {
  const home = await testDatabase("privacy", migrations, { base });
  const adminUrl = await testAdminUrl();
  const log = createLog("privacy", { LOG_LEVEL: process.env.LOG_LEVEL ?? "silent" });
  const ephemeralName = `${new URL(home.appUrl).pathname.slice(1)}_ephemeral`;
  const ephemeral = await postgresEphemeral({
    ...(await provisionDatabase(adminUrl, "ephemeral", ephemeralName)),
    log,
  });
  const folder = mkdtempSync(path.join(tmpdir(), "atrium-privacy-"));
  const transport = embeddedTransport({ groups: ["privacy", "chat", "identity"] });
  const clock = { now: new Date() };
  const mails: { userId: string; text: string }[] = [];
  const withoutAddress = new Set<string>();
  const closing = { answers: true, accounts: [] as string[] };
  const platform: Platform = {
    shape: "embedded",
    secret,
    env,
    log,
    publicUrl: "http://localhost:4000",
    database: async () => home,
    transport,
    topics: inProcessTopics(),
    blobs: await folderBlobs(folder),
    ephemeral,
    call: async () => ({ data: null }),
    async callInternal(service, name, input) {
      if (service === "privacy") return subgraph.internal[name]!(input);
      if (name === "closeAccount") {
        if (!closing.answers) throw new Error("connect ECONNREFUSED");
        closing.accounts.push((input as { userId: string }).userId);
        return { closed: true };
      }
      if (name === "emailsOf") return { emails: [[]] };
      const mail = input as { userId: string; text: string };
      if (withoutAddress.has(mail.userId)) return { sent: false };
      mails.push(mail);
      return { sent: true };
    },
  };
  const now = () => clock.now;
  const asked = ["chat", "identity", "privacy"];
  const subgraph = await startPrivacy(platform, { now, asked });
  const chat = await startNeighbour("chat", platform, now);
  const identity = await startNeighbour("identity", platform, now);
  const admin = new pg.Client(new URL(new URL(home.ownerUrl).pathname, adminUrl).href);
  await admin.connect();
  const database = openDatabase({ url: home.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
  const closeAccount = closeAccountBy(platform);
  // What tending needs of the service's own.
  const services = { database, settings: settingsSchema.parse(env), now, log, askedServices: asked, closeAccount };

  return {
    subgraph,
    database,
    clock,
    chat,
    identity,
    mails,
    withoutAddress,
    /** What identity was asked to close. */
    closing,
    folder,
    /** Lets time pass, and the service see to what is due by then. */
    async pass(minutes: number) {
      clock.now = new Date(clock.now.getTime() + minutes * 60_000);
      await tendExports(services);
      await tendErasures(services);
    },

    /** Runs an operation as somebody. */
    run: (actor: Actor, query: string, variables: Record<string, unknown> = {}) =>
      subgraph.execute({
        query,
        variables,
        actor,
        requestId: "test",
        clientAddress: "203.0.113.77",
        userAgent: "Firefox on Linux",
      }),

    /** As the database's administrator, who sees every row. */
    rows: async <Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> =>
      (await admin.query(sql, values)).rows as Row[],

    /** Every file that is stored, by its path. */
    files: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
        .sort(),
    contentOf: (file: string) => readFileSync(path.join(folder, file)),

    async stop() {
      await chat.stop();
      await identity.stop();
      await subgraph.stop();
      await admin.end();
      await database.close();
      await ephemeral.close();
      await home.drop();
      rmSync(folder, { recursive: true, force: true });
      const server = new pg.Client(adminUrl);
      await server.connect();
      await server.query(`drop database "${ephemeralName}"`);
      await server.end();
    },
  };
}

/** A service that holds notes of people and answers for them as every service does. */
async function startNeighbour(service: string, platform: Platform, now: () => Date): Promise<Neighbour> {
  const empty = mkdtempSync(path.join(tmpdir(), "atrium-none-"));
  const home = await testDatabase(service, empty, { base });
  await prepareJobs(home);
  const database = openDatabase({ url: home.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
  const { log } = platform;
  const neighbour = { answers: true, asked: 0, notes: new Map<string, string[]>() };
  const held: Held = {
    note: {
      holds: "Notes of the person.",
      category: "CHATS",
      legalBasis: "CONTRACT",
      async *records({ userId }) {
        for (const text of neighbour.notes.get(userId) ?? []) yield { text };
      },
      async erase({ userId }) {
        const erased = neighbour.notes.get(userId)?.length ?? 0;
        neighbour.notes.delete(userId);
        return { erased };
      },
    },
  };
  const people = answerForPeople({ ...platform, service, held, database, emailsOf: async () => [], now });
  const consumers = people.consumers.map((consumer) => ({
    ...consumer,
    handler(...given: Parameters<typeof consumer.handler>) {
      neighbour.asked++;
      return neighbour.answers ? consumer.handler(...given) : undefined;
    },
  }));
  const events = await runEvents({
    service,
    url: home.appUrl,
    database,
    transport: platform.transport,
    consumers,
    contextFor: (_envelope, db) => ({ db }),
    log,
  });
  const jobs = await runJobs({ ownerUrl: home.ownerUrl, database, tasks: people.tasks, log });
  return Object.assign(neighbour, {
    async stop() {
      await events.stop();
      await jobs.stop();
      await database.close();
      await home.drop();
      rmSync(empty, { recursive: true });
    },
  });
}

/** The data of a result without errors. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test names the fields that it asked for
export function dataOf(result: ExecutionResult): any {
  if (result.errors) throw new Error(JSON.stringify(result.errors));
  return result.data;
}

/** The codes of a result's errors, with the field at fault where there is one. */
export const errorsOf = ({ errors }: ExecutionResult): string[] =>
  (errors ?? []).map(({ extensions }) => [extensions.code, extensions.field].filter(Boolean).join(" "));

export interface Place {
  organizationId: string;
  workspaceId: string;
}

/** A place that nothing else in the tests stands in. */
export const givenPlace = (): Place => ({ organizationId: newId("org"), workspaceId: newId("wsp") });

/** Somebody who may do this in that place. */
export const memberOf = ({ organizationId, workspaceId }: Place, permissions: string[] = ["*"]) =>
  ({
    kind: "USER",
    userId: newId("usr"),
    sessionId: newId("ses"),
    organizationId,
    workspaceId,
    permissions,
  }) satisfies Actor;

export const nobody = anonymous;

export async function until<Value>(read: () => Promise<Value>, wanted: (value: Value) => boolean): Promise<Value> {
  for (const started = Date.now(); ;) {
    const value = await read();
    if (wanted(value)) return value;
    if (Date.now() - started > 20_000) throw new Error(`Waited in vain; it stayed ${JSON.stringify(value)}.`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
