import type { BaseSearch } from "./base-search";
import type { SearchMode } from "./search";
import { rarityOf, type WeighedQuery } from "./weigh";

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

/** Where each part stands in a candidate's values: numbers in one array are read and made fastest. */
export const partAt = Object.fromEntries(scoreParts.map((part, at) => [part, at])) as Record<ScorePart, number>;

export interface Candidate {
  readonly base: BaseSearch;
  readonly slot: number;
  /** What each part measured, by `partAt`. */
  readonly values: number[];
  readonly coverage: number;
  score: number;
  /** What was taken off for saying the same as a better hit. */
  penalty: number;
}

export type Weights = Partial<Record<ScorePart, number>>;

const duplicatePenalty = 0.5;
const duplicateFrom = 0.9;
export const feedbackPassages = 8;
const feedbackTerms = 20;

/** How the parts of one search add up: each as a share of the best candidate's, times the part's weight. */
export class Scoring {
  private readonly factors: number[] = [];
  private readonly parts: number[];

  constructor(
    candidates: readonly Candidate[],
    private readonly weights: Weights,
    mode: SearchMode,
  ) {
    this.parts = scoreParts.flatMap((part, at) => (weights[part] === undefined ? [] : [at]));
    for (const at of this.parts) {
      let best = 0;
      for (const { values } of candidates) if (values[at]! > best) best = values[at]!;
      const part = scoreParts[at]!;
      this.factors[at] = weights[part]! / (mode === "KEYWORD" || part === "heading" ? 1 : best || 1);
    }
  }

  apply(candidates: readonly Candidate[]): void {
    const { parts, factors } = this;
    for (const candidate of candidates) {
      let score = 0;
      for (const at of parts) score += factors[at]! * candidate.values[at]!;
      candidate.score = score;
    }
  }

  /** What a part added to the candidate's score. */
  contributionOf({ values, penalty }: Candidate, part: ScorePart): number {
    if (part === "duplicate") return penalty;
    return this.weights[part] === undefined ? 0 : this.factors[partAt[part]]! * values[partAt[part]]!;
  }
}

const idOf = ({ base, slot }: Candidate) => base.segment.idOf(slot);

/** Equal scores by id, so that the order doesn't depend on the order of adding. */
const precedes = (a: Candidate, b: Candidate) => a.score > b.score || (a.score === b.score && idOf(a) < idOf(b));

/** The `count` best, best first. */
export function bestOf(candidates: readonly Candidate[], count: number): Candidate[] {
  if (candidates.length > count * 4) {
    // Most fall below the score of the last one that is wanted.
    const scores = Float64Array.from(candidates, ({ score }) => score).sort();
    const least = scores[scores.length - count]!;
    candidates = candidates.filter(({ score }) => score >= least);
  }
  return [...candidates].sort((a, b) => (precedes(a, b) ? -1 : 1)).slice(0, count);
}

/** Each candidate's place by one part alone, from 1. */
export function ranksBy(candidates: readonly Candidate[], part: ScorePart): Map<Candidate, number> {
  const at = partAt[part];
  const found = candidates.filter(({ values }) => values[at]! > 0).sort((a, b) => b.values[at]! - a.values[at]!);
  return new Map(found.map((candidate, place) => [candidate, place + 1]));
}

/** The terms that the first hits have in common, weighed (RM3: Abdul-Jaleel et al. 2004), with those of the query. */
export function learnFrom(hits: readonly Candidate[], query: WeighedQuery): Map<string, number> {
  const total = hits.reduce((sum, { score }) => sum + score, 0) || 1;
  const bases = [...new Set(hits.map(({ base }) => base))];
  const passages = bases.reduce((sum, { segment }) => sum + segment.livingCount, 0);
  const terms = new Map<string, { text: string; weight: number; rarity: number }>();
  for (const base of bases) {
    const { vocabulary, lengths } = base.segment;
    const shares = new Map<number, number>();
    for (const hit of hits) {
      if (hit.base !== base) continue;
      const factor = hit.score / total / Math.max(1, lengths[hit.slot]!);
      base.segment.eachDistinctTerm(hit.slot, (term, count) =>
        shares.set(term, (shares.get(term) ?? 0) + factor * count),
      );
    }
    for (const [term, share] of shares) {
      const rarity = rarityOf(vocabulary.documentCount(term), passages);
      const text = vocabulary.term(term);
      const known = terms.get(text);
      if (known) known.weight += share * known.rarity;
      else terms.set(text, { text, weight: share * rarity, rarity });
    }
  }
  const best = heaviest([...terms.values()], feedbackTerms);
  const sum = best.reduce((all, { weight }) => all + weight, 0) || 1;
  const lesson = new Map(best.map(({ text, weight, rarity }) => [text, (0.5 * weight * rarity) / sum]));
  const asked = query.words.reduce((all, { weight }) => all + weight, 0) || 1;
  for (const word of query.words)
    for (const term of word.terms)
      lesson.set(term, (lesson.get(term) ?? 0) + (0.5 * word.weight * word.rarity) / asked);
  return lesson;
}

function heaviest<Term extends { text: string; weight: number }>(terms: readonly Term[], count: number): Term[] {
  const weights = Float64Array.from(terms, ({ weight }) => weight).sort();
  const least = weights[Math.max(0, weights.length - count)] ?? 0;
  return terms
    .filter(({ weight }) => weight >= least)
    .sort((a, b) => b.weight - a.weight || (a.text < b.text ? -1 : 1))
    .slice(0, count);
}

/** The first `count` in an order in which what says the same as a better hit comes later. */
export function withoutEchoes(ranked: readonly Candidate[], count: number): Candidate[] {
  const waiting = [...ranked];
  const picked: Candidate[] = [];
  while (picked.length < count && waiting.length > 0) {
    let first = 0;
    for (let at = 1; at < waiting.length; at++) if (precedes(waiting[at]!, waiting[first]!)) first = at;
    const [next] = waiting.splice(first, 1) as [Candidate];
    picked.push(next);
    for (const candidate of waiting) {
      const likeness = likenessOf(next, candidate);
      if (likeness < duplicateFrom || likeness <= candidate.values[partAt.duplicate]!) continue;
      const before = candidate.score - candidate.penalty;
      candidate.values[partAt.duplicate] = likeness;
      candidate.penalty = -duplicatePenalty * likeness * before;
      candidate.score = before + candidate.penalty;
    }
  }
  return picked;
}

/** Of the terms that two passages have, the share that both have (Jaccard index); 0 where it can't be much. */
function likenessOf(a: Candidate, b: Candidate): number {
  const left = a.base.segment.distinctTerms[a.slot]!;
  const right = b.base.segment.distinctTerms[b.slot]!;
  if (Math.min(left, right) < Math.max(left, right) * duplicateFrom) return 0;
  const shared = a.base.segment.sharedTerms(a.slot, b.base.segment, b.slot);
  return shared / (left + right - shared || 1);
}
