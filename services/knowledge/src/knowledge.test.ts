import { memberOf, ask, fixture, givenDocuments, givenKnowledgeBase, startWorld, type World } from "./testing/world";

let world: World;
const ada = memberOf("org_ada");
const eve = memberOf("org_eve");

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world?.stop());

const leave = {
  filename: "leave.md",
  contentType: "text/markdown",
  content: `# Leave\n\n## Annual leave\n\nEvery employee has 28 days of annual leave a year. Unused days expire on 31 March.\n\n## Sick leave\n\nA doctor's note is needed from the fourth day of illness.\n`,
};

const answer = `query ($ids: [ID!]!, $q: String!) { answerFromKnowledge(knowledgeBaseIds: $ids, question: $q) {
  answered text confidence sentences { text citations { document { id title } page headingPath start end quote passageId } } } }`;

test("a document is read, found and cited where it says so", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const [document] = await givenDocuments(world, ada, base, [leave]);
  expect(document).toMatchObject({ status: "INGESTED", format: "MARKDOWN", failure: null });

  const found = await ask(
    world,
    ada,
    `query ($ids: [ID!]!) { searchKnowledge(knowledgeBaseIds: $ids, query: "annual leave days", explain: true) {
       hits { score snippet passage { text headingPath } highlights { start end } document { id } explanation { parts { part contribution } } } } }`,
    { ids: [base] },
  );
  const [hit] = found.data.searchKnowledge.hits;
  expect(hit.passage.text).toContain("28 days of annual leave");
  expect(hit.passage.headingPath).toEqual(["Leave", "Annual leave"]);
  expect(hit.document.id).toBe(document!.id);
  const sum = hit.explanation.parts.reduce(
    (total: number, { contribution }: { contribution: number }) => total + contribution,
    0,
  );
  expect(sum).toBeCloseTo(hit.score, 5);

  const { data } = await ask(world, ada, answer, {
    ids: [base],
    q: "How many days of annual leave does an employee have?",
  });
  expect(data.answerFromKnowledge).toMatchObject({ answered: true });
  expect(data.answerFromKnowledge.text).toContain("28 days");
  const [citation] = data.answerFromKnowledge.sentences[0].citations;
  expect(citation).toMatchObject({ document: { id: document!.id }, quote: expect.stringContaining("28 days") });
});

test("the accident reports are answered from, by page", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const [report] = await givenDocuments(world, ada, base, [fixture("ntsb-20080102X00002.pdf", "application/pdf")]);
  expect(report).toMatchObject({ status: "INGESTED", format: "PDF" });
  expect(report!.passageCount).toBeGreaterThan(3);
  const { data } = await ask(world, ada, answer, { ids: [base], q: "What is the capital of France?" });
  expect(data.answerFromKnowledge).toMatchObject({ answered: false, sentences: [] });
});

test("another organization sees nothing of it", async () => {
  const base = await givenKnowledgeBase(world, ada);
  const [document] = await givenDocuments(world, ada, base, [leave]);
  for (const query of [`{ knowledgeBase(id: "${base}") { id } }`, `{ document(id: "${document!.id}") { id } }`])
    expect(await ask(world, eve, query)).toMatchObject({ code: "NOT_FOUND" });
  expect(await ask(world, eve, answer, { ids: [base], q: "How many days of annual leave?" })).toMatchObject({
    code: "NOT_FOUND",
  });
  const { data } = await ask(
    world,
    eve,
    `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Document { title } ... on KnowledgeBase { name } } }`,
    {
      r: [
        { __typename: "Document", id: document!.id },
        { __typename: "KnowledgeBase", id: base },
      ],
    },
  );
  expect(data._entities).toEqual([null, null]);
});
