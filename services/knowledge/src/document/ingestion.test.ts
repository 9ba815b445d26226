import { docxParts, pdf, wordParagraph, zip } from "../../fixtures/make";
import { ParseFailure } from "../ingestion/failures";
import {
  addDocuments,
  announced,
  ask,
  documentNow,
  eventually,
  fixture,
  givenBaseWith,
  givenDocuments,
  givenKnowledgeBase,
  givenUpload,
  markdown,
  memberOf,
  rows,
  search,
  settled,
  startWorld,
  type TestDocument,
  type TestFile,
  type World,
} from "../testing/world";
import {
  expectSound,
  givenWaiting,
  ingestAlone,
  jobOf,
  part,
  passagesOf,
  startingChildren,
} from "../testing/ingestion";
import { giveUpDocument } from "./ingest";

let world: World;
const ada = memberOf("org_ada");

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world?.stop());

const types = {
  pdf: "application/pdf",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  rtf: "application/rtf",
  html: "text/html",
};

const written = (filename: string, contentType: string, content: string | Buffer): TestFile => ({
  filename,
  contentType,
  content,
});

test("every format is read from its file, and its passages are found", async () => {
  const names = `ntsb-20071229X02007.pdf ntsb-20071231X02009.pdf ntsb-20080102X00002.pdf ntsb-20080102X00005.pdf
    ntsb-20080104X00020.pdf ntsb-20080108X00029.pdf ntsb-20080108X00031.pdf ntsb-20080109X00035.pdf testPDFVarious.pdf
    testEXCEL_headers_footers.xlsx testEXCEL_hyperlinks.xlsx testHTMLGoodScript.html testPPT_masterText.pptx
    testPPT_various.pptx testRTFHyperlinkAndStyles.rtf testRTFVarious.rtf testWORD_endnote_table.docx
    testWORD_numbered_list.docx testWORD_various.docx`.split(/\s+/);
  const files = [
    ...names.map((name) => fixture(name, types[name.split(".")[1] as keyof typeof types])),
    written("prices.csv", "text/csv", "article,price\nGrommet,4.50\nWidget,12.00\n"),
    written("rules.md", "text/markdown", "# Rules\n\nNobody smokes in the greenhouse."),
    written("notes.txt", "text/plain", "The zeppelin leaves from the northern mast at noon."),
    written(
      "mail.eml",
      "message/rfc822",
      "From: a@example.org\r\nTo: b@example.org\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nSubject: The kiln\r\n\r\nThe kiln is too hot.\r\n",
    ),
    written("data.json", "application/json", JSON.stringify([{ plant: "Fennel", needs: "sunlight" }])),
  ];
  const base = await givenKnowledgeBase(world, ada);
  const documents = await givenDocuments(world, ada, base, files);
  expect(documents.filter(({ status }) => status === "FAILED")).toEqual([]);
  const formats = new Set(documents.map(({ format }) => format));
  expect([...formats].sort()).toEqual([
    "CSV",
    "DOCX",
    "EML",
    "HTML",
    "JSON",
    "MARKDOWN",
    "PDF",
    "PPTX",
    "RTF",
    "TXT",
    "XLSX",
  ]);
  for (const { id, passageCount } of documents) {
    const passages = await passagesOf(world, ada, id);
    expect(passages).toHaveLength(passageCount);
    const query = passages.at(-1)!.text.slice(0, 300);
    const { hits } = await search(world, ada, base, query, { filter: { documentIds: [id] } });
    expect(hits[0]?.document.id).toBe(id);
  }
  const { hits } = await search(world, ada, base, "what must nobody do in the greenhouse");
  expect(hits[0]!.document.title).toBe("rules");
}, 90_000);

