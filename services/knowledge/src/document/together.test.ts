import {
  announced,
  documentNow,
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
import { expectSound, givenWaiting, jobOf, part, startingChildren } from "../testing/ingestion";
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

test("many small files become findable a good number at a time, and one that is at fault fails alone", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const files = Array.from({ length: 40 }, (_, n) => note(n));
  const blank = "<html><head><title>Blank</title></head><body></body></html>";
  files[17] = { filename: "blank.html", contentType: "text/html", content: blank };
  const documents = await givenDocuments(world, ada, base, files);
  expect(documents.map(({ status }, n) => (status === "INGESTED" ? null : n)).filter((n) => n !== null)).toEqual([17]);
  expect(documents[17]).toMatchObject({ status: "FAILED", failure: { code: "EMPTY" }, passageCount: 0 });
  const readable = documents.filter((_, n) => n !== 17).map(({ id }) => id);
  for (const id of readable) await expectSound(world, ada, id);
  const told = (await ingestedIds(world)).filter((id) => readable.includes(id));
  expect(told.toSorted()).toEqual(readable.toSorted());
  const [row] = await rows<{ revision: number }>(world, ada, "select revision from knowledge_base where id = $1", [
    base,
  ]);
  expect(row!.revision).toBeLessThan(readable.length / 2);
  for (const n of [0, 16, 18, 39])
    expect((await search(world, ada, base, `pump ${n}`)).hits[0]!.document.title).toBe(`note-${n}`);
});

/** A job whose files say what their passage is told to be. */
const jobWith = (textOf: (filename: string) => Promise<string> | string) =>
  jobOf(world, ada, async function* ({ filename }) {
    yield part(await textOf(filename));
  });

/** Notes that wait, as jobs hand them over together. */
async function givenNotes(count: number): Promise<{ documentId: string; signal: AbortSignal }[]> {
  const { ids } = await givenWaiting(world, ada, ...Array.from({ length: count }, (_, n) => note(n)));
  return ids.map((documentId) => ({ documentId, signal: new AbortController().signal }));
}

test("one whose passages can't be stored is to be tried again; the others of its turn are found", async () => {
  const waiting = await givenNotes(4);
  const results = await ingestDocuments(
    jobWith((filename) => (filename === "note-2.md" ? "no database holds \0 this" : `new text of ${filename}`)),
    waiting,
  );
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  const states = await Promise.all(waiting.map(({ documentId }) => documentNow(world, ada, documentId)));
  expect(states.map((document) => document!.status)).toEqual(["INGESTED", "INGESTED", "INGESTING", "INGESTED"]);
  const texts = "select text from passage where document_id = $1";
  expect(await rows(world, ada, texts, [waiting[3]!.documentId])).toEqual([{ text: "new text of note-3.md" }]);
  const told = (await ingestedIds(world)).filter((id) => id === waiting[2]!.documentId);
  // From when it was read the first time.
  expect(told).toHaveLength(1);
});

test("one that is deleted, or overtaken by a newer reading, while others of its turn are read, holds none of them up", async () => {
  const waiting = await givenNotes(4);
  const [gone, overtaken] = [waiting[0]!.documentId, waiting[1]!.documentId];
  const results = await ingestDocuments(
    jobWith(async (filename) => {
      if (filename === "note-2.md") {
        await rows(world, ada, "delete from document where id = $1", [gone]);
        await ingestDocuments(
          jobWith(() => "of the newer reading"),
          [{ documentId: overtaken, signal: waiting[1]!.signal }],
        );
      }
      return `of the older reading of ${filename}`;
    }),
    waiting,
  );
  expect(results.map(({ status }) => status)).toEqual(Array(4).fill("fulfilled"));
  expect(await documentNow(world, ada, gone)).toBeNull();
  const found = await rows<{ text: string }>(
    world,
    ada,
    "select text from passage where document_id = any ($1) order by document_id",
    [waiting.map(({ documentId }) => documentId)],
  );
  const [, , third, fourth] = ["", "", "of the older reading of note-2.md", "of the older reading of note-3.md"];
  expect(found.map(({ text }) => text).toSorted()).toEqual(["of the newer reading", third, fourth].toSorted());
});

test("one that takes long doesn't keep the others from being found meanwhile", async () => {
  const waiting = await givenNotes(4);
  let end = () => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const all = ingestDocuments(
    jobWith(async (filename) => {
      if (filename === "note-1.md") await ended;
      return filename;
    }),
    waiting,
  );
  await eventually(async () => (await documentNow(world, ada, waiting[2]!.documentId))!.status === "INGESTED");
  expect((await documentNow(world, ada, waiting[1]!.documentId))!.status).toBe("INGESTING");
  end();
  expect((await all).map(({ status }) => status)).toEqual(Array(4).fill("fulfilled"));
});

describe("a process that is killed", () => {
  const children = startingChildren(ada);
  afterEach(() => children.killAll());

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
      const atWork = await children.start(first, { query, variables });
      await eventually(async () => (await count("INGESTING")) > 1);
      await atWork.kill();
      const second = await children.start(first, null);
      await eventually(async () => (await count("INGESTED")) > 0);
      await second.kill();

      last = await startWorld({ beside: first });
      const ids = (await rows<{ id: string }>(first, ada, "select id from document order by id")).map(({ id }) => id);
      expect(ids).toHaveLength(50);
      await settled(last, ada, ids);
      for (const id of ids) await expectSound(last, ada, id);
      expect((await ingestedIds(last)).toSorted()).toEqual(ids);
      for (const n of [0, 24, 49])
        expect((await search(last, ada, base, `note ${n} pump ${n}`)).hits[0]!.document.title).toBe(`note-${n}`);
    } finally {
      await last?.stop();
      await first.stop();
    }
  }, 120_000);
});
