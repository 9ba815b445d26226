import { anonymous, systemActor, type Actor } from "@atrium/access";
import { newId } from "@atrium/ids";
import {
  actorOf,
  dataOf,
  errorsOf,
  failure,
  givenMember,
  givenOrganization,
  guest,
  keyOf,
  mutate,
  startTestTenancy,
  tables,
  type Founded,
  type Tenancy,
} from "./testing";

let tenancy: Tenancy;
let theirs: Founded & { projectId: string; invitationId: string; memberId: string; placeId: string; token: string };
let mine: Founded;

beforeAll(async () => {
  tenancy = await startTestTenancy();
  mine = await givenOrganization(tenancy);
  const founded = await givenOrganization(tenancy);
  const member = await givenMember(tenancy, founded, { workspaceRole: "EDITOR" });
  const { project } = await mutate<{ project: { id: string } }>(
    tenancy,
    founded.owner,
    "createProject",
    { name: "Secret" },
    "project { id }",
  );
  const sent = await mutate<{ token: string; invitation: { id: string } }>(
    tenancy,
    founded.owner,
    "inviteMember",
    { email: "ada@example.org", organizationRole: "MEMBER" },
    "token invitation { id }",
  );
  theirs = {
    ...founded,
    projectId: project.id,
    invitationId: sent.invitation.id,
    token: sent.token,
    memberId: member.memberId,
    placeId: member.placeId!,
  };
});
afterAll(() => tenancy?.stop());

const idOf = { Organization: "organizationId", Workspace: "workspaceId", Project: "projectId" } as const;
type Entity = keyof typeof idOf;

const entities = async (actor: Actor, representations: { __typename: string; id: string }[]) =>
  dataOf<{ _entities: ({ id: string } | null)[] }>(
    await tenancy.run(
      `query ($representations: [_Any!]!) { _entities(representations: $representations) {
        ... on Organization { id name } ... on Workspace { id name } ... on Project { id name } } }`,
      { representations },
      actor,
    ),
  )._entities.map((entity) => entity?.id ?? null);

const one = async (actor: Actor, __typename: Entity) =>
  (await entities(actor, [{ __typename, id: theirs[idOf[__typename]] }]))[0];

test("no query finds another organization's object", async () => {
  for (const field of Object.keys(idOf) as Entity[]) {
    const query = `query ($id: ID!) { ${field.toLowerCase()}(id: $id) { id } }`;
    const { data, errors } = await tenancy.run(query, { id: theirs[idOf[field]] }, mine.owner);
    expect([field, data, errorsOf({ errors })]).toEqual([field, { [field.toLowerCase()]: null }, ["NOT_FOUND"]]);
  }
});

test("no mutation finds another organization's object", async () => {
  const { workspaceId, projectId, invitationId, memberId, placeId } = theirs;
  const acts: [string, object, string?][] = [
    ["updateWorkspace", { workspaceId, name: "Mine" }, "workspace { id }"],
    ["addWorkspaceMember", { workspaceId, userId: mine.owner.userId, role: "ADMIN" }],
    ["changeWorkspaceRole", { memberId: placeId, role: "VIEWER" }],
    ["removeWorkspaceMember", { memberId: placeId }],
    ["changeMemberRole", { memberId, role: "ADMIN" }],
    ["removeMember", { memberId }],
    ["transferOrganizationOwnership", { memberId }],
    ["resendInvitation", { invitationId }],
    ["revokeInvitation", { invitationId }],
    ["updateProject", { projectId, name: "Mine" }],
    ["archiveProject", { projectId }],
    ["deleteProject", { projectId }, "deletedProjectId"],
  ];
  for (const [mutation, input, selection] of acts)
    expect([mutation, await failure(tenancy, mine.owner, mutation, input, selection)]).toEqual([
      mutation,
      ["NOT_FOUND"],
    ]);
});

test("references find what their members find, and nothing for anybody else", async () => {
  const key = keyOf(mine.owner, ["*"]);
  for (const entity of Object.keys(idOf) as Entity[]) {
    expect([entity, await one(theirs.owner, entity)]).toEqual([entity, theirs[idOf[entity]]]);
    for (const actor of [mine.owner, key, guest, anonymous, systemActor("chat", mine), systemActor("chat")])
      expect([entity, actor.kind, await one(actor, entity)]).toEqual([entity, actor.kind, null]);
  }
});

test("references are answered in the order of the question, those that aren't found by null", async () => {
  const asked = [
    { __typename: "Workspace", id: theirs.workspaceId },
    { __typename: "Organization", id: mine.organizationId },
    { __typename: "Workspace", id: mine.workspaceId },
    { __typename: "Organization", id: theirs.organizationId },
    { __typename: "Project", id: newId("prj") },
    { __typename: "Workspace", id: "nonsense" },
  ];
  expect(await entities(mine.owner, asked)).toEqual([null, mine.organizationId, mine.workspaceId, null, null, null]);
});

