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

const memberRows = async (organizationId: string) =>
  (await tenancy.rowsOf("organization_member")).filter((row) => row.organization_id === organizationId);

const membershipOf = async ({ organizationId }: Founded, userId: string) =>
  (await memberRows(organizationId)).find((row) => row.user_id === userId) as { id: string; role: string } | undefined;

const ownersOf = async ({ organizationId }: Founded) =>
  (await memberRows(organizationId)).filter((row) => row.role === "owner").map((row) => row.user_id);

const permissionsOf = async (userId: string, organizationId: string, workspaceId: string | null) => {
  const members = [{ userId, organizationId, workspaceId }];
  const answer = (await tenancy.subgraph.internal.memberPermissions!({ members })) as {
    permissions: (string[] | null)[];
  };
  return answer.permissions[0]!;
};

const codesOf = ({ userErrors }: { userErrors: { code: string }[] }) => userErrors.map(({ code }) => code);
interface Answer {
  userErrors: { code: string }[];
}

const leave = "mutation { leaveOrganization { member { id } userErrors { code } } }";

test("a changed role is announced, and effective on the very next question", async () => {
  const founded = await givenOrganization(tenancy);
  const { organizationId, owner } = founded;
  const { actor, memberId } = await givenMember(tenancy, founded);
  expect(await permissionsOf(actor.userId, organizationId, null)).toEqual([]);
  const { member } = await mutate<{ member: object }>(
    tenancy,
    owner,
    "changeMemberRole",
    { memberId, role: "ADMIN" },
    "member { id role user { id } } userErrors { code }",
  );
  expect(member).toEqual({ id: memberId, role: "ADMIN", user: { id: actor.userId } });
  expect(await permissionsOf(actor.userId, organizationId, null)).toContain("members:invite");
  expect((await tenancy.announced(organizationId)).at(-1)).toMatchObject({
    type: "tenancy.membership.changed.v1",
    data: { membershipId: memberId, userId: actor.userId, role: "admin", previousRole: "member", workspaceId: null },
  });
});

test("the role that somebody has already changes nothing", async () => {
  const founded = await givenOrganization(tenancy);
  const { memberId } = await givenMember(tenancy, founded);
  expect(await refusal(tenancy, founded.owner, "changeMemberRole", { memberId, role: "MEMBER" })).toEqual([]);
});

test("only those who may, change, remove and hand over", async () => {
  const founded = await givenOrganization(tenancy);
  const { memberId } = await givenMember(tenancy, founded);
  const member = (await givenMember(tenancy, founded)).actor;
  const other = await givenOrganization(tenancy);
  const acts = [
    ["changeMemberRole", { memberId, role: "GUEST" }],
    ["removeMember", { memberId }],
    ["transferOrganizationOwnership", { memberId }],
  ] as const;
  for (const [mutation, input] of acts) {
    for (const [who, code] of [
      [member, "FORBIDDEN"],
      [guest, "FORBIDDEN"],
      [keyOf(founded.owner, ["members:read"]), "FORBIDDEN"],
      [anonymous, "UNAUTHENTICATED"],
      [systemActor("chat", founded), "UNAUTHENTICATED"],
      [other.owner, "NOT_FOUND"],
    ] as const)
      expect(await failure(tenancy, who, mutation, input)).toEqual([code]);
    expect(await failure(tenancy, founded.owner, mutation, { ...input, memberId: newId("mem") })).toEqual([
      "NOT_FOUND",
    ]);
    expect(await failure(tenancy, founded.owner, mutation, { ...input, memberId: newId("usr") })).toEqual([
      "BAD_USER_INPUT input.memberId",
    ]);
  }
});

