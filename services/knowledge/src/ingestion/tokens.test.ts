import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { getEncoding } from "js-tiktoken";
import { countTokens, wordsOf } from "./tokens";

const encoding = getEncoding("cl100k_base");
const prose = readFileSync(path.join(__dirname, "../../fixtures/documents/README.md"), "utf8");

const english = `The pilot, age 85, was attempting to land a Piper PA-22-150 at his private airstrip. While on final approach for the
1,500-foot-long turf strip, the airplane contacted trees, then utility wires, and came to rest upright. The reported weather
about the time of the accident included calm winds, a broken ceiling at 9,000 feet, and visibility 10 miles. Examination of the
wreckage did not reveal any preimpact mechanical malfunctions, nor did the pilot report any. In addition, the pilot flew the
accident airplane about 17 hours during the 90-day period preceding the accident.`;

test("English prose is counted within 10 % of the tokenizer that most embedding models use", () => {
  const real = encoding.encode(english).length;
  expect(countTokens(english) / real).toBeGreaterThan(0.9);
  expect(countTokens(english) / real).toBeLessThan(1.1);
});

test.each([
  [
    "German",
    "Der Rat hat am Donnerstag die Rahmenbedingungen für die Wohnungsbauförderung beschlossen. Die Haushaltsmittel werden ab dem kommenden Geschäftsjahr schrittweise freigegeben.",
  ],
  [
    "French",
    "Le conseil municipal a décidé jeudi des conditions-cadres de l'aide au logement, et les crédits seront libérés progressivement.",
  ],
  [
    "Russian",
    "Совет утвердил в четверг рамочные условия для поддержки жилищного строительства, и средства будут выделяться постепенно.",
  ],
  ["Japanese", "市議会は木曜日に住宅建設支援の枠組み条件を承認した。予算は来年度から段階的に支出される予定である。"],
  [
    "a table",
    "Name: Ada Lovelace; Born: 1815-12-10; City: London; Amount: 1,250.00\nName: Grace Hopper; Born: 1906-12-09; Amount: 17.5",
  ],
  ["Markdown", prose],
  [
    "source code",
    "export function cleaned(text: string): string {\n  if (plain.test(text)) return text;\n  return text.trim();\n}",
  ],
])("%s is counted within a third", (_, text) => {
  const ratio = countTokens(text) / encoding.encode(text).length;
  expect(ratio).toBeGreaterThan(0.67);
  expect(ratio).toBeLessThan(1.34);
});

const anyText = fc.string({
  unit: fc.oneof(fc.constantFrom(..."ab eé\n 12.,-–ß漢字かな한Жعक😀\t"), fc.string({ unit: "binary", maxLength: 1 })),
  maxLength: 400,
});

test("words cover all of a text but its blanks, in order, and never part a surrogate pair", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      let end = 0;
      for (const word of wordsOf(text)) {
        expect(text.slice(end, word.start).trim()).toBe("");
        expect(word.end).toBeGreaterThan(word.start);
        expect(/^[\udc00-\udfff]/.test(text.slice(word.end)) && /[\ud800-\udbff]$/.test(text.slice(0, word.end))).toBe(
          false,
        );
        end = word.end;
      }
      expect(text.slice(end).trim()).toBe("");
    }),
  );
});

test("a text cut anywhere has at least as many tokens as the whole", () => {
  fc.assert(
    fc.property(anyText, fc.nat(), (text, at) => {
      const cut = at % (text.length + 1);
      expect(countTokens(text.slice(0, cut)) + countTokens(text.slice(cut)) + 1e-6).toBeGreaterThanOrEqual(
        countTokens(text) - 1,
      );
    }),
  );
});

test("nothing without blanks is a word of more than a few tokens", () => {
  for (const text of [
    "a".repeat(10_000),
    "7".repeat(10_000),
    "漢".repeat(10_000),
    "😀".repeat(1_000),
    "-".repeat(10_000),
  ]) {
    for (const word of wordsOf(text)) expect(word.tokens).toBeLessThanOrEqual(40);
  }
});
