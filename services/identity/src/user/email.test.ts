import { parseEmail } from "./email";

test("an address is trimmed, its domain lowered, and compared without regard to case", () => {
  expect(parseEmail("  Ada.Byron@Example.ORG ")).toEqual({
    address: "Ada.Byron@example.org",
    key: "ada.byron@example.org",
  });
});

test("an international domain is kept in its ASCII form, so that its two spellings are one", () => {
  expect(parseEmail("ada@bücher.example")?.key).toBe("ada@xn--bcher-kva.example");
  expect(parseEmail("ada@xn--bcher-kva.example")?.key).toBe("ada@xn--bcher-kva.example");
});

test.each([
  "",
  "ada",
  "@example.org",
  "ada@",
  "ada@localhost",
  "ada@example..org",
  "ada@-example.org",
  "ada byron@example.org",
  "ada@exa mple.org",
  "a..b@example.org",
  ".ada@example.org",
  '"ada"@example.org',
  "ada@[127.0.0.1]",
  "ada@example.org\u0000",
  "ada@example.org,eve@example.org",
  `${"a".repeat(65)}@example.org`,
  `ada@${"a".repeat(64)}.org`,
  `ada@${"abcdefgh.".repeat(30)}org`,
])("%j is no address", (text) => {
  expect(parseEmail(text)).toBeNull();
});
