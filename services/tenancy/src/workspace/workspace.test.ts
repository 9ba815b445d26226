import { anonymous, systemActor } from "@atrium/access";
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
  refusal,
  startTestTenancy,
  type Founded,
  type Tenancy,
} from "../testing";

let tenancy: Tenancy;
beforeAll(async () => void (tenancy = await startTestTenancy()));
afterAll(() => tenancy?.stop());

const created = "workspace { id name }";
const openWorkspace = async ({ owner }: Founded, name = "Second") =>
  (await mutate<{ workspace: { id: string } }>(tenancy, owner, "createWorkspace", { name }, created)).workspace.id;

const query = "query ($id: ID!) { workspace(id: $id) { id } }";
type Actor = Parameters<Tenancy["run"]>[2];
const enters = async (actor: Actor, id: string) => errorsOf(await tenancy.run(query, { id }, actor));
const listed = async (actor: Actor) =>
  dataOf<{ workspaces: { edges: { node: { id: string } }[] } }>(
    await tenancy.run("{ workspaces { edges { node { id } } } }", {}, actor),
  ).workspaces.edges.map(({ node }) => node.id);
interface Answer {
  workspaceMember: { id: string; role: string } | null;
  userErrors: { code: string }[];
}
const place = "workspaceMember { id role user { id } } userErrors { code path }";

test("a workspace is opened with its opener as administrator, and both are announced in it", async () => {
  const founded = await givenOrganization(tenancy);
  const admin = await givenMember(tenancy, founded, { role: "ADMIN" });
  const { workspace } = await mutate<{ workspace: { id: string; name: string } }>(
    tenancy,
    admin.actor,
    "createWorkspace",
    { name: "Harbour" },
    created,
  );
  expect(workspace.name).toBe("Harbour");
  expect((await tenancy.announced(founded.organizationId)).slice(-2)).toMatchObject([
    { type: "tenancy.workspace.created.v1", workspaceId: workspace.id },
    {
      type: "tenancy.membership.granted.v1",
      workspaceId: workspace.id,
      data: { userId: admin.actor.userId, role: "admin" },
    },
  ]);
});

test("only those who may, open and rename workspaces", async () => {
  const founded = await givenOrganization(tenancy);
  const { workspaceId } = founded;
  const editor = await givenMember(tenancy, founded, { workspaceRole: "EDITOR" });
  for (const [who, code] of [
    [editor.actor, "FORBIDDEN"],
    [keyOf(founded.owner, ["workspaces:read"]), "FORBIDDEN"],
    [guest, "FORBIDDEN"],
    [anonymous, "UNAUTHENTICATED"],
    [systemActor("chat", founded), "UNAUTHENTICATED"],
  ] as const) {
    expect(await failure(tenancy, who, "createWorkspace", { name: "Mine" }, created)).toEqual([code]);
    expect(await failure(tenancy, who, "updateWorkspace", { workspaceId, name: "Mine" }, created)).toEqual([code]);
  }
});

test("a workspace is renamed by its administrator, and that is announced", async () => {
  const founded = await givenOrganization(tenancy);
  const { actor } = await givenMember(tenancy, founded, { workspaceRole: "ADMIN" });
  const { workspaceId } = founded;
  const { workspace } = await mutate(tenancy, actor, "updateWorkspace", { workspaceId, name: "Quay" }, created);
  expect(workspace).toEqual({ id: workspaceId, name: "Quay" });
  expect((await tenancy.announced(founded.organizationId)).at(-1)).toMatchObject({
    type: "tenancy.workspace.updated.v1",
    workspaceId,
    data: { workspaceId, changedFields: ["name"] },
  });
});

