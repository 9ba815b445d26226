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
  until,
  type Founded,
  type PersonActor,
  type Tenancy,
} from "../testing";

let tenancy: Tenancy;
beforeAll(async () => void (tenancy = await startTestTenancy()));
afterAll(() => tenancy?.stop());

const weekSeconds = 7 * 24 * 60 * 60;
const address = () => `${newId("usr")}@example.org`;

interface Sent {
  token: string;
  invitation: { id: string; status: string };
}
const sent =
  "token invitation { id status email expiresAt organizationRole user { id } invitedBy { id } } userErrors { code }";

const invite = (actor: PersonActor, input: object) =>
  mutate<Sent>(tenancy, actor, "inviteMember", { organizationRole: "MEMBER", ...input }, sent);

const accept = (actor: PersonActor, token: string) =>
  mutate<{ member: { id: string } | null; userErrors: { code: string }[] }>(
    tenancy,
    actor,
    "acceptInvitation",
    { token },
    "member { id role user { id } } userErrors { code path }",
  );

const stranger = () => actorOf(tenancy, newId("usr"));

const statusOf = async ({ organizationId, owner }: Founded, id: string) => {
  const { organization } = dataOf<{ organization: { invitations: { edges: { node: Sent["invitation"] }[] } } }>(
    await tenancy.run(
      "query ($id: ID!) { organization(id: $id) { invitations(first: 100) { edges { node { id status } } } } }",
      { id: organizationId },
      owner,
    ),
  );
  return organization.invitations.edges.find(({ node }) => node.id === id)?.node.status;
};

const typesSince = async (organizationId: string, count: number) =>
  (await tenancy.announced(organizationId)).slice(count).map(({ type }) => type);

test("an invitation by e-mail is accepted by whoever holds its token, and gives the roles that it offers", async () => {
  const founded = await givenOrganization(tenancy);
  const { organizationId, workspaceId, owner } = founded;
  const email = address();
  const invited = await invite(owner, {
    email: email.toUpperCase(),
    workspaceRoles: [{ workspaceId, role: "EDITOR" }],
  });
  expect(invited.invitation).toMatchObject({
    status: "PENDING",
    email,
    organizationRole: "MEMBER",
    user: null,
    invitedBy: { id: owner.userId },
    expiresAt: new Date(tenancy.clock.now.getTime() + weekSeconds * 1000).toISOString(),
  });
  const before = (await tenancy.announced(organizationId)).length;
  const actor = await stranger();
  const accepted = await accept(actor, invited.token);
  expect(accepted).toEqual({
    member: { id: expect.stringMatching(/^mem_/), role: "MEMBER", user: { id: actor.userId } },
    userErrors: [],
  });
  expect(await typesSince(organizationId, before)).toEqual([
    "tenancy.membership.granted.v1",
    "tenancy.membership.granted.v1",
    "tenancy.invitation.accepted.v1",
  ]);
  expect((await actorOf(tenancy, actor.userId, { organizationId, workspaceId })).permissions).toContain("knowledge:*");
  expect(await statusOf(founded, invited.invitation.id)).toBe("ACCEPTED");
});

test("no address, no token and no hash of one is announced", async () => {
  const { organizationId, owner } = await givenOrganization(tenancy);
  const email = address();
  const { token } = await invite(owner, { email });
  const announced = JSON.stringify(await tenancy.announced(organizationId));
  expect(announced).toContain("tenancy.invitation.sent.v1");
  for (const secret of [email, token]) expect(announced).not.toContain(secret);
  expect(JSON.stringify(await tenancy.rowsOf("invitation"))).not.toContain(token);
});

test("an invitation of a user is for that user alone", async () => {
  const { owner } = await givenOrganization(tenancy);
  const invited = await stranger();
  const { token } = await invite(owner, { userId: invited.userId });
  for (const mutation of ["acceptInvitation", "declineInvitation"])
    expect(await refusal(tenancy, await stranger(), mutation, { token })).toEqual(["NOT_YOURS token"]);
  expect((await accept(invited, token)).userErrors).toEqual([]);
});

