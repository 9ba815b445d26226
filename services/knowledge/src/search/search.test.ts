import {
  ask,
  eventually,
  fixture,
  givenBaseWith,
  givenKnowledgeBase,
  markdown,
  memberOf,
  rows,
  search,
  startWorld,
  type Member,
  type TestDocument,
  type TestHit,
  type World,
} from "../testing/world";

let world: World;
let base: string;
let leave: TestDocument, travel: TestDocument, report: TestDocument;
const ada = memberOf("org_ada");

const handbook = `# Leave

## Annual leave

Every employee has 28 days of annual leave a year. Unused days expire on 31 March.

## Sick leave

A doctor's note is needed from the fourth day of illness.
`;
const trips = `# Travel

## Flights

Flights are booked in economy class. Long flights over eight hours may be booked in business class.

## Meals

Meals are refunded up to 40 euros a day.
`;

beforeAll(async () => {
  world = await startWorld();
  const given = await givenBaseWith(
    world,
    ada,
    markdown("leave.md", handbook),
    markdown("travel.md", trips),
    fixture("ntsb-20080102X00002.pdf", "application/pdf"),
  );
  base = given.base;
  [leave, travel, report] = given.documents as [TestDocument, TestDocument, TestDocument];
}, 60_000);
afterAll(() => world?.stop());

const update = (input: object) =>
  ask(
    world,
    ada,
    `mutation ($input: UpdateDocumentInput!) { updateDocument(input: $input) { document { id title metadata enabled } } }`,
    { input },
  );
const ids = async (query: string, more: Parameters<typeof search>[4] = {}) => {
  const { hits, code } = await search(world, ada, base, query, { first: 50, ...more });
  expect(code).toBeUndefined();
  return [...new Set(hits.map(({ document }) => document.id))];
};

test.each(["HYBRID", "KEYWORD"])("%s search finds the passage, and its explanation adds up", async (mode) => {
  const { hits } = await search(world, ada, base, "annual leave days", { mode, explain: true });
  expect(hits[0]!.passage.text).toContain("28 days of annual leave");
  expect(hits[0]!.passage.headingPath).toEqual(["Leave", "Annual leave"]);
  expectExplained(hits);
});

test("SEMANTIC search finds by likeness, once a base has enough to tell what is alike", async () => {
  const reports = ["ntsb-20071229X02007.pdf", "ntsb-20080109X00035.pdf", "ntsb-20080108X00031.pdf"];
  const files = reports.map((name) => fixture(name, "application/pdf"));
  const { base: many } = await givenBaseWith(world, ada, markdown("travel.md", trips), ...files);
  const hits = await eventually(async () => {
    const found = await search(world, ada, many, "the pilot landed", { mode: "SEMANTIC", explain: true });
    return found.hits.length > 0 && found.hits;
  });
  expect(hits[0]!.passage.text).toMatch(/pilot|land/);
  expectExplained(hits);
});

test("SEMANTIC search finds in a base of a single passage", async () => {
  const { base: single } = await givenBaseWith(world, ada, markdown("heron.md", "The heron waits for accommodation."));
  for (const query of ["heron", "acommodation", "waiting herons"]) {
    const { hits } = await search(world, ada, single, query, { mode: "SEMANTIC", explain: true });
    expect(hits).toHaveLength(1);
    expectExplained(hits);
  }
  expect((await search(world, ada, single, "zeppelin", { mode: "SEMANTIC" })).hits).toEqual([]);
});

function expectExplained(hits: TestHit[]): void {
  for (const { score, explanation } of hits) {
    const sum = explanation!.parts.reduce((total, { contribution }) => total + contribution, 0);
    expect(sum).toBeCloseTo(score, 5);
  }
  const scores = hits.map(({ score }) => score);
  expect(scores).toEqual([...scores].sort((one, other) => other - one));
}

