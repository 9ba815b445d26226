import { analyzeQuery } from "./analyzer";
import { BaseSearch } from "./base-search";
import { allowedSlots } from "./filter";
import type { PassageFilter } from "./passage";
import type { PassageIndex } from "./passage-index";
import {
  bestOf,
  feedbackPassages,
  learnFrom,
  partAt,
  ranksBy,
  scoreParts,
  Scoring,
  withoutEchoes,
  type ScorePart,
  type Weights,
} from "./ranking";
import { averageLengthOf, languagesOf, weigh, type WeighedQuery } from "./weigh";

export type SearchMode = "HYBRID" | "SEMANTIC" | "KEYWORD";

export interface SearchOptions {
  readonly mode?: SearchMode;
  /** How many hits, at most 200. */
  readonly limit?: number;
  readonly filter?: PassageFilter;
  /** HYBRID: by what a second look at the best shows (nearness of the words, headings, words of the first hits). */
  readonly rerank?: boolean;
  /** Sends near-duplicates of better hits back. */
  readonly diversify?: boolean;
  /** Says for each hit why it ranked where it did. */
  readonly explain?: boolean;
}

export interface SearchHit {
  readonly passageId: string;
  readonly documentId: string;
  readonly knowledgeBaseId: string;
  /** Compares hits of one search; says nothing across searches. */
  readonly score: number;
  /** Share of what was asked (0…1, rare words count for more) that stands in the passage as asked. */
  readonly coverage: number;
  readonly explanation?: Explanation;
}

export interface SearchResult {
  readonly hits: readonly SearchHit[];
  readonly query: WeighedQuery;
}

export interface Explanation {
  readonly mode: SearchMode;
  /** What each part measured, and what it added to the score; the contributions add up to it. */
  readonly parts: readonly { readonly part: ScorePart; readonly value: number; readonly contribution: number }[];
  /** The words of the query that stand in the passage, and what each added to the keyword part's value. */
  readonly words: readonly {
    readonly word: string;
    readonly count: number;
    readonly rarity: number;
    readonly value: number;
    readonly inHeading: boolean;
  }[];
  /** Words of the passage that are spelled nearly like one of the query. */
  readonly similarWords: readonly { readonly word: string; readonly found: string; readonly similarity: number }[];
  /** Place among the candidates by this part alone, from 1; null where the part found nothing. */
  readonly keywordRank: number | null;
  readonly semanticRank: number | null;
}

/**
 * What each part may add, where the best candidate's value counts as 1. Set on seven collections at once (topical
 * queries, questions, names, German), so that each part helps some and harms none; see bench/src/retrieval.ts.
 */
const weightsOf: Record<SearchMode, Weights> = {
  KEYWORD: { keyword: 1 },
  SEMANTIC: { latent: 1, spelling: 0.7 },
  HYBRID: { keyword: 1, latent: 0.4, spelling: 0.3 },
};
const rerankWeights: Weights = { phrase: 0.1, proximity: 0.2, heading: 0.05, feedback: 0.25 };

const limitMax = 200;
const candidatesMin = 200;

/**
 * Searches the passages of one or several knowledge bases of one workspace. Statistics are taken over all of them, so
 * the scores of their hits compare. Throws when the indexes are of different workspaces.
 */
export function searchPassages(
  indexes: readonly PassageIndex[],
  text: string,
  options: SearchOptions = {},
): SearchResult {
  const { mode = "HYBRID", limit = 10, filter, rerank = true, diversify = true, explain = false } = options;
  requireOneWorkspace(indexes);
  const wanted = Math.max(0, Math.min(limitMax, Math.floor(limit)));
  const segments = indexes.map(({ segment }) => segment);
  const query = weigh(analyzeQuery(text, languagesOf(segments)), segments);
  if (query.words.length === 0 || wanted === 0) return { hits: [], query };

  const averageLength = averageLengthOf(segments);
  const bases = indexes.map(
    (index) => new BaseSearch(index, query, averageLength, allowedSlots(index.segment, filter)),
  );
  const perLeg = Math.max(candidatesMin, wanted * 2);
  const found = bases.flatMap((base) => base.candidates(mode, perLeg));
  const weights = { ...weightsOf[mode], ...(mode === "HYBRID" && rerank ? rerankWeights : {}) };
  let scoring = new Scoring(found, weights, mode);
  scoring.apply(found);
  if (weights.feedback) {
    // Until here it is zero for all.
    const lesson = learnFrom(bestOf(found, feedbackPassages), query);
    for (const base of bases) base.applyFeedback(lesson, found);
    scoring = new Scoring(found, weights, mode);
    scoring.apply(found);
  }

  const echoes = diversify && mode !== "KEYWORD";
  let ranked = bestOf(found, echoes ? wanted * 3 : wanted).filter(({ score }) => score > 0);
  if (echoes) ranked = withoutEchoes(ranked, wanted);
  const ranks = explain ? { keyword: ranksBy(found, "keyword"), latent: ranksBy(found, "latent") } : null;
  for (const base of bases) base.dispose();
  const hits = ranked.map((candidate): SearchHit => {
    const { base, slot, score, coverage, values } = candidate;
    const partOf = (part: ScorePart) => ({
      part,
      value: values[partAt[part]]!,
      contribution: scoring.contributionOf(candidate, part),
    });
    return {
      passageId: base.segment.idOf(slot),
      documentId: base.segment.documents[base.segment.documentOf[slot]!]!.id,
      knowledgeBaseId: base.knowledgeBaseId,
      score,
      coverage,
      ...(ranks && {
        explanation: {
          mode,
          parts: scoreParts.map(partOf).filter(({ contribution }) => contribution !== 0),
          ...base.explainWords(slot),
          keywordRank: ranks.keyword.get(candidate) ?? null,
          semanticRank: ranks.latent.get(candidate) ?? null,
        },
      }),
    };
  });
  return { hits, query };
}

/** What a question's words are worth in these bases, without searching them. */
export function weighQuery(indexes: readonly PassageIndex[], text: string): WeighedQuery {
  requireOneWorkspace(indexes);
  const segments = indexes.map(({ segment }) => segment);
  return weigh(analyzeQuery(text, languagesOf(segments)), segments);
}

function requireOneWorkspace(indexes: readonly PassageIndex[]): void {
  const workspaces = new Set(indexes.map(({ owner }) => owner.workspaceId));
  if (workspaces.size > 1) throw new Error("A search never spans workspaces.");
}