test("a member isn't invited again, neither by id nor by address", async () => {
  const founded = await givenOrganization(tenancy);
  const { actor } = await givenMember(tenancy, founded);
  const email = address();
  tenancy.identity.usersByEmail.set(email, actor.userId);
  const role = { organizationRole: "MEMBER" };
  expect(await refusal(tenancy, founded.owner, "inviteMember", { userId: actor.userId, ...role })).toEqual([
    "ALREADY_MEMBER userId",
  ]);
  expect(await refusal(tenancy, founded.owner, "inviteMember", { email, ...role })).toEqual(["ALREADY_MEMBER email"]);
});

test("whoever has an open invitation isn't invited again, invited twice at once neither", async () => {
  const { owner } = await givenOrganization(tenancy);
  const email = address();
  await invite(owner, { email });
  const again = { email, organizationRole: "MEMBER" };
  expect(await refusal(tenancy, owner, "inviteMember", again)).toEqual(["ALREADY_INVITED email"]);
  const userId = newId("usr");
  const both = await Promise.all([1, 2].map(() => invite(owner, { userId })));
  expect(both.filter(({ token }) => token !== null)).toHaveLength(1);
});

test("another organization may invite the same person", async () => {
  const email = address();
  for (const { owner } of [await givenOrganization(tenancy), await givenOrganization(tenancy)])
    expect((await invite(owner, { email })).token).toEqual(expect.any(String));
});

test("a role that nobody has heard of is refused before anything runs", async () => {
  const { owner, workspaceId } = await givenOrganization(tenancy);
  const email = address();
  for (const input of [
    { email, organizationRole: "EMPEROR" },
    { email, organizationRole: "MEMBER", workspaceRoles: [{ workspaceId, role: "EMPEROR" }] },
  ])
    expect(await failure(tenancy, owner, "inviteMember", input)).toEqual([expect.stringContaining("BAD_USER_INPUT")]);
});

test("a workspace that isn't there, or is another organization's, is refused by its place in the list", async () => {
  const { owner, workspaceId } = await givenOrganization(tenancy);
  const elsewhere = await givenOrganization(tenancy, owner.userId);
  for (const absent of [newId("wsp"), elsewhere.workspaceId]) {
    const workspaceRoles = [workspaceId, absent].map((id) => ({ workspaceId: id, role: "VIEWER" }));
    const input = { email: address(), organizationRole: "MEMBER", workspaceRoles };
    expect(await refusal(tenancy, owner, "inviteMember", input)).toEqual([
      "NO_SUCH_WORKSPACE workspaceRoles.1.workspaceId",
    ]);
  }
});

test("nobody offers more than they hold", async () => {
  const founded = await givenOrganization(tenancy);
  const admin = await givenMember(tenancy, founded, { role: "ADMIN" });
  const offer = { email: address(), organizationRole: "OWNER" };
  expect(await refusal(tenancy, admin.actor, "inviteMember", offer)).toEqual(["MORE_THAN_YOU_HOLD organizationRole"]);
  const key = keyOf(founded.owner, ["members:invite"]);
  expect(await refusal(tenancy, key, "inviteMember", { ...offer, organizationRole: "ADMIN" })).toEqual([
    "MORE_THAN_YOU_HOLD organizationRole",
  ]);
  const { workspaceId } = founded;
  const places = { organizationRole: "MEMBER", workspaceRoles: [{ workspaceId, role: "EDITOR" }] };
  expect(await refusal(tenancy, key, "inviteMember", { email: address(), ...places })).toEqual([
    "MORE_THAN_YOU_HOLD workspaceRoles.0.role",
  ]);
  expect((await invite(admin.actor, { email: address(), organizationRole: "ADMIN" })).token).not.toBeNull();
});

test("only those who may, invite, resend and revoke", async () => {
  const founded = await givenOrganization(tenancy);
  const { invitation } = await invite(founded.owner, { email: address() });
  const { actor } = await givenMember(tenancy, founded, { workspaceRole: "ADMIN" });
  const other = await givenOrganization(tenancy);
  const someone = { email: address(), organizationRole: "MEMBER" };
  for (const [who, code] of [
    [actor, "FORBIDDEN"],
    [keyOf(founded.owner, ["members:read"]), "FORBIDDEN"],
    [guest, "FORBIDDEN"],
    [anonymous, "UNAUTHENTICATED"],
    [systemActor("chat", founded), "UNAUTHENTICATED"],
  ] as const) {
    expect(await failure(tenancy, who, "inviteMember", someone)).toEqual([code]);
    for (const mutation of ["resendInvitation", "revokeInvitation"])
      expect(await failure(tenancy, who, mutation, { invitationId: invitation.id })).toEqual([code]);
  }
  for (const mutation of ["resendInvitation", "revokeInvitation"])
    for (const invitationId of [invitation.id, newId("inv")])
      expect(await failure(tenancy, other.owner, mutation, { invitationId })).toEqual(["NOT_FOUND"]);
});

