import { PassageIndex, searchPassages, type Passage } from ".";

const owner = { workspaceId: "wsp_1", knowledgeBaseId: "kb_1" };

const topics = [
  "The pump moves clean water from the borehole through the rising pipe and the check valve",
  "Claims for travel expenses are approved by the manager and paid with the next payroll",
  "The crane lifts a load over the scaffold while the operator watches the wind",
  "Passwords protect the account and the service desk resets them when they are forgotten",
  "Annual leave is requested in the time system and decided by the team lead",
];

const extras =
  "steel paper river winter kitchen bridge market garden letter signal copper window harbour engine forest".split(" ");

/** Passages of five subjects, each with a code of its own (q42z) and a few words that vary. */
function passages(count: number, from = 0): Passage[] {
  return Array.from({ length: count }, (_, at) => {
    const number = from + at;
    return {
      id: `psg_${number}`,
      documentId: `doc_${number % 20}`,
      title: `Document ${number % 20}`,
      text: `${topics[number % topics.length]}. q${number}z stands here, with ${[3, 5, 7, 11].map((step) => extras[(number * step + (number >> 3)) % extras.length]).join(" ")} ${"and more ".repeat(number % 9)}.`,
    };
  });
}

const idsFor = (index: PassageIndex, query: string, options = {}) =>
  searchPassages([index], query, { limit: 50, ...options }).hits.map(({ passageId }) => passageId);

async function indexOf(given: Passage[]) {
  const index = new PassageIndex(owner);
  await index.add(given);
  return index;
}

describe("adding and removing", () => {
  test("what was added is found", async () => {
    const index = await indexOf(passages(100));
    expect(idsFor(index, "q42z", { mode: "KEYWORD" })).toEqual(["psg_42"]);
    expect(index.statistics).toMatchObject({ passages: 100, documents: 20 });
  });

  test.each(["KEYWORD", "SEMANTIC", "HYBRID"] as const)("a deleted passage never comes back: %s", async (mode) => {
    const index = await indexOf(passages(200));
    await index.maintain({ evenIfNotDue: true });
    const query = "pump water borehole";
    const before = idsFor(index, query, { mode, diversify: false });
    expect(before.length).toBeGreaterThan(10);
    expect(index.remove(before.slice(0, 5))).toBe(5);
    expect(index.remove(before.slice(0, 5))).toBe(0);
    const gone = new Set(before.slice(0, 5));
    const absent = () =>
      expect(idsFor(index, query, { mode, diversify: false }).filter((id) => gone.has(id))).toEqual([]);
    absent();
    await index.maintain({ evenIfNotDue: true });
    absent();
    expect(index.statistics).toMatchObject({ passages: 195, deletedPassages: 0 });
  });

  test("a deleted document takes all its passages along", async () => {
    const index = await indexOf(passages(100));
    expect(index.removeDocument("doc_3")).toBe(5);
    expect(idsFor(index, "q3z q23z q43z q63z q83z", { mode: "KEYWORD" })).toEqual([]);
    expect(index.removeDocument("doc_3")).toBe(0);
    expect(index.removeDocument("doc_unknown")).toBe(0);
  });

  test("adding a passage again replaces it", async () => {
    const index = await indexOf(passages(10));
    await index.add([{ id: "psg_4", documentId: "doc_4", text: "Entirely different words about submarines." }]);
    expect(index.statistics.passages).toBe(10);
    expect(idsFor(index, "submarines", { mode: "KEYWORD" })).toEqual(["psg_4"]);
    expect(idsFor(index, "q4z", { mode: "KEYWORD" })).toEqual([]);
  });

  test("a document that is removed while its passages are being added stays removed", async () => {
    const index = new PassageIndex(owner);
    async function* slowly() {
      for (const [at, passage] of passages(60).entries()) {
        if (at === 40) index.removeDocument("doc_1");
        if (at === 45) index.remove(["psg_55"]);
        await new Promise((resume) => setImmediate(resume));
        yield passage;
      }
    }
    await index.add(slowly());
    expect(idsFor(index, "q1z q21z q41z q55z", { mode: "KEYWORD" })).toEqual([]);
    expect(index.statistics.passages).toBe(56);
    await index.add(passages(60));
    expect(index.statistics.passages).toBe(60);
  });

  test("nothing that happens while the room of the deleted is given back is lost", async () => {
    const index = await indexOf(passages(3000));
    index.remove(passages(1000).map(({ id }) => id));
    const maintained = index.maintain({ evenIfNotDue: true });
    await new Promise((resume) => setImmediate(resume));
    index.remove(["psg_1000", "psg_2999"]);
    index.removeDocument("doc_5");
    index.describeDocument("doc_6", { enabled: false });
    await index.add(passages(5, 5000));
    await index.add([{ id: "psg_1001", documentId: "doc_1", text: "Submarines again." }]);
    await maintained;
    expect(index.statistics.deletedPassages).toBeLessThan(110);
    expect(idsFor(index, "q1000z q2999z q1001z q1005z", { mode: "KEYWORD" })).toEqual([]);
    expect(idsFor(index, "q5001z", { mode: "KEYWORD" })).toEqual(["psg_5001"]);
    expect(idsFor(index, "submarines", { mode: "KEYWORD" })).toEqual(["psg_1001"]);
    expect(idsFor(index, "q1006z", { mode: "KEYWORD" })).toEqual([]);
    expect(index.statistics.passages).toBe(2000 - 2 - 100 + 5);
  });

  test("other work goes on while thousands are added", async () => {
    const index = new PassageIndex(owner);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const startedAt = performance.now();
    await index.add(passages(20_000));
    clearInterval(timer);
    // At least one turn for every 50 ms: slices are of 8, and the machine may be busy.
    expect(turns).toBeGreaterThan((performance.now() - startedAt) / 50);
  });

  test("adding stops when it is told to", async () => {
    const index = new PassageIndex(owner);
    const stop = new AbortController();
    const adding = index.add(passages(50_000), { signal: stop.signal });
    stop.abort(new Error("cancelled"));
    await expect(adding).rejects.toThrow("cancelled");
    expect(index.statistics.passages).toBeLessThan(50_000);
  });

  test("a closed index takes nothing any more", async () => {
    const index = await indexOf(passages(3));
    await index.close();
    await expect(index.add(passages(3, 10))).rejects.toThrow("closed");
  });
});

