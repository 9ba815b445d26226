import { deriveKey, open, seal } from "./secret-box";

const key = deriveKey("a secret of this installation", "test");

test("what is sealed opens under the same key and binding", () => {
  expect(open(seal(Buffer.from("private"), key, "kid-1"), key, "kid-1")?.toString()).toBe("private");
});

test("sealing twice gives different boxes, and neither shows the text", () => {
  const [first, second] = [seal(Buffer.from("private"), key, "a"), seal(Buffer.from("private"), key, "a")];
  expect(first.equals(second)).toBe(false);
  expect(first.includes("private")).toBe(false);
});

test("another key, another binding, a changed bit or a short box don't open", () => {
  const box = seal(Buffer.from("private"), key, "kid-1");
  const changed = Buffer.from(box);
  changed[20]! ^= 1;
  expect(open(box, deriveKey("another secret", "test"), "kid-1")).toBeNull();
  expect(open(box, deriveKey("a secret of this installation", "other"), "kid-1")).toBeNull();
  expect(open(box, key, "kid-2")).toBeNull();
  expect(open(changed, key, "kid-1")).toBeNull();
  expect(open(box.subarray(0, 10), key, "kid-1")).toBeNull();
});