test("resent, an invitation has a new token and seven days more, and its old token opens nothing", async () => {
  const { owner, organizationId } = await givenOrganization(tenancy);
  const first = await invite(owner, { email: address() });
  tenancy.pass(weekSeconds);
  const actor = await stranger();
  expect(await refusal(tenancy, actor, "acceptInvitation", { token: first.token })).toEqual(["EXPIRED token"]);
  const second = await mutate<Sent>(tenancy, owner, "resendInvitation", { invitationId: first.invitation.id }, sent);
  expect(second.invitation).toMatchObject({ id: first.invitation.id, status: "PENDING" });
  expect((await tenancy.announced(organizationId)).at(-1)?.type).toBe("tenancy.invitation.sent.v1");
  expect(await refusal(tenancy, actor, "acceptInvitation", { token: first.token })).toEqual(["UNKNOWN_TOKEN token"]);
  expect((await accept(actor, second.token)).userErrors).toEqual([]);
});

test("an administrator doesn't get hold of an owner's place by resending its invitation", async () => {
  const founded = await givenOrganization(tenancy);
  const { invitation } = await invite(founded.owner, { email: address(), organizationRole: "OWNER" });
  const admin = await givenMember(tenancy, founded, { role: "ADMIN" });
  const again = { invitationId: invitation.id };
  expect(await refusal(tenancy, admin.actor, "resendInvitation", again)).toEqual(["MORE_THAN_YOU_HOLD invitationId"]);
});

test("whoever was removed doesn't come back by an invitation that they sent themselves", async () => {
  const founded = await givenOrganization(tenancy);
  const admin = await givenMember(tenancy, founded, { role: "ADMIN" });
  const kept = await invite(admin.actor, { email: address(), organizationRole: "ADMIN" });
  await mutate(tenancy, founded.owner, "removeMember", { memberId: admin.memberId });
  const again = { token: kept.token };
  expect(await refusal(tenancy, admin.actor, "acceptInvitation", again)).toEqual(["NO_LONGER_OFFERED token"]);
  const resent = await mutate<Sent>(
    tenancy,
    founded.owner,
    "resendInvitation",
    { invitationId: kept.invitation.id },
    sent,
  );
  expect((await accept(await stranger(), resent.token)).userErrors).toEqual([]);
});

test("an invitation can be accepted until it is seven days old, and not then", async () => {
  const founded = await givenOrganization(tenancy);
  const early = await invite(founded.owner, { email: address() });
  const late = await invite(founded.owner, { email: address() });
  tenancy.pass(weekSeconds - 1);
  expect((await accept(await stranger(), early.token)).userErrors).toEqual([]);
  tenancy.pass(1);
  const actor = await stranger();
  for (const mutation of ["acceptInvitation", "declineInvitation"])
    expect(await refusal(tenancy, actor, mutation, { token: late.token })).toEqual(["EXPIRED token"]);
  expect(await statusOf(founded, late.invitation.id)).toBe("EXPIRED");
});

test("whoever let an invitation expire can be invited again, and that it expired is announced then", async () => {
  const founded = await givenOrganization(tenancy);
  const email = address();
  const first = await invite(founded.owner, { email });
  tenancy.pass(weekSeconds);
  const before = (await tenancy.announced(founded.organizationId)).length;
  const second = await invite(founded.owner, { email });
  expect(second.token).not.toBeNull();
  expect(await typesSince(founded.organizationId, before)).toEqual([
    "tenancy.invitation.expired.v1",
    "tenancy.invitation.sent.v1",
  ]);
  expect(await statusOf(founded, first.invitation.id)).toBe("EXPIRED");
  expect(await refusal(tenancy, await stranger(), "acceptInvitation", { token: first.token })).toEqual([
    "EXPIRED token",
  ]);
});

