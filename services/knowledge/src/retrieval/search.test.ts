import { highlight, PassageIndex, searchPassages, type Passage, type SearchMode } from ".";

const modes: SearchMode[] = ["KEYWORD", "SEMANTIC", "HYBRID"];

async function baseOf(passages: Passage[], { workspaceId = "wsp_1", knowledgeBaseId = "kb_1" } = {}) {
  const index = new PassageIndex({ workspaceId, knowledgeBaseId });
  await index.add(passages);
  await index.maintain({ evenIfNotDue: true });
  return index;
}

const texts = [
  "Registration N123AB belongs to an aircraft of the type PA-22-150.",
  "The takeoff was aborted because of the snow on the runway.",
  "Reimbursement of accommodation is limited to 140 euros a night.",
  "The service desk of the IT department resets forgotten passwords.",
  "Die Reisekostenabrechnung ist innerhalb von vier Wochen einzureichen, und die Belege werden hochgeladen.",
  "Überstunden werden mit Freizeit ausgeglichen, wenn die Führungskraft und der Betriebsrat es so vereinbaren.",
  "Annual leave is decided by the team lead within five working days.",
  "The annual report of the company is read by few.",
  "Snow tyres are fitted to the vehicles in October, and taken off in April.",
  "A night train goes to Zurich every evening.",
  "The aircraft climbed slowly, for its wings were covered with ice.",
  "Wings of the aircraft are inspected for ice before the flight.",
];
const filler = Array.from(
  { length: 40 },
  (_, at) => `Filler passage ${at} about gardens, weather, cooking, ice and music number ${at % 5}.`,
);

const passages = [...texts, ...filler].map((text, at): Passage => ({
  id: `psg_${String(at).padStart(2, "0")}`,
  documentId: `doc_${at % 4}`,
  text,
  title: at % 4 === 1 ? "Winter rules" : "Handbook",
  headingPath: at % 2 === 0 ? ["Travel", "Hotels & Nights"] : ["Operations"],
  page: at < 12 ? at + 1 : null,
}));

const ids = (result: ReturnType<typeof searchPassages>) => result.hits.map(({ passageId }) => passageId);

describe("what is found", () => {
  let index: PassageIndex;
  beforeAll(async () => void (index = await baseOf(passages)));

  test.each([
    ["a code", "n123ab", "psg_00"],
    ["a code without its hyphens", "PA22-150", "psg_00"],
    ["a word written apart", "take-off", "psg_01"],
    ["another form of a word", "decisions on leaves", "psg_06"],
    ["German without umlauts", "Uberstunden", "psg_05"],
    ["a German plural", "Reisekostenabrechnungen", "psg_04"],
    ["an abbreviation", "IT", "psg_03"],
  ])("%s", (_, query, expected) => {
    expect(ids(searchPassages([index], query, { mode: "KEYWORD" }))[0]).toBe(expected);
  });

  test("a misspelled word, and part of a compound, where spelling counts", () => {
    for (const mode of ["SEMANTIC", "HYBRID"] as const) {
      expect(ids(searchPassages([index], "acommodation", { mode }))[0]).toBe("psg_02");
      expect(ids(searchPassages([index], "Reisekosten", { mode }))[0]).toBe("psg_04");
    }
    expect(ids(searchPassages([index], "acommodation", { mode: "KEYWORD" }))).toEqual([]);
  });

  test("words that stand together rank above the same words apart", () => {
    expect(ids(searchPassages([index], "annual leave"))[0]).toBe("psg_06");
  });

  test.each(["", "   ", "the of and", "?!", "zzqqxx"])("nothing, without complaint: %j", (query) => {
    for (const mode of modes) expect(searchPassages([index], query, { mode }).hits).toEqual([]);
  });

  test("a page of text as a query", () => {
    expect(ids(searchPassages([index], `${texts.join(" ")} `.repeat(30)))).toHaveLength(10);
  });

  test("no more than was wanted, best first", () => {
    for (const mode of modes) {
      const { hits } = searchPassages([index], "aircraft ice wings", { mode, limit: 3 });
      expect(hits.length).toBeLessThanOrEqual(3);
      expect([...hits].sort((a, b) => b.score - a.score)).toEqual(hits);
      expect(searchPassages([index], "ice", { mode, limit: 0 }).hits).toEqual([]);
    }
  });

  test("coverage is the share of what was asked that stands there", () => {
    const [hit] = searchPassages([index], "registration N123AB").hits;
    expect(hit!.coverage).toBeCloseTo(1);
    const half = searchPassages([index], "N123AB helicopter").hits[0]!;
    expect(half.coverage).toBeGreaterThan(0);
    expect(half.coverage).toBeLessThan(0.9);
  });
});