test("files that can't be read say why, and the others of the batch are read", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const whole = fixture("ntsb-20080102X00002.pdf", types.pdf);
  const files: [TestFile, string | null][] = [
    [
      { ...whole, filename: "cut.pdf", content: (whole.content as Buffer).subarray(0, whole.content.length / 2) },
      "CORRUPT",
    ],
    [
      written("locked.pdf", types.pdf, await pdf((page) => page.text("Secret."), { userPassword: "open sesame" })),
      "ENCRYPTED",
    ],
    [markdown("good.md", "# Good\n\nThis one can be read."), null],
    [written("blank.docx", types.docx, zip(docxParts(wordParagraph("  ")))), "EMPTY"],
    [fixture("testPDF_jpeg2000.pdf", types.pdf), "NO_TEXT"],
    [
      written(
        "bomb.docx",
        types.docx,
        zip({ ...docxParts(wordParagraph("Hi")), "word/media/big": Buffer.alloc(40_000_000) }),
      ),
      "TOO_LARGE",
    ],
    [whole, null],
  ];
  const documents = await givenDocuments(
    world,
    ada,
    base,
    files.map(([file]) => file),
  );
  expect(documents.map(({ failure }) => failure?.code ?? null)).toEqual(files.map(([, code]) => code));
  for (const { failure, status, passageCount } of documents) {
    expect(status).toBe(failure ? "FAILED" : "INGESTED");
    if (failure) expect([failure.message, passageCount]).toEqual([expect.stringMatching(/\w.*\./), 0]);
  }
  const failed = documents.filter(({ failure }) => failure);
  const told = (await announced(world, ada)).filter(({ type }) => type === "knowledge.document.failed.v1");
  for (const { id, failure } of failed)
    expect(told).toContainEqual({
      type: "knowledge.document.failed.v1",
      data: { documentId: id, knowledgeBaseId: base, reason: failure!.code },
    });
  expect(
    await rows(world, ada, "select 1 from passage where document_id = any ($1)", [failed.map(({ id }) => id)]),
  ).toEqual([]);
  expect((await search(world, ada, base, "this one can be read")).hits).not.toEqual([]);
}, 60_000);

test("text that a database can't hold as it is doesn't stop an ingestion", async () => {
  const { documents } = await givenBaseWith(
    world,
    ada,
    written(
      "odd.json",
      "application/json",
      '[{"a\\u0000b": "nul \\u0000 and half a pair \\ud83d here", "c": "\\udc00"}]',
    ),
    written(
      "odd.html",
      "text/html",
      "<html><head><title>T&#0;itle &#xD83D;</title></head><body>Text &#xDC00; here</body></html>",
    ),
    written("odd.txt", "text/plain", Buffer.from("Plain \xed\xa0\x80 text here", "latin1")),
  );
  expect(documents.map(({ status, failure }) => failure ?? status)).toEqual(["INGESTED", "INGESTED", "INGESTED"]);
  for (const { id } of documents) await expectSound(world, ada, id);
});

const long = (name: string, parts: number) =>
  markdown(
    `${name}.md`,
    `# ${name}\n\n${Array.from({ length: parts }, (_, n) => `## Part ${n} of ${name}\n\nSentence ${n} says that ${name} goes on for a good while yet.`).join("\n\n")}`,
  );

test("a document of many parts is read piece by piece, and all of it is found", async () => {
  const base = await givenKnowledgeBase(world, ada, { method: "FIXED", sizeTokens: 60, overlapTokens: 0 });
  const [document] = await givenDocuments(world, ada, base, [long("Marathon", 12_000)]);
  await expectSound(world, ada, document!.id);
  expect(document!.passageCount).toBeGreaterThan(4_000);
  const { hits } = await search(world, ada, base, "part 11999 of Marathon");
  expect(hits[0]!.passage.text).toContain("11999");
}, 60_000);

