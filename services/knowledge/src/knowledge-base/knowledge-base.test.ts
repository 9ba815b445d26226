import {
  addDocuments,
  announced,
  ask,
  eventually,
  givenBaseWith,
  givenKnowledgeBase,
  givenUpload,
  markdown,
  memberOf,
  rows,
  search,
  settled,
  startWorld,
  storedFiles,
  type World,
} from "../testing/world";

let world: World;
const ada = memberOf("org_ada");

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world?.stop());

const base = "id name description splitting { method sizeTokens overlapTokens }";
const create = (input: object) =>
  ask(
    world,
    ada,
    `mutation ($input: CreateKnowledgeBaseInput!) { createKnowledgeBase(input: $input) { knowledgeBase { ${base} } } }`,
    { input },
  );
const update = (input: object) =>
  ask(
    world,
    ada,
    `mutation ($input: UpdateKnowledgeBaseInput!) { updateKnowledgeBase(input: $input) { knowledgeBase { ${base} } } }`,
    { input },
  );
const remove = (knowledgeBaseId: string) =>
  ask(
    world,
    ada,
    `mutation ($id: ID!) { deleteKnowledgeBase(input: { knowledgeBaseId: $id }) { deletedKnowledgeBaseId } }`,
    { id: knowledgeBaseId },
  );

test("a base is made, read, listed newest first, and announced", async () => {
  const { data } = await create({ name: "  Handbook ", description: "What everybody should know." });
  const { knowledgeBase } = data.createKnowledgeBase;
  expect(knowledgeBase).toEqual({
    id: expect.stringMatching(/^kb_/),
    name: "Handbook",
    description: "What everybody should know.",
    splitting: { method: "HEADING", sizeTokens: expect.any(Number), overlapTokens: expect.any(Number) },
  });
  const second = await givenKnowledgeBase(world, ada, { method: "FIXED", sizeTokens: 100, overlapTokens: 10 });
  const read = await ask(world, ada, `query ($id: ID!) { knowledgeBase(id: $id) { ${base} } }`, {
    id: knowledgeBase.id,
  });
  expect(read.data.knowledgeBase).toEqual(knowledgeBase);
  const page = `query ($after: String) { knowledgeBases(first: 1, after: $after) {
    nodes { id ingestion { queued ingested } } pageInfo { hasNextPage endCursor } } }`;
  const { knowledgeBases: first } = (await ask(world, ada, page)).data;
  expect(first.nodes).toEqual([{ id: second, ingestion: { queued: 0, ingested: 0 } }]);
  const { knowledgeBases: next } = (await ask(world, ada, page, { after: first.pageInfo.endCursor })).data;
  expect(next).toMatchObject({ nodes: [{ id: knowledgeBase.id }], pageInfo: { hasNextPage: false } });
  expect(await announced(world, ada)).toContainEqual({
    type: "knowledge.knowledge_base.created.v1",
    data: { knowledgeBaseId: knowledgeBase.id },
  });
});

test("a base changes in what is named, and in nothing else", async () => {
  const id = await givenKnowledgeBase(world, ada);
  const splitting = { method: "SENTENCE", sizeTokens: 200, overlapTokens: 20 };
  const { data } = await update({ knowledgeBaseId: id, splitting });
  expect(data.updateKnowledgeBase.knowledgeBase).toEqual({ id, name: "Handbook", description: "", splitting });
  await update({ knowledgeBaseId: id, name: "Rules", description: "" });
  const read = await ask(world, ada, `query ($id: ID!) { knowledgeBase(id: $id) { ${base} } }`, { id });
  expect(read.data.knowledgeBase).toEqual({ id, name: "Rules", description: "", splitting });
  const changes = (await announced(world, ada)).filter(({ type }) => type === "knowledge.knowledge_base.updated.v1");
  expect(changes.map(({ data }) => data)).toEqual([
    { knowledgeBaseId: id, changedFields: ["splitting"] },
    { knowledgeBaseId: id, changedFields: ["name", "description"] },
  ]);
});

