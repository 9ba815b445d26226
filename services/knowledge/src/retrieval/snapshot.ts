import { createHash } from "node:crypto";
import { languages, type Language } from "./languages";
import { LatentModel } from "./latent-model";
import { LatentVectors } from "./latent-vectors";
import type { IndexOwner } from "./passage-index";
import type { Metadata } from "./passage";
import { Segment, termMask } from "./segment";
import { TimeSlice } from "./time-slice";

// Raise it with every change of the format or of how text becomes terms: an old snapshot is then refused and rebuilt.
const format = "atrium-passages-1";
const passagesPerBatch = 500;
const termsPerBatch = 5000;
const frameBytesMax = 1 << 28;

interface Header extends IndexOwner {
  readonly format: string;
  readonly label: string;
  readonly termCount: number;
  readonly documents: { id: string; metadata: Metadata; enabled: boolean }[];
  readonly headings: string[];
  readonly latent: { dimensions: number; fittedAt: number; terms: string[] } | null;
}

interface Batch {
  readonly ids: string[];
  readonly documents: number[];
  readonly headings: number[];
  readonly pages: number[];
  readonly languages: Language[];
  readonly lengths: number[];
  readonly headLengths: number[];
  readonly scales: number[];
}

/**
 * Frames, each with its length before it: header, terms, model, passages in batches, and last a SHA-256 of all of it.
 * Postings and statistics aren't written: putting the passages in again makes them, and is as fast as reading them.
 * Of what was removed nothing is written, not a word of it.
 */
export async function* writeSnapshot(segment: Segment, owner: IndexOwner, label: string): AsyncGenerator<Uint8Array> {
  // Passages that come while this runs have higher slots and terms, and are left out.
  const { slotCount, vocabulary, vectors } = segment;
  const slice = new TimeSlice();
  const { terms, documents, headings } = await livingParts(segment, slice);
  const digest = createHash("sha256");
  const frame = (parts: Uint8Array[]) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(parts.reduce((sum, part) => sum + part.byteLength, 0));
    const bytes = Buffer.concat([length, ...parts]);
    digest.update(bytes);
    return bytes;
  };
  const model = vectors && withTermsOf(vectors.model, (term) => terms.has(vocabulary.numberOf(term) ?? -1));
  const header: Header = {
    format,
    workspaceId: owner.workspaceId,
    knowledgeBaseId: owner.knowledgeBaseId,
    label,
    termCount: terms.size,
    documents: documents.kept.map((number) => {
      const { id, metadata, enabled } = segment.documents[number]!;
      return { id, metadata, enabled };
    }),
    headings: headings.kept.map((number) => segment.headings[number]!),
    latent: model && { dimensions: model.dimensions, fittedAt: model.fittedAt, terms: [...model.terms] },
  };
  yield frame([json(header)]);
  for (let from = 0; from < terms.size; from += termsPerBatch) {
    const numbers = terms.kept.slice(from, from + termsPerBatch);
    yield frame([
      json(numbers.map((number) => [vocabulary.term(number), vocabulary.isSpelled(number) ? 1 : 0]).flat()),
    ]);
  }
  if (model) yield frame([bytesOf(model.weights), bytesOf(model.scales), bytesOf(model.basis)]);

  for (let slot = 0; slot < slotCount;) {
    const batch: Batch = {
      ids: [],
      documents: [],
      headings: [],
      pages: [],
      languages: [],
      lengths: [],
      headLengths: [],
      scales: [],
    };
    const sequences: Uint8Array[] = [];
    const components: Uint8Array[] = [];
    for (; slot < slotCount && batch.ids.length < passagesPerBatch; slot++) {
      if (segment.alive[slot] === 0) continue;
      const record = segment.recordOf(slot, (term) => terms.numberOf(term));
      batch.ids.push(record.id);
      batch.documents.push(documents.numberOf(segment.documentOf[slot]!));
      batch.headings.push(headings.numberOf(segment.headingOf[slot]!));
      batch.pages.push(record.page);
      batch.languages.push(record.language);
      batch.lengths.push(record.length);
      batch.headLengths.push(record.headLength);
      sequences.push(bytesOf(record.terms));
      if (!vectors) continue;
      const vector = vectors.vectorOf(slot);
      batch.scales.push(vector.scale);
      components.push(bytesOf(vector.components));
    }
    const head = json(batch);
    const headLength = Buffer.alloc(4);
    headLength.writeUInt32LE(head.byteLength);
    yield frame([headLength, head, ...sequences, ...components]);
    if (slice.isOver) await slice.next();
  }
  yield frame([]);
  yield digest.digest();
}

