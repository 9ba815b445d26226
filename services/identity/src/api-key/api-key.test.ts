import { apiKeysMax, isUsable, looksLikeApiKey, newApiKey } from "./api-key";
import { decideApiKey } from "./policy";

const now = new Date("2026-11-20T12:00:00Z");
const facts = { held: ["knowledge:*", "chatbots:read"], keyCount: 0, now };

test("a key carries the single permissions that its patterns stand for", () => {
  expect(decideApiKey({ permissions: ["knowledge:*", "knowledge:read"], expiresAt: null }, facts)).toEqual({
    ok: true,
    value: ["knowledge:read", "knowledge:write", "knowledge:delete"],
  });
});

test.each([["*"], ["chatbots:*"], ["*:read"], ["billing:read"]])("%s is more than its maker holds", (permission) => {
  expect(decideApiKey({ permissions: [permission], expiresAt: null }, facts)).toMatchObject({
    code: "PERMISSION_NOT_HELD",
  });
});

test("each other refusal has its code", () => {
  const decide = (request: object, more: object = {}) =>
    decideApiKey({ permissions: ["knowledge:read"], expiresAt: null, ...request }, { ...facts, ...more });
  expect(decide({ permissions: [] })).toMatchObject({ code: "NO_PERMISSIONS", path: ["permissions"] });
  expect(decide({ permissions: ["knowledge:read", "knowledge:fly"] })).toMatchObject({
    code: "UNKNOWN_PERMISSION",
    path: ["permissions", "1"],
  });
  expect(decide({ expiresAt: now })).toMatchObject({ code: "EXPIRY_IN_PAST", path: ["expiresAt"] });
  expect(decide({}, { keyCount: apiKeysMax })).toMatchObject({ code: "TOO_MANY_API_KEYS" });
});

test("a key opens until it expires or is revoked", () => {
  expect(isUsable({ revokedAt: null, expiresAt: null }, now)).toBe(true);
  expect(isUsable({ revokedAt: null, expiresAt: new Date(now.getTime() + 1) }, now)).toBe(true);
  expect(isUsable({ revokedAt: null, expiresAt: now }, now)).toBe(false);
  expect(isUsable({ revokedAt: now, expiresAt: null }, now)).toBe(false);
});

test("a key has 256 bits behind its prefix", () => {
  const key = newApiKey();
  expect(looksLikeApiKey(key)).toBe(true);
  expect(Buffer.from(key.slice(4), "base64url")).toHaveLength(32);
  expect(looksLikeApiKey(key.slice(1))).toBe(false);
  expect(looksLikeApiKey(`${key}=`)).toBe(false);
});