test("a revoked invitation opens nothing and stays as it is", async () => {
  const founded = await givenOrganization(tenancy);
  const { token, invitation } = await invite(founded.owner, { email: address() });
  await mutate(tenancy, founded.owner, "revokeInvitation", { invitationId: invitation.id });
  expect((await tenancy.announced(founded.organizationId)).at(-1)?.type).toBe("tenancy.invitation.revoked.v1");
  expect(await statusOf(founded, invitation.id)).toBe("REVOKED");
  const actor = await stranger();
  for (const mutation of ["acceptInvitation", "declineInvitation"])
    expect(await refusal(tenancy, actor, mutation, { token })).toEqual(["ALREADY_DECIDED token"]);
  for (const mutation of ["resendInvitation", "revokeInvitation"])
    expect(await refusal(tenancy, founded.owner, mutation, { invitationId: invitation.id })).toEqual([
      "ALREADY_DECIDED invitationId",
    ]);
});

test("a token works once", async () => {
  const { owner } = await givenOrganization(tenancy);
  const { token } = await invite(owner, { email: address() });
  const actor = await stranger();
  expect((await accept(actor, token)).userErrors).toEqual([]);
  for (const who of [actor, await stranger()])
    for (const mutation of ["acceptInvitation", "declineInvitation"])
      expect(await refusal(tenancy, who, mutation, { token })).toEqual(["ALREADY_DECIDED token"]);
});

test("a token in two hands at once gives one membership", async () => {
  const { organizationId, owner } = await givenOrganization(tenancy);
  const { token } = await invite(owner, { email: address() });
  const answers = await Promise.all([await stranger(), await stranger()].map((actor) => accept(actor, token)));
  expect(answers.map(({ userErrors }) => userErrors.map(({ code }) => code)).sort()).toEqual([[], ["ALREADY_DECIDED"]]);
  const members = (await tenancy.rowsOf("organization_member")).filter((row) => row.organization_id === organizationId);
  expect(members).toHaveLength(2);
});

test("a token that is replaced while it is being answered opens nothing", async () => {
  const { organizationId, owner } = await givenOrganization(tenancy);
  const { token, invitation } = await invite(owner, { email: address() });
  const actor = await stranger();
  let answer: ReturnType<typeof accept> | undefined;
  await tenancy.database.as({ organizationId }).transaction(async (tx) => {
    await tx.sql("update invitation set token_hash = 'another' where id = $1", [invitation.id]);
    answer = accept(actor, token);
    await until(
      () => tx.sql("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"),
      ({ length }) => length > 0,
    );
  });
  expect((await answer!).userErrors).toEqual([{ code: "UNKNOWN_TOKEN", path: ["token"] }]);
});

test("two invitations that one person accepts at once give one membership", async () => {
  const { organizationId, owner } = await givenOrganization(tenancy);
  const actor = await stranger();
  const tokens = [await invite(owner, { email: address() }), await invite(owner, { userId: actor.userId })];
  const answers = await Promise.all(tokens.map(({ token }) => accept(actor, token)));
  expect(answers.map(({ userErrors }) => userErrors.map(({ code }) => code)).sort()).toEqual([[], ["ALREADY_MEMBER"]]);
  const members = (await tenancy.rowsOf("organization_member")).filter((row) => row.organization_id === organizationId);
  expect(members).toHaveLength(2);
});

test("a member who finds another invitation stays who they are", async () => {
  const founded = await givenOrganization(tenancy);
  const { actor } = await givenMember(tenancy, founded);
  const { token } = await invite(founded.owner, { email: address(), organizationRole: "ADMIN" });
  expect(await refusal(tenancy, actor, "acceptInvitation", { token })).toEqual(["ALREADY_MEMBER"]);
});