test("nobody touches somebody above them, or lifts anybody above themselves", async () => {
  const founded = await givenOrganization(tenancy);
  const owner = (await membershipOf(founded, founded.owner.userId))!;
  const admin = await givenMember(tenancy, founded, { role: "ADMIN" });
  const member = await givenMember(tenancy, founded);
  const change = (memberId: string, role: string) =>
    refusal(tenancy, admin.actor, "changeMemberRole", { memberId, role });
  expect(await change(owner.id, "MEMBER")).toEqual(["ABOVE_YOU memberId"]);
  expect(await refusal(tenancy, admin.actor, "removeMember", { memberId: owner.id })).toEqual(["ABOVE_YOU memberId"]);
  expect(await change(member.memberId, "OWNER")).toEqual(["MORE_THAN_YOU_HOLD role"]);
  expect(await change(admin.memberId, "OWNER")).toEqual(["MORE_THAN_YOU_HOLD role"]);
});

test("an owner's key with one right alone touches nobody who holds more than that", async () => {
  const founded = await givenOrganization(tenancy);
  const admin = await givenMember(tenancy, founded, { role: "ADMIN" });
  const member = await givenMember(tenancy, founded);
  const key = keyOf(founded.owner, ["members:change", "members:remove"]);
  const { memberId } = admin;
  expect(await refusal(tenancy, key, "changeMemberRole", { memberId, role: "GUEST" })).toEqual(["ABOVE_YOU memberId"]);
  expect(await refusal(tenancy, key, "removeMember", { memberId })).toEqual(["ABOVE_YOU memberId"]);
  const raise = { memberId: member.memberId, role: "ADMIN" };
  expect(await refusal(tenancy, key, "changeMemberRole", raise)).toEqual(["MORE_THAN_YOU_HOLD role"]);
  const lower = { memberId: member.memberId, role: "GUEST" };
  expect(codesOf(await mutate<Answer>(tenancy, key, "changeMemberRole", lower))).toEqual([]);
});

test("the last owner is neither demoted, nor removed, nor do they leave", async () => {
  const founded = await givenOrganization(tenancy);
  await givenMember(tenancy, founded, { role: "ADMIN" });
  const { owner } = founded;
  const memberId = (await membershipOf(founded, owner.userId))!.id;
  expect(await refusal(tenancy, owner, "changeMemberRole", { memberId, role: "ADMIN" })).toEqual([
    "LAST_OWNER memberId",
  ]);
  expect(await refusal(tenancy, owner, "removeMember", { memberId })).toEqual(["LAST_OWNER"]);
  const left = await tenancy.unchanged(() => tenancy.run(leave, {}, owner));
  expect(dataOf(left)).toEqual({ leaveOrganization: { member: null, userErrors: [{ code: "LAST_OWNER" }] } });
});

test("two owners who demote each other at once leave one", async () => {
  const founded = await givenOrganization(tenancy);
  const first = { actor: founded.owner, memberId: (await membershipOf(founded, founded.owner.userId))!.id };
  const second = await givenMember(tenancy, founded, { role: "OWNER" });
  const demote = (by: typeof first, of: { memberId: string }) =>
    tenancy.run(
      `mutation ($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) { userErrors { code } } }`,
      { input: { memberId: of.memberId, role: "MEMBER" } },
      by.actor,
    );
  await Promise.all([demote(first, second), demote(second, first)]);
  expect(await ownersOf(founded)).toHaveLength(1);
});

test("of three owners who demote each other in a ring, those demoted first demote nobody any more", async () => {
  const founded = await givenOrganization(tenancy);
  const owners = [
    { actor: founded.owner, memberId: (await membershipOf(founded, founded.owner.userId))!.id },
    await givenMember(tenancy, founded, { role: "OWNER" }),
    await givenMember(tenancy, founded, { role: "OWNER" }),
  ];
  const answers = await Promise.all(
    owners.map(({ actor }, place) =>
      tenancy.run(
        `mutation ($input: ChangeMemberRoleInput!) { changeMemberRole(input: $input) { userErrors { code } } }`,
        { input: { memberId: owners[(place + 1) % 3]!.memberId, role: "MEMBER" } },
        actor,
      ),
    ),
  );
  const done = answers.filter(({ errors }) => !errors).length;
  expect(await ownersOf(founded)).toHaveLength(3 - done);
  expect(done).toBeLessThan(3);
  for (const answer of answers) expect(["", "FORBIDDEN"]).toContain(errorsOf(answer).join());
});