/** Numbers that are in use, in their order, and the places that they have among each other. */
class Kept {
  readonly kept: number[];
  private readonly places: Uint32Array;

  constructor(private readonly used: Uint8Array) {
    this.kept = [];
    this.places = new Uint32Array(used.length);
    for (let number = 0; number < used.length; number++) {
      if (used[number] === 0) continue;
      this.places[number] = this.kept.length;
      this.kept.push(number);
    }
  }

  get size(): number {
    return this.kept.length;
  }

  has(number: number): boolean {
    return this.used[number] === 1;
  }

  numberOf(number: number): number {
    return this.places[number]!;
  }
}

/** The terms, documents and headings that living passages have. */
async function livingParts(segment: Segment, slice: TimeSlice) {
  const { slotCount, vocabulary } = segment;
  const terms = new Uint8Array(vocabulary.size);
  const documents = new Uint8Array(segment.documents.length);
  const headings = new Uint8Array(segment.headings.length);
  for (let slot = 0; slot < slotCount; slot++) {
    if (slice.isOver) await slice.next();
    if (segment.alive[slot] === 0) continue;
    documents[segment.documentOf[slot]!] = 1;
    headings[segment.headingOf[slot]!] = 1;
    const { page, from, to } = segment.sequenceOf(slot);
    for (let at = from; at < to; at++) terms[page[at]! & termMask] = 1;
  }
  for (const [number, { enabled, metadata }] of segment.documents.entries())
    if (number < documents.length && (!enabled || Object.keys(metadata).length > 0)) documents[number] = 1;
  return { terms: new Kept(terms), documents: new Kept(documents), headings: new Kept(headings) };
}

/** The model without the terms that aren't kept: no living passage has them. */
function withTermsOf(model: LatentModel, isKept: (term: string) => boolean): LatentModel {
  const { dimensions, fittedAt } = model;
  const rows = [...model.terms.keys()].filter((row) => isKept(model.terms[row]!));
  if (rows.length === model.terms.length) return model;
  const basis = new Int8Array(rows.length * dimensions);
  for (const [to, row] of rows.entries())
    basis.set(model.basis.subarray(row * dimensions, (row + 1) * dimensions), to * dimensions);
  const terms = rows.map((row) => model.terms[row]!);
  const ofRows = (array: Float32Array) => Float32Array.from(rows, (row) => array[row]!);
  return new LatentModel(dimensions, terms, ofRows(model.weights), basis, ofRows(model.scales), fittedAt);
}