test("a declined invitation is announced, and opens nothing", async () => {
  const founded = await givenOrganization(tenancy);
  const { token, invitation } = await invite(founded.owner, { email: address() });
  const actor = await stranger();
  await mutate(tenancy, actor, "declineInvitation", { token });
  expect((await tenancy.announced(founded.organizationId)).at(-1)).toMatchObject({
    type: "tenancy.invitation.declined.v1",
    actorId: actor.userId,
  });
  expect(await statusOf(founded, invitation.id)).toBe("DECLINED");
  expect(await refusal(tenancy, actor, "acceptInvitation", { token })).toEqual(["ALREADY_DECIDED token"]);
});

test("neither a guest, nor a key, nor a service, nor nobody answers an invitation", async () => {
  const { owner } = await givenOrganization(tenancy);
  const { token } = await invite(owner, { email: address() });
  for (const mutation of ["acceptInvitation", "declineInvitation"]) {
    expect(await refusal(tenancy, guest, mutation, { token })).toEqual(["GUEST"]);
    expect(await failure(tenancy, keyOf(owner, ["*"]), mutation, { token })).toEqual(["FORBIDDEN"]);
    expect(await failure(tenancy, anonymous, mutation, { token })).toEqual(["UNAUTHENTICATED"]);
    expect(await failure(tenancy, systemActor("chat"), mutation, { token })).toEqual(["UNAUTHENTICATED"]);
  }
});

test("a token that nobody was given is refused, one that can't be a token is named", async () => {
  const actor = await stranger();
  expect(await refusal(tenancy, actor, "acceptInvitation", { token: "x".repeat(43) })).toEqual(["UNKNOWN_TOKEN token"]);
  for (const token of ["", "x".repeat(201), "a\u0000b"])
    expect(await failure(tenancy, actor, "acceptInvitation", { token })).toEqual(["BAD_USER_INPUT input.token"]);
});

test("whoever is invited as a guest of the organization belongs to it and sees no members", async () => {
  const founded = await givenOrganization(tenancy);
  const { workspaceId } = founded;
  const { actor } = await givenMember(tenancy, founded, { role: "GUEST", workspaceRole: "VIEWER" });
  const query = "query ($id: ID!) { workspace(id: $id) { id } }";
  expect(dataOf(await tenancy.run(query, { id: workspaceId }, actor))).toEqual({ workspace: { id: workspaceId } });
  const members = "query ($id: ID!) { organization(id: $id) { members { edges { node { id } } } } }";
  expect(errorsOf(await tenancy.run(members, { id: founded.organizationId }, actor))).toEqual(["FORBIDDEN"]);
});

test.each([
  ["neither an address nor a user", {}, "input.email"],
  ["both", { email: "ada@example.org", userId: newId("usr") }, "input.email"],
  ["no address at all", { email: "ada" }, "input.email"],
  ["an address with a control character", { email: "ada\u0007@example.org" }, "input.email"],
  ["an address that is too long", { email: `${"a".repeat(250)}@example.org` }, "input.email"],
  ["a user id that is none", { userId: newId("org") }, "input.userId"],
  [
    "a workspace id that is none",
    { email: "ada@example.org", workspaceRoles: [{ workspaceId: newId("org"), role: "VIEWER" }] },
    "input.workspaceRoles.0.workspaceId",
  ],
  [
    "51 places",
    {
      email: "ada@example.org",
      workspaceRoles: Array.from({ length: 51 }, () => ({ workspaceId: newId("wsp"), role: "VIEWER" })),
    },
    "input.workspaceRoles",
  ],
  [
    "a workspace twice",
    {
      email: "ada@example.org",
      workspaceRoles: Array(2).fill({ workspaceId: newId("wsp"), role: "VIEWER" }),
    },
    "input.workspaceRoles",
  ],
])("an invitation with %s names the field at fault", async (_, input, field) => {
  const { owner } = await givenOrganization(tenancy);
  expect(await failure(tenancy, owner, "inviteMember", { organizationRole: "MEMBER", ...input })).toEqual([
    `BAD_USER_INPUT ${field}`,
  ]);
});

test("while identity doesn't answer nobody is invited by address", async () => {
  const { owner } = await givenOrganization(tenancy);
  tenancy.identity.answers = false;
  try {
    const input = { email: address(), organizationRole: "MEMBER" };
    expect(await failure(tenancy, owner, "inviteMember", input)).toEqual(["SERVICE_UNAVAILABLE"]);
  } finally {
    tenancy.identity.answers = true;
  }
});