test("two owners who leave at once leave one", async () => {
  const founded = await givenOrganization(tenancy);
  const second = await givenMember(tenancy, founded, { role: "OWNER" });
  await Promise.all([founded.owner, second.actor].map((actor) => tenancy.run(leave, {}, actor)));
  expect(await ownersOf(founded)).toHaveLength(1);
});

test("whoever is removed loses their places in the workspaces, at once, and each loss is announced", async () => {
  const founded = await givenOrganization(tenancy);
  const { organizationId, workspaceId, owner } = founded;
  const { actor, memberId, placeId } = await givenMember(tenancy, founded, { workspaceRole: "EDITOR" });
  expect(codesOf(await mutate<Answer>(tenancy, owner, "removeMember", { memberId }))).toEqual([]);
  for (const place of [workspaceId, null]) expect(await permissionsOf(actor.userId, organizationId, place)).toBeNull();
  expect((await tenancy.rowsOf("workspace_member")).filter((row) => row.id === placeId)).toEqual([]);
  expect((await tenancy.announced(organizationId)).slice(-2)).toMatchObject([
    { type: "tenancy.membership.revoked.v1", workspaceId, data: { membershipId: placeId, workspaceId } },
    { type: "tenancy.membership.revoked.v1", workspaceId: null, data: { membershipId: memberId, workspaceId: null } },
  ]);
  expect(
    errorsOf(await tenancy.run("query ($id: ID!) { organization(id: $id) { id } }", { id: organizationId }, actor)),
  ).toEqual(["NOT_FOUND"]);
});

test("a member leaves by themselves, and neither a key nor a guest does it for them", async () => {
  const founded = await givenOrganization(tenancy);
  const { actor } = await givenMember(tenancy, founded);
  for (const [who, code] of [
    [keyOf(actor, ["*"]), "FORBIDDEN"],
    [guest, "FORBIDDEN"],
    [anonymous, "UNAUTHENTICATED"],
  ] as const)
    expect(errorsOf(await tenancy.unchanged(() => tenancy.run(leave, {}, who)))).toEqual([code]);
  expect(errorsOf(await tenancy.run(leave, {}, actor))).toEqual([]);
  expect(await membershipOf(founded, actor.userId)).toBeUndefined();
  expect(errorsOf(await tenancy.unchanged(() => tenancy.run(leave, {}, actor)))).toEqual(["NOT_FOUND"]);
});

test("an organization handed over has one owner, the new one, and the old one administers it", async () => {
  const founded = await givenOrganization(tenancy);
  const heir = await givenMember(tenancy, founded);
  const { owner, organizationId } = founded;
  const input = { memberId: heir.memberId };
  expect(codesOf(await mutate<Answer>(tenancy, owner, "transferOrganizationOwnership", input))).toEqual([]);
  expect(await ownersOf(founded)).toEqual([heir.actor.userId]);
  expect((await membershipOf(founded, owner.userId))!.role).toBe("admin");
  expect((await tenancy.announced(organizationId)).slice(-2)).toMatchObject([
    { type: "tenancy.membership.changed.v1", data: { userId: owner.userId, role: "admin", previousRole: "owner" } },
    { type: "tenancy.membership.changed.v1", data: { userId: heir.actor.userId, role: "owner" } },
  ]);
  expect(await failure(tenancy, owner, "transferOrganizationOwnership", input)).toEqual(["FORBIDDEN"]);
});

test("an owner is given the organization no second time", async () => {
  const founded = await givenOrganization(tenancy);
  const second = await givenMember(tenancy, founded, { role: "OWNER" });
  for (const memberId of [second.memberId, (await membershipOf(founded, founded.owner.userId))!.id])
    expect(await refusal(tenancy, founded.owner, "transferOrganizationOwnership", { memberId })).toEqual([
      "ALREADY_OWNER memberId",
    ]);
});

