import { systemActor, type Actor } from "@atrium/access";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  addDocuments,
  ask,
  givenAnnouncement,
  givenBaseWith,
  givenUpload,
  markdown,
  memberOf,
  rows,
  search,
  startWorld,
  type World,
} from "./testing/world";

let world: World;
let base: string, documentId: string, uploadId: string;
const ada = memberOf("org_ada");
const eve = memberOf("org_eve");
/** The same organization, another workspace. */
const bob = { ...ada, userId: "usr_bob", workspaceId: "wsp_other" };

beforeAll(async () => {
  world = await startWorld();
  const given = await givenBaseWith(world, ada, markdown("leave.md", "# Leave\n\nEmployees have 28 days of leave."));
  base = given.base;
  documentId = given.documents[0]!.id;
  uploadId = await givenUpload(world, ada, markdown("more.md", "# More\n\nMore to know."));
  await ask(
    world,
    ada,
    `mutation { deleteDocument(input: { documentId: "${(await extra()).id}" }) { deletedDocumentId } }`,
  );
}, 60_000);
afterAll(() => world?.stop());

async function extra() {
  const upload = await givenUpload(world, ada, markdown("gone.md", "# Gone\n\nSoon."));
  return (await addDocuments(world, ada, base, [upload])).payload!.documents![0]!;
}

const mutations = (): Record<string, [name: string, input: object]> => ({
  write: ["createKnowledgeBase", { name: "Mine" }],
  rename: ["updateKnowledgeBase", { knowledgeBaseId: base, name: "Handbook" }],
  announce: ["createUpload", { filename: "a.md", contentType: "text/markdown", sizeBytes: 1 }],
  add: ["addDocuments", { knowledgeBaseId: base, uploadIds: [uploadId] }],
  change: ["updateDocument", { documentId, title: "Mine" }],
  reread: ["reindexDocument", { documentId }],
  remove: ["deleteDocument", { documentId }],
  end: ["deleteKnowledgeBase", { knowledgeBaseId: base }],
});
const queries = () => [
  `{ knowledgeBase(id: "${base}") { id } }`,
  `{ document(id: "${documentId}") { id } }`,
  `{ documents(filter: { knowledgeBaseId: "${base}" }) { nodes { id } } }`,
  `{ searchKnowledge(knowledgeBaseIds: ["${base}"], query: "leave") { hits { score } } }`,
  `{ answerFromKnowledge(knowledgeBaseIds: ["${base}"], question: "How many days of leave?") { text } }`,
];
const lists = ["{ knowledgeBases { nodes { id } } }", "{ documents { nodes { id } } }"];
const mutate = (actor: Actor, [name, input]: [string, object]) => {
  const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
  return ask(world, actor, `mutation ($input: ${type}!) { ${name}(input: $input) { __typename } }`, { input });
};
const everything = async () => ({
  knowledgeBases: await rows(world, ada, "select * from knowledge_base order by id"),
  documents: await rows(world, ada, "select * from document order by id"),
  passages: await rows(world, ada, "select * from passage order by id"),
  uploads: await rows(world, ada, "select * from upload order by id"),
});

test.each([
  ["another organization", eve],
  ["another workspace", bob],
])("%s finds nothing by any entrance, and changes nothing", async (_, stranger) => {
  const before = await everything();
  for (const query of queries()) expect(await ask(world, stranger, query)).toMatchObject({ code: "NOT_FOUND" });
  for (const query of lists) {
    const { data } = await ask(world, stranger, query);
    expect(Object.values(data)).toEqual([{ nodes: [] }]);
  }
  const { rename, add, change, reread, remove, end } = mutations();
  for (const mutation of [rename, add, change, reread, remove, end])
    expect(await mutate(stranger, mutation!)).toMatchObject({ code: "NOT_FOUND" });
  const own = await givenBaseWith(world, stranger, markdown("own.md", "# Own\n\nTheir own leave."));
  expect(await search(world, stranger, [own.base, base], "leave")).toMatchObject({ code: "NOT_FOUND", hits: [] });
  expect((await search(world, stranger, own.base, "leave", { filter: { documentIds: [documentId] } })).hits).toEqual(
    [],
  );
  const theirs = await addDocuments(world, stranger, own.base, [uploadId]);
  expect(theirs.payload).toMatchObject({ documents: null, userErrors: [{ code: "NO_SUCH_UPLOAD" }] });
  expect(await entities(stranger)).toEqual([null, null]);
  expect(await everything()).toEqual(before);
});

const entities = async (actor: Actor) =>
  (
    await ask(
      world,
      actor,
      `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Document { title } ... on KnowledgeBase { name } } }`,
      {
        r: [
          { __typename: "Document", id: documentId },
          { __typename: "KnowledgeBase", id: base },
        ],
      },
    )
  ).data._entities;

test("other services' references are resolved for whoever may read, by loaders", async () => {
  expect(await entities(ada)).toEqual([{ title: "leave" }, { name: "Handbook" }]);
  expect(await entities({ ...ada, permissions: ["chatbots:read"] })).toEqual([null, null]);
});

test("who may only read, reads and changes nothing", async () => {
  const before = await everything();
  const viewer = { ...ada, permissions: ["knowledge:read"] };
  for (const query of [...queries(), ...lists]) expect(await ask(world, viewer, query)).not.toHaveProperty("code");
  for (const mutation of Object.values(mutations()))
    expect(await mutate(viewer, mutation)).toMatchObject({ code: "FORBIDDEN" });
  const { data } = await ask(
    world,
    viewer,
    `{ knowledgeBase(id: "${base}") { viewerCanUpdate viewerCanDelete } document(id: "${documentId}") { viewerCanUpdate viewerCanDelete } }`,
  );
  const not = { viewerCanUpdate: false, viewerCanDelete: false };
  expect(data).toEqual({ knowledgeBase: not, document: not });
  expect(await everything()).toEqual(before);
});

