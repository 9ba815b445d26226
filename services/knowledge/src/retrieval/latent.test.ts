import { fitLatentBasis } from "./latent-fit";
import { PassageIndex, searchPassages } from ".";

/** A dense matrix as the fit takes it. */
function sparse(rows: number[][]) {
  const starts = [0];
  const columns: number[] = [];
  const values: number[] = [];
  for (const row of rows) {
    row.forEach((value, column) => value !== 0 && (columns.push(column), values.push(value)));
    starts.push(columns.length);
  }
  return {
    rowCount: rows.length,
    columnCount: rows[0]!.length,
    starts: Uint32Array.from(starts),
    columns: Uint32Array.from(columns),
    values: Float32Array.from(values),
  };
}

test("the basis is orthonormal and holds what the matrix holds", () => {
  // Rank 8: every row is a mixture of eight patterns.
  let state = 3;
  const random = () => ((state = (state * 48_271) % 2_147_483_647) / 2_147_483_647) * 2 - 1;
  const patterns = Array.from({ length: 8 }, () => Array.from({ length: 40 }, random));
  const rows = Array.from({ length: 120 }, () => {
    const mix = patterns.map(random);
    return Array.from({ length: 40 }, (_, column) =>
      patterns.reduce((sum, pattern, at) => sum + mix[at]! * pattern[column]!, 0),
    );
  });
  const basis = fitLatentBasis(sparse(rows), 8);
  const column = (at: number) => Array.from({ length: 40 }, (_, row) => basis[row * 8 + at]!);
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);
  for (let a = 0; a < 8; a++)
    for (let b = 0; b < 8; b++) expect(dot(column(a), column(b))).toBeCloseTo(a === b ? 1 : 0, 3);
  for (const row of rows) {
    const projected = Array.from({ length: 8 }, (_, at) => dot(row, column(at)));
    expect(dot(projected, projected)).toBeCloseTo(dot(row, row), 2);
  }
  expect(fitLatentBasis(sparse(rows), 8)).toEqual(basis);
});

const subjects = [
  ["pilot", "aircraft", "runway", "landing", "wing", "engine", "flight", "airport"],
  ["invoice", "payment", "supplier", "discount", "order", "price", "delivery", "tax"],
  ["scaffold", "crane", "helmet", "trench", "excavator", "concrete", "foreman", "site"],
];

/** Passages that each use four of their subject's eight words. */
function subjectPassages(count: number) {
  let state = 11;
  const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  return Array.from({ length: count }, (_, at) => {
    const words = [...subjects[at % 3]!].sort(() => random(3) - 1).slice(0, 4);
    return {
      id: `psg_${at}`,
      documentId: `doc_${at}`,
      text: `${words.join(" ")} w${random(500)} w${random(500)}`,
      subject: at % 3,
    };
  });
}

describe("meaning learned from the documents", () => {
  const passages = subjectPassages(600);
  let index: PassageIndex;
  beforeAll(async () => {
    index = new PassageIndex({ workspaceId: "wsp_1", knowledgeBaseId: "kb_1" });
    await index.add(passages);
    await index.maintain();
  }, 60_000);

  test("passages of the same subject are found though they lack the word", () => {
    const { hits } = searchPassages([index], "runway", { mode: "SEMANTIC", limit: 200 });
    const lacking = hits.filter(({ passageId }) => !passages[Number(passageId.slice(4))]!.text.includes("runway"));
    expect(lacking.length).toBeGreaterThan(20);
    const right = hits.slice(0, 120).filter(({ passageId }) => Number(passageId.slice(4)) % 3 === 0);
    expect(right.length / Math.min(120, hits.length)).toBeGreaterThan(0.9);
  });

  test("a passage that came after the fit is placed too", async () => {
    await index.add([{ id: "psg_late", documentId: "doc_late", text: "aircraft engine airport wing" }]);
    const { hits } = searchPassages([index], "runway landing pilot", { mode: "SEMANTIC", limit: 200 });
    expect(hits.map(({ passageId }) => passageId)).toContain("psg_late");
  });

  test("the nearest by sign bits are the nearest indeed", () => {
    const { segment } = index;
    const vectors = segment.vectors!;
    let agreed = 0;
    for (let slot = 0; slot < 50; slot++) {
      const { components, scale } = vectors.vectorOf(slot * 7);
      const query = Float32Array.from(components, (component) => component * scale);
      const exact = new Set(vectors.nearestExactly(query, segment.alive, segment.slotCount, 10).map((hit) => hit.slot));
      agreed += vectors
        .nearest(query, segment.alive, segment.slotCount, 10)
        .filter((hit) => exact.has(hit.slot)).length;
    }
    expect(agreed / 500).toBeGreaterThanOrEqual(0.95);
  });

  test("it is learned anew when the base has outgrown it, not before", async () => {
    const fittedAt = () => index.statistics.latent!.fittedAt;
    expect(fittedAt()).toBe(600);
    await index.maintain();
    expect(fittedAt()).toBe(600);
    await index.add(
      subjectPassages(1000)
        .slice(600)
        .map((passage) => ({ ...passage, id: `${passage.id}_new` })),
    );
    await index.maintain();
    expect(fittedAt()).toBe(1001);
  }, 60_000);
});

test("a handful of passages is searched without it", async () => {
  const index = new PassageIndex({ workspaceId: "wsp_1", knowledgeBaseId: "kb_1" });
  await index.add([{ id: "psg_1", documentId: "doc_1", text: "The pump is heavy." }]);
  await index.maintain({ evenIfNotDue: true });
  expect(index.statistics.latent).toBeNull();
  expect(searchPassages([index], "heavy pumps").hits.map(({ passageId }) => passageId)).toEqual(["psg_1"]);
});

test("closing stops a fit that is under way", async () => {
  const index = new PassageIndex({ workspaceId: "wsp_1", knowledgeBaseId: "kb_1" });
  await index.add(subjectPassages(2000));
  const maintained = index.maintain();
  setTimeout(() => void index.close(), 20);
  await expect(maintained).rejects.toThrow("closed");
});