test("highlights and snippets show what was looked for", async () => {
  const { hits } = await search(world, ada, base, "annual leaves");
  const { passage, highlights, snippet } = hits[0]!;
  const marked = highlights.map(({ start, end }) => passage.text.slice(start, end).toLowerCase());
  expect(marked).toEqual(expect.arrayContaining(["annual", "leave"]));
  expect(new Set(marked)).toEqual(new Set(["annual", "leave"]));
  expect(passage.text).toContain(snippet);
  expect(snippet).toContain("annual leave");
});

test("as many hits come as were asked for, and none explains itself unasked", async () => {
  const { hits } = await search(world, ada, base, "the airplane", { first: 3 });
  expect(hits).toHaveLength(3);
  expect(hits.map(({ explanation }) => explanation)).toEqual([null, null, null]);
});

test("a passage of a PDF is cited by its page", async () => {
  const { hits } = await search(world, ada, base, "probable cause of the accident", {
    filter: { documentIds: [report.id] },
  });
  expect(hits[0]!.passage.page).toBeGreaterThan(0);
  expect(hits[0]!.document.id).toBe(report.id);
});

test("filters by document, heading, page and metadata hold", async () => {
  await update({ documentId: leave.id, metadata: { year: 2026, tags: ["people", "rules"], draft: false } });
  await update({ documentId: travel.id, metadata: { year: 2024, tags: ["money"], draft: true } });
  const all = "leave days flights meals accident airplane";
  expect((await ids(all)).sort()).toEqual([leave.id, travel.id, report.id].sort());
  expect(await ids(all, { filter: { documentIds: [travel.id] } })).toEqual([travel.id]);
  expect(await ids(all, { filter: { heading: "FLIGHTS" } })).toEqual([travel.id]);
  expect(await ids(all, { filter: { pageFrom: 1 } })).toEqual([report.id]);
  expect(await ids(all, { filter: { metadata: { year: 2026 } } })).toEqual([leave.id]);
  expect(await ids(all, { filter: { metadata: { year: { from: 2020, to: 2025 } } } })).toEqual([travel.id]);
  expect(await ids(all, { filter: { metadata: { tags: { in: ["money", "other"] } } } })).toEqual([travel.id]);
  expect(await ids(all, { filter: { metadata: { tags: { exists: false } } } })).toEqual([report.id]);
  expect(await ids(all, { filter: { metadata: { draft: false, year: { from: 2020 } } } })).toEqual([leave.id]);
  expect(await ids(all, { filter: { metadata: { year: { from: 2030 } } } })).toEqual([]);
  const { hits } = await search(world, ada, base, all, { filter: { pageTo: 1 }, first: 50 });
  for (const { passage } of hits) expect(passage.page).toBe(1);
});

test("a changed title is searched and shown at once", async () => {
  expect(await ids("zanzibar", { mode: "KEYWORD" })).toEqual([]);
  const { data } = await update({ documentId: travel.id, title: "Zanzibar and back" });
  expect(data.updateDocument.document.title).toBe("Zanzibar and back");
  const { hits } = await search(world, ada, base, "zanzibar", { mode: "KEYWORD" });
  expect(hits.map(({ document }) => document)).toEqual(
    expect.arrayContaining([{ id: travel.id, title: "Zanzibar and back" }]),
  );
});

test("a disabled document isn't found or answered from, until it is enabled again", async () => {
  expect(await ids("economy class flights")).toContain(travel.id);
  await update({ documentId: travel.id, enabled: false });
  expect(await ids("economy class flights")).not.toContain(travel.id);
  expect((await answered("In which class are flights booked?")).answered).toBe(false);
  await update({ documentId: travel.id, enabled: true });
  expect(await ids("economy class flights")).toContain(travel.id);
});

test("a deleted document is found no more at once, its passages are gone, and others stay", async () => {
  const { base: own, documents } = await givenBaseWith(
    world,
    ada,
    markdown("a.md", "# One\n\nThe heron waits."),
    markdown("b.md", "# Two\n\nThe heron flies."),
  );
  const { id } = documents[0]!;
  expect((await search(world, ada, own, "heron")).hits).toHaveLength(2);
  await ask(world, ada, `mutation { deleteDocument(input: { documentId: "${id}" }) { deletedDocumentId } }`);
  const { hits } = await search(world, ada, own, "heron");
  expect(hits.map(({ document }) => document.id)).toEqual([documents[1]!.id]);
  expect(await rows(world, ada, "select 1 from passage where document_id = $1", [id])).toEqual([]);
  expect(
    await ask(world, ada, `mutation { deleteDocument(input: { documentId: "${id}" }) { deletedDocumentId } }`),
  ).toMatchObject({
    code: "NOT_FOUND",
  });
});

