import path from "node:path";
import type { Actor, SignedInActor } from "@atrium/access";
import type { BlobStore } from "@atrium/blobs";
import { openDatabase, provisionDatabase, type Database } from "@atrium/database";
import { testAdminUrl, testDatabase, type TestDatabase } from "@atrium/database/testing";
import { postgresEphemeral } from "@atrium/ephemeral";
import {
  embeddedTransport,
  eventsBase,
  sourceOf,
  takeBackEvents,
  type Envelope,
  type EventDraft,
  type EventTransport,
} from "@atrium/events";
import { newId, newUuid } from "@atrium/ids";
import { personalDataBase } from "@atrium/personal-data";
import { createLog, parseSettings, type Platform } from "@atrium/subgraph";
import { waitFor } from "@atrium/testing";
import { inProcessTopics } from "@atrium/topics";
import pg from "pg";
import { PrismaClient } from "./generated/prisma/client";
import { startActivity } from "./main";
import { pruneActivity } from "./recording/commands";
import { settingsSchema } from "./settings";

export type Service = Awaited<ReturnType<typeof startTestActivity>>;

/** The service on a database of its own (or on `home`), with a clock that a test can move. */
export async function startTestActivity({
  env = {},
  transport = embeddedTransport({ groups: ["activity"] }),
  home: given,
}: { env?: NodeJS.ProcessEnv; transport?: EventTransport; home?: TestDatabase } = {}) {
  const migrations = path.join(__dirname, "../prisma/migrations");
  const home = given ?? (await testDatabase("activity", migrations, { base: [eventsBase, personalDataBase] }));
  const adminUrl = await testAdminUrl();
  const log = createLog("activity", { LOG_LEVEL: process.env.LOG_LEVEL ?? "silent" });
  // Not by the name of a service's database, which `atrium_` begins.
  const ephemeralName = `${new URL(home.appUrl).pathname.slice(1).replace(/^atrium_/, "")}_ephemeral`;
  const ephemeral = await postgresEphemeral({
    ...(await provisionDatabase(adminUrl, "ephemeral", ephemeralName)),
    log,
  });
  const database: Database<PrismaClient> = openDatabase({
    url: home.appUrl,
    createClient: (adapter) => new PrismaClient({ adapter }),
  });
  // An administrator of the server, who alone sees all rows.
  const everything = new pg.Client(Object.assign(new URL(adminUrl), { pathname: new URL(home.appUrl).pathname }).href);
  await everything.connect();
  const clock = { now: new Date() };
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
    call: async () => ({ data: null }),
    callInternal: async () => ({ emails: [[]] }),
  };
  const subgraph = await startActivity(platform, { now: () => clock.now });
  const requestOf = (actor: Actor, query: string, variables: object) => ({
    query,
    variables: { ...variables },
    actor,
    requestId: "test",
  });
  const asAdministrator = async <Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> =>
    (await everything.query(sql, values)).rows as Row[];
  const handled = () =>
    waitFor(async () => {
      const [row] = await asAdministrator<{ waiting: string }>(
        "select (select count(*) from inbox_event) + (select count(*) from outbox_event) as waiting",
      );
      return Number(row!.waiting) === 0;
    }, 30_000);

  return {
    database,
    clock,
    topics,
    home,
    platform,
    asAdministrator,
    handled,

    /** Delivers events as the transport does. */
    tell: (...envelopes: readonly Envelope[]) => transport.publish(envelopes),

    /** Delivers events and waits until they are handled. */
    async hear(...envelopes: readonly Envelope[]): Promise<void> {
      await transport.publish(envelopes);
      await handled();
    },

    /** The data, or the first error as it is. */
    async run<Data = Record<string, never>>(actor: Actor, query: string, variables: object = {}): Promise<Data> {
      const result = await subgraph.execute(requestOf(actor, query, variables));
      if (result.errors) throw Object.assign(new Error(result.errors[0]!.message), { ...result.errors[0]!.extensions });
      return result.data as Data;
    },

    subscribe: (actor: Actor, query: string, variables: object = {}, signal?: AbortSignal) =>
      subgraph.subscribe({ ...requestOf(actor, query, variables), ...(signal && { signal }) }),

    /** All rows of these tables, as JSON, in an order of their own. */
    async rowsOf(tables: readonly string[]): Promise<Record<string, string[]>> {
      const rows: Record<string, string[]> = {};
      for (const table of tables) {
        const found = await asAdministrator<{ row: string }>(
          `select to_json(t)::text as row from ${table} t order by 1`,
        );
        rows[table] = found.map(({ row }) => row);
      }
      return rows;
    },

    takeBack: (since: Date) => takeBackEvents(database.asService(), since),

    prune: () =>
      pruneActivity({ settings: parseSettings(settingsSchema, env), now: () => clock.now }, database.asService()),

    async stop() {
      await subgraph.stop();
      topics.close();
      await database.close();
      await everything.end();
      await ephemeral.close();
      await home.drop();
      const admin = new pg.Client(adminUrl);
      await admin.connect();
      await admin.query(`drop database "${ephemeralName}"`);
      await admin.end();
    },
  };
}

export interface TestPlace {
  organizationId: string;
  workspaceId: string;
}

/** A place that nothing else in the tests stands in. */
export const givenPlace = (): TestPlace => ({ organizationId: newId("org"), workspaceId: newId("wsp") });

/** Somebody who may do this in that place. */
export const member = (place: TestPlace, permissions: string[] = ["*"]): SignedInActor => ({
  kind: "USER",
  userId: newId("usr"),
  sessionId: newId("ses"),
  ...place,
  permissions,
});

interface Told {
  organizationId?: string | null;
  workspaceId?: string | null;
  userId?: string | null;
  at?: Date | string;
}

let lastMs = 0;

/** An event as its service would have announced it, at that time. */
export function eventOf(draft: EventDraft, { organizationId, workspaceId, userId, at }: Told): Envelope {
  // Ids of one millisecond don't sort as they were made.
  const ms = at === undefined ? (lastMs = Math.max(lastMs + 1, Date.now())) : new Date(at).getTime();
  return {
    specversion: "1.0",
    id: newUuid(ms),
    source: sourceOf(draft.type),
    type: draft.type,
    subject: draft.subject,
    time: new Date(ms).toISOString(),
    datacontenttype: "application/json",
    ...(organizationId && { organizationid: organizationId }),
    ...(workspaceId && { workspaceid: workspaceId }),
    ...(userId && { actorid: userId }),
    data: draft.data,
  };
}
