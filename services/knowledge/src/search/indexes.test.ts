import { searchPassages } from "../retrieval/search";
import {
  ask,
  eventually,
  givenBaseWith,
  givenDocuments,
  givenKnowledgeBase,
  markdown,
  memberOf,
  search,
  startWorld,
  type World,
} from "../testing/world";
import { openIndexes, type Indexes, type IndexSource } from "./indexes";
import { databaseSource } from "./source";

let world: World;
const ada = memberOf("org_ada");
const open: Indexes[] = [];
const warnings: string[] = [];

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world?.stop());
afterEach(async () => {
  for (const indexes of open.splice(0)) await indexes.close();
  expect(warnings.splice(0)).toEqual([]);
});

function indexesOf(source: Partial<IndexSource> = {}, bytesMax = 100_000_000): Indexes {
  const log = { warn: (_: object, message: string) => void warnings.push(message) };
  const indexes = openIndexes({ ...databaseSource, ...source }, { bytesMax, log });
  open.push(indexes);
  return indexes;
}

const db = () => world.database.as(ada);
const { workspaceId } = ada;
const revision = async (id: string) => (await databaseSource.revisionOf(db(), workspaceId, id))!;
const upTo = async (indexes: Indexes, id: string) =>
  indexes.upTo(db(), { id, workspaceId, revision: await revision(id) });
const found = async (indexes: Indexes, id: string, query: string) =>
  searchPassages([await upTo(indexes, id)], query, { limit: 100 }).hits.map(({ documentId }) => documentId);

const note = (n: number, text = `Number ${n} of the herons.`) => markdown(`${n}.md`, `# Note ${n}\n\n${text}`);

test("an index of another process catches up with every kind of change by the base's revision", async () => {
  const other = await startWorld({ beside: world });
  try {
    const { base, documents } = await givenBaseWith(world, ada, note(1), note(2), note(3));
    const [one, two, three] = documents.map(({ id }) => id) as [string, string, string];
    const there = async () =>
      (await search(other, ada, base, "herons", { mode: "KEYWORD" })).hits.map(({ document }) => document.id).sort();
    expect(await there()).toEqual([one, two, three].sort());
    const change = (mutation: string) => ask(world, ada, `mutation { ${mutation} }`);
    await change(`deleteDocument(input: { documentId: "${one}" }) { deletedDocumentId }`);
    expect(await there()).toEqual([two, three].sort());
    await change(`updateDocument(input: { documentId: "${two}", enabled: false }) { document { id } }`);
    expect(await there()).toEqual([three]);
    await change(`updateDocument(input: { documentId: "${two}", enabled: true, title: "Storks" }) { document { id } }`);
    expect((await search(other, ada, base, "storks", { mode: "KEYWORD" })).hits[0]?.document.id).toBe(two);
    const [four] = await givenDocuments(world, ada, base, [note(4)]);
    expect(await there()).toEqual([two, three, four!.id].sort());
    await change(`deleteKnowledgeBase(input: { knowledgeBaseId: "${base}" }) { deletedKnowledgeBaseId }`);
    expect(await search(other, ada, base, "herons")).toMatchObject({ code: "NOT_FOUND" });
  } finally {
    await other.stop();
  }
}, 60_000);

test("searches during many changes at once see each change that had committed before they began", async () => {
  const { base, documents } = await givenBaseWith(world, ada, ...Array.from({ length: 12 }, (_, n) => note(n)));
  const indexes = indexesOf();
  await Promise.all(
    documents.map(async ({ id }, n) => {
      await ask(
        world,
        ada,
        `mutation { updateDocument(input: { documentId: "${id}", title: "Fresh ${n}" }) { document { id } } }`,
      );
      expect(await found(indexes, base, `fresh ${n}`)).toContain(id);
      if (n % 3 > 0) return;
      await ask(world, ada, `mutation { deleteDocument(input: { documentId: "${id}" }) { deletedDocumentId } }`);
      expect(await found(indexes, base, "herons fresh")).not.toContain(id);
    }),
  );
  expect(await found(indexes, base, "herons")).toHaveLength(8);
});

