import { isId, newId, newUuid } from ".";

test("an id is its prefix and 26 characters, and is recognized by its prefix alone", () => {
  const id = newId("usr");
  expect(id).toMatch(/^usr_[0-9a-z]{26}$/);
  expect(isId("usr", id)).toBe(true);
  expect(isId("org", id)).toBe(false);
  expect(isId("usr", `${id}'; drop table`)).toBe(false);
});

test("ids sort by the time they were made", () => {
  const ids = [1_800_000_000_000, 1_800_000_000_001, 1_900_000_000_000].map((time) => newId("usr", time));
  expect([...ids].reverse().sort()).toEqual(ids);
});

test("a hundred thousand ids of one millisecond are all different", () => {
  const ids = new Set(Array.from({ length: 100_000 }, () => newId("usr", 1_800_000_000_000)));
  expect(ids.size).toBe(100_000);
});

test("a UUID is of version 7 and begins with its time", () => {
  expect(newUuid(0x0190_0000_0000)).toMatch(/^01900000-0000-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
