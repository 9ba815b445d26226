import { answerFromPassages, answerQuestion, PassageIndex, searchPassages, type StoredPassage } from "..";
import { confidenceMin } from "./answer-model";

const handbook = `# Handbook

## Claims

Claims up to 500 EUR are approved by the line manager. Claims above 500 EUR also need the
approval of the finance controller. Approved claims are paid on the 25th of each month.

## Backups

Backups are kept for 35 days. They're made every night at 01:00.

## Site

Visitors are accompanied at all times. The assembly point is the car park opposite the main gate.
A fire extinguisher stands within reach of every welder.

| Part | Order number |
| --- | --- |
| Check valve | BP-40-052 |
| Impeller set | BP-40-031 |
`;
const report = (place: string, number: string, fields: string) => `Aviation Report
Location: ${place} Accident Number: ${number}
The National Board determines the probable causes of accidents and publishes them every year.
The probable cause of this accident was:
${place.startsWith("Belen") ? "the pilot's loss of control during the landing." : "The pilot's misjudged clearance over trees."}
${fields}`;

const documents: Record<string, string> = {
  handbook,
  belen: report("Belen, NM", "DEN08CA034", "Registration: N74SR\nWind Speed:\nSeats: 2"),
  tallahassee: report("Tallahassee, FL", "NYC08CA055", "Registration: N5921D\nWind Speed: 6 knots\nSeats: 4"),
};

