import { dictionary } from "@zxcvbn-ts/language-common";
import { ok, refuse, type Result } from "@atrium/errors";

export const PasswordRefusal = {
  PASSWORD_TOO_WEAK:
    "A password has at least 8 characters with an upper-case letter, a lower-case letter, a digit and a symbol; a passphrase has at least 16 characters, of which 6 are different.",
  PASSWORD_TOO_COMMON: "This password is among those that are tried first.",
} as const;
export type PasswordRefusal = keyof typeof PasswordRefusal;

/** Longer input is refused before any of it is hashed. */
export const passwordLengthMax = 200;

const passwordLengthMin = 8;
const passphraseLengthMin = 16;
const differentCharactersMin = 6;
const kindsOfCharacter = [/\p{Lu}/u, /\p{Ll}/u, /\p{Nd}/u, /[^\p{L}\p{N}\s]/u];

const commonPasswords = new Set(dictionary.passwords as string[]);
const substitutes: Record<string, string> = {
  "@": "a",
  "4": "a",
  "3": "e",
  "1": "i",
  "!": "i",
  "0": "o",
  $: "s",
  "5": "s",
  "7": "t",
};

/** The one form in which a password is judged and hashed: keyboards differ in how they compose the same letters. */
export const normalizePassword = (password: string) => password.normalize("NFKC");

export function judgePassword(password: string): Result<string, PasswordRefusal> {
  const normalized = normalizePassword(password);
  if (!isStrong(normalized)) return refuse("PASSWORD_TOO_WEAK", { path: ["password"] });
  if (isCommon(normalized)) return refuse("PASSWORD_TOO_COMMON", { path: ["password"] });
  return ok(normalized);
}

function isStrong(password: string): boolean {
  const characters = [...password];
  if (characters.length >= passphraseLengthMin) return new Set(characters).size >= differentCharactersMin;
  return characters.length >= passwordLengthMin && kindsOfCharacter.every((kind) => kind.test(password));
}

// A common word with a capital, a few look-alikes and "2024!" behind it satisfies the rule of four kinds, and is what
// guessing tools try after the bare list.
function isCommon(password: string): boolean {
  const lower = password.toLowerCase();
  const core = lower.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, "");
  return [lower, undisguised(lower), core, undisguised(core), unit(lower)].some((form) => commonPasswords.has(form));
}

const undisguised = (word: string) => word.replace(/[@4310!$57]/g, (character) => substitutes[character]!);

/** What a password repeats: "abcabc" is "abc" twice. */
const unit = (password: string) => /^(.+?)\1+$/u.exec(password)?.[1] ?? password;
