import { analyze, type AnalyzedWord } from "./analyzer";
import type { WeighedQuery } from "./weigh";
import { characterGrams } from "./vocabulary";

/** Half-open, in UTF-16 positions of the text that was given. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

export interface Highlights {
  /** What of the text matches the query, in reading order, without overlaps. */
  readonly matches: readonly TextRange[];
  /** The piece of the text that shows best why it was found, cut between words. */
  readonly snippet: TextRange;
}

const snippetLengthDefault = 240;

/** Where `text`, a passage that `query` found, matches it. Words match as they do in the index, so stems match too. */
export function highlight(
  query: WeighedQuery,
  text: string,
  { language, snippetLength = snippetLengthDefault }: { language?: string | null; snippetLength?: number } = {},
): Highlights {
  const { words } = analyze(text, language);
  const found = matchingWords(query, words);
  return {
    matches: joined(found.map(({ word }) => word)),
    snippet: bestWindow(text, found, query, words, snippetLength),
  };
}

interface Match {
  readonly word: AnalyzedWord;
  readonly of: number;
}

function matchingWords(query: WeighedQuery, words: readonly AnalyzedWord[]): Match[] {
  const wordOf = new Map<string, number>();
  query.words.forEach((word, at) => word.terms.forEach((term) => wordOf.has(term) || wordOf.set(term, at)));
  const misspelled = query.words
    .map((word, at) => ({ word, at }))
    .filter(({ word }) => word.documentCount === 0 && word.spelled);
  const found: Match[] = [];
  for (const word of words) {
    if (word.term === null) continue;
    let of = wordOf.get(word.term);
    if (of === undefined && word.kind !== "CODE")
      of = misspelled.find(({ word: asked }) => spellingLikeness(asked.terms[0]!, word.term!) >= 0.3)?.at;
    if (of !== undefined) found.push({ word, of });
  }
  return found;
}

/** Squared cosine of two words' character grams, as the index measures it. */
export function spellingLikeness(a: string, b: string): number {
  const gramsOfA = characterGrams(a);
  const inB = new Set(characterGrams(b));
  let shared = 0;
  for (const gram of gramsOfA) if (inB.has(gram)) shared++;
  return (shared * shared) / (gramsOfA.length * inB.size || 1);
}

function joined(ranges: readonly TextRange[]): TextRange[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = result.at(-1);
    if (last && start < last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

/** The window with the most of what was asked; each word counts once, a repetition a little. */
function bestWindow(
  text: string,
  found: readonly Match[],
  query: WeighedQuery,
  words: readonly AnalyzedWord[],
  length: number,
): TextRange {
  let best = { from: 0, value: -1 };
  for (let first = 0; first < found.length; first++) {
    const start = found[first]!.word.start;
    const seen = new Set<number>();
    let value = 0;
    for (let at = first; at < found.length && found[at]!.word.end <= start + length; at++) {
      const { of } = found[at]!;
      value += query.words[of]!.rarity * (seen.has(of) ? 0.1 : 1);
      seen.add(of);
    }
    if (value > best.value) best = { from: first, value };
  }
  if (text.length <= length) return trimmed(text, 0, text.length);
  const focus = found[best.from]?.word.start ?? 0;
  const last = found.filter(({ word }) => word.start >= focus && word.end <= focus + length).at(-1)?.word.end ?? focus;
  // A sentence's beginning reads best; else room on both sides of the matches.
  const spare = length - (last - focus);
  const sentence = lastMatchEnd(text.slice(Math.max(0, focus - spare), focus), /(?:^|[.!?]\s|\n)\s*/g);
  let start = sentence >= 0 ? Math.max(0, focus - spare) + sentence : focus - Math.floor(spare / 2);
  start = Math.max(0, Math.min(start, text.length - length));
  const end = Math.min(text.length, start + length);
  // Never cut through a word.
  const startWord = words.find((word) => word.start < start && word.end > start);
  const endWord = words.findLast((word) => word.start < end && word.end > end);
  return trimmed(text, startWord ? startWord.end : start, endWord && endWord.start > start ? endWord.start : end);
}

function lastMatchEnd(text: string, pattern: RegExp): number {
  let last = -1;
  for (const match of text.matchAll(pattern))
    if (match.index > 0 || match[0].length > 0) last = match.index + match[0].length;
  return last;
}

function trimmed(text: string, start: number, end: number): TextRange {
  while (start < end && /\s/.test(text[start]!)) start++;
  while (end > start && /\s/.test(text[end - 1]!)) end--;
  return { start, end };
}
