/** The English stemmer of the Snowball project («Porter 2», M. F. Porter 2001), by its published description. */

const exceptions: Readonly<Record<string, string>> = {
  skis: "ski",
  skies: "sky",
  dying: "die",
  lying: "lie",
  tying: "tie",
  idly: "idl",
  gently: "gentl",
  ugly: "ugli",
  early: "earli",
  only: "onli",
  singly: "singl",
  sky: "sky",
  news: "news",
  howe: "howe",
  atlas: "atlas",
  cosmos: "cosmos",
  bias: "bias",
  andes: "andes",
};

const unchangedAfterPlural = new Set([
  "inning",
  "outing",
  "canning",
  "herring",
  "earring",
  "proceed",
  "exceed",
  "succeed",
]);

const isVowel = (character: string | undefined) => character !== undefined && "aeiouy".includes(character);
const endsDouble = /(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/;
const validBeforeLi = /[cdeghkmnrt]$/;

/** Takes a word in lower case; capital Y stands for a consonant in between. */
export function stemEnglish(given: string): string {
  let word = given.replace(/^'/, "");
  if (word.length < 3) return word;
  const exception = Object.hasOwn(exceptions, word) ? exceptions[word] : undefined;
  if (exception !== undefined) return exception;

  word = word.replace(/^y/, "Y").replace(/([aeiouy])y/g, "$1Y");
  const first = regionAfter(word, /^(?:gener|commun|arsen)/.exec(word)?.[0].length ?? -1, 0);
  const second = regionAfter(word, -1, first);
  const inFirst = (suffix: string) => word.length - suffix.length >= first;
  const inSecond = (suffix: string) => word.length - suffix.length >= second;
  const cut = (suffix: string, replacement = "") => (word = word.slice(0, word.length - suffix.length) + replacement);
  const longest = (suffixes: readonly string[]) => suffixes.find((suffix) => word.endsWith(suffix));

  // Step 0 and 1a: possessives and plurals.
  const possessive = longest(["'s'", "'s", "'"]);
  if (possessive) cut(possessive);
  const plural = longest(["sses", "ied", "ies", "us", "ss", "s"]);
  if (plural === "sses") cut("sses", "ss");
  else if (plural === "ied" || plural === "ies") cut(plural, word.length > 4 ? "i" : "ie");
  else if (plural === "s" && hasVowel(word.slice(0, -2))) cut("s");
  if (unchangedAfterPlural.has(word)) return word;

  // Step 1b: past and gerund.
  const past = longest(["eedly", "ingly", "edly", "eed", "ing", "ed"]);
  if (past === "eed" || past === "eedly") {
    if (inFirst(past)) cut(past, "ee");
  } else if (past && hasVowel(word.slice(0, -past.length))) {
    cut(past);
    if (/(?:at|bl|iz)$/.test(word)) word += "e";
    else if (endsDouble.test(word)) word = word.slice(0, -1);
    else if (isShort(word, first)) word += "e";
  }

  // Step 1c: final y.
  if (/[yY]$/.test(word) && word.length > 2 && !isVowel(word.at(-2))) cut("y", "i");

  // Steps 2 and 3: compound endings.
  const compound = longest(secondStepSuffixes);
  if (compound && inFirst(compound)) {
    if (compound === "li") {
      if (validBeforeLi.test(word.slice(0, -2))) cut("li");
    } else if (compound === "ogi") {
      if (word.at(-4) === "l") cut("ogi", "og");
    } else cut(compound, secondStep[compound]);
  }
  const derived = longest(thirdStepSuffixes);
  if (derived && inFirst(derived)) {
    if (derived !== "ative") cut(derived, thirdStep[derived]);
    else if (inSecond(derived)) cut(derived);
  }

  // Step 4: endings that go altogether.
  const ending = longest(fourthStep);
  if (ending && inSecond(ending) && (ending !== "ion" || /[st]$/.test(word.slice(0, -3)))) cut(ending);

  // Step 5: final e and l.
  if (word.endsWith("e")) {
    if (inSecond("e") || (inFirst("e") && !endsInShortSyllable(word.slice(0, -1)))) cut("e");
  } else if (word.endsWith("ll") && inSecond("l")) cut("l");
  return word.replace(/Y/g, "y");
}

const secondStep: Readonly<Record<string, string>> = {
  ization: "ize",
  ational: "ate",
  fulness: "ful",
  ousness: "ous",
  iveness: "ive",
  tional: "tion",
  biliti: "ble",
  lessli: "less",
  entli: "ent",
  ation: "ate",
  alism: "al",
  aliti: "al",
  ousli: "ous",
  iviti: "ive",
  fulli: "ful",
  enci: "ence",
  anci: "ance",
  abli: "able",
  izer: "ize",
  ator: "ate",
  alli: "al",
  bli: "ble",
  ogi: "og",
  li: "",
};
const thirdStep: Readonly<Record<string, string>> = {
  ational: "ate",
  tional: "tion",
  alize: "al",
  icate: "ic",
  iciti: "ic",
  ative: "",
  ical: "ic",
  ness: "",
  ful: "",
};
const byLength = (suffixes: string[]) => suffixes.sort((a, b) => b.length - a.length);
const secondStepSuffixes = byLength(Object.keys(secondStep));
const thirdStepSuffixes = byLength(Object.keys(thirdStep));
const fourthStep = byLength("al ance ence er ic able ible ant ement ment ent ism ate iti ous ive ize ion".split(" "));

/** Where the region after the first vowel–consonant pair from `from` on begins; `known`: it begins there. */
function regionAfter(word: string, known: number, from: number): number {
  if (known >= 0) return known;
  for (let at = from + 1; at < word.length; at++) if (!isVowel(word[at]) && isVowel(word[at - 1])) return at + 1;
  return word.length;
}

function hasVowel(text: string): boolean {
  return /[aeiouy]/.test(text);
}

function endsInShortSyllable(text: string): boolean {
  if (text.length === 2) return isVowel(text[0]) && !isVowel(text[1]);
  return /[^aeiouy][aeiouy][^aeiouywxY]$/.test(text);
}

const isShort = (word: string, first: number) => first >= word.length && endsInShortSyllable(word);
