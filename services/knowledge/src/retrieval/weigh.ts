import type { AnalyzedQuery, QueryWord } from "./analyzer";
import { languages, type Language } from "./languages";
import type { Segment } from "./segment";

/** The query with what each word is worth in these bases; highlights and answers weigh by it. */
export interface WeighedQuery extends AnalyzedQuery {
  readonly words: readonly (QueryWord & { readonly rarity: number; readonly documentCount: number })[];
  readonly documentLanguages: readonly Language[];
}

const wordsMax = 48;

export const languagesOf = (segments: readonly Segment[]): Language[] =>
  languages.filter((_, index) => segments.some((segment) => segment.languageCounts[index]! > 0));

export function averageLengthOf(segments: readonly Segment[]): number {
  const passages = segments.reduce((sum, { livingCount }) => sum + livingCount, 0);
  return passages > 0 ? segments.reduce((sum, { totalLength }) => sum + totalLength, 0) / passages || 1 : 1;
}

/** What each word of a query is worth among the passages of these segments together. */
export function weigh(query: AnalyzedQuery, segments: readonly Segment[]): WeighedQuery {
  const passages = segments.reduce((sum, { livingCount }) => sum + livingCount, 0);
  let words = query.words.map((word) => {
    const documentCount = segments.reduce((sum, { vocabulary, livingCount }) => {
      const ofTerms = word.terms
        .map((term) => vocabulary.numberOf(term))
        .map((number) => (number === undefined ? 0 : vocabulary.documentCount(number)));
      return (
        sum +
        Math.min(
          livingCount,
          ofTerms.reduce((all, count) => all + count, 0),
        )
      );
    }, 0);
    return { ...word, documentCount, rarity: rarityOf(documentCount, passages) };
  });
  let { neighbours } = query;
  if (words.length > wordsMax) {
    // A pasted page: its rarest words say what it is about.
    const kept = [...words.keys()].sort(
      (a, b) => words[b]!.rarity * words[b]!.weight - words[a]!.rarity * words[a]!.weight,
    );
    const order = kept.slice(0, wordsMax).sort((a, b) => a - b);
    const moved = new Map(order.map((from, to) => [from, to]));
    words = order.map((at) => words[at]!);
    neighbours = neighbours.flatMap(([a, b]) =>
      moved.has(a) && moved.has(b) ? [[moved.get(a)!, moved.get(b)!] as const] : [],
    );
  }
  return { ...query, words, neighbours, documentLanguages: languagesOf(segments) };
}

/** Inverse document frequency. */
export const rarityOf = (documentCount: number, passages: number) =>
  Math.log(1 + (Math.max(0, passages - documentCount) + 0.5) / (documentCount + 0.5));