describe("an index that grew by additions and deletions equals one that was built at once", () => {
  const kept = passages(400).filter((_, at) => at % 3 !== 0);

  async function grown() {
    const index = new PassageIndex(owner);
    for (let from = 0; from < 400; from += 100) {
      await index.add(passages(100, from));
      await index.maintain();
    }
    await index.add(passages(50, 100));
    index.remove(
      passages(400)
        .filter((_, at) => at % 3 === 0)
        .map(({ id }) => id),
    );
    return index;
  }

  test.each(["KEYWORD", "HYBRID"] as const)("%s", async (mode) => {
    const [one, other] = [await grown(), await indexOf(kept)];
    for (const index of [one, other]) await index.maintain({ evenIfNotDue: true });
    for (const query of [
      "pump water valve",
      "who approves travel expenses",
      "crane operator wind copper",
      "q77z q78z",
    ]) {
      const rank = (index: PassageIndex) => searchPassages([index], query, { mode, limit: 20 }).hits;
      const [left, right] = [rank(one), rank(other)];
      expect(left.map(({ passageId }) => passageId)).toEqual(right.map(({ passageId }) => passageId));
      left.forEach(({ score }, at) => expect(score).toBeCloseTo(right[at]!.score, 4));
    }
  });
});

describe("snapshots", () => {
  const chunksOf = async (index: PassageIndex, label?: string) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of index.snapshot(label)) chunks.push(chunk);
    return chunks;
  };

  async function settled() {
    const index = await indexOf(passages(300));
    index.describeDocument("doc_2", { metadata: { kind: "manual", year: 2024 }, enabled: true });
    index.describeDocument("doc_3", { enabled: false });
    index.remove(["psg_7"]);
    await index.maintain({ evenIfNotDue: true });
    return index;
  }

  test("an index comes back as it was", async () => {
    const index = await settled();
    const { index: restored, label } = await PassageIndex.restore(owner, await chunksOf(index, "event 17"));
    expect(label).toBe("event 17");
    expect(restored.statistics).toMatchObject({ ...index.statistics, bytes: expect.any(Number) as number });
    for (const mode of ["KEYWORD", "SEMANTIC", "HYBRID"] as const)
      for (const query of ["pump water", "manager expenses", "q7z", "Document 2"])
        expect(searchPassages([restored], query, { mode }).hits).toEqual(searchPassages([index], query, { mode }).hits);
    expect(idsFor(restored, "q3z", { mode: "KEYWORD" })).toEqual([]);
    const filter = { metadata: { kind: "manual" } };
    expect(idsFor(restored, "pump", { filter })).toEqual(idsFor(index, "pump", { filter }));
    await restored.add(passages(2, 900));
    expect(idsFor(restored, "q901z", { mode: "KEYWORD" })).toEqual(["psg_901"]);
  });

  test("it may be read in pieces of any size", async () => {
    const bytes = Buffer.concat(await chunksOf(await settled()));
    const pieces = function* () {
      for (let at = 0; at < bytes.length; at += 997) yield bytes.subarray(at, at + 997);
    };
    expect((await PassageIndex.restore(owner, pieces())).index.statistics.passages).toBe(299);
  });

  test("a damaged, shortened or foreign snapshot is refused", async () => {
    const bytes = Buffer.concat(await chunksOf(await settled()));
    const flipped = Buffer.from(bytes);
    flipped[bytes.length >> 1]! ^= 1;
    await expect(PassageIndex.restore(owner, [flipped])).rejects.toThrow();
    await expect(PassageIndex.restore(owner, [bytes.subarray(0, bytes.length - 9)])).rejects.toThrow("snapshot");
    await expect(PassageIndex.restore(owner, [bytes.subarray(0, 40)])).rejects.toThrow("snapshot");
    await expect(PassageIndex.restore(owner, [])).rejects.toThrow("snapshot");
    await expect(PassageIndex.restore({ ...owner, workspaceId: "wsp_2" }, [bytes])).rejects.toThrow(
      "another knowledge base",
    );
    await expect(PassageIndex.restore({ ...owner, knowledgeBaseId: "kb_2" }, [bytes])).rejects.toThrow(
      "another knowledge base",
    );
  });

  test("an empty index has a snapshot too", async () => {
    const { index } = await PassageIndex.restore(owner, await chunksOf(new PassageIndex(owner)));
    expect(index.statistics.passages).toBe(0);
    expect(idsFor(index, "anything")).toEqual([]);
  });
});
