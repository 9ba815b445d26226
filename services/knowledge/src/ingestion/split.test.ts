import fc from "fast-check";
import { assemble, wholeDocument, type Draft, type ParsedDocument } from "./document";
import { PassageSplitter, split, splitFault, splitMethods, type SplitOptions } from "./split";
import { countTokens } from "./tokens";

function document(drafts: readonly Draft[]): Promise<ParsedDocument> {
  return wholeDocument(assemble("TXT", drafts, { textCharacters: 10_000_000 }));
}

const words = "the airplane contacted trees then utility wires and came to rest upright near runway twelve".split(" ");
function sentence(length: number, number: number): string {
  const said = Array.from({ length }, (_, i) => words[(i * 7 + number) % words.length]!).join(" ");
  return `${said[0]!.toUpperCase()}${said.slice(1)}.`;
}
const paragraph = (sentences: number, from = 0) =>
  Array.from({ length: sentences }, (_, i) => sentence(12, from + i)).join(" ");

const heading = (text: string, level = 1): Draft => ({ kind: "HEADING", level, text });
const prose = (text: string, page?: number): Draft => ({ kind: "PARAGRAPH", text, page });
const row = (text: string): Draft => ({ kind: "TABLE_ROW", text });

const anyDraft: fc.Arbitrary<Draft> = fc.oneof(
  fc.record({
    kind: fc.constant("HEADING" as const),
    level: fc.integer({ min: 1, max: 6 }),
    text: fc.lorem({ maxCount: 6 }),
  }),
  fc.record({
    kind: fc.constant("PARAGRAPH" as const),
    text: fc.lorem({ mode: "sentences", maxCount: 30 }),
    page: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({ kind: fc.constant("PARAGRAPH" as const), text: fc.string({ unit: "binary", maxLength: 900 }) }),
  fc.record({
    kind: fc.constant("LIST_ITEM" as const),
    level: fc.integer({ min: 1, max: 3 }),
    text: fc.lorem({ maxCount: 20 }),
  }),
  fc.record({ kind: fc.constant("TABLE_ROW" as const), text: fc.lorem({ maxCount: 12 }) }),
  fc.record({ kind: fc.constant("PAGE_BREAK" as const), page: fc.integer({ min: 1, max: 9 }) }),
);
const anyOptions: fc.Arbitrary<SplitOptions> = fc
  .record({
    method: fc.constantFrom(...splitMethods),
    sizeTokens: fc.integer({ min: 50, max: 300 }),
    share: fc.double({ min: 0, max: 0.49, noNaN: true }),
  })
  .map(({ method, sizeTokens, share }) => ({ method, sizeTokens, overlapTokens: Math.floor(sizeTokens * share) }));

test("whatever the document: each passage is the canonical text between its ends, fits, and together they leave out nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyDraft, { minLength: 1, maxLength: 25 }), anyOptions, async (drafts, options) => {
      const whole = await document([...drafts, prose("The end.")]);
      const passages = split(whole, options);
      let covered = 0;
      for (const [i, passage] of passages.entries()) {
        expect(passage.ordinal).toBe(i);
        expect(passage.text).toBe(whole.text.slice(passage.start, passage.end));
        expect(passage.text.trim()).toBe(passage.text);
        expect(passage.tokenCount).toBe(countTokens(passage.text));
        expect(passage.tokenCount).toBeLessThanOrEqual(options.sizeTokens);
        expect(passage.end).toBeGreaterThan(covered);
        if (passage.start > covered) expect(whole.text.slice(covered, passage.start).trim()).toBe("");
        covered = passage.end;
      }
      expect(whole.text.slice(covered).trim()).toBe("");
    }),
    { numRuns: 300 },
  );
});

test("the blocks of a document are the canonical text between their ends, and carry the headings above them", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyDraft, { minLength: 1, maxLength: 25 }), async (drafts) => {
      const whole = await document([...drafts, prose("The end.")]);
      for (const block of whole.blocks) {
        expect(block.text).toBe(whole.text.slice(block.start, block.end));
        if (block.kind === "HEADING") expect(block.headingPath.at(-1)).toBe(block.text.replaceAll("\n", " "));
      }
    }),
  );
});

test("a document that comes in parts is split like one that comes whole", async () => {
  const drafts = Array.from({ length: 400 }, (_, i) =>
    i % 40 === 0 ? heading(`Section ${i}`) : prose(paragraph(8, i)),
  );
  for (const method of splitMethods) {
    const options: SplitOptions = { method, sizeTokens: 200, overlapTokens: 30 };
    const splitter = new PassageSplitter(options);
    const parts = [];
    const inParts = [];
    for await (const part of assemble("TXT", drafts, { textCharacters: 10_000_000 })) {
      parts.push(part);
      inParts.push(...splitter.push(part));
    }
    inParts.push(...splitter.end());
    expect(parts.length).toBeGreaterThan(1);
    expect(inParts).toEqual(split(await document(drafts), options));
  }
});

