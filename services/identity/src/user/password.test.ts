import { judgePassword } from "./password";

test.each([
  "Tr0ub4dor&3x",
  "kV7#mq2p",
  "Ünï-c0de-Ωx",
  "correct horse battery staple",
  "всегда готов к чаю",
  "9f8a7b6c5d4e3f2a",
])("%j is accepted", (password) => {
  expect(judgePassword(password)).toEqual({ ok: true, value: password.normalize("NFKC") });
});

test.each([
  ["seven characters", "aB3$efg"],
  ["no upper case", "kv7#mq2p"],
  ["no lower case", "KV7#MQ2P"],
  ["no digit", "kVx#mqzp"],
  ["no symbol", "kV7xmq2p"],
  ["a space is no symbol", "kV7 mq2p"],
  ["fifteen plain letters", "abcdefghijklmno"],
  ["sixteen characters of few kinds", "abababababababab"],
  ["nothing", ""],
])("too weak: %s", (_, password) => {
  expect(judgePassword(password)).toMatchObject({ ok: false, code: "PASSWORD_TOO_WEAK", path: ["password"] });
});

test.each([
  "Password1!",
  "P@ssw0rd",
  "P@$$w0rd123!",
  "Summer2026!",
  "Qwerty123$",
  "!!Dragon99",
  "passwordpassword",
  "1234567890qwerty",
])("too common: %s", (password) => {
  expect(judgePassword(password)).toMatchObject({ ok: false, code: "PASSWORD_TOO_COMMON" });
});

test("the two ways to compose a letter are one password", () => {
  const composed = judgePassword("caf\u00e9 au lait, madame");
  const decomposed = judgePassword("cafe\u0301 au lait, madame");
  expect(composed).toEqual(decomposed);
});
