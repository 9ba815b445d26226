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
  type Tenancy,
} from "../testing";

let tenancy: Tenancy;
beforeAll(async () => void (tenancy = await startTestTenancy()));
afterAll(() => tenancy?.stop());

type Actor = Parameters<Tenancy["run"]>[2] & object;
interface Project {
  id: string;
  name: string;
  description: string;
  status: string;
  archivedAt: string | null;
  viewerCanUpdate: boolean;
  createdBy: { id: string } | null;
}
const fields = "id name description status archivedAt viewerCanUpdate createdBy { id }";
const selection = `project { ${fields} } userErrors { code path }`;

const begin = async (actor: Actor, input: object = { name: "Bridge" }) =>
  (await mutate<{ project: Project }>(tenancy, actor, "createProject", input, `project { ${fields} }`)).project;

const read = (actor: Actor, id: string) =>
  tenancy.run(`query ($id: ID!) { project(id: $id) { ${fields} } }`, { id }, actor);

const list = async (actor: Actor, status?: string) =>
  dataOf<{ projects: { edges: { node: Project }[] } }>(
    await tenancy.run(
      `query ($status: ProjectStatus! = ACTIVE) { projects(status: $status) { edges { node { ${fields} } } } }`,
      status ? { status } : {},
      actor,
    ),
  ).projects.edges.map(({ node }) => node.id);

const lastAnnounced = async (organizationId: string) => (await tenancy.announced(organizationId)).at(-1);

test("a project is begun in the workspace that its maker stands in, and announced there", async () => {
  const { owner, organizationId, workspaceId } = await givenOrganization(tenancy);
  const project = await begin(owner, { name: " Bridge ", description: "Two lanes.\nOne footpath." });
  expect(project).toEqual({
    id: expect.stringMatching(/^prj_/),
    name: "Bridge",
    description: "Two lanes.\nOne footpath.",
    status: "ACTIVE",
    archivedAt: null,
    viewerCanUpdate: true,
    createdBy: { id: owner.userId },
  });
  expect(await lastAnnounced(organizationId)).toMatchObject({
    type: "tenancy.project.created.v1",
    workspaceId,
    actorId: owner.userId,
    data: { projectId: project.id },
  });
  expect(dataOf(await read(owner, project.id))).toEqual({ project });
});

test("what isn't given stays, and the event names what changed", async () => {
  const { owner, organizationId } = await givenOrganization(tenancy);
  const { id: projectId } = await begin(owner, { name: "Bridge", description: "Two lanes." });
  const renamed = await mutate(tenancy, owner, "updateProject", { projectId, name: "Tunnel" }, selection);
  expect(renamed).toMatchObject({ project: { name: "Tunnel", description: "Two lanes." }, userErrors: [] });
  expect((await lastAnnounced(organizationId))?.data).toEqual({ projectId, changedFields: ["name"] });
  const emptied = await mutate(tenancy, owner, "updateProject", { projectId, description: "" }, selection);
  expect(emptied).toMatchObject({ project: { name: "Tunnel", description: "" } });
});

test("an archived project stays to be read, apart from the others, and changes no more", async () => {
  const { owner, organizationId } = await givenOrganization(tenancy);
  const { id: projectId } = await begin(owner);
  const other = await begin(owner);
  const archived = await mutate(tenancy, owner, "archiveProject", { projectId }, selection);
  expect(archived).toMatchObject({
    project: { status: "ARCHIVED", archivedAt: tenancy.clock.now.toISOString(), viewerCanUpdate: false },
  });
  expect(await lastAnnounced(organizationId)).toMatchObject({
    type: "tenancy.project.archived.v1",
    data: { projectId },
  });
  expect(await list(owner)).toEqual([other.id]);
  expect(await list(owner, "ARCHIVED")).toEqual([projectId]);
  expect(await refusal(tenancy, owner, "updateProject", { projectId, name: "New" })).toEqual(["ARCHIVED"]);
  expect(await refusal(tenancy, owner, "archiveProject", { projectId })).toEqual(["ALREADY_ARCHIVED"]);
  expect(errorsOf(await read(owner, projectId))).toEqual([]);
});

test("a deleted project is gone, and that is announced", async () => {
  const { owner, organizationId } = await givenOrganization(tenancy);
  const { id: projectId } = await begin(owner);
  expect(await mutate(tenancy, owner, "deleteProject", { projectId }, "deletedProjectId")).toEqual({
    deletedProjectId: projectId,
  });
  expect(await lastAnnounced(organizationId)).toMatchObject({
    type: "tenancy.project.deleted.v1",
    data: { projectId },
  });
  expect(errorsOf(await read(owner, projectId))).toEqual(["NOT_FOUND"]);
  expect(await failure(tenancy, owner, "deleteProject", { projectId }, "deletedProjectId")).toEqual(["NOT_FOUND"]);
});

