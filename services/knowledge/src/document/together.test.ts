import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { ParsePassages } from "../ingestion/parse";
import {
  addDocuments,
  announced,
  documentNow,
  givenBaseWith,
  givenDocuments,
  givenKnowledgeBase,
  givenUpload,
  eventually,
  markdown,
  memberOf,
  rows,
  search,
  settled,
  startWorld,
  type World,
} from "../testing/world";
import { ingestDocuments } from "./ingest";

let world: World;
const ada = memberOf("org_ada");

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world?.stop());

const note = (n: number) => markdown(`note-${n}.md`, `# Note ${n}\n\nPump ${n} is looked after on day ${n}.`);

const ingestedIds = async (where: World) =>
  (await announced(where, ada))
    .filter(({ type }) => type === "knowledge.document.ingested.v1")
    .map(({ data }) => (data as { documentId: string }).documentId);

async function expectSound(where: World, documentId: string): Promise<void> {
  const ordinals = await rows<{ ordinal: number }>(
    where,
    ada,
    "select ordinal from passage where document_id = $1 order by ordinal",
    [documentId],
  );
  expect(ordinals.map(({ ordinal }) => ordinal)).toEqual(ordinals.map((_, place) => place));
  expect(await documentNow(where, ada, documentId)).toMatchObject({
    status: "INGESTED",
    passageCount: ordinals.length,
  });
}

test("many small files become findable a good number at a time, and one that is at fault fails alone", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const files = Array.from({ length: 40 }, (_, n) => note(n));
  const blank = "<html><head><title>Blank</title></head><body></body></html>";
  files[17] = { filename: "blank.html", contentType: "text/html", content: blank };
  const documents = await givenDocuments(world, ada, base, files);
  expect(documents.map(({ status }, n) => (status === "INGESTED" ? null : n)).filter((n) => n !== null)).toEqual([17]);
  expect(documents[17]).toMatchObject({ status: "FAILED", failure: { code: "EMPTY" }, passageCount: 0 });
  const readable = documents.filter((_, n) => n !== 17).map(({ id }) => id);
  for (const id of readable) await expectSound(world, id);
  const told = (await ingestedIds(world)).filter((id) => readable.includes(id));
  expect(told.toSorted()).toEqual(readable.toSorted());
  const [row] = await rows<{ revision: number }>(world, ada, "select revision from knowledge_base where id = $1", [
    base,
  ]);
  expect(row!.revision).toBeLessThan(readable.length / 2);
  for (const n of [0, 16, 18, 39])
    expect((await search(world, ada, base, `pump ${n}`)).hits[0]!.document.title).toBe(`note-${n}`);
});

const passage = (text: string) => ({
  ordinal: 0,
  text,
  start: 0,
  end: text.length,
  tokenCount: 1,
  firstPage: null,
  lastPage: null,
  sheet: null,
  headingPath: [],
});

/** What the service's job has, with files that say what their document's title is told to be. */
const jobOf = (passagesOf: (filename: string) => Promise<string> | string) => ({
  db: world.database.as(ada),
  database: world.database,
  blobs: { read: async () => ({ destroy() {} }) } as never,
  topics: world.topics,
  indexes: { refresh() {} } as never,
  now: () => new Date(),
  parsePassages: async function* ({ filename }) {
    const text = await passagesOf(filename);
    const facts = { format: "TXT", pageCount: null, title: null } as never;
    yield { start: 0, text, facts, passages: [passage(text)] };
  } satisfies ParsePassages,
});

/** Documents that wait, and that no job of the service's takes. */
async function givenWaiting(count: number): Promise<{ id: string; signal: AbortSignal }[]> {
  const { documents } = await givenBaseWith(world, ada, ...Array.from({ length: count }, (_, n) => note(n)));
  const ids = documents.map(({ id }) => id);
  await rows(
    world,
    ada,
    "update document set state = 'QUEUED', ingested_at = null, found_generation = null where id = any ($1)",
    [ids],
  );
  return ids.map((id) => ({ id, signal: new AbortController().signal }));
}

const asked = (waiting: readonly { id: string; signal: AbortSignal }[]) =>
  waiting.map(({ id: documentId, signal }) => ({ documentId, signal }));

test("one whose passages can't be stored is to be tried again; the others of its turn are found", async () => {
  const waiting = await givenWaiting(4);
  const results = await ingestDocuments(
    jobOf((filename) => (filename === "note-2.md" ? "no database holds \0 this" : `new text of ${filename}`)),
    asked(waiting),
  );
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  const states = await Promise.all(waiting.map(({ id }) => documentNow(world, ada, id)));
  expect(states.map((document) => document!.status)).toEqual(["INGESTED", "INGESTED", "INGESTING", "INGESTED"]);
  const texts = "select text from passage where document_id = $1";
  expect(await rows(world, ada, texts, [waiting[3]!.id])).toEqual([{ text: "new text of note-3.md" }]);
  const told = (await ingestedIds(world)).filter((id) => id === waiting[2]!.id);
  // From when it was read the first time.
  expect(told).toHaveLength(1);
});