test("a base that is deleted, or another's, isn't found though its index is in memory", async () => {
  const { base: own } = await givenBaseWith(world, ada, markdown("a.md", "# One\n\nThe heron waits."));
  const answers = (who: Member) =>
    ask(world, who, `{ answerFromKnowledge(knowledgeBaseIds: ["${own}"], question: "What waits?") { answered } }`);
  expect((await search(world, ada, own, "heron")).hits).toHaveLength(1);
  const stranger = memberOf("org_stranger");
  expect((await search(world, stranger, own, "heron")).code).toBe("NOT_FOUND");
  expect((await answers(stranger)).code).toBe("NOT_FOUND");
  await ask(
    world,
    ada,
    `mutation { deleteKnowledgeBase(input: { knowledgeBaseId: "${own}" }) { deletedKnowledgeBaseId } }`,
  );
  expect((await search(world, ada, own, "heron")).code).toBe("NOT_FOUND");
  expect((await answers(ada)).code).toBe("NOT_FOUND");
});

test("several bases are searched as one, a base named twice counts once", async () => {
  const other = await givenBaseWith(world, ada, markdown("annual.md", "# Annual report\n\nThe annual profit grew."));
  const { hits } = await search(world, ada, [base, other.base, base], "annual");
  expect(hits.map(({ document }) => document.id)).toEqual(expect.arrayContaining([leave.id, other.documents[0]!.id]));
  expect(new Set(hits.map(({ passage }) => passage.id)).size).toBe(hits.length);
});

interface Answered {
  answered: boolean;
  text: string;
  confidence: number;
  sentences: {
    text: string;
    citations: {
      document: { id: string };
      passageId: string;
      page: number | null;
      headingPath: string[];
      start: number;
      end: number;
      quote: string;
    }[];
  }[];
}

const answered = async (question: string, of = base): Promise<Answered> => {
  const { data, message } = await ask(
    world,
    ada,
    `query ($ids: [ID!]!, $question: String!) { answerFromKnowledge(knowledgeBaseIds: $ids, question: $question) {
       answered text confidence
       sentences { text citations { document { id } passageId page headingPath start end quote } } } }`,
    { ids: [of], question },
  );
  if (!data) throw new Error(message);
  return data.answerFromKnowledge;
};

/** A document's text, as its passages give it. */
async function canonicalText(documentId: string): Promise<string> {
  const passages = await rows<{ start_offset: number; text: string }>(
    world,
    ada,
    "select start_offset, text from passage where document_id = $1 order by ordinal",
    [documentId],
  );
  let text = "";
  for (const each of passages) text = text.padEnd(each.start_offset).slice(0, each.start_offset) + each.text;
  return text;
}

test("an answer is made of the documents' own words, and each quote stands where it says", async () => {
  const questions: [string, RegExp, string][] = [
    ["How many days of annual leave does an employee have?", /28 days/, leave.id],
    ["When is a doctor's note needed?", /fourth day/, leave.id],
    ["How much is refunded for meals?", /40 euros/, travel.id],
  ];
  for (const [question, expected, documentId] of questions) {
    const answer = await answered(question);
    expect(answer).toMatchObject({ answered: true, text: expect.stringMatching(expected) });
    expect(answer.confidence).toBeGreaterThan(0);
    for (const { citations } of answer.sentences) {
      expect(citations.length).toBeGreaterThan(0);
      for (const { document, start, end, quote } of citations) {
        expect(quote.length).toBeGreaterThan(0);
        expect((await canonicalText(document.id)).slice(start, end)).toBe(quote);
      }
    }
    expect(answer.sentences[0]!.citations[0]!.document.id).toBe(documentId);
  }
});