test("a person of two organizations finds both by reference; their key and their service find the one they act in", async () => {
  const userId = newId("usr");
  const there = await givenMember(tenancy, theirs, { userId, workspaceRole: "VIEWER" });
  const here = await givenMember(tenancy, mine, { userId, workspaceRole: "VIEWER" });
  const asked = [theirs, mine].flatMap(({ organizationId, workspaceId }) => [
    { __typename: "Organization", id: organizationId },
    { __typename: "Workspace", id: workspaceId },
  ]);
  const ids = asked.map(({ id }) => id);
  expect(await entities(here.actor, asked)).toEqual(ids);
  const onlyMine = [null, null, mine.organizationId, mine.workspaceId];
  expect(await entities(keyOf(here.actor, ["*"]), asked)).toEqual(onlyMine);
  const { organizationId, workspaceId } = mine;
  expect(await entities(systemActor("chat", { organizationId, workspaceId, userId }), asked)).toEqual(onlyMine);
  expect(await one(here.actor, "Project")).toBeNull();
  expect(await one(there.actor, "Project")).toBe(theirs.projectId);
});

test("a member finds no reference to a workspace that they have no place in", async () => {
  const { actor } = await givenMember(tenancy, theirs);
  expect(await one(actor, "Organization")).toBe(theirs.organizationId);
  expect(await one(actor, "Workspace")).toBeNull();
});

test("another workspace of one's own organization holds other projects", async () => {
  const { workspace } = await mutate<{ workspace: { id: string } }>(
    tenancy,
    theirs.owner,
    "createWorkspace",
    { name: "Second" },
    "workspace { id }",
  );
  const { organizationId, owner, projectId } = theirs;
  const inSecond = await actorOf(tenancy, owner.userId, { organizationId, workspaceId: workspace.id });
  expect(await one(inSecond, "Project")).toBeNull();
  expect(
    errorsOf(await tenancy.run("query ($id: ID!) { project(id: $id) { id } }", { id: projectId }, inSecond)),
  ).toEqual(["NOT_FOUND"]);
  expect(await failure(tenancy, inSecond, "deleteProject", { projectId }, "deletedProjectId")).toEqual(["NOT_FOUND"]);
});

const organizationOf = (table: string) => (table === "organization" ? "id" : "organization_id");
const counted = async (db: ReturnType<Tenancy["database"]["as"]>, table: string, organizationId: string) =>
  (await db.sql(`select 1 from ${table} where ${organizationOf(table)} = $1`, [organizationId])).length;

test.each(tables)("the database itself shows no row of %s to another tenant, nor lets it write one", async (table) => {
  const { organizationId, workspaceId } = theirs;
  expect(await counted(tenancy.database.as({ organizationId, workspaceId }), table, organizationId)).toBeGreaterThan(0);
  const foreign = [
    { organizationId: mine.organizationId, workspaceId: mine.workspaceId, userId: mine.owner.userId },
    { organizationId: mine.organizationId, workspaceId },
    { userId: mine.owner.userId },
    {},
  ].map((tenant) => tenancy.database.as(tenant));
  const column = organizationOf(table);
  for (const db of foreign) {
    expect(await counted(db, table, organizationId)).toBe(0);
    expect(
      await db.sql(`update ${table} set created_at = now() where ${column} = $1 returning 1`, [organizationId]),
    ).toEqual([]);
    expect(await db.sql(`delete from ${table} where ${column} = $1 returning 1`, [organizationId])).toEqual([]);
    await expect(
      db.sql(`insert into ${table} select (json_populate_record(null::${table}, $1)).*`, [await aRow(table)]),
    ).rejects.toThrow(/row-level security/);
  }
});

/** A row of theirs, under a new id. */
async function aRow(table: string): Promise<string> {
  const row = (await tenancy.rowsOf(table)).find((each) => each[organizationOf(table)] === theirs.organizationId);
  return JSON.stringify(table === "organization" ? row : { ...row, id: newId("row") });
}

test("the service scope reads memberships and invitations across organizations, and writes nothing", async () => {
  const service = tenancy.database.asService();
  for (const table of tables) {
    await expect(
      service.sql(`insert into ${table} select (json_populate_record(null::${table}, $1)).*`, [await aRow(table)]),
    ).rejects.toThrow(/row-level security/);
    expect(await service.sql(`update ${table} set created_at = now() returning 1`)).toEqual([]);
    expect(await service.sql(`delete from ${table} returning 1`)).toEqual([]);
  }
  for (const table of ["organization", "project"]) expect(await service.sql(`select 1 from ${table}`)).toEqual([]);
});

test("a person's own handle shows them their memberships, and nothing that changes them", async () => {
  const { userId } = theirs.owner;
  const db = tenancy.database.as({ userId });
  expect(await db.sql("select user_id from organization_member")).toEqual([{ user_id: userId }]);
  for (const table of ["organization_member", "workspace_member", "organization", "workspace"]) {
    expect(await db.sql(`update ${table} set created_at = now() returning 1`)).toEqual([]);
    expect(await db.sql(`delete from ${table} returning 1`)).toEqual([]);
  }
});
