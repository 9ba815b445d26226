import path from "node:path";
import { anonymous, type Actor } from "@atrium/access";
import type { BlobStore } from "@atrium/blobs";
import { openDatabase, provisionDatabase } from "@atrium/database";
import { testAdminUrl, testDatabase } from "@atrium/database/testing";
import { postgresEphemeral } from "@atrium/ephemeral";
import { embeddedTransport, eventsBase, type EventTransport } from "@atrium/events";
import { newId } from "@atrium/ids";
import { personalDataBase } from "@atrium/personal-data";
import { createLog, type Platform } from "@atrium/subgraph";
import { inProcessTopics } from "@atrium/topics";
import type { ExecutionResult } from "graphql";
import jwt from "jsonwebtoken";
import pg from "pg";
import { PrismaClient } from "./generated/prisma/client";
import { startIdentity } from "./main";

export const password = "correct horse battery staple";

/** Tenancy, as far as identity asks it: who belongs where, and whether it answers at all. */
export interface Neighbour {
  answers: boolean;
  /** Permission patterns by user, organization and workspace. */
  permissions: Map<string, string[]>;
  /** Where each user begins; what isn't set is nowhere. */
  places: Map<string, { organizationId: string; workspaceId: string | null }>;
  asked: string[];
}

export type Identity = Awaited<ReturnType<typeof startTestIdentity>>;

