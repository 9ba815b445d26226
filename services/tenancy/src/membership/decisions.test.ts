import { changeRole, remove, transferOwnership, type OrganizationMember } from "./membership";

const member = (role: string, userId = "usr_ada"): OrganizationMember => ({
  id: "mem_1",
  organizationId: "org_1",
  userId,
  role,
  createdAt: new Date("2026-11-20T12:00:00Z"),
});
const by = (role: string) => ({ userId: "usr_by", role, permissions: ["*"] });

test("a role that doesn't exist is given to nobody, whoever asks", () => {
  for (const role of ["emperor", "", "toString"])
    expect(changeRole(member("member"), role, by("owner"), 1)).toMatchObject({ code: "NO_SUCH_ROLE", path: ["role"] });
});

test("somebody whose own role is unknown stands below everybody", () => {
  expect(changeRole(member("guest"), "guest", by("emperor"), 1)).toMatchObject({ code: "ABOVE_YOU" });
  expect(remove(member("guest"), by("emperor"), 1)).toMatchObject({ code: "ABOVE_YOU" });
});

test("an owner stays one while they are the last, however their role is taken", () => {
  expect(changeRole(member("owner"), "admin", by("owner"), 1)).toMatchObject({ code: "LAST_OWNER" });
  expect(remove(member("owner"), by("owner"), 1)).toMatchObject({ code: "LAST_OWNER" });
  expect(changeRole(member("owner"), "admin", by("owner"), 2)).toMatchObject({ ok: true, value: { role: "admin" } });
  expect(remove(member("owner"), by("owner"), 2)).toMatchObject({ ok: true });
});

test("only an owner hands an organization over", () => {
  expect(transferOwnership(member("admin"), member("member", "usr_bob"))).toMatchObject({ code: "NOT_AN_OWNER" });
});
