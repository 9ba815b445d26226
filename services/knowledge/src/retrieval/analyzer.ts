import {
  foldAccents,
  isLanguage,
  isQuestionWord,
  languageByCounts,
  languages,
  stem,
  stopWordMask,
  type Language,
} from "./languages";
import { scanTokens, type TakeToken, type TokenKind } from "./tokens";
import type { Vocabulary } from "./vocabulary";

/** A word as it was written, and what it becomes in each language. */
interface Surface {
  readonly text: string;
  readonly kind: TokenKind;
  /** A bit for each language of which it is a stop word. */
  readonly stopWordOf: number;
  readonly terms: (string | undefined)[];
  /** The vocabulary that last numbered it, and the numbers by language: saves nearly all look-ups while adding. */
  numberedBy: Vocabulary["key"];
  numbers: (number | undefined)[];
}

export interface AnalyzedWord {
  readonly start: number;
  readonly end: number;
  /** As written, in lower case. */
  readonly text: string;
  readonly kind: TokenKind;
  readonly overlay: boolean;
  /** What is looked up; null for a stop word. */
  readonly term: string | null;
}

// Words repeat: nearly every look-up is a hit. Beyond this many the memory is worth more than the hits.
const surfacesMax = 100_000;
const words = new Map<string, Surface>();
const codes = new Map<string, Surface>();

function surfaceOf(text: string, kind: TokenKind): Surface {
  const surfaces = kind === "CODE" ? codes : words;
  let surface = surfaces.get(text);
  if (!surface) {
    if (surfaces.size >= surfacesMax) surfaces.clear();
    surface = {
      text,
      kind,
      stopWordOf: kind === "CODE" ? 0 : stopWordMask(text),
      terms: [],
      numberedBy: 0,
      numbers: [],
    };
    surfaces.set(text, surface);
  }
  return surface;
}

function termIn(surface: Surface, language: number): string {
  return (surface.terms[language] ??=
    surface.kind === "CODE" ? foldAccents(surface.text) : stem(languages[language]!, surface.text));
}

// What the last scan found. A scan runs in one go, so one set of arrays serves all.
const starts: number[] = [];
const ends: number[] = [];
const kinds: TokenKind[] = [];
const overlays: boolean[] = [];
const found: Surface[] = [];
const stopWordCounts = new Uint32Array(languages.length);

const takeSurface: TakeToken = (start, end, text, kind, overlay) => {
  const surface = surfaceOf(text, kind);
  starts.push(start);
  ends.push(end);
  kinds.push(kind);
  overlays.push(overlay);
  found.push(surface);
  for (let mask = surface.stopWordOf; mask !== 0; mask &= mask - 1) stopWordCounts[31 - Math.clz32(mask & -mask)]!++;
};

function scan(text: string): void {
  starts.length = ends.length = kinds.length = overlays.length = found.length = 0;
  stopWordCounts.fill(0);
  scanTokens(text, takeSurface);
}

const chosenLanguage = (text: string, given: string | null | undefined): Language =>
  isLanguage(given ?? undefined) ? (given as Language) : languageByCounts(stopWordCounts, text);

/**
 * The words of `text` with their terms. An abbreviation that looks like a stop word («IT», «US», «WHO») keeps its
 * capitals as its term, unless everything around it is written in capitals too.
 */
export function analyze(text: string, givenLanguage?: string | null): { language: Language; words: AnalyzedWord[] } {
  scan(text);
  const language = chosenLanguage(text, givenLanguage);
  const index = languages.indexOf(language);
  const analyzed = found.map((surface, at): AnalyzedWord => {
    const stopped = (surface.stopWordOf & (1 << index)) !== 0;
    const term = !stopped ? termIn(surface, index) : standsOut(kinds, at) ? surface.text.toUpperCase() : null;
    return { start: starts[at]!, end: ends[at]!, text: surface.text, kind: kinds[at]!, overlay: overlays[at]!, term };
  });
  return { language, words: analyzed };
}

/** Like `analyze`, for adding: numbers the terms in `vocabulary` and makes no objects. Returns the text's language. */
export function numberTerms(
  text: string,
  givenLanguage: string | null | undefined,
  vocabulary: Vocabulary,
  take: (term: number, overlay: boolean) => void,
): Language {
  scan(text);
  const language = chosenLanguage(text, givenLanguage);
  const index = languages.indexOf(language);
  for (let at = 0; at < found.length; at++) {
    const surface = found[at]!;
    if ((surface.stopWordOf & (1 << index)) !== 0) {
      if (standsOut(kinds, at)) take(vocabulary.add(surface.text.toUpperCase(), false), overlays[at]!);
      continue;
    }
    if (surface.numberedBy !== vocabulary.key) {
      surface.numberedBy = vocabulary.key;
      surface.numbers = [];
    }
    take((surface.numbers[index] ??= vocabulary.add(termIn(surface, index), surface.kind !== "CODE")), overlays[at]!);
  }
  return language;
}