test("bad input names the field", async () => {
  const { owner, workspaceId, organizationId } = await givenOrganization(tenancy);
  for (const name of ["", "x".repeat(201), "a\u0007b"]) {
    expect(await failure(tenancy, owner, "createWorkspace", { name }, created)).toEqual(["BAD_USER_INPUT input.name"]);
    expect(await failure(tenancy, owner, "updateWorkspace", { workspaceId, name }, created)).toEqual([
      "BAD_USER_INPUT input.name",
    ]);
  }
  expect(await failure(tenancy, owner, "updateWorkspace", { workspaceId: organizationId, name: "x" }, created)).toEqual(
    ["BAD_USER_INPUT input.workspaceId"],
  );
  expect(await enters(owner, organizationId)).toEqual(["BAD_USER_INPUT id"]);
});

test("owners and administrators enter every workspace of their organization, others those they have a place in", async () => {
  const founded = await givenOrganization(tenancy);
  const second = await openWorkspace(founded);
  const both = [founded.workspaceId, second].sort();
  const admin = await givenMember(tenancy, founded, { role: "ADMIN" });
  const viewer = await givenMember(tenancy, founded, { workspaceRole: "VIEWER" });
  const plain = await givenMember(tenancy, founded);
  expect((await listed(admin.actor)).sort()).toEqual(both);
  expect(await listed(viewer.actor)).toEqual([founded.workspaceId]);
  expect(await listed(plain.actor)).toEqual([]);
  expect(await enters(admin.actor, second)).toEqual([]);
  expect(await enters(viewer.actor, second)).toEqual(["NOT_FOUND"]);
  expect(await enters(plain.actor, second)).toEqual(["NOT_FOUND"]);
});

test("a key made in a workspace enters that one alone", async () => {
  const founded = await givenOrganization(tenancy);
  const second = await openWorkspace(founded);
  const key = keyOf(founded.owner, ["*"]);
  expect(await listed(key)).toEqual([founded.workspaceId]);
  expect(await enters(key, founded.workspaceId)).toEqual([]);
  expect(await enters(key, second)).toEqual(["NOT_FOUND"]);
});

test("a workspace of another organization isn't found, not even by somebody who has a place in it", async () => {
  const founded = await givenOrganization(tenancy);
  const other = await givenOrganization(tenancy);
  await givenMember(tenancy, other, { userId: founded.owner.userId, workspaceRole: "ADMIN" });
  const { workspaceId } = other;
  expect(await enters(founded.owner, workspaceId)).toEqual(["NOT_FOUND"]);
  const rename = { workspaceId, name: "Mine" };
  expect(await failure(tenancy, founded.owner, "updateWorkspace", rename, created)).toEqual(["NOT_FOUND"]);
  const add = { workspaceId, userId: founded.owner.userId, role: "ADMIN" };
  expect(await failure(tenancy, founded.owner, "addWorkspaceMember", add)).toEqual(["NOT_FOUND"]);
});

test("a member is given a place, announced in the workspace and effective at once", async () => {
  const founded = await givenOrganization(tenancy);
  const { organizationId, workspaceId, owner } = founded;
  const { actor } = await givenMember(tenancy, founded);
  expect(await enters(actor, workspaceId)).toEqual(["NOT_FOUND"]);
  const input = { workspaceId, userId: actor.userId, role: "EDITOR" };
  const { workspaceMember } = await mutate<Answer>(tenancy, owner, "addWorkspaceMember", input, place);
  expect(workspaceMember).toEqual({ id: expect.stringMatching(/^wmem_/), role: "EDITOR", user: { id: actor.userId } });
  expect(await enters(actor, workspaceId)).toEqual([]);
  expect((await tenancy.announced(organizationId)).at(-1)).toMatchObject({
    type: "tenancy.membership.granted.v1",
    workspaceId,
    data: { membershipId: workspaceMember!.id, userId: actor.userId, workspaceId, role: "editor" },
  });
  expect(await refusal(tenancy, owner, "addWorkspaceMember", input)).toEqual(["ALREADY_MEMBER userId"]);
});

