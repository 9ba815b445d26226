import { foldAccents, isLanguage, isQuestionWord, languageByCounts, languages, stem, stopWordMask, type Language } from "./languages";
import { scanTokens, type TokenKind } from "./tokens";

/** A word as it was written, and what it becomes in each language. */
interface Surface {
  readonly text: string;
  readonly kind: TokenKind;
  /** A bit for each language of which it is a stop word. */
  readonly stopWordOf: number;
  readonly terms: (string | undefined)[];
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
const surfaces = new Map<string, Surface>();

function surfaceOf(text: string, kind: TokenKind): Surface {
  const key = kind === "CODE" ? `#${text}` : text;
  let surface = surfaces.get(key);
  if (!surface) {
    if (surfaces.size >= surfacesMax) surfaces.clear();
    surface = { text, kind, stopWordOf: kind === "CODE" ? 0 : stopWordMask(text), terms: [] };
    surfaces.set(key, surface);
  }
  return surface;
}

function termIn(surface: Surface, language: number): string {
  return (surface.terms[language] ??=
    surface.kind === "CODE" ? foldAccents(surface.text) : stem(languages[language]!, surface.text));
}

/**
 * The words of `text` with their terms. An abbreviation that looks like a stop word («IT», «US», «WHO») keeps its
 * capitals as its term, unless everything around it is written in capitals too.
 */
export function analyze(text: string, language?: string | null): { language: Language; words: AnalyzedWord[] } {
  const starts: number[] = [];
  const ends: number[] = [];
  const kinds: TokenKind[] = [];
  const overlays: boolean[] = [];
  const found: Surface[] = [];
  const counts = new Uint16Array(languages.length);
  scanTokens(text, (token) => {
    const surface = surfaceOf(token.text, token.kind);
    starts.push(token.start);
    ends.push(token.end);
    kinds.push(token.kind);
    overlays.push(token.overlay);
    found.push(surface);
    for (let mask = surface.stopWordOf; mask !== 0; mask &= mask - 1) counts[31 - Math.clz32(mask & -mask)]!++;
  });
  const chosen = isLanguage(language ?? undefined) ? (language as Language) : languageByCounts(counts, text);
  const index = languages.indexOf(chosen);
  const words: AnalyzedWord[] = new Array(found.length);
  for (let at = 0; at < found.length; at++) {
    const surface = found[at]!;
    const kind = kinds[at]!;
    const stopped = (surface.stopWordOf & (1 << index)) !== 0;
    const term = !stopped ? termIn(surface, index) : standsOut(kinds, at) ? surface.text.toUpperCase() : null;
    words[at] = { start: starts[at]!, end: ends[at]!, text: surface.text, kind, overlay: overlays[at]!, term };
  }
  return { language: chosen, words };
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

const overlayWeight = 0.3;

/**
 * What a query looks for among documents in `documentLanguages`. Stop words go, and so do the words in which a question
 * is wrapped («please tell me how many …»), unless nothing else is asked.
 */
export function analyzeQuery(text: string, documentLanguages: readonly Language[]): AnalyzedQuery {
  const tokens: { surface: Surface; kind: TokenKind; start: number; end: number; overlay: boolean }[] = [];
  const counts = new Uint16Array(languages.length);
  scanTokens(text, (token) => {
    const surface = surfaceOf(token.text, token.kind);
    tokens.push({ surface, kind: token.kind, start: token.start, end: token.end, overlay: token.overlay });
    for (let mask = surface.stopWordOf; mask !== 0; mask &= mask - 1) counts[31 - Math.clz32(mask & -mask)]!++;
  });
  const language = queryLanguage(counts, documentLanguages);
  const kinds = tokens.map(({ kind }) => kind);
  const lookedUpIn = [...new Set([language, ...documentLanguages])].map((each) => languages.indexOf(each));
  const own = 1 << languages.indexOf(language);
  const classified = tokens.map((token, at) => {
    const stopped = (token.surface.stopWordOf & own) !== 0;
    const acronym = stopped && standsOut(kinds, at);
    return { ...token, acronym, stopped: stopped && !acronym, filler: !stopped && isQuestionWord(language, token.surface.text) };
  });
  const wanted = (token: (typeof classified)[number]) => !token.stopped && !token.filler;
  const kept = [wanted, (token: (typeof classified)[number]) => !token.stopped, () => true].find((test) => classified.some(test));

  const words: { -readonly [Key in keyof QueryWord]: QueryWord[Key] }[] = [];
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
              lookedUpIn.filter((index) => !(token.surface.stopWordOf & (1 << index))).map((index) => termIn(token.surface, index)),
            ),
          ];
    const key = (token.overlay ? "+" : "") + terms[0]!;
    let number = numbers.get(key);
    const weight = token.overlay ? overlayWeight : 1;
    if (number === undefined) {
      number = words.length;
      numbers.set(key, number);
      const { text: surfaceText } = token.surface;
      const spelled = token.kind !== "CODE" && !token.acronym;
      words.push({ text: surfaceText, start: token.start, end: token.end, terms, weight, overlay: token.overlay, spelled });
    } else {
      words[number]!.weight += weight;
    }
    if (token.overlay) continue;
    if (previous >= 0 && previous !== number) neighbours.push([previous, number]);
    previous = number;
  }
  return { text, language, words, neighbours };
}

/** One stop word is evidence enough in a query, among the languages that the documents are in. */
function queryLanguage(counts: ArrayLike<number>, documentLanguages: readonly Language[]): Language {
  const candidates = documentLanguages.length > 0 ? documentLanguages : (["en"] as const);
  return candidates.reduce((best, each) => (counts[languages.indexOf(each)]! > counts[languages.indexOf(best)]! ? each : best));
}