/** Cuts each document at blank lines before headings, and the handbook once more as a whole, overlapping. */
const passages: StoredPassage[] = Object.entries(documents).flatMap(([documentId, text]) => {
  const starts = [0, ...[...text.matchAll(/^## /gm)].map(({ index }) => index)];
  return starts.map((start, at) => ({
    passageId: `${documentId}_${at}`,
    documentId,
    title: documentId === "handbook" ? "Handbook" : "Report",
    headingPath: at > 0 ? [/^## (.*)$/m.exec(text.slice(start))![1]!] : [],
    page: at + 1,
    text: text.slice(start, starts[at + 1] ?? text.length),
    start,
  }));
});

let index: PassageIndex;
beforeAll(async () => {
  index = new PassageIndex({ workspaceId: "wsp_1", knowledgeBaseId: "kb_1" });
  await index.add(passages.map((passage) => ({ ...passage, id: passage.passageId })));
  await index.maintain({ evenIfNotDue: true });
});

const load = async (ids: readonly string[]) => passages.filter(({ passageId }) => ids.includes(passageId));
const ask = (question: string) => answerQuestion([index], question, load);

test.each([
  ["Who approves claims of more than 500 EUR?", "finance controller"],
  ["Who approves claims up to 500 EUR?", "line manager"],
  ["How long are backups kept?", "35 days"],
  ["Where is the assembly point?", "car park"],
  ["What is the order number of the check valve?", "BP-40-052"],
  ["When are approved claims paid?", "25th"],
  ["What was the probable cause of the accident at Tallahassee?", "misjudged clearance"],
  ["What was the wind speed at Tallahassee?", "6 knots"],
  ["How many seats did N74SR have?", "Seats: 2"],
])("%s", async (question, expected) => {
  const answer = await ask(question);
  expect(answer.text).toContain(expected);
  expect(answer.answered).toBe(true);
  expect(answer.confidence).toBeGreaterThanOrEqual(confidenceMin);
});

test.each([
  ["a field that was left empty", "What was the wind speed at Belen?"],
  ["another place than the documents'", "What was the probable cause of the accident at Denver?"],
  ["another number", "Who owns N12345?"],
  ["the right subject without the fact", "Where are visitors from?"],
  ["a number that isn't there", "How many fire extinguishers are there?"],
  ["a name that isn't there", "Who is the finance controller?"],
  ["another subject", "What is the capital of Australia?"],
  ["nothing", ""],
  ["stop words alone", "What is it?"],
  ["rubbish", "%$§ ??? \u0000 🙂"],
])("refuses %s", async (_, question) => {
  const answer = await ask(question);
  expect(answer).toMatchObject({ answered: false, text: "The documents don't say.", sentences: [] });
  expect(answer.confidence).toBeLessThan(confidenceMin);
});

test("refuses in the language of the question", async () => {
  const german = new PassageIndex({ workspaceId: "wsp_1", knowledgeBaseId: "kb_de" });
  const text = "Die Reisekosten werden bis zum Ende des Monats erstattet, und die Belege sind im Portal hochzuladen.";
  await german.add([{ id: "psg_1", documentId: "doc_1", text }]);
  const answer = await answerQuestion([german], "Wie heißt der Hausmeister?", async () => []);
  expect(answer.text).toBe("Die Dokumente sagen dazu nichts.");
});

test("every citation points at exactly what was said, and every sentence has one", async () => {
  for (const question of [
    "Who approves claims of more than 500 EUR?",
    "How long are backups kept?",
    "What is the order number of the impeller set?",
    "Where is the assembly point?",
  ]) {
    const { sentences, text } = await ask(question);
    expect(sentences.length).toBeGreaterThan(0);
    expect(sentences.length).toBeLessThanOrEqual(3);
    expect(sentences.map((sentence) => sentence.text).join(" ")).toBe(text);
    for (const sentence of sentences) {
      expect(sentence.citations.length).toBeGreaterThan(0);
      for (const { documentId, passageId, start, end, page } of sentence.citations) {
        const cited = documents[documentId]!.slice(start, end);
        const words = (of: string) => of.match(/[\p{L}\p{N}]+/gu)!;
        if (cited.startsWith("|")) expect(words(sentence.text)).toEqual(expect.arrayContaining(words(cited)));
        else expect(cited.replace(/\s+/g, " ")).toBe(sentence.text);
        const passage = passages.find((each) => each.passageId === passageId)!;
        expect(start).toBeGreaterThanOrEqual(passage.start);
        expect(end).toBeLessThanOrEqual(passage.start + passage.text.length);
        expect(page).toBe(passage.page);
      }
    }
  }
});

test("what overlapping passages both hold is said once and cited once", () => {
  const { query } = searchPassages([index], "How long are backups kept?");
  const start = handbook.indexOf("Backups are kept");
  const hit = (passageId: string, from: number, to: number) => ({
    passageId,
    documentId: "handbook",
    text: handbook.slice(from, to),
    start: from,
    score: 1,
  });
  const { sentences } = answerFromPassages(query, [hit("one", start, start + 70), hit("two", start - 30, start + 90)]);
  expect(sentences.filter(({ text }) => text === "Backups are kept for 35 days.")).toHaveLength(1);
  expect(sentences[0]!.citations).toEqual([
    expect.objectContaining({ start, end: start + "Backups are kept for 35 days.".length }),
  ]);
});

test("the same sentence in two documents is cited from both", () => {
  const { query } = searchPassages([index], "How long are backups kept?");
  const hit = (documentId: string) => ({
    passageId: `p_${documentId}`,
    documentId,
    text: "Backups are kept for 35 days.",
    start: 100,
    score: 1,
  });
  const [sentence] = answerFromPassages(query, [hit("a"), hit("b")]).sentences;
  expect(sentence!.citations.map(({ documentId }) => documentId)).toEqual(["a", "b"]);
});

test("a form's field of another document is no evidence", () => {
  const { query } = searchPassages([index], "What was the wind speed at Belen?");
  const hits = passages
    .filter(({ documentId }) => documentId !== "handbook")
    .map((passage) => ({ ...passage, score: 1 }));
  expect(answerFromPassages(query, hits).answered).toBe(false);
});

test("sentences come in reading order, whatever the order of the hits", async () => {
  const { query } = searchPassages([index], "Why and how are claims approved and paid?");
  const hits = passages
    .filter(({ documentId }) => documentId === "handbook")
    .map((passage) => ({ ...passage, score: 1 }));
  for (const order of [hits, [...hits].reverse()]) {
    const starts = answerFromPassages(query, order).sentences.map(({ citations }) => citations[0]!.start);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  }
});

test("the same question gets the same answer", async () => {
  expect(await ask("How long are backups kept?")).toEqual(await ask("How long are backups kept?"));
});

test("no passages, no answer", () => {
  const { query } = searchPassages([index], "How long are backups kept?");
  expect(answerFromPassages(query, [])).toEqual({
    answered: false,
    text: "The documents don't say.",
    confidence: 0,
    sentences: [],
  });
});

test("passages that are gone from the database answer nothing", async () => {
  expect((await answerQuestion([index], "How long are backups kept?", async () => [])).answered).toBe(false);
});

test("a document that alone has the question's name is searched by itself", async () => {
  const many = new PassageIndex({ workspaceId: "wsp_1", knowledgeBaseId: "kb_many" });
  const stored: StoredPassage[] = Array.from({ length: 60 }, (_, at) => [
    {
      passageId: `a${at}`,
      documentId: `doc_${at}`,
      title: "Report",
      text: `The accident happened near Place${at}ville.`,
      start: 0,
    },
    {
      passageId: `b${at}`,
      documentId: `doc_${at}`,
      title: "Report",
      text: `Wind Speed: ${at + 3} knots\nSeats: 4`,
      start: 500,
    },
  ]).flat();
  await many.add(stored.map((passage) => ({ ...passage, id: passage.passageId })));
  const asked: string[][] = [];
  const answer = await answerQuestion([many], "What was the wind speed near Place41ville?", async (ids) => {
    asked.push([...ids]);
    return stored.filter(({ passageId }) => ids.includes(passageId));
  });
  expect(asked).toHaveLength(1);
  expect(asked[0]).toEqual(expect.arrayContaining(["a41", "b41"]));
  expect(answer.text).toBe("Wind Speed: 44 knots");
  expect(answer.sentences[0]!.citations[0]).toMatchObject({ documentId: "doc_41", start: 500 });
});

test("a question of many pages is answered or refused in good time", async () => {
  const startedAt = performance.now();
  await ask("How long are the backups of the claims kept at the site? ".repeat(2000));
  expect(performance.now() - startedAt).toBeLessThan(3000);
});