test("deleted twice at once, a project is announced as deleted once", async () => {
  const { owner, organizationId } = await givenOrganization(tenancy);
  const { id } = await begin(owner);
  const remove = "mutation ($id: ID!) { deleteProject(input: { projectId: $id }) { deletedProjectId } }";
  const answers = await Promise.all([1, 2].map(() => tenancy.run(remove, { id }, owner)));
  expect(answers.map((answer) => errorsOf(answer).join()).sort()).toEqual(["", "NOT_FOUND"]);
  const types = (await tenancy.announced(organizationId)).map(({ type }) => type);
  expect(types.filter((type) => type === "tenancy.project.deleted.v1")).toHaveLength(1);
});

test("a viewer reads and sees no button; who holds nothing here reads nothing", async () => {
  const founded = await givenOrganization(tenancy);
  const project = await begin(founded.owner);
  const viewer = await givenMember(tenancy, founded, { workspaceRole: "VIEWER" });
  const requester = await givenMember(tenancy, founded, { workspaceRole: "REQUESTER" });
  expect(dataOf(await read(viewer.actor, project.id))).toMatchObject({ project: { viewerCanUpdate: false } });
  expect(errorsOf(await read(requester.actor, project.id))).toEqual(["FORBIDDEN"]);
  const projectId = project.id;
  for (const [who, code] of [
    [viewer.actor, "FORBIDDEN"],
    [requester.actor, "FORBIDDEN"],
    [keyOf(founded.owner, ["projects:read"]), "FORBIDDEN"],
    [await actorOf(tenancy, founded.owner.userId, { ...founded, workspaceId: null }), "FORBIDDEN"],
    [guest, "FORBIDDEN"],
    [anonymous, "UNAUTHENTICATED"],
  ] as const) {
    expect(await failure(tenancy, who, "createProject", { name: "x" }, "project { id }")).toEqual([code]);
    expect(await failure(tenancy, who, "updateProject", { projectId, name: "x" })).toEqual([code]);
    expect(await failure(tenancy, who, "archiveProject", { projectId })).toEqual([code]);
    expect(await failure(tenancy, who, "deleteProject", { projectId }, "deletedProjectId")).toEqual([code]);
  }
});

test("a key with the right, and a service in its tenant, begin projects", async () => {
  const founded = await givenOrganization(tenancy);
  const byKey = await begin(keyOf(founded.owner, ["projects:write", "projects:read"]));
  expect(byKey.createdBy).toEqual({ id: founded.owner.userId });
  const { organizationId, workspaceId } = founded;
  const byService = await begin(systemActor("field", { organizationId, workspaceId }));
  expect(byService.createdBy).toBeNull();
});

test("projects are paged newest first", async () => {
  const { owner } = await givenOrganization(tenancy);
  for (let n = 0; n < 5; n++) await begin(owner, { name: `Project ${n}` });
  const query = `query ($after: String) { projects(first: 2, after: $after) {
    edges { node { id } } pageInfo { hasNextPage endCursor } } }`;
  const ids: string[] = [];
  for (let after: string | null = null, more = true; more;) {
    const { projects }: { projects: Page } = dataOf(await tenancy.run(query, { after }, owner));
    ids.push(...projects.edges.map(({ node }) => node.id));
    more = projects.pageInfo.hasNextPage;
    after = projects.pageInfo.endCursor;
  }
  expect(ids).toHaveLength(5);
  expect(ids).toEqual([...ids].sort().reverse());
  expect(errorsOf(await tenancy.run(query, { after: "%" }, owner))).toEqual(["BAD_USER_INPUT after"]);
  const many = "{ projects(first: 101) { edges { node { id } } } }";
  expect(errorsOf(await tenancy.run(many, {}, owner))).toEqual(["BAD_USER_INPUT first"]);
});

interface Page {
  edges: { node: { id: string } }[];
  pageInfo: { hasNextPage: boolean; endCursor: string };
}

test("bad input names the field", async () => {
  const { owner } = await givenOrganization(tenancy);
  const { id: projectId } = await begin(owner);
  const bad = [
    [{ name: "" }, "input.name"],
    [{ name: "x".repeat(201) }, "input.name"],
    [{ name: "a\nb" }, "input.name"],
    [{ name: "x", description: "x".repeat(5001) }, "input.description"],
    [{ name: "x", description: "a\u0000b" }, "input.description"],
  ] as const;
  for (const [input, field] of bad) {
    expect(await failure(tenancy, owner, "createProject", input, "project { id }")).toEqual([
      `BAD_USER_INPUT ${field}`,
    ]);
    expect(await failure(tenancy, owner, "updateProject", { projectId, ...input })).toEqual([
      `BAD_USER_INPUT ${field}`,
    ]);
  }
  expect(await failure(tenancy, owner, "updateProject", { projectId })).toEqual(["BAD_USER_INPUT input"]);
  for (const mutation of ["updateProject", "archiveProject"])
    expect(await failure(tenancy, owner, mutation, { projectId: newId("doc") })).toEqual([
      "BAD_USER_INPUT input.projectId",
    ]);
  expect(errorsOf(await read(owner, "prj_1"))).toEqual(["BAD_USER_INPUT id"]);
});