describe("filters hold in every mode", () => {
  let index: PassageIndex;
  beforeAll(async () => {
    index = await baseOf(passages);
    index.describeDocument("doc_0", { metadata: { kind: "manual", tags: ["a", "b"], year: 2023 } });
    index.describeDocument("doc_1", { metadata: { kind: "policy", year: 2024, date: "2024-05-01" } });
    index.describeDocument("doc_2", { metadata: { kind: "policy", tags: ["b"], year: 2025 } });
  });

  const documentsOf = (mode: SearchMode, filter: object, query = "ice aircraft night annual snow filler") =>
    new Set(searchPassages([index], query, { mode, filter, limit: 200 }).hits.map(({ documentId }) => documentId));

  test.each([
    ["document ids", { documentIds: ["doc_1", "doc_none"] }, ["doc_1"]],
    ["no document ids", { documentIds: [] }, []],
    ["an equal field", { metadata: { kind: "policy" } }, ["doc_1", "doc_2"]],
    ["an item of a list", { metadata: { tags: "b" } }, ["doc_0", "doc_2"]],
    ["one of several", { metadata: { kind: { in: ["manual", "other"] } } }, ["doc_0"]],
    ["none of several", { metadata: { kind: { notIn: ["manual"] } } }, ["doc_1", "doc_2", "doc_3"]],
    ["a range", { metadata: { year: { from: 2024, to: 2024 } } }, ["doc_1"]],
    ["a range of dates", { metadata: { date: { from: "2024-01-01", to: "2024-12-31" } } }, ["doc_1"]],
    ["a field that isn't there", { metadata: { kind: null } }, ["doc_3"]],
    ["a field that is", { metadata: { kind: { exists: true } } }, ["doc_0", "doc_1", "doc_2"]],
    ["a name of Object's prototype", { metadata: { constructor: "x" } }, []],
    ["two at once", { documentIds: ["doc_1"], metadata: { kind: "manual" } }, []],
  ])("%s", (_, filter, expected) => {
    for (const mode of modes) expect([...documentsOf(mode, filter)].sort()).toEqual(expected);
  });

  test("a heading, whatever its case", () => {
    for (const mode of modes) {
      const { hits } = searchPassages([index], "night ice filler", { mode, filter: { heading: "hotels" }, limit: 200 });
      expect(hits.length).toBeGreaterThan(0);
      expect(hits.every(({ passageId }) => Number(passageId.slice(4)) % 2 === 0)).toBe(true);
    }
  });

  test("pages; what has no page is on none", () => {
    for (const mode of modes) {
      const { hits } = searchPassages([index], "ice snow aircraft filler", {
        mode,
        filter: { pageFrom: 2, pageTo: 11 },
        limit: 200,
      });
      expect(hits.map(({ passageId }) => Number(passageId.slice(4)) + 1).every((page) => page >= 2 && page <= 11)).toBe(
        true,
      );
      expect(hits.length).toBeGreaterThan(0);
    }
  });

  test("a disabled document isn't found until it is enabled again", () => {
    index.describeDocument("doc_1", { enabled: false });
    for (const mode of modes) expect(documentsOf(mode, {}).has("doc_1")).toBe(false);
    index.describeDocument("doc_1", { enabled: true });
    for (const mode of modes) expect(documentsOf(mode, {}).has("doc_1")).toBe(true);
  });
});

describe("explanations", () => {
  let index: PassageIndex;
  beforeAll(async () => void (index = await baseOf([...passages, { ...passages[10]!, id: "psg_copy" }])));

  test.each(modes)("the parts add up to the score, and the words to the keyword part: %s", (mode) => {
    for (const query of ["aircraft wings ice", "snow on the runway", "acommodation limited", "take-off"]) {
      const { hits } = searchPassages([index], query, { mode, explain: true, limit: 20 });
      expect(hits.length).toBeGreaterThan(0);
      for (const { score, explanation } of hits) {
        expect(explanation!.parts.reduce((sum, { contribution }) => sum + contribution, 0)).toBeCloseTo(score, 9);
        const keyword = explanation!.parts.find(({ part }) => part === "keyword")?.value ?? 0;
        if (mode !== "SEMANTIC")
          expect(explanation!.words.reduce((sum, { value }) => sum + value, 0)).toBeCloseTo(keyword, 9);
      }
    }
  });

  test("they name the words, the headings and the spellings", () => {
    const [hit] = searchPassages([index], "hotel acommodation euros", { explain: true }).hits;
    expect(hit!.passageId).toBe("psg_02");
    expect(hit!.explanation!.words).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ word: "euros", count: 1 }),
        expect.objectContaining({ word: "hotel", inHeading: true }),
      ]),
    );
    expect(hit!.explanation!.similarWords).toEqual([
      expect.objectContaining({ word: "acommodation", found: "accommod" }),
    ]);
    expect(hit!.explanation!.keywordRank).toBe(1);
  });

  test("an echo of a better hit is sent back, and says so", () => {
    const query = "aircraft climbed slowly wings covered with ice";
    const position = (diversify: boolean) =>
      ids(searchPassages([index], query, { diversify, limit: 30 })).indexOf("psg_copy");
    expect(position(false)).toBe(1);
    expect(position(true)).toBeGreaterThan(1);
    const echo = searchPassages([index], query, { explain: true, limit: 30 }).hits.find(
      ({ passageId }) => passageId === "psg_copy",
    );
    expect(echo!.explanation!.parts.find(({ part }) => part === "duplicate")!.contribution).toBeLessThan(0);
  });

  test("nothing is explained unasked", () => {
    expect(searchPassages([index], "ice").hits[0]).not.toHaveProperty("explanation");
  });
});