test("many documents of one base at once, while others are changed and deleted, end without a deadlock", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const uploads = await Promise.all(
    Array.from({ length: 24 }, (_, n) => givenUpload(world, ada, markdown(`${n}.md`, `# Note ${n}\n\nNumber ${n}.`))),
  );
  const added = await Promise.all(
    Array.from({ length: 6 }, (_, n) => addDocuments(world, ada, base, uploads.slice(n * 4, n * 4 + 4))),
  );
  const ids = added.flatMap(({ payload }) => payload!.documents!.map(({ id }) => id));
  const [gone, ...kept] = [ids.slice(0, 6), ...ids.slice(6)];
  await Promise.all([
    ...gone.map((documentId) => remove(documentId)),
    ...kept.map((documentId, n) => update({ documentId, metadata: { n } })),
    ...kept.map((documentId) => update({ documentId, title: `Renamed ${documentId}` })),
    ...Array.from({ length: 10 }, () => search(world, ada, base, "number")),
  ]);
  const documents = await settled(world, ada, kept);
  expect(new Set(documents.map(({ status }) => status))).toEqual(new Set(["INGESTED"]));
  const { hits } = await search(world, ada, base, "number", { first: 100, mode: "KEYWORD" });
  expect(hits.map(({ document }) => document.id).sort()).toEqual([...kept].sort());
  for (const { document } of hits) expect(document.title).toBe(`Renamed ${document.id}`);
  expect(world.warnings).toEqual([]);
}, 60_000);

const remove = (documentId: string) =>
  ask(world, ada, `mutation ($id: ID!) { deleteDocument(input: { documentId: $id }) { deletedDocumentId } }`, {
    id: documentId,
  });
const update = (input: object) =>
  ask(world, ada, `mutation ($input: UpdateDocumentInput!) { updateDocument(input: $input) { document { id } } }`, {
    input,
  });
const reindex = async (documentId: string) =>
  (
    await ask(
      world,
      ada,
      `mutation ($id: ID!) { reindexDocument(input: { documentId: $id }) { document { status } userErrors { code } } }`,
      { id: documentId },
    )
  ).data.reindexDocument;

test("a document is read again with the base's splitting as it is now", async () => {
  const { base, documents } = await givenBaseWith(world, ada, long("Again", 200));
  const { id, passageCount } = documents[0]!;
  const before = await search(world, ada, base, "sentence 150 of Again");
  await ask(
    world,
    ada,
    `mutation ($id: ID!) { updateKnowledgeBase(input: { knowledgeBaseId: $id, splitting: { method: FIXED, sizeTokens: 2000, overlapTokens: 0 } }) { knowledgeBase { id } } }`,
    { id: base },
  );
  expect(await reindex(id)).toEqual({ document: { status: "QUEUED" }, userErrors: [] });
  const [again] = await settled(world, ada, [id]);
  expect(again!.passageCount).toBeLessThan(passageCount);
  await expectSound(world, ada, id);
  const { hits } = await search(world, ada, base, "sentence 150 of Again");
  expect(hits[0]!.document.id).toBe(id);
  expect(before.hits.map(({ passage }) => passage.id)).not.toContain(hits[0]!.passage.id);
});

const waitingNote = () => givenWaiting(world, ada, markdown("slow.md", "# Slow\n\nIt takes its time."));

test("an ingestion that another one overtakes writes nothing more", async () => {
  const [id] = (await waitingNote()).ids as [string];
  const overtaken = jobOf(world, ada, async function* () {
    yield part("the old reading");
    const newer = jobOf(world, ada, async function* () {
      yield part("the new reading");
    });
    await ingestAlone(newer, id);
    yield part("more of the old reading", 1);
  });
  await ingestAlone(overtaken, id);
  expect((await passagesOf(world, ada, id)).map(({ text }) => text)).toEqual(["the new reading"]);
  await expectSound(world, ada, id);
});

test("a document that is deleted or whose base is, while it is read, ends quietly", async () => {
  for (const end of ["document", "base"] as const) {
    const { base, ids } = await waitingNote();
    const [id] = ids as [string];
    const job = jobOf(world, ada, async function* () {
      yield part("one");
      if (end === "document") await remove(id);
      else
        await ask(
          world,
          ada,
          `mutation { deleteKnowledgeBase(input: { knowledgeBaseId: "${base}" }) { deletedKnowledgeBaseId } }`,
        );
      yield part("two", 3);
    });
    await ingestAlone(job, id);
    await eventually(async () => (await passagesOf(world, ada, id)).length === 0);
  }
});