test("handed over to two people at once, an organization has one owner", async () => {
  const founded = await givenOrganization(tenancy);
  const heirs = [await givenMember(tenancy, founded), await givenMember(tenancy, founded)];
  await Promise.all(
    heirs.map(({ memberId }) =>
      tenancy.run(
        `mutation ($input: TransferOrganizationOwnershipInput!) { transferOrganizationOwnership(input: $input) { userErrors { code } } }`,
        { input: { memberId } },
        founded.owner,
      ),
    ),
  );
  expect(await ownersOf(founded)).toHaveLength(1);
});

test("thirty changes of roles at once wait for no connection that they hold themselves", async () => {
  const founded = await givenOrganization(tenancy);
  const { memberId } = await givenMember(tenancy, founded);
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      mutate<Answer>(tenancy, founded.owner, "changeMemberRole", { memberId, role: n % 2 ? "MEMBER" : "GUEST" }),
    ),
  );
  expect(answers.flatMap(codesOf)).toEqual([]);
});

test("permissions are answered in the order of the question, null wherever somebody may not be", async () => {
  const mine = await givenOrganization(tenancy);
  const other = await givenOrganization(tenancy);
  const { actor } = await givenMember(tenancy, mine, { workspaceRole: "VIEWER" });
  const plain = await givenMember(tenancy, mine);
  const ask = (userId: string, organizationId: string, workspaceId: string | null) => ({
    userId,
    organizationId,
    workspaceId,
  });
  const { permissions } = (await tenancy.subgraph.internal.memberPermissions!({
    members: [
      ask(actor.userId, other.organizationId, null),
      ask(actor.userId, mine.organizationId, mine.workspaceId),
      ask(actor.userId, mine.organizationId, other.workspaceId),
      ask(mine.owner.userId, mine.organizationId, other.workspaceId),
      ask(mine.owner.userId, mine.organizationId, newId("wsp")),
      ask(plain.actor.userId, mine.organizationId, mine.workspaceId),
      ask(plain.actor.userId, mine.organizationId, null),
      ask(newId("usr"), newId("org"), null),
    ],
  })) as { permissions: (string[] | null)[] };
  expect(permissions).toEqual([null, expect.arrayContaining(["knowledge:read"]), null, null, null, null, [], null]);
});

test("a session begins in the oldest organization, in its oldest workspace that the person may enter", async () => {
  const own = await givenOrganization(tenancy);
  tenancy.pass(1);
  const later = await givenOrganization(tenancy);
  await givenMember(tenancy, later, { userId: own.owner.userId, workspaceRole: "VIEWER" });
  const placeless = await givenMember(tenancy, later);
  const nobody = newId("usr");
  const { contexts } = (await tenancy.subgraph.internal.defaultContexts!({
    userIds: [nobody, own.owner.userId, placeless.actor.userId, later.owner.userId],
  })) as { contexts: unknown[] };
  expect(contexts).toEqual([
    null,
    { organizationId: own.organizationId, workspaceId: own.workspaceId },
    { organizationId: later.organizationId, workspaceId: null },
    { organizationId: later.organizationId, workspaceId: later.workspaceId },
  ]);
});

test("a malformed internal question is refused as a whole", async () => {
  for (const members of [undefined, [{ userId: 1 }], Array(10_001).fill({})])
    await expect(tenancy.subgraph.internal.memberPermissions!({ members })).rejects.toThrow();
});

test("the rights of a session that has no organization reach nobody's members", async () => {
  const { owner } = await givenOrganization(tenancy);
  const nowhere = await actorOf(tenancy, owner.userId);
  expect(await failure(tenancy, nowhere, "removeMember", { memberId: newId("mem") })).toEqual(["FORBIDDEN"]);
});
