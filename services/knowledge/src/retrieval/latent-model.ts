import path from "node:path";
import { Worker } from "node:worker_threads";
import type { SparseMatrix } from "./latent-fit";
import { logarithmic, type Segment } from "./segment";
import { TimeSlice } from "./time-slice";

/**
 * What the words of a base have to do with each other, learned from which words its passages share (latent semantic
 * analysis, Deerwester et al. 1990). No model is downloaded; it knows what the documents know.
 */
export class LatentModel {
  readonly rowOf: ReadonlyMap<string, number>;

  constructor(
    readonly dimensions: number,
    readonly terms: readonly string[],
    /** Inverse document frequency of each term when it was fitted; passages added later are weighed alike. */
    readonly weights: Float32Array,
    /** `dimensions` numbers per term, times the term's scale. */
    readonly basis: Int8Array,
    readonly scales: Float32Array,
    /** Living passages when it was fitted. */
    readonly fittedAt: number,
  ) {
    this.rowOf = new Map(terms.map((term, row) => [term, row]));
  }

  get bytes(): number {
    return this.basis.byteLength + this.terms.length * 76;
  }
}

const sampleMax = 6000;
const termsMax = 30_000;
// Fewer passages share too few words to learn from.
const passagesMin = 24;
const dimensionsMax = 128;

/** Fits a model to a sample of the segment's passages, in a worker thread. Null when there are too few. */
export async function fitLatentModel(segment: Segment, signal?: AbortSignal): Promise<LatentModel | null> {
  const fittedAt = segment.livingCount;
  if (fittedAt < passagesMin) return null;
  const { matrix, terms, weights } = await sampleOf(segment, signal);
  const dimensions = Math.min(dimensionsMax, Math.max(8, Math.floor(matrix.rowCount / 32) * 8));
  if (matrix.columnCount < dimensions) return null;
  const basis = await fitInWorker(matrix, dimensions, signal);
  const scales = new Float32Array(terms.length);
  const rounded = new Int8Array(basis.length);
  const slice = new TimeSlice();
  for (let row = 0; row < terms.length; row++) {
    if (slice.isOver) await slice.next(signal);
    scales[row] = roundVector(basis.subarray(row * dimensions, (row + 1) * dimensions), rounded, row * dimensions);
  }
  await slice.next(signal);
  return new LatentModel(dimensions, terms, weights, rounded, scales, fittedAt);
}

/** Writes `vector` as 8-bit numbers and returns what they are to be multiplied by. */
export function roundVector(vector: Float32Array | Float64Array, to: Int8Array, at: number): number {
  let largest = 0;
  for (let index = 0; index < vector.length; index++) largest = Math.max(largest, Math.abs(vector[index]!));
  if (largest === 0) {
    to.fill(0, at, at + vector.length);
    return 0;
  }
  const scale = largest / 127;
  for (let index = 0; index < vector.length; index++) to[at + index] = Math.round(vector[index]! / scale);
  return scale;
}

/** The sample depends on which passages there are, not on the order in which they came. */
async function sampleOf(
  segment: Segment,
  signal?: AbortSignal,
): Promise<{ matrix: SparseMatrix; terms: string[]; weights: Float32Array }> {
  const slice = new TimeSlice();
  const slots: number[] = [];
  let bound = 0xffff_ffff;
  let chosenByHash: { slot: number; order: number }[] = [];
  const keepBest = () => {
    const earlier = (a: { slot: number; order: number }, b: { slot: number; order: number }) =>
      a.order - b.order || (segment.idOf(a.slot) < segment.idOf(b.slot) ? -1 : 1);
    chosenByHash = chosenByHash.sort(earlier).slice(0, sampleMax);
    if (chosenByHash.length === sampleMax) bound = chosenByHash.at(-1)!.order;
  };
  for (let slot = 0; slot < segment.slotCount; slot++) {
    if (slice.isOver) await slice.next(signal);
    if (segment.alive[slot] === 0) continue;
    const order = hashOf(segment.idOf(slot));
    if (order <= bound) chosenByHash.push({ slot, order });
    if (chosenByHash.length >= 2 * sampleMax) {
      // Sorting overruns a slice's end, so it gets one of its own.
      await slice.next(signal);
      keepBest();
      await slice.next(signal);
    }
  }
  await slice.next(signal);
  keepBest();
  slots.push(...chosenByHash.map(({ slot }) => slot));

  // The terms of a slot stay readable when its passage is removed meanwhile.
  const counts = new Map<number, number>();
  for (const slot of slots) {
    if (slice.isOver) await slice.next(signal);
    segment.eachDistinctTerm(slot, (term) => counts.set(term, (counts.get(term) ?? 0) + 1));
  }
  const { vocabulary } = segment;
  const wanted: { term: number; count: number; text: string }[] = [];
  for (const [term, count] of counts) {
    if (slice.isOver) await slice.next(signal);
    if (count > 1 && count < slots.length * 0.6 && vocabulary.documentCount(term) > 0)
      wanted.push({ term, count, text: vocabulary.term(term) });
  }
  await slice.next(signal);
  const chosen = wanted.sort((a, b) => b.count - a.count || (a.text < b.text ? -1 : 1)).slice(0, termsMax);
  await slice.next(signal);
  const column = new Map(chosen.map(({ term }, at) => [term, at]));
  const weights = Float32Array.from(chosen, ({ term }) =>
    Math.log(Math.max(1, segment.livingCount / Math.max(1, vocabulary.documentCount(term)))),
  );
  await slice.next(signal);

  const starts = new Uint32Array(slots.length + 1);
  const columns: number[] = [];
  const values: number[] = [];
  for (const [row, slot] of slots.entries()) {
    if (slice.isOver) await slice.next(signal);
    const entries: { at: number; value: number }[] = [];
    segment.eachDistinctTerm(slot, (term, count) => {
      const at = column.get(term);
      if (at !== undefined) entries.push({ at, value: logarithmic(count) * weights[at]! });
    });
    entries.sort((a, b) => a.at - b.at);
    const norm = Math.sqrt(entries.reduce((sum, { value }) => sum + value * value, 0)) || 1;
    for (const { at, value } of entries) {
      columns.push(at);
      values.push(value / norm);
    }
    starts[row + 1] = columns.length;
  }
  await slice.next(signal);
  const matrix: SparseMatrix = {
    rowCount: slots.length,
    columnCount: chosen.length,
    starts,
    columns: Uint32Array.from(columns),
    values: Float32Array.from(values),
  };
  return { matrix, terms: chosen.map(({ text }) => text), weights };
}

function hashOf(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

function fitInWorker(matrix: SparseMatrix, dimensions: number, signal?: AbortSignal): Promise<Float32Array> {
  return new Promise((resolve, reject) => {
    const fromSource = path.extname(__filename) === ".ts";
    const worker = new Worker(path.join(__dirname, `latent-worker${path.extname(__filename)}`), {
      workerData: { matrix, dimensions },
      transferList: [matrix.starts.buffer, matrix.columns.buffer, matrix.values.buffer] as ArrayBuffer[],
      // Run from source (tests, development), the thread needs the loader that its parent has.
      execArgv: fromSource ? ["--require", require.resolve("tsx/cjs")] : [],
    });
    const stop = () => {
      void worker.terminate();
      reject(signal!.reason as Error);
    };
    signal?.addEventListener("abort", stop, { once: true });
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => {
      signal?.removeEventListener("abort", stop);
      reject(new Error(`The thread that fits the latent model ended with code ${code} and no result.`));
    });
  });
}