test("one that is deleted, or overtaken by a newer reading, while others of its turn are read, holds none of them up", async () => {
  const waiting = await givenWaiting(4);
  const [gone, overtaken] = [waiting[0]!.id, waiting[1]!.id];
  const results = await ingestDocuments(
    jobOf(async (filename) => {
      if (filename === "note-2.md") {
        await rows(world, ada, "delete from document where id = $1", [gone]);
        await ingestDocuments(
          jobOf(() => "of the newer reading"),
          [{ documentId: overtaken, signal: waiting[1]!.signal }],
        );
      }
      return `of the older reading of ${filename}`;
    }),
    asked(waiting),
  );
  expect(results.map(({ status }) => status)).toEqual(Array(4).fill("fulfilled"));
  expect(await documentNow(world, ada, gone)).toBeNull();
  const found = await rows<{ text: string }>(
    world,
    ada,
    "select text from passage where document_id = any ($1) order by document_id",
    [waiting.map(({ id }) => id)],
  );
  const [, , third, fourth] = ["", "", "of the older reading of note-2.md", "of the older reading of note-3.md"];
  expect(found.map(({ text }) => text).toSorted()).toEqual(["of the newer reading", third, fourth].toSorted());
});

test("one that takes long doesn't keep the others from being found meanwhile", async () => {
  const waiting = await givenWaiting(4);
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const all = ingestDocuments(
    jobOf(async (filename) => {
      if (filename === "note-1.md") await ended;
      return filename;
    }),
    asked(waiting),
  );
  await eventually(async () => (await documentNow(world, ada, waiting[2]!.id))!.status === "INGESTED");
  expect((await documentNow(world, ada, waiting[1]!.id))!.status).toBe("INGESTING");
  end();
  expect((await all).map(({ status }) => status)).toEqual(Array(4).fill("fulfilled"));
});

describe("a process that is killed", () => {
  const children: ChildProcess[] = [];
  afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

  async function startChild(beside: World, operation: object | null) {
    const task = JSON.stringify({ beside: { home: beside.home, folder: beside.folder }, actor: ada, operation });
    const script = path.join(__dirname, "../testing/child.ts");
    const args = ["--conditions", "@atrium/source", "--import", require.resolve("tsx"), script, task];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    await once(child.stdout!, "data");
    return async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    };
  }

  test("in the middle of a turn of small files, at several points, has each ingested exactly once in the end", async () => {
    const first = await startWorld();
    let last: World | null = null;
    try {
      const base = await givenKnowledgeBase(first, ada, { method: "FIXED", sizeTokens: 50, overlapTokens: 0 });
      const uploadIds = [];
      for (let n = 0; n < 50; n++) {
        const content = Array.from({ length: 300 }, (_, at) => `Sentence ${at} of note ${n} is about pump ${n}.`);
        uploadIds.push(await givenUpload(first, ada, markdown(`note-${n}.md`, content.join(" "))));
      }
      await first.pause();
      const count = async (state: string) =>
        (await rows(first, ada, "select 1 from document where state = $1", [state])).length;
      const query = `mutation ($input: AddDocumentsInput!) { addDocuments(input: $input) { documents { id } } }`;
      const variables = { input: { knowledgeBaseId: base, uploadIds } };
      const killFirst = await startChild(first, { query, variables });
      await eventually(async () => (await count("INGESTING")) > 1);
      await killFirst();
      const killSecond = await startChild(first, null);
      await eventually(async () => (await count("INGESTED")) > 0);
      await killSecond();

      last = await startWorld({ beside: first });
      const ids = (await rows<{ id: string }>(first, ada, "select id from document order by id")).map(({ id }) => id);
      expect(ids).toHaveLength(50);
      await settled(last, ada, ids);
      for (const id of ids) await expectSound(last, id);
      expect((await ingestedIds(last)).toSorted()).toEqual(ids);
      for (const n of [0, 24, 49])
        expect((await search(last, ada, base, `note ${n} pump ${n}`)).hits[0]!.document.title).toBe(`note-${n}`);
    } finally {
      await last?.stop();
      await first.stop();
    }
  }, 120_000);
});

test("an organization's many small files take turns with another's one", async () => {
  const bob = memberOf("org_bob");
  const [theirs, his] = [await givenKnowledgeBase(world, ada), await givenKnowledgeBase(world, bob)];
  const many = [];
  for (let n = 0; n < 100; n++) many.push(await givenUpload(world, ada, note(n)));
  const one = await givenUpload(world, bob, note(1));
  for (const from of [0, 50]) await addDocuments(world, ada, theirs, many.slice(from, from + 50));
  const { payload } = await addDocuments(world, bob, his, [one]);
  const [document] = await settled(world, bob, [payload!.documents![0]!.id]);
  expect(document!.status).toBe("INGESTED");
  const since = "select ingested_at as at from document where id = $1";
  const [{ at }] = (await rows<{ at: Date }>(world, bob, since, [document!.id])) as [{ at: Date }];
  const before = "select 1 from document where knowledge_base_id = $1 and ingested_at < $2";
  expect((await rows(world, ada, before, [theirs, at])).length).toBeLessThan(100);
  const ids = await rows<{ id: string }>(world, ada, "select id from document where knowledge_base_id = $1", [theirs]);
  await settled(
    world,
    ada,
    ids.map(({ id }) => id),
  );
});
