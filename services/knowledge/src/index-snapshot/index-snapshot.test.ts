import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { folderBlobs, type BlobStore } from "@atrium/blobs";
import { searchPassages } from "../retrieval/search";
import { openIndexes, type IndexSource, type Indexes } from "../search/indexes";
import { databaseSource } from "../search/source";
import { warmIndexes } from "../search/warm";
import {
  ask,
  eventually,
  givenBaseWith,
  givenDocuments,
  markdown,
  memberOf,
  rows,
  startWorld,
  type World,
} from "../testing/world";
import { indexSnapshots, keptLast, type IndexSnapshots } from "./commands";

let world: World;
let blobs: BlobStore;
const ada = memberOf("org_ada");
const eve = memberOf("org_eve");
const { workspaceId } = ada;
const warnings: string[] = [];
const log = { info() {}, error() {}, warn: (_: object, message: string) => void warnings.push(message) };
const open: Indexes[] = [];

beforeAll(async () => {
  world = await startWorld();
  blobs = await folderBlobs(world.folder);
}, 60_000);
afterAll(() => world?.stop());
afterEach(async () => {
  for (const indexes of open.splice(0)) await indexes.close();
  expect(warnings.splice(0)).toEqual([]);
});

const db = () => world.database.as(ada);
const snapshots = (): IndexSnapshots => indexSnapshots({ blobs, log });

/** The indexes of a process that has just started; `read` are the documents whose passages it read from the database. */
function started() {
  const read: string[] = [];
  const source: IndexSource = {
    ...databaseSource,
    passagesOf(tx, workspace, ids) {
      read.push(...ids);
      return databaseSource.passagesOf(tx, workspace, ids);
    },
  };
  const indexes = openIndexes(source, { bytesMax: 1e9, snapshots: snapshots(), log });
  open.push(indexes);
  const found = async (base: string, query: string) => {
    const revision = (await databaseSource.revisionOf(db(), workspaceId, base))!;
    const index = await indexes.upTo(db(), { id: base, workspaceId, revision });
    return searchPassages([index], query, { limit: 100, mode: "KEYWORD" }).hits.map(({ documentId }) => documentId);
  };
  return { indexes, read, found };
}

/** Has a process take the base in and end, as it should, so that its index is kept. */
async function givenKept(base: string): Promise<void> {
  const { indexes, found } = started();
  await found(base, "anything");
  await indexes.close();
}

const book = markdown(
  "book.md",
  Array.from({ length: 600 }, (_, n) => `## Part ${n}\n\nThe heron of part ${n} waits by the pond.`).join("\n\n"),
);
// Unlike enough that none is taken for a spelling of another.
const secrets = ["nothing", "quagmire", "zeppelin", "marzipan", "tambourine", "xylophone"];
const note = (n: number) => markdown(`note-${n}.md`, `# Note ${n}\n\nStorks know of the ${secrets[n]}.`);

const kept = (base: string) =>
  rows<{ blob_key: string }>(world, ada, "select blob_key from index_snapshot where knowledge_base_id = $1", [base]);
const fileOf = (blobKey: string) => path.join(world.folder, blobKey);
/** The files of all snapshots that there are, whatever a row may say. */
const files = () =>
  readdirSync(world.folder, { recursive: true })
    .map(String)
    .filter((name) => path.basename(name).startsWith("idx_"))
    .map((name) => path.join(world.folder, name));

async function givenBase() {
  const { base, documents } = await givenBaseWith(world, ada, book, note(1), note(2), note(3));
  const [bookId, one, two, three] = documents.map(({ id }) => id) as [string, string, string, string];
  return { base, bookId, one, two, three };
}
const change = (mutation: string) => ask(world, ada, `mutation { ${mutation} }`);

test("after a restart an index comes from what was kept of it, and takes in what has changed since", async () => {
  const { base, bookId, one, two, three } = await givenBase();
  await givenKept(base);
  const unchanged = started();
  expect(await unchanged.found(base, "storks zeppelin")).toEqual(expect.arrayContaining([one, two, three]));
  expect(await unchanged.found(base, "heron part 599")).toContain(bookId);
  expect(unchanged.read).toEqual([]);
  await unchanged.indexes.close();

  const [four] = await givenDocuments(world, ada, base, [note(4)]);
  await change(`updateDocument(input: { documentId: "${two}", enabled: false }) { document { id } }`);
  await change(`updateDocument(input: { documentId: "${three}", title: "Cranes" }) { document { id } }`);
  const changed = started();
  expect((await changed.found(base, "storks")).sort()).toEqual([one, three, four!.id].sort());
  expect(await changed.found(base, "cranes")).toEqual([three]);
  expect(changed.read.sort()).toEqual([three, four!.id].sort());
});

test("each time an index is kept, the file before goes", async () => {
  const { base } = await givenBase();
  await givenKept(base);
  const [first] = await kept(base);
  await givenDocuments(world, ada, base, [note(5)]);
  await givenKept(base);
  const now = await kept(base);
  expect(now).toHaveLength(1);
  expect(now).not.toEqual([first]);
  await eventually(async () => !files().includes(fileOf(first!.blob_key)));
  expect(files()).toContain(fileOf(now[0]!.blob_key));
});

