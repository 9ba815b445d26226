import { BestOf } from "./best-of";
import type { PassageIndex } from "./passage-index";
import { partAt, type Candidate } from "./ranking";
import type { Explanation, SearchMode } from "./search";
import { logarithmic, overlayFlag, termMask, type Segment } from "./segment";
import type { WeighedQuery } from "./weigh";

// BM25 (Robertson, Zaragoza 2009) with its customary constants.
const saturation = 1.2;
const lengthInfluence = 0.75;

// A spelling this near may bring in passages that have none of the words as asked (squared cosine).
const similarFrom = 0.3;
const similarPerWord = 6;

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
export class BaseSearch {
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
  /** Two words side by side in the query (the first times 256, plus the second) → the place of their count. */
  private readonly neighbours: Map<number, number>;
  // Scratch for the passage at hand.
  private readonly phraseCounts: Uint16Array;
  private readonly credits: Float64Array;
  private readonly seen: Uint8Array;
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
    this.neighbours = new Map(query.neighbours.map(([a, b], at) => [a * 256 + b, at]));
    this.phraseCounts = new Uint16Array(query.neighbours.length);
    this.credits = new Float64Array(query.words.length);
    this.seen = new Uint8Array(query.words.length);
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
      for (const slot of this.slotsBySpelling(Math.ceil(perLeg / 2), mode)) slots.add(slot);
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
      this.segment.eachWeighedTerm(candidate.slot, weights, (term, count) => {
        sum += (weights[term]! * count * (saturation + 1)) / (count + factor);
      });
      candidate.values[partAt.feedback] = sum;
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

  private slotsBySpelling(count: number, mode: SearchMode): number[] {
    if (this.similar.length === 0 && this.terms.length === 0) return [];
    const scores = borrowScores(this.segment.slotCount);
    // Nothing is spelled more alike than the word itself. HYBRID has these by keyword already.
    if (mode === "SEMANTIC")
      for (const { term, word } of this.terms) this.scoreTerm(term, this.query.words[word]!.rarity, scores);
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
    const values = [0, 0, 0, 0, 0, 0, 0, 0];
    values[partAt.keyword] = this.scores[slot]!;
    values[partAt.latent] = latent;
    const { segment, query, likeness } = this;
    if (mode !== "KEYWORD") {
      let sum = 0;
      segment.eachWeighedTerm(slot, likeness, (term, count) => (sum += likeness[term]! * logarithmic(count)));
      values[partAt.spelling] = sum / segment.norms[slot]!;
    }
    const { page, from, headFrom, to } = segment.sequenceOf(slot);
    const { positions, found, wordOf, seen } = this;
    const [mask, flag] = [termMask, overlayFlag]; // once: built, another module's constant is behind a getter
    positions.length = 0;
    found.length = 0;
    seen.fill(0);
    let position = 0;
    let covered = 0;
    let inHead = 0;
    for (let at = from; at < to; at++) {
      const term = page[at]!;
      if (term < flag) position++;
      const word = wordOf[term & mask]! - 1;
      if (word < 0 || query.words[word]!.overlay) continue;
      if (at >= headFrom && seen[word]! < 2) {
        inHead += query.words[word]!.rarity;
        if (seen[word] === 0) covered += query.words[word]!.rarity;
        seen[word] = 2;
      } else if (seen[word] === 0) {
        covered += query.words[word]!.rarity;
        seen[word] = 1;
      }
      if (term >= flag) continue;
      positions.push(position);
      found.push(word);
    }
    values[partAt.heading] = inHead / this.totalRarity;
    if (mode === "HYBRID") this.measureNearness(values, this.damping[segment.lengths[slot]!]!);
    return { base: this, slot, values, coverage: Math.min(1, covered / this.totalRarity), score: 0, penalty: 0 };
  }

  /**
   * Phrases: words that stand side by side in the query and in the passage. Proximity: words that stand near each
   * other in the passage, each credited with the rarity of its neighbour (Büttcher, Clarke, Lushman 2006).
   */
  private measureNearness(values: number[], factor: number): void {
    const { positions, found, query, neighbours, phraseCounts, credits } = this;
    phraseCounts.fill(0);
    credits.fill(0);
    for (let at = 1; at < found.length; at++) {
      const a = found[at - 1]!;
      const b = found[at]!;
      if (a === b) continue;
      const distance = positions[at]! - positions[at - 1]!;
      const pair = distance === 1 ? neighbours.get(a * 256 + b) : undefined;
      if (pair !== undefined) phraseCounts[pair]!++;
      const nearness = 1 / (distance * distance);
      credits[a]! += query.words[b]!.rarity * nearness;
      credits[b]! += query.words[a]!.rarity * nearness;
    }
    for (let pair = 0; pair < phraseCounts.length; pair++) {
      const count = phraseCounts[pair]!;
      if (count === 0) continue;
      const [a, b] = query.neighbours[pair]!;
      const rarity = query.words[a]!.rarity + query.words[b]!.rarity;
      values[partAt.phrase]! += (rarity * count * (saturation + 1)) / (count + factor);
    }
    for (let word = 0; word < credits.length; word++) {
      const credit = credits[word]!;
      if (credit > 0)
        values[partAt.proximity]! +=
          (Math.min(1, query.words[word]!.rarity) * credit * (saturation + 1)) / (credit + factor);
    }
  }
}