/** The service on a database of its own, with a clock that a test can move and a neighbour that it can teach. */
export async function startTestIdentity({
  transport = neverPublishes(),
  env = {},
}: { transport?: EventTransport; env?: NodeJS.ProcessEnv } = {}) {
  const home = await testDatabase("identity", path.join(__dirname, "../prisma/migrations"), {
    base: [eventsBase, personalDataBase],
  });
  const ephemeralName = `${new URL(home.appUrl).pathname.slice(1)}_ephemeral`;
  const adminUrl = await testAdminUrl();
  const log = createLog("identity", { LOG_LEVEL: process.env.LOG_LEVEL ?? "silent" });
  const ephemeral = await postgresEphemeral({
    ...(await provisionDatabase(adminUrl, "ephemeral", ephemeralName)),
    log,
  });
  const database = openDatabase({ url: home.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
  const clock = { now: new Date() };
  const tenancy: Neighbour = { answers: true, permissions: new Map(), places: new Map(), asked: [] };
  const platform: Platform = {
    shape: "embedded",
    secret: "a secret of the tests, long enough to be one",
    env,
    log,
    publicUrl: "http://localhost:4000",
    database: async () => home,
    transport,
    topics: inProcessTopics(),
    blobs: null as unknown as BlobStore,
    ephemeral,
    call: async () => ({ data: null }),
    callInternal: (_service, name, input) => answer(tenancy, name, input),
  };
  const start = (overrides: Partial<Platform> = {}) =>
    startIdentity({ ...platform, ...overrides }, { now: () => clock.now });
  const subgraph = await start();
  /** Another process of the service, with another secret. */
  const startWithSecret = (secret: string) => start({ secret, transport: neverPublishes() });
  let requests = 0;

  /** Runs an operation; each comes from an address of its own unless it says otherwise. */
  const run = (
    query: string,
    variables: Record<string, unknown> = {},
    {
      actor = anonymous as Actor,
      clientAddress = `192.0.2.${++requests}`,
      userAgent = "Firefox on Linux",
      from = subgraph,
    } = {},
  ) => from.execute({ query, variables, actor, requestId: "test", clientAddress, userAgent });

  return {
    startWithSecret,
    subgraph,
    database,
    clock,
    tenancy,
    run,
    pass: (seconds: number) => void (clock.now = new Date(clock.now.getTime() + seconds * 1000)),

    /** What was announced since it was last asked, in order. */
    async announced(): Promise<{ type: string; data: Record<string, unknown> }[]> {
      return database
        .asService()
        .sql("delete from outbox_event returning type, data, organization_id, actor_id, position")
        .then((rows) =>
          rows
            .sort((a, b) => Number(a.position) - Number(b.position))
            .map(({ type, data }) => ({ type: String(type), data: data as Record<string, unknown> })),
        );
    },

    /** How many rows each table has. */
    async rows(): Promise<Record<string, number>> {
      const counts = ["user_account", "sign_in_method", "session", "refresh_token", "api_key", "membership"];
      const [row] = await database
        .asService()
        .sql(`select ${counts.map((table) => `(select count(*) from ${table}) as ${table}`).join(", ")}`);
      return row as Record<string, number>;
    },

    async stop() {
      await subgraph.stop();
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

// Until a group that never comes has subscribed, events stay where they were appended, to be looked at.
const neverPublishes = () => embeddedTransport({ groups: ["identity", "nobody"] });

const keyOf = (userId: string, organizationId: string, workspaceId: string | null) =>
  [userId, organizationId, workspaceId].join(" ");

async function answer(tenancy: Neighbour, name: string, input: unknown): Promise<unknown> {
  tenancy.asked.push(name);
  if (!tenancy.answers) throw new Error("connect ECONNREFUSED");
  if (name === "memberPermissions") {
    const { members } = input as { members: { userId: string; organizationId: string; workspaceId: string | null }[] };
    return {
      permissions: members.map(
        (one) => tenancy.permissions.get(keyOf(one.userId, one.organizationId, one.workspaceId)) ?? null,
      ),
    };
  }
  const { userIds } = input as { userIds: string[] };
  return { contexts: userIds.map((id) => tenancy.places.get(id) ?? null) };
}

/** Lets tenancy say that the user may act there, with these permissions. */
export function belongs(
  { tenancy }: Identity,
  userId: string,
  place: { organizationId: string; workspaceId: string | null },
  permissions = ["*"],
): void {
  tenancy.permissions.set(keyOf(userId, place.organizationId, place.workspaceId), permissions);
}

export interface Auth {
  accessToken: string;
  accessTokenExpiresAt: string;
  refreshToken: string;
  viewer: { id: string };
  userErrors: { code: string; message: string; path: string[] | null }[];
}

const authFields = "accessToken accessTokenExpiresAt refreshToken viewer { id } userErrors { code message path }";
export const signUpMutation = `mutation ($input: SignUpInput!) { signUp(input: $input) { ${authFields} } }`;
export const signInMutation = `mutation ($input: SignInInput!) { signIn(input: $input) { ${authFields} } }`;
export const guestMutation = `mutation { signInAsGuest { ${authFields} } }`;
export const refreshMutation = `mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { ${authFields} } }`;

/** The data of a result without errors. */
export function dataOf<Data = Record<string, never>>(result: ExecutionResult): Data {
  if (result.errors) throw new Error(JSON.stringify(result.errors));
  return result.data as Data;
}

export interface Person {
  userId: string;
  sessionId: string;
  email: string;
  refreshToken: string;
  accessToken: string;
  actor: Actor & { kind: "USER" };
}

let people = 0;

/** Somebody who signed up; what that announced is forgotten. */
export async function givenPerson(
  identity: Identity,
  { permissions = ["*"], place = nowhere as Place } = {},
): Promise<Person> {
  const email = `person${++people}@example.org`;
  // Nobody waits for a first organization that these tests don't need.
  identity.tenancy.answers = false;
  const auth = dataOf<{ signUp: Auth }>(
    await identity.run(signUpMutation, { input: { email, password, name: `Person ${people}` } }),
  ).signUp;
  identity.tenancy.answers = true;
  await identity.announced();
  return personOf(auth, email, place, permissions);
}

interface Place {
  organizationId: string | null;
  workspaceId: string | null;
}
const nowhere: Place = { organizationId: null, workspaceId: null };

export function personOf(auth: Auth, email = "", place: Place = nowhere, permissions = ["*"]): Person {
  const { sub: userId, sid: sessionId } = jwt.decode(auth.accessToken) as { sub: string; sid: string };
  const { refreshToken, accessToken } = auth;
  const actor = { kind: "USER" as const, userId, sessionId, ...place, permissions };
  return { userId, sessionId, email, refreshToken, accessToken, actor };
}

export async function signInAgain(identity: Identity, { email }: Person): Promise<Person> {
  const auth = dataOf<{ signIn: Auth }>(await identity.run(signInMutation, { input: { email, password } })).signIn;
  await identity.announced();
  return personOf(auth, email);
}

/** A place that nothing else in the tests stands in. */
export const givenPlace = () => ({ organizationId: newId("org"), workspaceId: newId("wsp") });

/** Lets identity know of a membership, as tenancy's events do. */
export async function givenMembership(
  { database }: Identity,
  userId: string,
  { organizationId, workspaceId }: { organizationId: string; workspaceId: string | null },
): Promise<void> {
  const membership = database.asService().membership;
  await membership.create({ data: { id: newId("mem"), userId, organizationId, workspaceId: null } });
  if (workspaceId) await membership.create({ data: { id: newId("wmem"), userId, organizationId, workspaceId } });
}