test.each([
  ["damaged", (file: string) => writeFileSync(file, flipped(readFileSync(file)))],
  ["cut off", (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 5_000))],
  [
    "of an older form",
    (file: string) => writeFileSync(file, replaced(readFileSync(file), "atrium-passages-", "atrium-PASSAGES-")),
  ],
])("a snapshot that is %s is ignored and removed, and the index built anew", async (_, spoil) => {
  const { base, bookId, one, two, three } = await givenBase();
  await givenKept(base);
  const [row] = await kept(base);
  spoil(fileOf(row!.blob_key));
  const { found, read } = started();
  expect(await found(base, "storks")).toEqual(expect.arrayContaining([one, two, three]));
  expect(read.sort()).toEqual([bookId, one, two, three].sort());
  expect(await kept(base)).toEqual([]);
  expect(files()).not.toContain(fileOf(row!.blob_key));
  expect(warnings.splice(0)).toEqual(["A kept index can't be used; it is built anew."]);
});

test("a snapshot of another base, or of another revision than its row says, isn't used", async () => {
  const { base, one, two, three } = await givenBase();
  const other = await givenBase();
  for (const each of [base, other.base]) await givenKept(each);
  const [foreign] = await kept(other.base);
  const lie = async (assignment: string, values: unknown[]) => {
    await rows(world, ada, `update index_snapshot set ${assignment} where knowledge_base_id = $1`, [base, ...values]);
    const { found, read, indexes } = started();
    expect((await found(base, "storks")).sort()).toEqual([one, two, three].sort());
    expect(read).toHaveLength(4);
    await indexes.close();
    expect(warnings.splice(0)).toEqual(["A kept index can't be used; it is built anew."]);
  };
  await lie("revision = revision + 1", []);
  await rows(world, ada, "delete from index_snapshot where knowledge_base_id = $1", [other.base]);
  await lie("blob_key = $2", [foreign!.blob_key]);
});

test("another organization doesn't find it, by whatever id", async () => {
  const { base } = await givenBase();
  await givenKept(base);
  expect(await snapshots().load(world.database.as(eve), { workspaceId, knowledgeBaseId: base })).toBeNull();
  expect(
    await snapshots().load(world.database.as(eve), { workspaceId: eve.workspaceId, knowledgeBaseId: base }),
  ).toBeNull();
  expect(await snapshots().load(db(), { workspaceId, knowledgeBaseId: base })).not.toBeNull();
});

test("what holds a deleted document goes at once, and what is kept next has not a word of it", async () => {
  const { base, one } = await givenBase();
  const { indexes, found } = started();
  await found(base, "storks");
  await givenKept(base);
  const [before] = await kept(base);
  expect(readFileSync(fileOf(before!.blob_key)).includes("quagmir")).toBe(true);
  await change(`deleteDocument(input: { documentId: "${one}" }) { deletedDocumentId }`);
  expect(await kept(base)).toEqual([]);
  await eventually(async () => !files().includes(fileOf(before!.blob_key)));

  // This process has had the document in memory.
  expect(await found(base, "quagmire")).toEqual([]);
  await indexes.close();
  const [after] = await kept(base);
  const bytes = readFileSync(fileOf(after!.blob_key));
  expect(bytes.includes("zeppelin")).toBe(true);
  expect(bytes.includes("quagmir")).toBe(false);
  expect(bytes.includes(one)).toBe(false);
});

test("an index from before a deletion isn't kept after it, nor one that is written meanwhile", async () => {
  const { base, one, two } = await givenBase();
  await givenKept(base);
  const stale = (await snapshots().load(db(), { workspaceId, knowledgeBaseId: base }))!;
  let during: () => Promise<unknown> = async () => {};
  const slow: BlobStore = {
    ...blobs,
    async write(...of) {
      await during();
      return blobs.write(...of);
    },
  };
  during = () => change(`deleteDocument(input: { documentId: "${one}" }) { deletedDocumentId }`);
  expect(await indexSnapshots({ blobs: slow, log }).keep(db(), stale)).toBe(false);
  during = async () => {
    throw new Error("Nothing should be written.");
  };
  expect(await indexSnapshots({ blobs: slow, log }).keep(db(), stale)).toBe(false);
  expect(await kept(base)).toEqual([]);
  await change(`deleteDocument(input: { documentId: "${two}" }) { deletedDocumentId }`);
  await eventually(async () => files().every((file) => !readFileSync(file).includes(base)));
});

test("after a start the indexes that were kept last are read ahead, as far as there is room", async () => {
  const [older, newer] = [await givenBase(), await givenBase()];
  for (const { base } of [older, newer]) await givenKept(base);
  const services = (indexes: Indexes) => ({ database: world.database, indexes, log });
  const some = started();
  await warmIndexes(services(some.indexes), keptLast, { bytesMax: 1 }).done;
  expect(some.indexes.stats().indexes).toBe(1);
  expect(await some.found(newer.base, "heron part 599")).toContain(newer.bookId);
  expect(some.indexes.stats().indexes).toBe(1);
  const all = started();
  await warmIndexes(services(all.indexes), keptLast, { bytesMax: 1e9 }).done;
  expect(all.indexes.stats().indexes).toBeGreaterThan(1);
  expect([...some.read, ...all.read]).toEqual([]);
  expect(await keptLast(world.database.as(eve), 10)).toEqual([]);
});

test("it goes with its base", async () => {
  const { base } = await givenBase();
  await givenKept(base);
  const [row] = await kept(base);
  await change(`deleteKnowledgeBase(input: { knowledgeBaseId: "${base}" }) { deletedKnowledgeBaseId }`);
  await eventually(async () => (await kept(base)).length === 0);
  await eventually(async () => !files().includes(fileOf(row!.blob_key)));
});

function flipped(bytes: Buffer): Buffer {
  bytes[bytes.length >> 1]! ^= 1;
  return bytes;
}

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  bytes.write(to, bytes.indexOf(from));
  return bytes;
}
