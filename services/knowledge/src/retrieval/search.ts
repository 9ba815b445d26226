import { analyzeQuery, type AnalyzedQuery, type QueryWord } from "./analyzer";
import { BestOf } from "./best-of";
import { allowedSlots } from "./filter";
import { languages, type Language } from "./languages";
import type { PassageFilter } from "./passage";
import type { PassageIndex } from "./passage-index";
import { logarithmic, overlayFlag, termMask, type Segment } from "./segment";

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

/** The query with what each word is worth in these bases; highlights and answers weigh by it. */
export interface WeighedQuery extends AnalyzedQuery {
  readonly words: readonly (QueryWord & { readonly rarity: number; readonly documentCount: number })[];
  readonly documentLanguages: readonly Language[];
}

export const scoreParts = [
  "keyword",
  "latent",
  "spelling",
  "phrase",
  "proximity",
  "heading",
  "feedback",
  "duplicate",
] as const;
export type ScorePart = (typeof scoreParts)[number];

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

// BM25 (Robertson, Zaragoza 2009) with its customary constants.
const saturation = 1.2;
const lengthInfluence = 0.75;

/**
 * What each part may add, where the best candidate's value counts as 1. Set on seven collections at once (topical
 * queries, questions, names, German), so that each part helps some and harms none; see bench/src/retrieval.ts.
 */
const weightsOf: Record<SearchMode, Partial<Record<ScorePart, number>>> = {
  KEYWORD: { keyword: 1 },
  SEMANTIC: { latent: 1, spelling: 0.7 },
  HYBRID: { keyword: 1, latent: 0.4, spelling: 0.3 },
};
const rerankWeights: Partial<Record<ScorePart, number>> = {
  phrase: 0.1,
  proximity: 0.2,
  heading: 0.05,
  feedback: 0.25,
};
const duplicatePenalty = 0.5;
const duplicateFrom = 0.9;

const limitMax = 200;
const candidatesMin = 200;
const wordsMax = 48;
// A spelling this near may bring in passages that have none of the words as asked (squared cosine).
const similarFrom = 0.3;
const similarPerWord = 6;
const feedbackPassages = 8;
const feedbackTerms = 20;