describe("several bases", () => {
  test("their hits are ranked as if they were one base", async () => {
    const whole = await baseOf(passages);
    const halves = [
      await baseOf(
        passages.filter((_, at) => at % 2 === 0),
        { knowledgeBaseId: "kb_even" },
      ),
      await baseOf(
        passages.filter((_, at) => at % 2 === 1),
        { knowledgeBaseId: "kb_odd" },
      ),
    ];
    for (const query of ["aircraft wings ice", "annual", "snow N123AB"]) {
      const one = searchPassages([whole], query, { mode: "KEYWORD", limit: 5 });
      const both = searchPassages(halves, query, { mode: "KEYWORD", limit: 5 });
      expect(ids(both)).toEqual(ids(one));
      both.hits.forEach(({ score }, at) => expect(score).toBeCloseTo(one.hits[at]!.score, 9));
    }
    const hybrid = searchPassages(halves, "aircraft wings ice");
    expect(new Set(hybrid.hits.map(({ knowledgeBaseId }) => knowledgeBaseId))).toEqual(new Set(["kb_even", "kb_odd"]));
  });

  test("of two workspaces are never searched together", async () => {
    const one = await baseOf(passages.slice(0, 3));
    const foreign = await baseOf(passages.slice(3, 6), { workspaceId: "wsp_2" });
    expect(() => searchPassages([one, foreign], "ice")).toThrow("workspaces");
  });

  test("none at all finds nothing", () => {
    expect(searchPassages([], "ice").hits).toEqual([]);
  });
});

describe("highlights", () => {
  let index: PassageIndex;
  beforeAll(async () => void (index = await baseOf(passages)));

  const marked = (query: string, text: string, options = {}) => {
    const { matches } = highlight(searchPassages([index], query).query, text, options);
    return matches.map(({ start, end }) => text.slice(start, end));
  };

  test("mark exactly the words that match, in whatever form", () => {
    expect(marked("inspection of wings", texts[11]!)).toEqual(["Wings", "inspected"]);
    expect(marked("n123ab", texts[0]!)).toEqual(["N123AB"]);
    expect(marked("takeoff", "A take-off was aborted")).toEqual(["take-off"]);
    expect(marked("Uberstunden", texts[5]!)).toEqual(["Überstunden"]);
    expect(marked("acommodation", texts[2]!)).toEqual(["accommodation"]);
    expect(marked("nothing here", texts[2]!)).toEqual([]);
  });

  test("the snippet holds the matches and cuts no word", () => {
    const text = `${"Long introduction without any value at all. ".repeat(30)}Here the registration N123AB is named. ${"And more to read afterwards. ".repeat(30)}`;
    const { query } = searchPassages([index], "registration N123AB");
    const { snippet, matches } = highlight(query, text, { snippetLength: 120 });
    const shown = text.slice(snippet.start, snippet.end);
    expect(shown.length).toBeLessThanOrEqual(120);
    expect(shown).toContain("registration N123AB is named.");
    expect(matches.every(({ start, end }) => start >= snippet.start && end <= snippet.end)).toBe(true);
    expect(text[snippet.start - 1]).toMatch(/\s/);
    expect(text[snippet.end]).toMatch(/\s|$/);
  });

  test("the snippet of a text without a match is its beginning", () => {
    const { query } = searchPassages([index], "N123AB");
    const text = "Nothing of the kind. ".repeat(40);
    expect(highlight(query, text, { snippetLength: 60 }).snippet.start).toBe(0);
    expect(highlight(query, "", {})).toEqual({ matches: [], snippet: { start: 0, end: 0 } });
  });
});