test("bad input names the field and writes nothing", async () => {
  const id = await givenKnowledgeBase(world, ada);
  const before = await rows(world, ada, "select * from knowledge_base order by id");
  const split = { method: "FIXED", sizeTokens: 100, overlapTokens: 10 };
  const faults = [
    [create({ name: "" }), "input.name"],
    [create({ name: "x".repeat(201) }), "input.name"],
    [create({ name: "a\u0007b" }), "input.name"],
    [create({ name: "x", description: "x".repeat(5_001) }), "input.description"],
    [create({ name: "x", splitting: { ...split, sizeTokens: 1 } }), "input.splitting.sizeTokens"],
    [create({ name: "x", splitting: { ...split, sizeTokens: 1_000_000 } }), "input.splitting.sizeTokens"],
    [create({ name: "x", splitting: { ...split, overlapTokens: 50 } }), "input.splitting.overlapTokens"],
    [create({ name: "x", splitting: { ...split, overlapTokens: -1 } }), "input.splitting.overlapTokens"],
    [update({ knowledgeBaseId: id, name: "" }), "input.name"],
    [update({ knowledgeBaseId: id }), "input"],
    [update({ knowledgeBaseId: "kb_1", name: "x" }), "input.knowledgeBaseId"],
    [update({ knowledgeBaseId: "doc_01h455vb4pex5vsknk084sn02q", name: "x" }), "input.knowledgeBaseId"],
    [remove("' or 1=1"), "input.knowledgeBaseId"],
  ] as const;
  for (const [answer, field] of faults) expect(await answer).toMatchObject({ code: "BAD_USER_INPUT", field });
  expect(await update({ knowledgeBaseId: "kb_01h455vb4pex5vsknk084sn02q", name: "x" })).toMatchObject({
    code: "NOT_FOUND",
  });
  expect(await rows(world, ada, "select * from knowledge_base order by id")).toEqual(before);
});

test("a deleted base is found no more at once, and its rows, passages and files are gone soon", async () => {
  const files = storedFiles(world).length;
  const { base: id, documents } = await givenBaseWith(
    world,
    ada,
    markdown("a.md", "# Alpha\n\nThe alpha particle is heavy."),
    markdown("b.md", "# Beta\n\nThe beta particle is light."),
  );
  expect((await search(world, ada, id, "particle")).hits).toHaveLength(2);
  expect((await remove(id)).data.deleteKnowledgeBase).toEqual({ deletedKnowledgeBaseId: id });

  expect(await search(world, ada, id, "particle")).toMatchObject({ hits: [], code: "NOT_FOUND" });
  expect(await remove(id)).toMatchObject({ code: "NOT_FOUND" });
  expect(await update({ knowledgeBaseId: id, name: "x" })).toMatchObject({ code: "NOT_FOUND" });
  for (const query of [
    `{ knowledgeBase(id: "${id}") { id } }`,
    `{ document(id: "${documents[0]!.id}") { id } }`,
    `{ documents(filter: { knowledgeBaseId: "${id}" }) { nodes { id } } }`,
  ])
    expect(await ask(world, ada, query)).toMatchObject({ code: "NOT_FOUND" });
  const { data } = await ask(
    world,
    ada,
    `{ documents { nodes { knowledgeBase { id } } } knowledgeBases { nodes { id } } }`,
  );
  expect(JSON.stringify(data)).not.toContain(id);

  await eventually(
    async () => (await rows(world, ada, "select 1 from knowledge_base where id = $1", [id])).length === 0,
  );
  for (const table of ["document", "passage", "document_removal"])
    expect(await rows(world, ada, `select 1 from ${table} where knowledge_base_id = $1`, [id])).toEqual([]);
  await eventually(async () => storedFiles(world).length === files);
  const told = (await announced(world, ada)).filter(({ data }) => JSON.stringify(data).includes(id));
  expect(told.map(({ type }) => type.replace("knowledge.", "")).sort()).toEqual([
    "document.deleted.v1",
    "document.deleted.v1",
    "document.ingested.v1",
    "document.ingested.v1",
    "document.uploaded.v1",
    "document.uploaded.v1",
    "knowledge_base.created.v1",
    "knowledge_base.deleted.v1",
  ]);
});

test("a base that is deleted while its documents are being read ends without a trace or a fault", async () => {
  const id = await givenKnowledgeBase(world, ada);
  const long = Array.from({ length: 4_000 }, (_, n) => `## Part ${n}\n\nSentence number ${n} says a little.`).join(
    "\n\n",
  );
  const uploads = await Promise.all(
    ["a.md", "b.md", "c.md", "d.md"].map((name) => givenUpload(world, ada, markdown(name, `# ${name}\n\n${long}`))),
  );
  await addDocuments(world, ada, id, uploads);
  await eventually(
    async () => (await rows(world, ada, "select 1 from passage where knowledge_base_id = $1", [id])).length,
  );
  await remove(id);
  await eventually(
    async () => (await rows(world, ada, "select 1 from knowledge_base where id = $1", [id])).length === 0,
  );
  // What was under way has ended when another document is through.
  const { documents } = await givenBaseWith(world, ada, markdown("z.md", "# Z\n\nThe end."));
  await settled(world, ada, [documents[0]!.id]);
  expect(await rows(world, ada, "select 1 from passage where knowledge_base_id = $1", [id])).toEqual([]);
  expect(await rows(world, ada, "select 1 from document where knowledge_base_id = $1", [id])).toEqual([]);
  expect(world.warnings).toEqual([]);
});