test("a question that the documents don't answer is refused", async () => {
  for (const question of ["What is the capital of France?", "Who won the cup in 1998?", "xyzzy?"])
    expect(await answered(question)).toMatchObject({ answered: false, sentences: [], text: expect.any(String) });
  const empty = await givenKnowledgeBase(world, ada);
  expect(await answered("How many days of leave?", empty)).toMatchObject({ answered: false });
});

test("bad input names the field", async () => {
  const id = "kb_01h455vb4pex5vsknk084sn02q";
  const faults = [
    [search(world, ada, base, ""), "query"],
    [search(world, ada, base, "x".repeat(2_001)), "query"],
    [search(world, ada, base, "x".repeat(1_000_000)), "query"],
    [search(world, ada, base, "a\u0000b"), "query"],
    [search(world, ada, base, "a\ud800b"), "query"],
    [search(world, ada, [], "x"), "knowledgeBaseIds"],
    [search(world, ada, Array(21).fill(id), "x"), "knowledgeBaseIds"],
    [search(world, ada, [base, "kb_x"], "x"), "knowledgeBaseIds.1"],
    [search(world, ada, base, "x", { first: 0 }), "first"],
    [search(world, ada, base, "x", { first: 101 }), "first"],
    [search(world, ada, base, "x", { filter: { documentIds: ["x"] } }), "filter.documentIds.0"],
    [search(world, ada, base, "x", { filter: { pageFrom: 0 } }), "filter.pageFrom"],
    [search(world, ada, base, "x", { filter: { heading: "" } }), "filter.heading"],
    [search(world, ada, base, "x", { filter: { metadata: { a: { like: "b" } } } }), "filter.metadata.a"],
    [search(world, ada, base, "x", { filter: { metadata: { a: { in: [[1]] } } } }), "filter.metadata.a"],
    [search(world, ada, base, "x", { filter: { metadata: [1] } }), "filter.metadata"],
    [search(world, ada, base, "x", { filter: { metadata: "all" as never } }), "filter.metadata"],
    [update({ documentId: leave.id }), "input"],
    [update({ documentId: leave.id, title: "" }), "input.title"],
    [update({ documentId: leave.id, title: "x".repeat(301) }), "input.title"],
    [update({ documentId: leave.id, metadata: "text" }), "input.metadata"],
    [update({ documentId: leave.id, metadata: [1] }), "input.metadata"],
    [update({ documentId: leave.id, metadata: { a: { b: 1 } } }), "input.metadata.a"],
    [update({ documentId: leave.id, metadata: { a: [[1]] } }), "input.metadata.a"],
    [update({ documentId: leave.id, metadata: { a: "nul \u0000" } }), "input.metadata.a"],
    [update({ documentId: leave.id, metadata: { a: ["half \ud800"] } }), "input.metadata.a.0"],
    [update({ documentId: leave.id, metadata: { "nul \u0000": 1 } }), "input.metadata"],
    [update({ documentId: leave.id, metadata: { a: "x".repeat(1_001) } }), "input.metadata.a"],
    [
      update({
        documentId: leave.id,
        metadata: Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${n}`, "x".repeat(100)])),
      }),
      "input.metadata",
    ],
  ] as const;
  for (const [at, [answer, field]] of faults.entries())
    expect([at, await answer]).toEqual([at, expect.objectContaining({ code: "BAD_USER_INPUT", field })]);
  const uploadIds = Array(101).fill("upl_01h455vb4pex5vsknk084sn02q");
  const add = `mutation ($input: AddDocumentsInput!) { addDocuments(input: $input) { documents { id } } }`;
  expect(await ask(world, ada, add, { input: { knowledgeBaseId: base, uploadIds } })).toMatchObject({
    code: "BAD_USER_INPUT",
    field: "input.uploadIds",
  });
  expect(await ask(world, ada, add, { input: { knowledgeBaseId: base, uploadIds: [] } })).toMatchObject({
    code: "BAD_USER_INPUT",
    field: "input.uploadIds",
  });
  expect(world.warnings).toEqual([]);
});