test("given a place twice at once, a member has one", async () => {
  const founded = await givenOrganization(tenancy);
  const { actor } = await givenMember(tenancy, founded);
  const input = { workspaceId: founded.workspaceId, userId: actor.userId, role: "VIEWER" };
  const answers = await Promise.all(
    [1, 2].map(() => mutate<Answer>(tenancy, founded.owner, "addWorkspaceMember", input, place)),
  );
  expect(answers.map(({ userErrors }) => userErrors[0]?.code ?? null).sort()).toEqual(["ALREADY_MEMBER", null]);
});

test("whoever isn't a member of the organization is given no place", async () => {
  const { owner, workspaceId } = await givenOrganization(tenancy);
  const other = await givenOrganization(tenancy);
  const input = { workspaceId, userId: other.owner.userId, role: "VIEWER" };
  expect(await refusal(tenancy, owner, "addWorkspaceMember", input)).toEqual(["NOT_A_MEMBER userId"]);
  expect(await failure(tenancy, owner, "addWorkspaceMember", { ...input, userId: newId("mem") })).toEqual([
    "BAD_USER_INPUT input.userId",
  ]);
  expect(await failure(tenancy, owner, "addWorkspaceMember", { ...input, role: "EMPEROR" })).toEqual([
    expect.stringContaining("BAD_USER_INPUT"),
  ]);
});

test("a changed place is announced and effective at once; the same role again changes nothing", async () => {
  const founded = await givenOrganization(tenancy);
  const { organizationId, workspaceId, owner } = founded;
  const { actor, placeId } = await givenMember(tenancy, founded, { workspaceRole: "VIEWER" });
  const input = { memberId: placeId, role: "EDITOR" };
  const { workspaceMember } = await mutate<Answer>(tenancy, owner, "changeWorkspaceRole", input, place);
  expect(workspaceMember).toMatchObject({ id: placeId, role: "EDITOR" });
  expect((await actorOf(tenancy, actor.userId, { organizationId, workspaceId })).permissions).toContain("projects:*");
  expect((await tenancy.announced(organizationId)).at(-1)).toMatchObject({
    type: "tenancy.membership.changed.v1",
    workspaceId,
    data: { membershipId: placeId, role: "editor", previousRole: "viewer" },
  });
  expect(await refusal(tenancy, owner, "changeWorkspaceRole", input)).toEqual([]);
});

test("nobody gives or takes in a workspace what they don't hold there", async () => {
  const founded = await givenOrganization(tenancy);
  const admin = await givenMember(tenancy, founded, { workspaceRole: "ADMIN" });
  const viewer = await givenMember(tenancy, founded, { workspaceRole: "VIEWER" });
  const plain = await givenMember(tenancy, founded);
  const key = keyOf(founded.owner, ["workspace_members:write", "workspaces:read"]);
  const add = { workspaceId: founded.workspaceId, userId: plain.actor.userId, role: "ADMIN" };
  expect(await refusal(tenancy, key, "addWorkspaceMember", add)).toEqual(["MORE_THAN_YOU_HOLD role"]);
  const raise = { memberId: viewer.placeId, role: "ADMIN" };
  expect(await refusal(tenancy, key, "changeWorkspaceRole", raise)).toEqual(["MORE_THAN_YOU_HOLD role"]);
  expect(await refusal(tenancy, key, "removeWorkspaceMember", { memberId: admin.placeId })).toEqual([
    "MORE_THAN_YOU_HOLD memberId",
  ]);
});

