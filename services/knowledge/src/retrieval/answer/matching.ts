import { analyze } from "../analyzer";
import type { Language } from "../languages";
import type { Question, QuestionWord } from "./question";
import { meaningNumbers } from "./thesaurus";

/** For each word of the question, how well some words match it: 0 not, 1 as asked. */
export type Match = readonly number[];

/** The question's words that a term stands for, with how well; null for nearly every term. */
export type Credits = readonly (readonly [word: number, credit: number])[] | null;

export const alikeCredit = 0.75;
const derivedCredit = 0.8;
// A question of little but names asks about them: then they are to be found like other words.
const ordinaryShareMin = 0.2;

/** Compares words of the evidence with those of the question; remembers, since words repeat. */
export class WordMatcher {
  /** Whether nearly all of the question is names, numbers and codes. */
  readonly asksAboutNamesAlone: boolean;
  /** What a text without any of the question's words matches; always this one array. */
  readonly nothing: Match;
  private readonly known = new Map<string, Credits>();
  private readonly exact = new Map<string, number>();
  private readonly texts = new Map<string, Match>();
  private readonly meanings: (ReadonlySet<number> | null)[];
  private readonly allMeanings: ReadonlySet<number>;

  constructor(readonly question: Question) {
    const { words } = question.query;
    words.forEach((word, at) => word.terms.forEach((term) => this.exact.has(term) || this.exact.set(term, at)));
    const weightOf = (some: readonly QuestionWord[]) => some.reduce((sum, { weight }) => sum + weight, 0);
    this.asksAboutNamesAlone =
      weightOf(question.words.filter(({ isEntity }) => !isEntity)) < ordinaryShareMin * weightOf(question.words);
    this.meanings = words.map((word, at) =>
      question.words[at]!.isEntity ? null : new Set(word.terms.flatMap((term) => [...meaningNumbers(term)])),
    );
    this.allMeanings = new Set(this.meanings.flatMap((some) => [...(some ?? [])]));
    this.nothing = words.map(() => 0);
  }

  creditsOf(term: string): Credits {
    let found = this.known.get(term);
    if (found === undefined) this.known.set(term, (found = this.compare(term)));
    return found;
  }

  /** What the terms of these numbers match together. */
  matchOf(numbers: ArrayLike<number>, credits: readonly Credits[]): Match {
    let match: number[] | null = null;
    for (let at = 0; at < numbers.length; at++) {
      const number = numbers[at]!;
      const found = number < 0 ? null : credits[number]!;
      if (found === null) continue;
      match ??= this.nothing.slice();
      for (const [word, credit] of found) if (credit > match[word]!) match[word] = credit;
    }
    return match ?? this.nothing;
  }

  /** Of a text that stands above many statements; remembered. */
  matchText(text: string, language: Language): Match {
    if (text === "") return this.nothing;
    let match = this.texts.get(text);
    if (!match) {
      const terms = termsOf(text, language);
      match = this.matchOf(
        terms.map((_, at) => at),
        terms.map((term) => this.creditsOf(term)),
      );
      this.texts.set(text, match);
    }
    return match;
  }

  private compare(term: string): Credits {
    const exact = this.exact.get(term);
    if (exact !== undefined) return [[exact, 1]];
    const found: (readonly [number, number])[] = [];
    const meanings = meaningNumbers(term).filter((meaning) => this.allMeanings.has(meaning));
    this.question.query.words.forEach((word, at) => {
      if (word.overlay) return;
      // «Mexican» for «Mexico»; codes and numbers are the same or not.
      const isAlike = meanings.length > 0 && meanings.some((meaning) => this.meanings[at]?.has(meaning));
      if (isAlike) found.push([at, alikeCredit]);
      else if (word.spelled && word.terms.some((asked) => isDerived(asked, term))) found.push([at, derivedCredit]);
    });
    return found.length > 0 ? found : null;
  }
}

// Headings and titles stand above many passages, and are asked about with every question.
const termsKept = new Map<string, readonly string[]>();
const termsKeptMax = 5_000;

function termsOf(text: string, language: Language): readonly string[] {
  const key = language + text;
  let terms = termsKept.get(key);
  if (!terms) {
    terms = analyze(text, language).words.flatMap(({ term }) => (term === null ? [] : [term]));
    if (termsKept.size >= termsKeptMax) termsKept.clear();
    termsKept.set(key, terms);
  }
  return terms;
}

/** «manufactur» and «manufacture», «compensat» and «compens»: one word with another ending. */
function isDerived(a: string, b: string): boolean {
  if (a.charCodeAt(0) !== b.charCodeAt(0) || a.charCodeAt(1) !== b.charCodeAt(1)) return false;
  const [small, large] = a.length < b.length ? [a, b] : [b, a];
  // «loud», «louder».
  if (small.length >= 3 && large.startsWith(small) && /^(?:e?r|e?st|li|ly)$/.test(large.slice(small.length)))
    return true;
  const shorter = small.length;
  const longer = large.length;
  if (shorter < 5 || longer - shorter > 4) return false;
  let common = 0;
  while (common < shorter && a.charCodeAt(common) === b.charCodeAt(common)) common++;
  return common >= 5 && common >= longer * 0.7;
}
