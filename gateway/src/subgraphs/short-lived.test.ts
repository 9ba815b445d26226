import { ShortLivedMap } from "./short-lived";

test("what is set is found until it is deleted or forgotten for what came after it", () => {
  const map = new ShortLivedMap<number>();
  for (let n = 0; n < 300; n++) map.set(`k${n}`, n);
  expect([map.get("k0"), map.get("k255"), map.get("k256"), map.get("k299")]).toEqual([0, 255, 256, 299]);

  for (const key of ["k1", "k299", "none"]) map.delete(key);
  expect([map.get("k1"), map.get("k299"), map.get("k0")]).toEqual([undefined, undefined, 0]);

  for (let n = 300; n < 600; n++) map.set(`k${n}`, n);
  expect([map.get("k0"), map.get("k300"), map.get("k599")]).toEqual([undefined, 300, 599]);
});

test("it is empty when all has been deleted, and when it was cleared", () => {
  const map = new ShortLivedMap<number>();
  expect(map.isEmpty).toBe(true);
  for (let n = 0; n < 300; n++) map.set(`k${n}`, n);
  for (let n = 0; n < 299; n++) map.delete(`k${n}`);
  expect(map.isEmpty).toBe(false);
  map.delete("k299");
  expect(map.isEmpty).toBe(true);

  for (let n = 0; n < 300; n++) map.set(`k${n}`, n);
  map.clear();
  expect(map.isEmpty).toBe(true);
  expect(map.get("k0")).toBeUndefined();
});