interface Candidate {
  readonly base: BaseSearch;
  readonly slot: number;
  readonly values: Record<ScorePart, number>;
  readonly contributions: Record<ScorePart, number>;
  coverage: number;
  score: number;
}

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
  addUp(found, weights, mode, (part) => part !== "feedback");
  if (weights.feedback) {
    const lesson = learnFrom(rank(found).slice(0, feedbackPassages), query);
    for (const base of bases) base.applyFeedback(lesson, found);
    addUp(found, weights, mode, () => true);
  }

  let ranked = rank(found).filter(({ score }) => score > 0);
  if (diversify && mode !== "KEYWORD") ranked = withoutEchoes(ranked.slice(0, wanted * 3), wanted);
  const ranks = explain ? { keyword: ranksBy(found, "keyword"), latent: ranksBy(found, "latent") } : null;
  for (const base of bases) base.dispose();
  const hits = ranked.slice(0, wanted).map((candidate): SearchHit => {
    const { base, slot, score, coverage } = candidate;
    return {
      passageId: base.segment.idOf(slot),
      documentId: base.segment.documents[base.segment.documentOf[slot]!]!.id,
      knowledgeBaseId: base.knowledgeBaseId,
      score,
      coverage,
      ...(ranks && {
        explanation: {
          mode,
          parts: scoreParts
            .filter((part) => candidate.contributions[part] !== 0)
            .map((part) => ({ part, value: candidate.values[part], contribution: candidate.contributions[part] })),
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

const languagesOf = (segments: readonly Segment[]): Language[] =>
  languages.filter((_, index) => segments.some((segment) => segment.languageCounts[index]! > 0));

function averageLengthOf(segments: readonly Segment[]): number {
  const passages = segments.reduce((sum, { livingCount }) => sum + livingCount, 0);
  return passages > 0 ? segments.reduce((sum, { totalLength }) => sum + totalLength, 0) / passages || 1 : 1;
}

function weigh(query: AnalyzedQuery, segments: readonly Segment[]): WeighedQuery {
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

const rarityOf = (documentCount: number, passages: number) =>
  Math.log(1 + (Math.max(0, passages - documentCount) + 0.5) / (documentCount + 0.5));

// A search runs in one go, so a handful of score arrays serves all searches.
const idleScores: Float64Array[] = [];

function borrowScores(slotCount: number): Float64Array {
  const scores = idleScores.pop();
  if (!scores || scores.length < slotCount) return new Float64Array(slotCount);
  return scores.fill(0, 0, slotCount);
}

function giveBackScores(scores: Float64Array): void {
  if (idleScores.length < 4) idleScores.push(scores);
}

/** One base's part in a search. */
class BaseSearch {
  readonly segment: Segment;
  readonly knowledgeBaseId: string;
  private readonly scores: Float64Array;
  /** By vocabulary number: 1 + the query word it stands for, or 0. */
  private readonly wordOf: Uint8Array;
  /** By vocabulary number: how near it is spelled to the query's words, weighed by their rarity. */
  private readonly likeness: Float32Array;
  private readonly terms: { term: number; word: number }[] = [];
  private readonly similar: { term: number; word: number; similarity: number }[] = [];
  /** By a passage's length: what its counts are damped by. */
  private readonly damping: Float64Array;
  private readonly neighbours: Set<number>;
  private readonly totalRarity: number;
  private readonly positions: number[] = [];
  private readonly found: number[] = [];

  constructor(
    index: PassageIndex,
    private readonly query: WeighedQuery,
    averageLength: number,
    private readonly allowed: Uint8Array,
  ) {
    this.segment = index.segment;
    this.knowledgeBaseId = index.owner.knowledgeBaseId;
    const { vocabulary, slotCount, lengthMax } = this.segment;
    this.scores = borrowScores(slotCount);
    this.wordOf = new Uint8Array(vocabulary.size);
    this.likeness = new Float32Array(vocabulary.size);
    this.damping = new Float64Array(lengthMax + 1);
    for (let length = 0; length <= lengthMax; length++)
      this.damping[length] = saturation * (1 - lengthInfluence + (lengthInfluence * length) / averageLength);
    this.neighbours = new Set(query.neighbours.map(([a, b]) => a * 256 + b));
    this.totalRarity = query.words.reduce((sum, { rarity, overlay }) => sum + (overlay ? 0 : rarity), 0) || 1;
    query.words.forEach((word, at) => {
      for (const text of word.terms) {
        const term = vocabulary.numberOf(text);
        if (term === undefined || this.wordOf[term] !== 0) continue;
        this.wordOf[term] = at + 1;
        this.terms.push({ term, word: at });
      }
    });
  }

  /** To be called when the search is over. */
  dispose(): void {
    giveBackScores(this.scores);
  }

  candidates(mode: SearchMode, perLeg: number): Candidate[] {
    const slots = new Set<number>();
    this.scoreKeywords();
    if (mode !== "SEMANTIC") for (const { item } of this.best(this.scores, perLeg)) slots.add(item);
    const directions = new Map<number, number>();
    if (mode !== "KEYWORD") {
      this.compareSpelling();
      for (const slot of this.slotsBySpelling(Math.ceil(perLeg / 2))) slots.add(slot);
      const direction = this.directionOfQuery();
      if (direction) {
        const nearest = this.segment.vectors!.nearest(
          direction,
          this.allowed,
          this.segment.slotCount,
          Math.ceil(perLeg / 2),
        );
        for (const { slot } of nearest) slots.add(slot);
        for (const slot of slots) directions.set(slot, Math.max(0, this.segment.vectors!.similarity(direction, slot)));
      }
    }
    return [...slots].map((slot) => this.measure(slot, mode, directions.get(slot) ?? 0));
  }

  /** Adds to each candidate of this base how well it fits what the first hits have in common. */
  applyFeedback(lesson: ReadonlyMap<string, number>, candidates: readonly Candidate[]): void {
    const { vocabulary } = this.segment;
    const weights = new Float32Array(vocabulary.size);
    for (const [text, weight] of lesson) {
      const term = vocabulary.numberOf(text);
      if (term !== undefined) weights[term] = weight;
    }
    for (const candidate of candidates) {
      if (candidate.base !== this) continue;
      const factor = this.damping[this.segment.lengths[candidate.slot]!]!;
      let sum = 0;
      this.segment.eachDistinctTerm(candidate.slot, (term, count) => {
        if (weights[term]! > 0) sum += (weights[term]! * count * (saturation + 1)) / (count + factor);
      });
      candidate.values.feedback = sum;
    }
  }

  explainWords(slot: number): Pick<Explanation, "words" | "similarWords"> {
    const { segment, query } = this;
    const { page, headFrom, to } = segment.sequenceOf(slot);
    const inHeading = new Set<number>();
    for (let at = headFrom; at < to; at++) inHeading.add(this.wordOf[page[at]! & termMask]! - 1);
    const factor = this.damping[this.segment.lengths[slot]!]!;
    const words = new Map<number, { count: number; value: number }>();
    const similarWords: { word: string; found: string; similarity: number }[] = [];
    segment.eachDistinctTerm(slot, (term, count) => {
      const word = this.wordOf[term]! - 1;
      if (word >= 0) {
        const entry = words.get(word) ?? { count: 0, value: 0 };
        words.set(word, { count: entry.count + count, value: entry.value + this.termValue(word, count, factor) });
        return;
      }
      for (const each of this.similar)
        if (each.term === term)
          similarWords.push({
            word: query.words[each.word]!.text,
            found: segment.vocabulary.term(term),
            similarity: Math.sqrt(each.similarity),
          });
    });
    return {
      words: [...words]
        .sort(([a], [b]) => a - b)
        .map(([word, { count, value }]) => ({
          word: query.words[word]!.text,
          count,
          rarity: query.words[word]!.rarity,
          value,
          inHeading: inHeading.has(word),
        })),
      similarWords,
    };
  }

  private termValue(word: number, count: number, factor: number): number {
    const { rarity, weight } = this.query.words[word]!;
    return (rarity * weight * count * (saturation + 1)) / (count + factor);
  }

  private scoreKeywords(): void {
    for (const { term, word } of this.terms) {
      const { rarity, weight } = this.query.words[word]!;
      this.scoreTerm(term, rarity * weight, this.scores);
    }
  }

  private scoreTerm(term: number, weight: number, scores: Float64Array): void {
    const { allowed, damping } = this;
    const { lengths } = this.segment;
    const factor = weight * (saturation + 1);
    this.segment.postings.visit(term, (slots, counts, from, to) => {
      for (let at = from; at < to; at++) {
        const slot = slots[at]!;
        if (allowed[slot] === 0) continue;
        const count = counts[at]!;
        scores[slot]! += (factor * count) / (count + damping[lengths[slot]!]!);
      }
    });
  }

  private best(scores: Float64Array, count: number): { item: number; score: number }[] {
    const best = new BestOf(count);
    const { slotCount } = this.segment;
    for (let slot = 0; slot < slotCount; slot++)
      if (scores[slot]! > 0 && scores[slot]! > best.threshold) best.offer(slot, scores[slot]!);
    return best.sorted();
  }

  private compareSpelling(): void {
    const spelled = this.query.words.map((word, at) => ({ word, at })).filter(({ word }) => word.spelled);
    for (const { term, word } of this.terms) {
      this.likeness[term] =
        this.query.words[word]!.rarity * logarithmic(Math.max(1, Math.round(this.query.words[word]!.weight)));
    }
    if (spelled.length === 0) return;
    const nearest = spelled.map(() => new BestOf(similarPerWord));
    this.segment.vocabulary.visitSimilar(
      spelled.map(({ word }) => word.terms[0]!),
      (term, number, similarity) => {
        const { word } = spelled[number]!;
        if (this.wordOf[term] !== 0) return;
        this.likeness[term]! += word.rarity * Math.min(1, word.weight) * similarity;
        if (similarity >= similarFrom && this.segment.vocabulary.documentCount(term) > 0)
          nearest[number]!.offer(term, similarity);
      },
    );
    nearest.forEach((best, number) => {
      for (const { item, score } of best.sorted())
        this.similar.push({ term: item, word: spelled[number]!.at, similarity: score });
    });
  }

  private slotsBySpelling(count: number): number[] {
    if (this.similar.length === 0 && this.terms.length === 0) return [];
    const scores = borrowScores(this.segment.slotCount);
    for (const { term, word, similarity } of this.similar)
      this.scoreTerm(term, this.query.words[word]!.rarity * similarity, scores);
    const best = this.best(scores, count).map(({ item }) => item);
    giveBackScores(scores);
    return best;
  }

  private directionOfQuery(): Float32Array | null {
    if (!this.segment.vectors) return null;
    return this.segment.vectors.directionOf(
      this.terms
        .filter(({ word }) => !this.query.words[word]!.overlay)
        .map(({ term, word }) => ({
          term,
          weight: logarithmic(Math.max(1, Math.round(this.query.words[word]!.weight))),
        })),
    );
  }

  private measure(slot: number, mode: SearchMode, latent: number): Candidate {
    const values = emptyParts();
    values.keyword = this.scores[slot]!;
    values.latent = latent;
    const { segment, query } = this;
    if (mode !== "KEYWORD") {
      let likeness = 0;
      segment.eachDistinctTerm(slot, (term, count) => {
        if (this.likeness[term]! > 0) likeness += this.likeness[term]! * logarithmic(count);
      });
      values.spelling = likeness / segment.norms[slot]!;
    }
    const { page, from, headFrom, to } = segment.sequenceOf(slot);
    const { positions, found } = this;
    positions.length = 0;
    found.length = 0;
    let position = 0;
    const seen = new Uint8Array(query.words.length);
    let covered = 0;
    let inHead = 0;
    for (let at = from; at < to; at++) {
      const term = page[at]!;
      if (term < overlayFlag) position++;
      const word = this.wordOf[term & termMask]! - 1;
      if (word < 0 || query.words[word]!.overlay) continue;
      if (at >= headFrom && seen[word]! < 2) {
        inHead += query.words[word]!.rarity;
        if (seen[word] === 0) covered += query.words[word]!.rarity;
        seen[word] = 2;
      } else if (seen[word] === 0) {
        covered += query.words[word]!.rarity;
        seen[word] = 1;
      }
      if (term >= overlayFlag) continue;
      positions.push(position);
      found.push(word);
    }
    values.heading = inHead / this.totalRarity;
    const factor = this.damping[this.segment.lengths[slot]!]!;
    if (mode === "HYBRID") this.measureNearness(values, factor);
    return {
      base: this,
      slot,
      values,
      contributions: emptyParts(),
      coverage: Math.min(1, covered / this.totalRarity),
      score: 0,
    };
  }

  /**
   * Phrases: words that stand side by side in the query and in the passage. Proximity: words that stand near each
   * other in the passage, each credited with the rarity of its neighbour (Büttcher, Clarke, Lushman 2006).
   */
  private measureNearness(values: Record<ScorePart, number>, factor: number): void {
    const { positions, found, query } = this;
    const phrases = new Map<number, number>();
    const credits = new Map<number, number>();
    for (let at = 1; at < found.length; at++) {
      const a = found[at - 1]!;
      const b = found[at]!;
      if (a === b) continue;
      const distance = positions[at]! - positions[at - 1]!;
      if (distance === 1 && this.neighbours.has(a * 256 + b))
        phrases.set(a * 256 + b, (phrases.get(a * 256 + b) ?? 0) + 1);
      const nearness = 1 / (distance * distance);
      credits.set(a, (credits.get(a) ?? 0) + query.words[b]!.rarity * nearness);
      credits.set(b, (credits.get(b) ?? 0) + query.words[a]!.rarity * nearness);
    }
    for (const [pair, count] of phrases) {
      const rarity = query.words[pair >> 8]!.rarity + query.words[pair & 255]!.rarity;
      values.phrase += (rarity * count * (saturation + 1)) / (count + factor);
    }
    for (const [word, credit] of credits)
      values.proximity += (Math.min(1, query.words[word]!.rarity) * credit * (saturation + 1)) / (credit + factor);
  }
}

const emptyParts = (): Record<ScorePart, number> => ({
  keyword: 0,
  latent: 0,
  spelling: 0,
  phrase: 0,
  proximity: 0,
  heading: 0,
  feedback: 0,
  duplicate: 0,
});

/** Scores each candidate: every part's value, as a share of the best candidate's, times the part's weight. */
function addUp(
  candidates: readonly Candidate[],
  weights: Partial<Record<ScorePart, number>>,
  mode: SearchMode,
  counts: (part: ScorePart) => boolean,
): void {
  const parts = scoreParts.filter((part) => weights[part] !== undefined && counts(part));
  const best = emptyParts();
  for (const { values } of candidates) for (const part of parts) best[part] = Math.max(best[part], values[part]);
  for (const candidate of candidates) {
    candidate.score = 0;
    for (const part of parts) {
      const share =
        mode === "KEYWORD" || part === "heading" ? candidate.values[part] : candidate.values[part] / (best[part] || 1);
      candidate.contributions[part] = weights[part]! * share;
      candidate.score += candidate.contributions[part];
    }
  }
}

/** Best first; equal scores by id, so that the order doesn't depend on the order of adding. */
const rank = (candidates: readonly Candidate[]): Candidate[] =>
  [...candidates].sort((a, b) => b.score - a.score || (idOf(a) < idOf(b) ? -1 : 1));
const idOf = ({ base, slot }: Candidate) => base.segment.idOf(slot);

function ranksBy(candidates: readonly Candidate[], part: ScorePart): Map<Candidate, number> {
  const found = candidates.filter(({ values }) => values[part] > 0).sort((a, b) => b.values[part] - a.values[part]);
  return new Map(found.map((candidate, at) => [candidate, at + 1]));
}

/** The terms that the first hits have in common, weighed (RM3: Abdul-Jaleel et al. 2004), with those of the query. */
function learnFrom(hits: readonly Candidate[], query: WeighedQuery): Map<string, number> {
  const total = hits.reduce((sum, { score }) => sum + score, 0) || 1;
  const passages = [...new Set(hits.map(({ base }) => base))].reduce(
    (sum, { segment }) => sum + segment.livingCount,
    0,
  );
  const weights = new Map<string, { weight: number; rarity: number }>();
  for (const { base, slot, score } of hits) {
    const { segment } = base;
    segment.eachDistinctTerm(slot, (term, count) => {
      const text = segment.vocabulary.term(term);
      const known = weights.get(text);
      const rarity = known?.rarity ?? rarityOf(segment.vocabulary.documentCount(term), passages);
      const weight = ((score / total) * count * rarity) / Math.max(1, segment.lengths[slot]!);
      weights.set(text, { rarity, weight: (known?.weight ?? 0) + weight });
    });
  }
  const best = [...weights]
    .sort(([a, left], [b, right]) => right.weight - left.weight || (a < b ? -1 : 1))
    .slice(0, feedbackTerms);
  const sum = best.reduce((all, [, { weight }]) => all + weight, 0) || 1;
  const lesson = new Map(best.map(([text, { weight, rarity }]) => [text, (0.5 * weight * rarity) / sum]));
  const asked = query.words.reduce((all, { weight }) => all + weight, 0) || 1;
  for (const { terms, weight, rarity } of query.words)
    for (const term of terms) lesson.set(term, (lesson.get(term) ?? 0) + (0.5 * weight * rarity) / asked);
  return lesson;
}

/** The first `count` in an order in which what says the same as a better hit comes later. */
function withoutEchoes(ranked: Candidate[], count: number): Candidate[] {
  // Numbers compare within one base alone.
  const byText = new Set(ranked.map(({ base }) => base)).size > 1;
  const termsOf = new Map<Candidate, Set<string | number>>();
  for (const candidate of ranked) {
    const terms = new Set<string | number>();
    const { segment } = candidate.base;
    segment.eachDistinctTerm(candidate.slot, (term) => terms.add(byText ? segment.vocabulary.term(term) : term));
    termsOf.set(candidate, terms);
  }
  const waiting = [...ranked];
  const picked: Candidate[] = [];
  while (picked.length < count && waiting.length > 0) {
    waiting.sort((a, b) => b.score - a.score || (idOf(a) < idOf(b) ? -1 : 1));
    const next = waiting.shift()!;
    picked.push(next);
    for (const candidate of waiting) {
      const likeness = sharedPart(termsOf.get(next)!, termsOf.get(candidate)!);
      if (likeness < duplicateFrom || likeness <= candidate.values.duplicate) continue;
      const before = candidate.score - candidate.contributions.duplicate;
      candidate.values.duplicate = likeness;
      candidate.contributions.duplicate = -duplicatePenalty * likeness * before;
      candidate.score = before + candidate.contributions.duplicate;
    }
  }
  return picked;
}

/** Jaccard index. */
function sharedPart(a: ReadonlySet<string | number>, b: ReadonlySet<string | number>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  if (small.size < large.size * duplicateFrom) return 0;
  let shared = 0;
  for (const term of small) if (large.has(term)) shared++;
  return shared / (a.size + b.size - shared || 1);
}