/** Rejects with a sentence that says why, when the bytes aren't a whole snapshot of this base in this format. */
export async function readSnapshot(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  owner: IndexOwner,
): Promise<{ segment: Segment; label: string }> {
  const frames = framesOf(source);
  const next = async () => {
    const { value, done } = await frames.next();
    if (done) throw new Error("The snapshot ends too early.");
    return value;
  };
  const header = parse<Header>(await next());
  if (header.format !== format) throw new Error(`The snapshot has the format ${String(header.format)}, not ${format}.`);
  if (header.workspaceId !== owner.workspaceId || header.knowledgeBaseId !== owner.knowledgeBaseId)
    throw new Error("The snapshot is of another knowledge base.");

  const segment = new Segment();
  const slice = new TimeSlice();
  while (segment.vocabulary.size < header.termCount) {
    const terms = parse<(string | number)[]>(await next());
    for (let at = 0; at < terms.length; at += 2) {
      segment.vocabulary.add(terms[at] as string, terms[at + 1] === 1);
      if (slice.isOver) await slice.next();
    }
  }
  for (const { id, metadata, enabled } of header.documents) segment.describe(id, { metadata, enabled });
  let model: LatentModel | null = null;
  if (header.latent) {
    const { dimensions, fittedAt, terms } = header.latent;
    const bytes = await next();
    const weights = new Float32Array(copyOf(bytes, 0, terms.length * 4));
    const scales = new Float32Array(copyOf(bytes, terms.length * 4, terms.length * 4));
    const basis = new Int8Array(copyOf(bytes, terms.length * 8, terms.length * dimensions));
    model = new LatentModel(dimensions, terms, weights, basis, scales, fittedAt);
  }
  const vectors = model && new LatentVectors(model, segment.vocabulary);
  for (;;) {
    const bytes = await next();
    if (bytes.byteLength === 0) break;
    const headLength = bytes.readUInt32LE(0);
    const batch = parse<Batch>(bytes.subarray(4, 4 + headLength));
    let offset = 4 + headLength;
    const terms = new Uint32Array(copyOf(bytes, offset, batch.lengths.reduce((sum, length) => sum + length, 0) * 4));
    offset += terms.byteLength;
    let from = 0;
    for (let at = 0; at < batch.ids.length; at++) {
      if (slice.isOver) await slice.next();
      const length = batch.lengths[at]!;
      segment.append({
        id: batch.ids[at]!,
        documentId: header.documents[batch.documents[at]!]!.id,
        headingPath: header.headings[batch.headings[at]!]!,
        page: batch.pages[at]!,
        language: languages.includes(batch.languages[at]!) ? batch.languages[at]! : "en",
        terms: terms.subarray(from, from + length),
        length,
        headLength: batch.headLengths[at]!,
      });
      from += length;
      if (!model) continue;
      const components = new Int8Array(copyOf(bytes, offset, model.dimensions));
      vectors!.restore(segment.slotCount - 1, components, batch.scales[at]!);
      offset += model.dimensions;
    }
  }
  segment.vectors = vectors;
  return { segment, label: header.label };
}

/** The frames, up to and with the empty one; throws when the digest after it isn't theirs. */
async function* framesOf(source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  const digest = createHash("sha256");
  let pending = Buffer.alloc(0);
  let last = false;
  for await (const chunk of source) {
    pending = pending.byteLength === 0 ? Buffer.from(chunk) : Buffer.concat([pending, chunk]);
    while (!last && pending.byteLength >= 4) {
      const length = pending.readUInt32LE(0);
      if (length > frameBytesMax) throw new Error("The snapshot is damaged.");
      if (pending.byteLength < 4 + length) break;
      digest.update(pending.subarray(0, 4 + length));
      const frame = pending.subarray(4, 4 + length);
      pending = pending.subarray(4 + length);
      last = length === 0;
      if (!last) yield frame;
    }
  }
  if (!last || !digest.digest().equals(pending)) throw new Error("The snapshot is damaged.");
  yield Buffer.alloc(0);
  return undefined;
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const bytesOf = (array: Uint32Array | Float32Array | Int8Array) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function parse<T>(bytes: Buffer): T {
  try {
    return JSON.parse(bytes.toString()) as T;
  } catch (cause) {
    throw new Error("The snapshot is damaged.", { cause });
  }
}

/** A buffer of its own, aligned; throws when the bytes aren't there. */
function copyOf(bytes: Buffer, offset: number, length: number): ArrayBuffer {
  if (offset + length > bytes.byteLength) throw new Error("The snapshot is damaged.");
  return new Uint8Array(bytes.subarray(offset, offset + length)).buffer;
}
