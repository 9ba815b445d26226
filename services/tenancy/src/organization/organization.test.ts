import { anonymous, systemActor } from "@atrium/access";
import { newId } from "@atrium/ids";
import {
  dataOf,
  errorsOf,
  failure,
  givenMember,
  givenOrganization,
  guest,
  keyOf,
  mutate,
  startTestTenancy,
  type Tenancy,
} from "../testing";

let tenancy: Tenancy;
beforeAll(async () => void (tenancy = await startTestTenancy()));
afterAll(() => tenancy?.stop());

test("a person can found a second organization", async () => {
  const first = await givenOrganization(tenancy);
  const second = await givenOrganization(tenancy, first.owner.userId);
  const { organizations } = dataOf<{ organizations: { edges: { node: { id: string; name: string } }[] } }>(
    await tenancy.run("{ organizations { edges { node { id name } } } }", {}, first.owner),
  );
  expect(organizations.edges.map(({ node }) => node.id).sort()).toEqual(
    [first.organizationId, second.organizationId].sort(),
  );
});

const create = { name: "Acme" };
const selection = "organization { id }";

test("nobody, a guest, an API key and a service found nothing", async () => {
  const { owner } = await givenOrganization(tenancy);
  expect(await failure(tenancy, anonymous, "createOrganization", create, selection)).toEqual(["UNAUTHENTICATED"]);
  expect(await failure(tenancy, guest, "createOrganization", create, selection)).toEqual(["FORBIDDEN"]);
  expect(await failure(tenancy, keyOf(owner, ["*"]), "createOrganization", create, selection)).toEqual(["FORBIDDEN"]);
  expect(await failure(tenancy, systemActor("chat"), "createOrganization", create, selection)).toEqual([
    "UNAUTHENTICATED",
  ]);
});

test.each([
  ["empty", "   "],
  ["of 201 characters", "x".repeat(201)],
  ["with a control character", "Ac\u0000me"],
  ["with a line break", "Ac\nme"],
  ["with a mark that turns the reading direction", "Ac\u202eme"],
])("a name %s is named as the field at fault", async (_, name) => {
  const { owner } = await givenOrganization(tenancy);
  for (const mutation of ["createOrganization", "updateOrganization"])
    expect(await failure(tenancy, owner, mutation, { name }, selection)).toEqual(["BAD_USER_INPUT input.name"]);
});

test("a name of 200 characters is kept, trimmed and composed", async () => {
  const { owner } = await givenOrganization(tenancy);
  const name = `${"u\u0308".repeat(198)}uu `;
  const { organization } = await mutate<{ organization: { name: string } }>(
    tenancy,
    owner,
    "updateOrganization",
    { name },
    "organization { name }",
  );
  expect(organization.name).toBe(`${"ü".repeat(198)}uu`);
});

test("an organization is renamed by whoever may, and that is announced", async () => {
  const { owner, organizationId } = await givenOrganization(tenancy);
  tenancy.pass(60);
  const { organization } = await mutate<{ organization: object }>(
    tenancy,
    owner,
    "updateOrganization",
    { name: "Southwind" },
    "organization { id name updatedAt }",
  );
  expect(organization).toEqual({ id: organizationId, name: "Southwind", updatedAt: tenancy.clock.now.toISOString() });
  expect((await tenancy.announced(organizationId)).at(-1)).toMatchObject({
    type: "tenancy.organization.updated.v1",
    data: { organizationId, changedFields: ["name"] },
  });
});

test("a member without the right, or a key without it, renames nothing", async () => {
  const founded = await givenOrganization(tenancy);
  const { actor } = await givenMember(tenancy, founded);
  const rename = { name: "Mine" };
  expect(await failure(tenancy, actor, "updateOrganization", rename, selection)).toEqual(["FORBIDDEN"]);
  const key = keyOf(founded.owner, ["projects:read"]);
  expect(await failure(tenancy, key, "updateOrganization", rename, selection)).toEqual(["FORBIDDEN"]);
});

test("a key never may more than its maker may now", async () => {
  const founded = await givenOrganization(tenancy);
  const { actor } = await givenMember(tenancy, founded);
  const key = keyOf(actor, ["*"]);
  expect(await failure(tenancy, key, "updateOrganization", { name: "Mine" }, selection)).toEqual(["FORBIDDEN"]);
});

