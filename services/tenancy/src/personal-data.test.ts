import { newId } from "@atrium/ids";
import { answerForPeople } from "@atrium/personal-data";
import { foundFirstOrganization } from "./organization/commands";
import { held } from "./personal-data";
import { givenMember, givenOrganization, mutate, startTestTenancy, type Tenancy } from "./testing";

let tenancy: Tenancy;
beforeAll(async () => {
  tenancy = await startTestTenancy();
});
afterAll(() => tenancy.stop());

/** Erases a person as the service's job does. */
const erase = (userId: string, { emails = [] as string[], erasureId = newId("era") } = {}) =>
  answerForPeople({
    service: "tenancy",
    held,
    database: tenancy.database,
    now: () => tenancy.clock.now,
    emailsOf: async () => emails,
  } as unknown as Parameters<typeof answerForPeople>[0]).tasks.erasePersonalData({ erasureId, userId, attempt: 1 });

const answersFor = async (userId: string) =>
  (await tenancy.rowsOf("outbox_event")).filter(
    ({ type, data }) => type === "tenancy.personal_data.erased.v1" && (data as { userId: string }).userId === userId,
  );
const rolesIn = async (organizationId: string) =>
  Object.fromEntries(
    (await tenancy.rowsOf("organization_member"))
      .filter((row) => row.organization_id === organizationId)
      .map((row) => [row.user_id, row.role]),
  );
const typesOf = async (organizationId: string) => (await tenancy.announced(organizationId)).map(({ type }) => type);

test("an organization that only the erased person could run is closed with all that is in it, and every service hears", async () => {
  const founded = await givenOrganization(tenancy);
  await givenMember(tenancy, founded, { role: "GUEST" });
  const other = await givenOrganization(tenancy);
  await erase(founded.owner.userId);
  for (const table of ["organization_member", "workspace", "workspace_member", "invitation", "project"])
    expect((await tenancy.rowsOf(table)).filter((row) => row.organization_id === founded.organizationId)).toEqual([]);
  expect(await typesOf(founded.organizationId)).toEqual(
    expect.arrayContaining(["tenancy.workspace.deleted.v1", "tenancy.organization.deleted.v1"]),
  );
  expect(await rolesIn(other.organizationId)).toEqual({ [other.owner.userId]: "owner" });
});

test("the last owner's place goes to the administrator who was there longest, else to the member", async () => {
  const founded = await givenOrganization(tenancy);
  const { organizationId, owner } = founded;
  const member = await givenMember(tenancy, founded);
  tenancy.pass(60);
  const admin = await givenMember(tenancy, founded, { role: "ADMIN" });
  tenancy.pass(60);
  await givenMember(tenancy, founded, { role: "ADMIN" });
  await erase(owner.userId);
  expect(await rolesIn(organizationId)).toMatchObject({
    [admin.actor.userId]: "owner",
    [member.actor.userId]: "member",
  });
  expect(Object.keys(await rolesIn(organizationId))).not.toContain(owner.userId);
  expect(await typesOf(organizationId)).toContain("tenancy.membership.changed.v1");
  expect(await typesOf(organizationId)).not.toContain("tenancy.organization.deleted.v1");

  const second = await givenOrganization(tenancy);
  const heir = await givenMember(tenancy, second);
  await givenMember(tenancy, second, { role: "GUEST" });
  await erase(second.owner.userId);
  expect((await rolesIn(second.organizationId))[heir.actor.userId]).toBe("owner");
});

test("where there is another owner, or the person is no owner, nobody's role changes", async () => {
  const founded = await givenOrganization(tenancy);
  const { organizationId, owner } = founded;
  const second = await givenMember(tenancy, founded, { role: "OWNER" });
  const third = await givenMember(tenancy, founded, { workspaceRole: "EDITOR" });
  await erase(owner.userId);
  await erase(third.actor.userId);
  expect(await rolesIn(organizationId)).toEqual({ [second.actor.userId]: "owner" });
  expect((await tenancy.rowsOf("workspace_member")).filter((row) => row.user_id === third.actor.userId)).toEqual([]);
});

test("invitations to the person's address are gone, those by them no longer say by whom", async () => {
  const founded = await givenOrganization(tenancy);
  const heir = await givenMember(tenancy, founded, { role: "ADMIN" });
  const person = newId("usr");
  await mutate(tenancy, founded.owner, "inviteMember", { email: "ADA@example.org", organizationRole: "MEMBER" });
  await mutate(tenancy, founded.owner, "inviteMember", { userId: person, organizationRole: "MEMBER" });
  await mutate(tenancy, founded.owner, "inviteMember", { email: "bob@example.org", organizationRole: "MEMBER" });
  await erase(person, { emails: ["Ada@example.org"] });
  await erase(founded.owner.userId);
  const left = (await tenancy.rowsOf("invitation")).filter((row) => row.organization_id === founded.organizationId);
  expect(left.filter((row) => row.status === "PENDING").map((row) => [row.email, row.invited_by_id])).toEqual([
    ["bob@example.org", "erased"],
  ]);
  expect((await rolesIn(founded.organizationId))[heir.actor.userId]).toBe("owner");
});

test("asked again, the answer is the same and nothing changes; a late event brings nobody back", async () => {
  const founded = await givenOrganization(tenancy);
  const { userId } = founded.owner;
  const erasureId = newId("era");
  await erase(userId, { erasureId });
  const others = async () => (await tenancy.rowsOf("organization")).concat(await tenancy.rowsOf("erased_person"));
  const before = await others();
  await erase(userId, { erasureId });
  expect(await others()).toEqual(before);
  const [first, second] = await answersFor(userId);
  expect(second!.data).toEqual(first!.data);
  // «Somebody has registered», told once more.
  const db = tenancy.database.as({ organizationId: newId("org"), userId });
  await foundFirstOrganization({ db, now: () => tenancy.clock.now }, { userId });
  expect(await others()).toEqual(before);
});

test("acting for one person, the service reaches no row of another's", async () => {
  const [one, two] = [await givenOrganization(tenancy), await givenOrganization(tenancy)];
  await mutate(tenancy, two.owner, "createProject", { name: "Bridge" }, "project { id }");
  const service = tenancy.database.asService({ userId: one.owner.userId });
  expect(await service.sql("select id from organization where id = $1", [two.organizationId])).toEqual([]);
  expect(await service.sql("select id from project where organization_id = $1", [two.organizationId])).toEqual([]);
  for (const table of ["organization_member", "workspace_member"])
    expect(
      await service.sql(`delete from ${table} where organization_id = $1 returning id`, [two.organizationId]),
    ).toEqual([]);
  const nobody = tenancy.database.asService();
  for (const table of ["organization_member", "workspace_member", "invitation", "organization", "project"])
    expect(await nobody.sql(`delete from ${table} returning id`)).toEqual([]);
  expect(await nobody.sql("update organization_member set role = 'owner' returning id")).toEqual([]);
});