test("who waits for the index of a base that is deleted meanwhile gets NOT_FOUND", async () => {
  const { base } = await givenBaseWith(world, ada, note(1));
  const present = await revision(base);
  await ask(
    world,
    ada,
    `mutation { deleteKnowledgeBase(input: { knowledgeBaseId: "${base}" }) { deletedKnowledgeBaseId } }`,
  );
  const indexes = indexesOf();
  await expect(indexes.upTo(db(), { id: base, workspaceId, revision: present })).rejects.toMatchObject({
    extensions: { code: "NOT_FOUND" },
  });
  expect(indexes.stats().indexes).toBe(0);
});

test("an index that is forgotten while it is made is made anew for whoever waits", async () => {
  const { base } = await givenBaseWith(world, ada, note(1), note(2));
  let forgotten = false;
  const indexes = indexesOf({
    async *passagesOf(...of) {
      for await (const passage of databaseSource.passagesOf(...of)) {
        if (!forgotten) indexes.forget(base);
        forgotten = true;
        yield passage;
      }
    },
  });
  expect(await found(indexes, base, "herons")).toHaveLength(2);
  expect(indexes.stats()).toMatchObject({ indexes: 1, passages: 2 });
});

test("a catching-up that breaks off is taken up whole", async () => {
  const { base } = await givenBaseWith(world, ada, note(1), note(2), note(3));
  let fail = true;
  const indexes = indexesOf({
    async *passagesOf(...of) {
      for await (const passage of databaseSource.passagesOf(...of)) {
        yield passage;
        if (fail) throw new Error("The connection broke.");
      }
    },
  });
  const waiting = await Promise.allSettled([found(indexes, base, "herons"), found(indexes, base, "herons")]);
  expect(waiting.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  fail = false;
  expect(await found(indexes, base, "herons")).toHaveLength(3);
  expect(indexes.stats().passages).toBe(3);
});

test("a document whose text stays isn't read again when its metadata changes", async () => {
  const { base, documents } = await givenBaseWith(world, ada, note(1), note(2));
  const read: string[] = [];
  const indexes = indexesOf({
    passagesOf(tx, workspace, ids) {
      read.push(...ids);
      return databaseSource.passagesOf(tx, workspace, ids);
    },
  });
  await upTo(indexes, base);
  read.length = 0;
  const { id } = documents[0]!;
  await ask(
    world,
    ada,
    `mutation { updateDocument(input: { documentId: "${id}", metadata: { year: 2026 } }) { document { id } } }`,
  );
  const index = await upTo(indexes, base);
  const { hits } = searchPassages([index], "herons", { filter: { metadata: { year: 2026 } } });
  expect(hits.map(({ documentId }) => documentId)).toEqual([id]);
  expect(read).toEqual([]);
  await ask(
    world,
    ada,
    `mutation { updateDocument(input: { documentId: "${id}", title: "New" }) { document { id } } }`,
  );
  await upTo(indexes, base);
  expect(read).toEqual([id]);
});

test("what was unused for longest goes when room is short, and comes back when it is asked for", async () => {
  const bases = [];
  for (let n = 0; n < 3; n++) bases.push((await givenBaseWith(world, ada, note(n))).base);
  const one = (await upTo(indexesOf(), bases[0]!)).statistics.bytes;
  const indexes = indexesOf({}, one * 2.5);
  for (const base of bases) await upTo(indexes, base);
  expect(indexes.stats().indexes).toBe(2);
  expect(indexes.stats().bytes).toBeLessThanOrEqual(one * 2.5);
  for (const [n, base] of bases.entries()) expect(await found(indexes, base, `number ${n}`)).toHaveLength(1);
  expect(indexes.stats().indexes).toBe(2);
});

test("an index in use catches up by itself, one that isn't in use isn't made", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const idle = await givenKnowledgeBase(world, ada);
  const indexes = indexesOf();
  await upTo(indexes, base);
  await givenDocuments(world, ada, base, [note(1)]);
  indexes.refresh(db(), { workspaceId, knowledgeBaseId: base });
  indexes.refresh(db(), { workspaceId, knowledgeBaseId: idle });
  await eventually(async () => indexes.stats().passages === 1);
  expect(indexes.stats().indexes).toBe(1);
});