test("a document that is read again is found as it was until the new reading has ended, and in one step then", async () => {
  const { base, documents } = await givenBaseWith(world, ada, markdown("heron.md", "# Heron\n\nThe heron waits."));
  const { id } = documents[0]!;
  const texts = async () =>
    (await search(world, ada, base, "heron", { mode: "KEYWORD" })).hits.map((hit) => hit.passage.text);
  const listed = async () => {
    const query = `query ($id: ID!) { document(id: $id) { ingestedAt passages { nodes { text } } } }`;
    const { ingestedAt, passages } = (await ask(world, ada, query, { id })).data.document;
    return { ingestedAt, texts: passages.nodes.map(({ text }: { text: string }) => text) };
  };
  const before = { found: await texts(), listed: await listed() };
  const askAgain = () => rows(world, ada, "update document set state = 'QUEUED' where id = $1", [id]);

  await askAgain();
  const again = jobOf(world, ada, async function* () {
    yield part("A new heron.");
    yield part("Another heron.", 12);
    expect((await documentNow(world, ada, id))!.status).toBe("INGESTING");
    expect({ found: await texts(), listed: await listed() }).toEqual(before);
  });
  await ingestAlone(again, id);
  expect((await texts()).sort()).toEqual(["A new heron.", "Another heron."]);
  expect((await listed()).texts).toEqual(["A new heron.", "Another heron."]);
  expect(await passagesOf(world, ada, id)).toHaveLength(2);

  const found = { found: await texts(), listed: await listed() };
  await askAgain();
  const failing = jobOf(world, ada, async function* () {
    yield part("A third heron.");
    yield part("A fourth heron.", 14);
    throw new ParseFailure("CORRUPT");
  });
  await ingestAlone(failing, id);
  expect(await documentNow(world, ada, id)).toMatchObject({ status: "FAILED", failure: { code: "CORRUPT" } });
  expect({ found: await texts(), listed: await listed() }).toEqual(found);
  expect(await passagesOf(world, ada, id)).toHaveLength(2);
});

test("what isn't being read can't be asked for twice", async () => {
  const [id] = (await waitingNote()).ids as [string];
  expect(await reindex(id)).toEqual({ document: null, userErrors: [{ code: "UNDER_WAY" }] });
});

test("a document whose job is given up says so, keeps no passages, and can be tried again", async () => {
  const [id] = (await waitingNote()).ids as [string];
  const broken = jobOf(world, ada, async function* () {
    yield part("half of it");
    throw new Error("The disk is on fire.");
  });
  await expect(ingestAlone(broken, id)).rejects.toThrow("fire");
  await giveUpDocument(broken, { documentId: id });
  expect(await documentNow(world, ada, id)).toMatchObject({
    status: "FAILED",
    passageCount: 0,
    failure: { code: "GIVEN_UP", message: expect.stringContaining("several times") },
  });
  expect(await passagesOf(world, ada, id)).toEqual([]);
  expect(await announced(world, ada)).toContainEqual(
    expect.objectContaining({ data: expect.objectContaining({ documentId: id, reason: "GIVEN_UP" }) }),
  );
  await giveUpDocument(broken, { documentId: id });

  expect(await reindex(id)).toMatchObject({ document: { status: "QUEUED" } });
  const [again] = await settled(world, ada, [id]);
  expect(again).toMatchObject({ status: "INGESTED", failure: null });
});

test("one organization's many documents don't hold up another's one", async () => {
  const bob = memberOf("org_bob");
  const [theirs, his] = [await givenKnowledgeBase(world, ada), await givenKnowledgeBase(world, bob)];
  const many = [];
  for (let n = 0; n < 60; n++)
    many.push(await givenUpload(world, ada, markdown(`${n}.md`, `# Note ${n}\n\nOne of many.`)));
  const one = await givenUpload(world, bob, markdown("one.md", "# One\n\nThe only one."));
  await addDocuments(world, ada, theirs, many);
  const { payload } = await addDocuments(world, bob, his, [one]);
  const [document] = await settled(world, bob, [payload!.documents![0]!.id]);
  expect(document!.status).toBe("INGESTED");
  const since = "select ingested_at from document where id = $1";
  const [{ ingested_at: at }] = (await rows<{ ingested_at: Date }>(world, bob, since, [document!.id])) as [
    { ingested_at: Date },
  ];
  const before = "select 1 from document where knowledge_base_id = $1 and ingested_at < $2";
  expect((await rows(world, ada, before, [theirs, at])).length).toBeLessThan(35);
  const ids = await rows<{ id: string }>(world, ada, "select id from document where knowledge_base_id = $1", [theirs]);
  await settled(
    world,
    ada,
    ids.map(({ id }) => id),
  );
});