test("who may write but not delete, doesn't delete", async () => {
  const writer = { ...ada, permissions: ["knowledge:read", "knowledge:write"] };
  const { remove, end, rename } = mutations();
  for (const mutation of [remove, end]) expect(await mutate(writer, mutation!)).toMatchObject({ code: "FORBIDDEN" });
  expect(await mutate(writer, rename!)).not.toHaveProperty("code");
});

test.each<[string, Actor, string]>([
  ["nobody", { kind: "ANONYMOUS" }, "UNAUTHENTICATED"],
  [
    "a guest",
    { kind: "GUEST", userId: "usr_g", sessionId: "ses_g", organizationId: null, workspaceId: null, permissions: [] },
    "FORBIDDEN",
  ],
  ["somebody in no workspace", { ...ada, workspaceId: null }, "FORBIDDEN"],
  ["an API key for other things", { ...ada, kind: "API_KEY", permissions: ["chatbots:*"] }, "FORBIDDEN"],
  ["a service without a tenant", systemActor("chat"), "FORBIDDEN"],
])("%s gets nothing", async (_, actor, code) => {
  for (const query of [...queries(), ...lists]) expect(await ask(world, actor, query)).toMatchObject({ code });
  for (const mutation of Object.values(mutations())) expect(await mutate(actor, mutation)).toMatchObject({ code });
  expect(await entities(actor)).toEqual([null, null]);
});

test("an API key does what its permissions say, in the name of whoever made it", async () => {
  const key = { ...ada, kind: "API_KEY" as const, sessionId: "key_1", permissions: ["knowledge:*"] };
  const { id } = await givenAnnouncement(world, key, { filename: "a.md", contentType: "text/markdown", sizeBytes: 5 });
  expect(await rows(world, ada, "select created_by_id from upload where id = $1", [id])).toEqual([
    { created_by_id: ada.userId },
  ]);
});

test("another service reads what its tenant has, and nothing else", async () => {
  const bot = systemActor("chat", ada);
  expect((await search(world, bot, base, "leave")).hits).not.toEqual([]);
  expect(await entities(bot)).toEqual([{ title: "leave" }, { name: "Handbook" }]);
  expect(await search(world, systemActor("chat", eve), base, "leave")).toMatchObject({ code: "NOT_FOUND" });
});

describe("in the database", () => {
  const tables = ["knowledge_base", "upload", "document", "passage", "document_removal", "index_snapshot"];
  // The service itself reads of these, for all tenants.
  const servedTables = ["upload", "index_snapshot"];
  const migrations = path.join(__dirname, "../prisma/migrations");

  test("all tables are known to these tests", () => {
    const made = readdirSync(migrations).flatMap((folder) => {
      const sql = readFileSync(path.join(migrations, folder, "migration.sql"), "utf8");
      return [...sql.matchAll(/create table (\w+)/g)].map(([, name]) => name);
    });
    expect(made.sort()).toEqual([...tables].sort());
  });

  beforeAll(() =>
    rows(
      world,
      ada,
      "insert into index_snapshot (blob_key, organization_id, workspace_id, knowledge_base_id, revision) values ('k', $1, $2, $3, 0)",
      [ada.organizationId, ada.workspaceId, base],
    ),
  );

  test.each(tables)("%s shows no rows, and takes none, but to its own workspace", async (table) => {
    const mine = await rows<{ organization_id: string }>(world, ada, `select * from ${table}`);
    expect(mine.length).toBeGreaterThan(0);
    const foreign = [
      world.database.as(eve),
      world.database.as(bob),
      world.database.as({}),
      world.database.as({ organizationId: ada.organizationId }),
      world.database.as({ workspaceId: ada.workspaceId }),
      ...(servedTables.includes(table) ? [] : [world.database.asService()]),
    ];
    for (const handle of foreign) {
      expect(
        await handle.sql(`select 1 from ${table} where organization_id = $1 and workspace_id = $2`, [
          ada.organizationId,
          ada.workspaceId,
        ]),
      ).toEqual([]);
      const changed = await handle.sql(
        `update ${table} set workspace_id = workspace_id where organization_id = $1 returning 1`,
        [ada.organizationId],
      );
      // In bob's own workspace there may be rows of the same organization.
      if (handle !== foreign[1]) expect(changed).toEqual([]);
      const insert = `insert into ${table} select * from jsonb_populate_record(null::${table}, $1::jsonb)`;
      await expect(handle.sql(insert, [JSON.stringify(mine[0])])).rejects.toThrow(/row-level security/);
      await handle.sql(`delete from ${table} where organization_id = $1 and workspace_id = $2`, [
        ada.organizationId,
        ada.workspaceId,
      ]);
    }
    await expect(world.database.as(ada).sql(`update ${table} set workspace_id = 'wsp_other'`)).rejects.toThrow(
      /row-level security|foreign key/,
    );
    expect(await rows(world, ada, `select * from ${table}`)).toHaveLength(mine.length);
  });

  test("the service itself sees which indexes are kept, and changes none", async () => {
    const service = world.database.asService();
    expect(await service.sql("select 1 from index_snapshot")).not.toEqual([]);
    expect(await service.sql("update index_snapshot set revision = 9 returning 1")).toEqual([]);
    expect(await service.sql("delete from index_snapshot returning 1")).toEqual([]);
  });

  test("the service itself finds uploads by their token and prunes them, and changes none", async () => {
    const service = world.database.asService();
    expect(await service.sql("select 1 from upload where id = $1", [uploadId])).toHaveLength(1);
    expect(await service.sql("update upload set filename = 'x' returning 1")).toEqual([]);
  });
});
