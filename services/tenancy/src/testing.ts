import path from "node:path";
import { anonymous, type Actor } from "@atrium/access";
import type { BlobStore } from "@atrium/blobs";
import { openDatabase } from "@atrium/database";
import { testAdminUrl, testDatabase } from "@atrium/database/testing";
import type { EphemeralStore } from "@atrium/ephemeral";
import { embeddedTransport, eventsBase, type EventTransport } from "@atrium/events";
import { newId } from "@atrium/ids";
import { personalDataBase } from "@atrium/personal-data";
import { createLog } from "@atrium/subgraph";
import { inProcessTopics } from "@atrium/topics";
import type { ExecutionResult } from "graphql";
import pg from "pg";
import { PrismaClient } from "./generated/prisma/client";
import { startTenancy } from "./main";

export const tables = ["organization", "organization_member", "workspace", "workspace_member", "invitation", "project"];

export type Tenancy = Awaited<ReturnType<typeof startTestTenancy>>;

/** The service on a database of its own, with a clock that a test can move and the addresses that identity knows. */
export async function startTestTenancy({ transport = neverPublishes() }: { transport?: EventTransport } = {}) {
  const home = await testDatabase("tenancy", path.join(__dirname, "../prisma/migrations"), {
    base: [eventsBase, personalDataBase],
  });
  const database = openDatabase({ url: home.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
  // An administrator of the server, who alone sees all rows.
  const everything = new pg.Client(
    Object.assign(new URL(await testAdminUrl()), { pathname: new URL(home.appUrl).pathname }).href,
  );
  await everything.connect();
  const log = createLog("tenancy", { LOG_LEVEL: process.env.LOG_LEVEL ?? "silent" });
  const clock = { now: new Date() };
  const identity = { answers: true, usersByEmail: new Map<string, string>() };

  const subgraph = await startTenancy(
    {
      shape: "embedded",
      secret: "a secret of the tests, long enough to be one",
      env: {},
      log,
      publicUrl: "http://localhost:4000",
      database: async () => home,
      transport,
      topics: inProcessTopics(),
      blobs: null as unknown as BlobStore,
      ephemeral: null as unknown as EphemeralStore,
      call: async () => ({ data: null }),
      async callInternal(_service, _name, input) {
        if (!identity.answers) throw new Error("connect ECONNREFUSED");
        const { emails } = input as { emails: string[] };
        return { userIds: emails.map((email) => identity.usersByEmail.get(email) ?? null) };
      },
    },
    { now: () => clock.now },
  );

  const rowsOf = async (table: string): Promise<Record<string, unknown>[]> =>
    (
      await everything.query<{ row: Record<string, unknown> }>(
        `select to_json(t) as row from ${table} t order by t::text`,
      )
    ).rows.map(({ row }) => row);

  return {
    subgraph,
    database,
    clock,
    identity,
    rowsOf,
    pass: (seconds: number) => void (clock.now = new Date(clock.now.getTime() + seconds * 1000)),

    /** Runs an operation as somebody. */
    run: (query: string, variables: Record<string, unknown> = {}, actor: Actor = anonymous) =>
      subgraph.execute({ query, variables, actor, requestId: "test" }),

    /** What was announced of an organization, in order. */
    async announced(organizationId: string) {
      const { rows } = await everything.query(
        `select type, workspace_id as "workspaceId", actor_id as "actorId", data from outbox_event
          where organization_id = $1 order by position`,
        [organizationId],
      );
      return rows as { type: string; workspaceId: string | null; actorId: string; data: Record<string, unknown> }[];
    },

    /** Fails when `act` has written or announced anything; returns what it answers. */
    async unchanged<T>(act: () => Promise<T>): Promise<T> {
      const all = async () => {
        const rows: Record<string, unknown> = {};
        for (const table of [...tables, "outbox_event"]) rows[table] = await rowsOf(table);
        return rows;
      };
      const before = await all();
      const answer = await act();
      expect(await all()).toEqual(before);
      return answer;
    },

    async stop() {
      await subgraph.stop();
      await database.close();
      await everything.end();
      await home.drop();
    },
  };
}

// Until a group that never comes has subscribed, events stay where they were appended, to be looked at.
const neverPublishes = () => embeddedTransport({ groups: ["tenancy", "nobody"] });

/** The data of a result without errors. */
export function dataOf<Data = Record<string, never>>(result: ExecutionResult): Data {
  if (result.errors) throw new Error(JSON.stringify(result.errors));
  return result.data as Data;
}

/** The codes of a result's errors, with the field at fault where there is one. */
export const errorsOf = ({ errors }: ExecutionResult): string[] =>
  (errors ?? []).map(({ extensions }) => [extensions.code, extensions.field].filter(Boolean).join(" "));

interface Place {
  organizationId: string;
  workspaceId: string | null;
}

/** Who asks, as the gateway resolves them: with the rights that they hold at this moment. */
export async function actorOf({ subgraph }: Tenancy, userId: string, place: Place | null = null) {
  const nowhere = { organizationId: null, workspaceId: null };
  const [permissions] = place
    ? ((await subgraph.internal.memberPermissions!({ members: [{ userId, ...place }] })) as { permissions: string[][] })
        .permissions
    : [[]];
  return {
    kind: "USER" as const,
    userId,
    sessionId: newId("ses"),
    ...(place ?? nowhere),
    permissions: permissions ?? [],
  };
}

export type PersonActor = Awaited<ReturnType<typeof actorOf>>;

/** An API key of somebody, made where they stand. */
export const keyOf = (actor: PersonActor, permissions: string[]): Actor => ({
  ...actor,
  kind: "API_KEY",
  sessionId: newId("key"),
  permissions,
});

export const guest: Actor = {
  kind: "GUEST",
  userId: newId("usr"),
  sessionId: newId("ses"),
  organizationId: null,
  workspaceId: null,
  permissions: [],
};

export interface Founded {
  organizationId: string;
  workspaceId: string;
  owner: PersonActor;
}

/** An organization with its first workspace and its owner, who stands in it. */
export async function givenOrganization(tenancy: Tenancy, userId = newId("usr")): Promise<Founded> {
  const founded = await tenancy.run(
    `mutation { createOrganization(input: { name: "Northwind" }) { organization { id workspaces { edges { node { id } } } } } }`,
    {},
    await actorOf(tenancy, userId),
  );
  const { organization } = dataOf<{
    createOrganization: { organization: { id: string; workspaces: { edges: { node: { id: string } }[] } } };
  }>(founded).createOrganization;
  const place = { organizationId: organization.id, workspaceId: organization.workspaces.edges[0]!.node.id };
  return { ...place, owner: await actorOf(tenancy, userId, place) };
}

/** Whoever joined an organization: who they are there, and the ids of their memberships. */
export interface Joined {
  actor: PersonActor;
  memberId: string;
  placeId: string | null;
}

/** Somebody who joined the organization by an invitation, with a role there and one in its first workspace. */
export async function givenMember(
  tenancy: Tenancy,
  { organizationId, workspaceId, owner }: Founded,
  { role = "MEMBER", workspaceRole = null as string | null, userId = newId("usr") } = {},
): Promise<Joined> {
  const input = {
    userId,
    organizationRole: role,
    workspaceRoles: workspaceRole ? [{ workspaceId, role: workspaceRole }] : [],
  };
  const { token } = dataOf<{ inviteMember: { token: string } }>(
    await tenancy.run(
      `mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { token userErrors { code } } }`,
      { input },
      owner,
    ),
  ).inviteMember;
  const accepted = await tenancy.run(
    `mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { member { id } userErrors { code } } }`,
    { input: { token } },
    await actorOf(tenancy, userId),
  );
  const { member } = dataOf<{ acceptInvitation: { member: { id: string } } }>(accepted).acceptInvitation;
  const place = (await tenancy.rowsOf("workspace_member")).find(
    (row) => row.organization_id === organizationId && row.user_id === userId,
  );
  const stands = { organizationId, workspaceId: workspaceRole ? workspaceId : null };
  const actor = await actorOf(tenancy, userId, stands);
  return { actor, memberId: member.id, placeId: (place?.id as string | undefined) ?? null };
}

/** Runs one mutation as somebody, as its result. */
export function attempt(
  { run }: Tenancy,
  actor: Actor,
  mutation: string,
  input: object,
  selection = "userErrors { code path }",
): Promise<ExecutionResult> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
  return run(`mutation ($input: ${type}!) { ${mutation}(input: $input) { ${selection} } }`, { input }, actor);
}

/** Runs one mutation as somebody; its payload. */
export async function mutate<Payload = Record<string, unknown>>(
  ...given: Parameters<typeof attempt>
): Promise<Payload> {
  return dataOf<Record<string, Payload>>(await attempt(...given))[given[2]]!;
}

/** The codes of a mutation's refusal, with their paths; fails when anything was written or announced. */
export async function refusal(tenancy: Tenancy, actor: Actor, mutation: string, input: object): Promise<string[]> {
  const payload = await tenancy.unchanged(() => mutate<Refused>(tenancy, actor, mutation, input));
  return payload.userErrors.map(({ code, path: at }) => [code, at?.join(".")].filter(Boolean).join(" "));
}

/** The codes of the errors that a mutation ends in; fails when anything was written or announced. */
export const failure = async (
  tenancy: Tenancy,
  actor: Actor,
  mutation: string,
  input: object,
  selection = "userErrors { code }",
): Promise<string[]> => errorsOf(await tenancy.unchanged(() => attempt(tenancy, actor, mutation, input, selection)));

interface Refused {
  userErrors: { code: string; path: string[] | null }[];
}

export async function until<Value>(read: () => Promise<Value>, wanted: (value: Value) => boolean): Promise<Value> {
  for (const started = Date.now(); ;) {
    const value = await read();
    if (wanted(value)) return value;
    if (Date.now() - started > 10_000) throw new Error(`Waited in vain; it stayed ${JSON.stringify(value)}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