describe("a process that is killed", () => {
  const children = startingChildren(ada);
  afterEach(() => children.killAll());

  test("at several points of an ingestion has each document read once in the end", async () => {
    const first = await startWorld();
    let last: World | null = null;
    try {
      const base = await givenKnowledgeBase(first, ada, { method: "FIXED", sizeTokens: 50, overlapTokens: 0 });
      const uploadIds = [];
      for (let n = 0; n < 6; n++) uploadIds.push(await givenUpload(first, ada, long(`Book ${n}`, 5_000)));
      await first.pause();
      const progress = async () => {
        const [row] = await rows<{ passages: number; ingested: number }>(
          first,
          ada,
          `select (select count(*) from passage) as passages,
                  (select count(*) from document where state = 'INGESTED') as ingested`,
        );
        return row!;
      };
      const query = `mutation ($input: AddDocumentsInput!) { addDocuments(input: $input) { documents { id } } }`;
      const atWork = await children.start(first, { query, variables: { input: { knowledgeBaseId: base, uploadIds } } });
      await eventually(async () => (await progress()).passages > 0);
      await atWork.kill();
      const broken = await progress();
      expect(broken.ingested).toBeLessThan(6);

      const second = await children.start(first, null);
      await eventually(async () => (await progress()).ingested > broken.ingested);
      await second.kill();
      expect((await progress()).ingested).toBeLessThan(6);

      last = await startWorld({ beside: first });
      const ids = (await rows<{ id: string }>(first, ada, "select id from document order by id")).map(({ id }) => id);
      expect(ids).toHaveLength(6);
      const documents = await settled(last, ada, ids);
      expect(documents.map(({ status }) => status)).toEqual(Array(6).fill("INGESTED"));
      for (const { id } of documents) await expectSound(last, ada, id);
      const counts = new Set(documents.map(({ passageCount }: TestDocument) => passageCount));
      // The books differ in nothing but their number.
      expect(counts.size).toBe(1);
      const told = (await announced(last, ada)).filter(({ type }) => type === "knowledge.document.ingested.v1");
      expect(told.map(({ data }) => (data as { documentId: string }).documentId).sort()).toEqual(ids);
      for (const n of [0, 1, 2, 3, 4, 5])
        expect((await search(last, ada, base, `Part 4999 of Book ${n}`)).hits[0]!.passage.text).toContain(`Book ${n}`);
    } finally {
      await last?.stop();
      await first.stop();
    }
  }, 120_000);

  test("while documents are read again leaves them found as they were, and has each read once in the end", async () => {
    const first = await startWorld();
    let last: World | null = null;
    try {
      const { base, documents } = await givenBaseWith(first, ada, long("Atlas", 10_000));
      const { id, passageCount } = documents[0]!;
      const found = () =>
        rows(
          first,
          ada,
          "select p.id from passage p join document d on d.id = p.document_id where p.generation = d.found_generation order by p.ordinal",
        );
      const before = await found();
      await first.pause();
      const query = `mutation { reindexDocument(input: { documentId: "${id}" }) { document { id } } }`;
      const atWork = await children.start(first, { query, variables: {} });
      await eventually(async () => (await passagesOf(first, ada, id)).length > passageCount);
      await atWork.kill();
      expect(await found()).toEqual(before);

      last = await startWorld({ beside: first });
      expect((await search(last, ada, base, "Part 9999 of Atlas")).hits[0]!.passage.text).toContain("9999");
      const [again] = await settled(last, ada, [id]);
      expect(again).toMatchObject({ status: "INGESTED", passageCount });
      await expectSound(last, ada, id);
      expect(before).not.toContainEqual((await found())[0]);
    } finally {
      await last?.stop();
      await first.stop();
    }
  }, 120_000);
});