test("HEADING keeps a section to itself, under the path of its headings", async () => {
  const whole = await document([
    heading("Report"),
    heading("Pilot", 2),
    prose("The pilot was 85."),
    heading("Weather", 2),
    prose("The winds were calm."),
    heading("Clouds", 3),
    prose("Broken at 9,000 feet."),
  ]);
  const passages = split(whole, { method: "HEADING", sizeTokens: 200, overlapTokens: 20 });
  expect(passages.map(({ text, headingPath }) => [text, headingPath])).toEqual([
    ["Report\n\nPilot\n\nThe pilot was 85.", ["Report", "Pilot"]],
    ["Weather\n\nThe winds were calm.", ["Report", "Weather"]],
    ["Clouds\n\nBroken at 9,000 feet.", ["Report", "Weather", "Clouds"]],
  ]);
});

test("SENTENCE parts no sentence that fits, and says the overlap again in whole sentences", async () => {
  const text = paragraph(40);
  const passages = split(await document([prose(text)]), { method: "SENTENCE", sizeTokens: 100, overlapTokens: 30 });
  expect(passages.length).toBeGreaterThan(3);
  for (const passage of passages) expect(passage.text).toMatch(/^[A-Z].*\.$/s);
  for (const [i, passage] of passages.slice(1).entries()) {
    const repeated = text.slice(passage.start, passages[i]!.end);
    expect(repeated).toMatch(/^[A-Z].*\.$/s);
    expect(countTokens(repeated)).toBeLessThanOrEqual(30);
  }
});

test("a heading is never the end of a passage whose text follows", async () => {
  const drafts = Array.from({ length: 30 }, (_, i) => [
    heading(`Chapter ${i}`, 2),
    prose(paragraph(2 + (i % 5), i)),
  ]).flat();
  for (const method of ["SENTENCE", "HEADING"] as const) {
    for (const passage of split(await document(drafts), { method, sizeTokens: 120, overlapTokens: 20 })) {
      expect(passage.text).not.toMatch(/Chapter \d+$/);
    }
  }
});

test("rows of a table stay whole", async () => {
  const rows = Array.from({ length: 200 }, (_, i) => `Name: person ${i}; Born: ${1800 + i}; City: London`);
  for (const method of ["SENTENCE", "HEADING"] as const) {
    const passages = split(await document(rows.map(row)), { method, sizeTokens: 100, overlapTokens: 10 });
    expect(passages.flatMap(({ text }) => text.split("\n"))).toEqual(rows);
  }
});

test("FIXED fills its passages and repeats the overlap", async () => {
  const passages = split(await document([prose(paragraph(60))]), {
    method: "FIXED",
    sizeTokens: 100,
    overlapTokens: 20,
  });
  for (const [i, passage] of passages.slice(1).entries()) {
    expect(passages[i]!.tokenCount).toBeGreaterThan(90);
    expect(countTokens(passages[i]!.text.slice(passage.start - passages[i]!.start))).toBeGreaterThan(10);
  }
});

test("a passage names the pages that it stands on", async () => {
  const drafts: Draft[] = [
    prose(sentence(20, 1), 1),
    { kind: "PAGE_BREAK", page: 2 },
    { ...prose(sentence(20, 2), 2), lastPage: 3 } as Draft,
  ];
  const [passage] = split(await document(drafts), { method: "SENTENCE", sizeTokens: 200, overlapTokens: 0 });
  expect([passage!.firstPage, passage!.lastPage]).toEqual([1, 3]);
});

test("text without blanks is split as well", async () => {
  const passages = split(await document([prose("x".repeat(50_000)), prose("漢".repeat(5_000))]), {
    method: "SENTENCE",
    sizeTokens: 100,
    overlapTokens: 10,
  });
  expect(passages.every(({ tokenCount }) => tokenCount <= 100)).toBe(true);
  expect(passages.at(-1)!.end).toBe(55_002);
});

test.each([
  [{ sizeTokens: 49 }, "sizeTokens"],
  [{ sizeTokens: 2_001 }, "sizeTokens"],
  [{ sizeTokens: 100.5 }, "sizeTokens"],
  [{ sizeTokens: Number.NaN }, "sizeTokens"],
  [{ sizeTokens: 100, overlapTokens: 50 }, "overlapTokens"],
  [{ overlapTokens: -1 }, "overlapTokens"],
  [{ method: "PARAGRAPH" as never }, "method"],
])("options that make no sense are refused by field: %j", (wrong, field) => {
  const options: SplitOptions = { method: "FIXED", sizeTokens: 300, overlapTokens: 30, ...wrong };
  expect(splitFault(options)?.field).toBe(field);
  expect(() => new PassageSplitter(options)).toThrow(RangeError);
});

test("the widest and the narrowest options are taken", () => {
  expect(splitFault({ method: "FIXED", sizeTokens: 50, overlapTokens: 24 })).toBeNull();
  expect(splitFault({ method: "HEADING", sizeTokens: 2_000, overlapTokens: 0 })).toBeNull();
});