test("an organization is shown to its members wherever they stand, and doesn't exist for anybody else", async () => {
  const mine = await givenOrganization(tenancy);
  const other = await givenOrganization(tenancy);
  const { actor } = await givenMember(tenancy, other, { userId: mine.owner.userId });
  const query = "query ($id: ID!) { organization(id: $id) { id } }";
  for (const id of [mine.organizationId, other.organizationId])
    expect(dataOf(await tenancy.run(query, { id }, actor))).toEqual({ organization: { id } });
  for (const [id, who, code] of [
    [mine.organizationId, other.owner, "NOT_FOUND"],
    [newId("org"), other.owner, "NOT_FOUND"],
    [mine.organizationId, guest, "NOT_FOUND"],
    [mine.organizationId, anonymous, "UNAUTHENTICATED"],
    // A key belongs to the organization that it was made in.
    [mine.organizationId, keyOf(actor, ["*"]), "NOT_FOUND"],
  ] as const)
    expect(errorsOf(await tenancy.run(query, { id }, who))).toEqual([code]);
  expect(errorsOf(await tenancy.run(query, { id: mine.workspaceId }, mine.owner))).toEqual(["BAD_USER_INPUT id"]);
});

test("a key lists the organization that it was made in alone, a guest none", async () => {
  const mine = await givenOrganization(tenancy);
  const other = await givenOrganization(tenancy, mine.owner.userId);
  const list = async (actor: Parameters<Tenancy["run"]>[2]) =>
    dataOf<{ organizations: { edges: { node: { id: string } }[] } }>(
      await tenancy.run("{ organizations { edges { node { id } } } }", {}, actor),
    ).organizations.edges.map(({ node }) => node.id);
  expect(await list(keyOf(other.owner, ["*"]))).toEqual([other.organizationId]);
  expect(await list(guest)).toEqual([]);
});

test("what hangs off an organization is paged by cursor", async () => {
  const founded = await givenOrganization(tenancy);
  const { organizationId, owner } = founded;
  for (let n = 0; n < 3; n++) {
    await givenMember(tenancy, founded);
    await mutate(tenancy, owner, "createWorkspace", { name: `Room ${n}` }, "workspace { id }");
  }
  for (const field of ["members", "workspaces", "invitations"]) {
    const query = `query ($id: ID!, $after: String) { organization(id: $id) { ${field}(first: 2, after: $after) {
      edges { node { id } } pageInfo { hasNextPage endCursor } } } }`;
    const ids: string[] = [];
    let after: string | null = null;
    do {
      const { organization }: { organization: Record<string, Page> } = dataOf(
        await tenancy.run(query, { id: organizationId, after }, owner),
      );
      const { edges, pageInfo }: Page = organization[field]!;
      expect(edges.length).toBeLessThanOrEqual(2);
      ids.push(...edges.map(({ node }) => node.id));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    } while (after);
    expect(new Set(ids).size).toBe(field === "invitations" ? 3 : 4);
    expect(ids).toHaveLength(field === "invitations" ? 3 : 4);
    const bad = await tenancy.run(query, { id: organizationId, after: "nonsense" }, owner);
    expect(errorsOf(bad)).toEqual(["BAD_USER_INPUT after"]);
  }
});

interface Page {
  edges: { node: { id: string } }[];
  pageInfo: { hasNextPage: boolean; endCursor: string };
}

test("members see each other; guests and keys without the right don't; invitations show to those who may invite", async () => {
  const founded = await givenOrganization(tenancy);
  const member = await givenMember(tenancy, founded);
  const guestThere = await givenMember(tenancy, founded, { role: "GUEST" });
  const look = async (field: string, actor: Parameters<Tenancy["run"]>[2]) =>
    errorsOf(
      await tenancy.run(
        `query ($id: ID!) { organization(id: $id) { ${field} { edges { node { id } } } } }`,
        { id: founded.organizationId },
        actor,
      ),
    );
  expect(await look("members", member.actor)).toEqual([]);
  expect(await look("members", guestThere.actor)).toEqual(["FORBIDDEN"]);
  expect(await look("members", keyOf(founded.owner, ["projects:read"]))).toEqual(["FORBIDDEN"]);
  expect(await look("members", keyOf(founded.owner, ["members:read"]))).toEqual([]);
  expect(await look("invitations", founded.owner)).toEqual([]);
  expect(await look("invitations", member.actor)).toEqual(["FORBIDDEN"]);
});

test("the roles are listed with what they allow, to whoever is signed in", async () => {
  const { roles } = dataOf<{ roles: { name: string; level: string; permissions: string[] }[] }>(
    await tenancy.run("{ roles { name level permissions } }", {}, guest),
  );
  expect(roles).toHaveLength(12);
  const admin = roles.find(({ name, level }) => name === "ADMIN" && level === "ORGANIZATION")!;
  expect(admin.permissions).toContain("members:invite");
  expect(admin.permissions).not.toContain("organization:delete");
  expect(errorsOf(await tenancy.run("{ roles { name } }"))).toEqual(["UNAUTHENTICATED"]);
});
