import { BestOf } from "./best-of";
import { grown } from "./growing-arrays";
import { roundVector, type LatentModel } from "./latent-model";
import { logarithmic, type Segment } from "./segment";
import type { Vocabulary } from "./vocabulary";

// How many of the nearest by sign bits are measured exactly, for one that is wanted.
const rescoredPerHit = 4;
const rescoredMin = 200;

/**
 * The passages of a segment as directions in a latent model's space: 8-bit numbers, and their sign bits, by which the
 * nearest are found first and then measured.
 */
export class LatentVectors {
  private components = new Int8Array(0);
  private scales = new Float32Array(0);
  private signs = new Uint8Array(0);
  private readonly signBytes: number;
  /** Vocabulary number → row of the model, or -1. */
  private rows = new Int32Array(0);
  private rowsKnown = 0;
  private readonly scratch: Float32Array;

  constructor(
    readonly model: LatentModel,
    private readonly vocabulary: Vocabulary,
  ) {
    this.signBytes = model.dimensions / 8;
    this.scratch = new Float32Array(model.dimensions);
  }

  /** Computes the passage's direction from its terms. */
  foldIn(segment: Segment, slot: number): void {
    this.makeRoom(slot);
    this.scratch.fill(0);
    segment.eachDistinctTerm(slot, (term, count) => this.addTerm(term, logarithmic(count)));
    normalize(this.scratch);
    this.set(slot, this.scratch);
  }

  /** The direction of a query; null when the model knows none of its terms. */
  directionOf(terms: readonly { term: number; weight: number }[]): Float32Array | null {
    this.scratch.fill(0);
    for (const { term, weight } of terms) this.addTerm(term, weight);
    return normalize(this.scratch) ? Float32Array.from(this.scratch) : null;
  }

  /** Cosine of a query's direction and a passage's. */
  similarity(query: Float32Array, slot: number): number {
    const from = slot * this.model.dimensions;
    let sum = 0;
    for (let at = 0; at < query.length; at++) sum += query[at]! * this.components[from + at]!;
    return sum * this.scales[slot]!;
  }

  /** The slots nearest to `query` among those that `allowed` marks, best first. */
  nearest(
    query: Float32Array,
    allowed: Uint8Array,
    slotCount: number,
    count: number,
  ): { slot: number; score: number }[] {
    const byBits = new BestOf(Math.max(rescoredMin, count * rescoredPerHit));
    const { signs, signBytes } = this;
    const table = this.byteScores(query);
    for (let slot = 0; slot < slotCount; slot++) {
      if (allowed[slot] === 0) continue;
      let sum = 0;
      const from = slot * signBytes;
      for (let at = 0; at < signBytes; at++) sum += table[(at << 8) | signs[from + at]!]!;
      if (sum > byBits.threshold) byBits.offer(slot, sum);
    }
    const exact = new BestOf(count);
    for (const { item } of byBits.sorted()) {
      const score = this.similarity(query, item);
      if (score > 0) exact.offer(item, score);
    }
    return exact.sorted().map(({ item, score }) => ({ slot: item, score }));
  }

  /** All of them measured: what `nearest` is judged by. */
  nearestExactly(query: Float32Array, allowed: Uint8Array, slotCount: number, count: number) {
    const exact = new BestOf(count);
    for (let slot = 0; slot < slotCount; slot++)
      if (allowed[slot] === 1) exact.offer(slot, this.similarity(query, slot));
    return exact.sorted().map(({ item, score }) => ({ slot: item, score }));
  }

  vectorOf(slot: number): { components: Int8Array; scale: number } {
    const { dimensions } = this.model;
    return {
      components: this.components.subarray(slot * dimensions, (slot + 1) * dimensions),
      scale: this.scales[slot]!,
    };
  }

  restore(slot: number, components: Int8Array, scale: number): void {
    this.makeRoom(slot);
    this.components.set(components, slot * this.model.dimensions);
    this.scales[slot] = scale;
    this.setSigns(slot);
  }

  get bytes(): number {
    return (
      this.components.byteLength +
      this.scales.byteLength +
      this.signs.byteLength +
      this.rows.byteLength +
      this.model.bytes
    );
  }

  private addTerm(term: number, weight: number): void {
    const row = this.rowOf(term);
    if (row < 0) return;
    const { basis, scales, weights, dimensions } = this.model;
    const factor = weight * weights[row]! * scales[row]!;
    const from = row * dimensions;
    for (let at = 0; at < dimensions; at++) this.scratch[at]! += factor * basis[from + at]!;
  }

  /** Learns the rows of so many more terms ahead; false when it knows all. Else the first passage pays for them all. */
  learnRows(count: number): boolean {
    this.rows = grown(this.rows, this.vocabulary.size);
    const to = Math.min(this.vocabulary.size, this.rowsKnown + count);
    for (; this.rowsKnown < to; this.rowsKnown++)
      this.rows[this.rowsKnown] = this.model.rowOf.get(this.vocabulary.term(this.rowsKnown)) ?? -1;
    return this.rowsKnown < this.vocabulary.size;
  }

  private rowOf(term: number): number {
    if (term >= this.rowsKnown) this.learnRows(this.vocabulary.size);
    return this.rows[term]!;
  }

  private set(slot: number, vector: Float32Array): void {
    this.scales[slot] = roundVector(vector, this.components, slot * this.model.dimensions);
    this.setSigns(slot);
  }

  private setSigns(slot: number): void {
    const from = slot * this.model.dimensions;
    for (let byte = 0; byte < this.signBytes; byte++) {
      let bits = 0;
      for (let bit = 0; bit < 8; bit++) if (this.components[from + byte * 8 + bit]! > 0) bits |= 1 << bit;
      this.signs[slot * this.signBytes + byte] = bits;
    }
  }

  /** For each byte of signs and each value it can have: what the query's components add up to under those signs. */
  private byteScores(query: Float32Array): Float32Array {
    const table = new Float32Array(this.signBytes * 256);
    for (let byte = 0; byte < this.signBytes; byte++)
      for (let value = 0; value < 256; value++) {
        let sum = 0;
        for (let bit = 0; bit < 8; bit++) sum += value & (1 << bit) ? query[byte * 8 + bit]! : -query[byte * 8 + bit]!;
        table[(byte << 8) | value] = sum;
      }
    return table;
  }

  private makeRoom(slot: number): void {
    this.components = grown(this.components, (slot + 1) * this.model.dimensions);
    this.scales = grown(this.scales, slot + 1);
    this.signs = grown(this.signs, (slot + 1) * this.signBytes);
  }
}

/** Whether there was anything to bring to length 1. */
function normalize(vector: Float32Array): boolean {
  let squares = 0;
  for (let at = 0; at < vector.length; at++) squares += vector[at]! ** 2;
  if (squares === 0) return false;
  const factor = 1 / Math.sqrt(squares);
  for (let at = 0; at < vector.length; at++) vector[at]! *= factor;
  return true;
}