test("only those who may, change places; whose workspace one may not enter, one doesn't find", async () => {
  const founded = await givenOrganization(tenancy);
  const { placeId, actor } = await givenMember(tenancy, founded, { workspaceRole: "EDITOR" });
  const viewer = await givenMember(tenancy, founded, { workspaceRole: "VIEWER" });
  const plain = await givenMember(tenancy, founded);
  const other = await givenOrganization(tenancy);
  const acts = [
    ["changeWorkspaceRole", { memberId: placeId, role: "VIEWER" }],
    ["removeWorkspaceMember", { memberId: placeId }],
  ] as const;
  for (const [mutation, input] of acts) {
    for (const [who, code] of [
      [viewer.actor, "FORBIDDEN"],
      [plain.actor, "NOT_FOUND"],
      [other.owner, "NOT_FOUND"],
      [keyOf(actor, ["workspaces:read"]), "FORBIDDEN"],
      [guest, "FORBIDDEN"],
      [anonymous, "UNAUTHENTICATED"],
      [systemActor("chat", founded), "UNAUTHENTICATED"],
    ] as const)
      expect(await failure(tenancy, who, mutation, input)).toEqual([code]);
    expect(await failure(tenancy, founded.owner, mutation, { ...input, memberId: newId("wmem") })).toEqual([
      "NOT_FOUND",
    ]);
    expect(await failure(tenancy, founded.owner, mutation, { ...input, memberId: newId("mem") })).toEqual([
      "BAD_USER_INPUT input.memberId",
    ]);
  }
});

test("a place is taken away, or given up, at once; its holder stays in the organization", async () => {
  const founded = await givenOrganization(tenancy);
  const { organizationId, workspaceId } = founded;
  const taken = await givenMember(tenancy, founded, { workspaceRole: "EDITOR" });
  const givenUp = await givenMember(tenancy, founded, { workspaceRole: "VIEWER" });
  for (const [by, of] of [
    [founded.owner, taken],
    [givenUp.actor, givenUp],
  ] as const) {
    await mutate(tenancy, by, "removeWorkspaceMember", { memberId: of.placeId });
    expect(await enters(of.actor, workspaceId)).toEqual(["NOT_FOUND"]);
    expect((await tenancy.announced(organizationId)).at(-1)).toMatchObject({
      type: "tenancy.membership.revoked.v1",
      workspaceId,
      data: { membershipId: of.placeId, userId: of.actor.userId, workspaceId },
    });
    expect(
      errorsOf(
        await tenancy.run("query ($id: ID!) { organization(id: $id) { id } }", { id: organizationId }, of.actor),
      ),
    ).toEqual([]);
  }
});

test("thirty changes of places at once wait for no connection that they hold themselves", async () => {
  const founded = await givenOrganization(tenancy);
  const { placeId } = await givenMember(tenancy, founded, { workspaceRole: "VIEWER" });
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      mutate<Answer>(
        tenancy,
        founded.owner,
        "changeWorkspaceRole",
        { memberId: placeId, role: n % 2 ? "VIEWER" : "EDITOR" },
        place,
      ),
    ),
  );
  expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([]);
});

test("the people of a workspace are paged by cursor, for those who may see them", async () => {
  const founded = await givenOrganization(tenancy);
  const viewers = [1, 2].map(() => givenMember(tenancy, founded, { workspaceRole: "VIEWER" }));
  const [viewer] = await Promise.all(viewers);
  const apprentice = await givenMember(tenancy, founded, { workspaceRole: "APPRENTICE" });
  const paged = `query ($id: ID!, $after: String) { workspace(id: $id) { members(first: 3, after: $after) {
    edges { node { id role user { id } } } pageInfo { hasNextPage endCursor } } } }`;
  const page = async (after: string | null) =>
    dataOf<{ workspace: { members: { edges: object[]; pageInfo: { hasNextPage: boolean; endCursor: string } } } }>(
      await tenancy.run(paged, { id: founded.workspaceId, after }, viewer!.actor),
    ).workspace.members;
  const first = await page(null);
  expect([first.edges.length, first.pageInfo.hasNextPage]).toEqual([3, true]);
  const second = await page(first.pageInfo.endCursor);
  expect([second.edges.length, second.pageInfo.hasNextPage]).toEqual([1, false]);
  expect(errorsOf(await tenancy.run(paged, { id: founded.workspaceId }, apprentice.actor))).toEqual(["FORBIDDEN"]);
});
