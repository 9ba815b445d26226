import { BestOf } from "./best-of";
import { PostingLists, SequencePool } from "./growing-arrays";

test("postings come back as they were added, whatever their order and number", () => {
  const lists = new PostingLists();
  const expected = new Map<number, [number, number][]>();
  let state = 7;
  const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  for (let slot = 0; slot < 30_000; slot++)
    for (const term of new Set([random(3), 3 + random(50), 60 + random(20_000)])) {
      const count = 1 + random(300);
      lists.append(term, slot, count);
      expected.set(term, [...(expected.get(term) ?? []), [slot, Math.min(count, 255)]]);
      if (expected.get(term)!.length > 5000) expected.get(term)!.length = 5000;
    }
  for (const [term, postings] of expected) {
    const found: [number, number][] = [];
    lists.visit(term, (slots, counts, from, to) => {
      for (let at = from; at < to; at++) found.push([slots[at]!, counts[at]!]);
    });
    expect(found.slice(0, postings.length)).toEqual(postings);
  }
}, 60_000);

test("a term without postings is visited never", () => {
  const visit = jest.fn();
  new PostingLists().visit(17, visit);
  expect(visit).not.toHaveBeenCalled();
});

test("sequences lie in one piece, longer ones than a page too", () => {
  const pool = new SequencePool();
  const lengths = [1, 65_536, 3, 200_000, 0, 65_535, 5];
  const places = lengths.map((length, value) => pool.append(new Uint32Array(length).fill(value + 1), length));
  lengths.forEach((length, value) => {
    const { page, offset } = places[value]!;
    expect(
      pool
        .page(page)
        .subarray(offset, offset + length)
        .every((each) => each === value + 1),
    ).toBe(true);
  });
});

test("the best are kept in order, and equals by their number", () => {
  const best = new BestOf(3);
  for (const [item, score] of [
    [5, 1],
    [2, 4],
    [9, 4],
    [1, 2],
    [7, 3],
    [3, 4],
  ] as const)
    best.offer(item, score);
  expect(best.sorted()).toEqual([
    { item: 2, score: 4 },
    { item: 3, score: 4 },
    { item: 9, score: 4 },
  ]);
});
