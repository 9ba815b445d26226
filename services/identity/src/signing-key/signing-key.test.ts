import { planSigningKeys } from "./signing-key";

const hour = 3600_000;
const schedule = { rotateAfterMs: 100 * hour, publishAheadMs: hour, keepPublishedMs: 2 * hour };
const start = new Date("2026-11-20T12:00:00Z");
const at = (hours: number) => new Date(start.getTime() + hours * hour);
const key = (id: string, activeAtHours: number) => ({ id, activeAt: at(activeAtHours) });
const plan = (keys: { id: string; activeAt: Date }[], hours: number) => {
  const { sign, publish, nextActiveAt, forget } = planSigningKeys(keys, at(hours), schedule);
  const ids = (list: { id: string }[]) => list.map(({ id }) => id);
  return { sign: sign?.id ?? null, publish: ids(publish), nextActiveAt, forget: ids(forget) };
};

test("without a key, one is made that signs at once", () => {
  expect(plan([], 0)).toEqual({ sign: null, publish: [], nextActiveAt: at(0), forget: [] });
});

test("a key signs alone until its successor is due", () => {
  expect(plan([key("a", 0)], 98)).toEqual({ sign: "a", publish: ["a"], nextActiveAt: null, forget: [] });
});

test("an hour before, the successor is made, to be published before it signs", () => {
  expect(plan([key("a", 0)], 99)).toEqual({ sign: "a", publish: ["a"], nextActiveAt: at(100), forget: [] });
  expect(plan([key("a", 0), key("b", 100)], 99)).toEqual({
    sign: "a",
    publish: ["b", "a"],
    nextActiveAt: null,
    forget: [],
  });
});

test("then it signs, and the old key is published until no token of it can be valid", () => {
  expect(plan([key("a", 0), key("b", 100)], 100)).toMatchObject({ sign: "b", publish: ["b", "a"], forget: [] });
  expect(plan([key("a", 0), key("b", 100)], 102)).toMatchObject({ sign: "b", publish: ["b"], forget: ["a"] });
});

test("after a long stop the old key signs until the new one has been published for a while", () => {
  expect(plan([key("a", 0)], 5000)).toEqual({ sign: "a", publish: ["a"], nextActiveAt: at(5001), forget: [] });
});

test("a clock that stands before every key makes one that signs now", () => {
  expect(plan([key("a", 5)], 0)).toMatchObject({ sign: null, nextActiveAt: at(0), forget: [] });
});