const standsOut = (kinds: TokenKind[], at: number) =>
  kinds[at] === "ACRONYM" && kinds.length > 1 && kinds[at - 1] !== "ACRONYM" && kinds[at + 1] !== "ACRONYM";

export interface QueryWord {
  /** As asked, in lower case. */
  readonly text: string;
  /** Where it stands in the query, first occurrence. */
  readonly start: number;
  readonly end: number;
  /** What it is looked up by in each language of the documents; any of them is a match. */
  readonly terms: readonly string[];
  /** How often it was asked; less for a second reading («takeoff» beside «take», «off»). */
  readonly weight: number;
  readonly overlay: boolean;
  /** Letters alone, so that similar spellings may stand for it. */
  readonly spelled: boolean;
}

export interface AnalyzedQuery {
  readonly text: string;
  readonly language: Language;
  /** The words that are looked for, in the order asked, each once. */
  readonly words: readonly QueryWord[];
  /** Pairs of words, by their place in `words`, that stand side by side in the query. */
  readonly neighbours: readonly (readonly [number, number])[];
}

const overlayWeight = 0.6;

/**
 * What a query looks for among documents in `documentLanguages`. Stop words go, and so do the words in which a question
 * is wrapped («please tell me how many …»), unless nothing else is asked.
 */
export function analyzeQuery(text: string, documentLanguages: readonly Language[]): AnalyzedQuery {
  scan(text);
  const language = queryLanguage(stopWordCounts, documentLanguages);
  const lookedUpIn = [...new Set([language, ...documentLanguages])].map((each) => languages.indexOf(each));
  const own = 1 << languages.indexOf(language);
  const classified = found.map((surface, at) => {
    const stopped = (surface.stopWordOf & own) !== 0;
    const acronym = stopped && standsOut(kinds, at);
    const filler = !stopped && isQuestionWord(language, surface.text);
    const token = { surface, kind: kinds[at]!, start: starts[at]!, end: ends[at]!, overlay: overlays[at]! };
    return { ...token, acronym, stopped: stopped && !acronym, filler };
  });
  const wanted = (token: (typeof classified)[number]) => !token.stopped && !token.filler;
  const kept = [wanted, (token: (typeof classified)[number]) => !token.stopped, () => true].find((test) =>
    classified.some(test),
  );

  const asked: { -readonly [Key in keyof QueryWord]: QueryWord[Key] }[] = [];
  const numbers = new Map<string, number>();
  const neighbours: [number, number][] = [];
  let previous = -1;
  for (const token of classified) {
    if (!kept!(token)) continue;
    const terms =
      token.acronym || token.stopped
        ? [token.surface.text.toUpperCase()]
        : [
            ...new Set(
              lookedUpIn
                .filter((index) => !(token.surface.stopWordOf & (1 << index)))
                .map((index) => termIn(token.surface, index)),
            ),
          ];
    const key = (token.overlay ? "+" : "") + terms[0]!;
    let number = numbers.get(key);
    const weight = token.overlay ? overlayWeight : 1;
    if (number === undefined) {
      number = asked.length;
      numbers.set(key, number);
      const { text: surfaceText } = token.surface;
      const spelled = token.kind !== "CODE" && !token.acronym;
      asked.push({
        text: surfaceText,
        start: token.start,
        end: token.end,
        terms,
        weight,
        overlay: token.overlay,
        spelled,
      });
    } else {
      asked[number]!.weight += weight;
    }
    if (token.overlay) continue;
    if (previous >= 0 && previous !== number) neighbours.push([previous, number]);
    previous = number;
  }
  return { text, language, words: asked, neighbours };
}

/** One stop word is evidence enough in a query, among the languages that the documents are in. */
function queryLanguage(counts: ArrayLike<number>, documentLanguages: readonly Language[]): Language {
  const candidates = documentLanguages.length > 0 ? documentLanguages : (["en"] as const);
  return candidates.reduce((best, each) =>
    counts[languages.indexOf(each)]! > counts[languages.indexOf(best)]! ? each : best,
  );
}
