import { numberTerms } from "./analyzer";
import { grown, PostingLists, SequencePool } from "./growing-arrays";
import { foldAccents, languages, type Language } from "./languages";
import type { LatentModel } from "./latent-model";
import { LatentVectors } from "./latent-vectors";
import type { DocumentFacts, Metadata, Passage } from "./passage";
import { Vocabulary } from "./vocabulary";

/** Set on a term of a sequence that is a second reading of the word beside it and takes no position. */
export const overlayFlag = 0x8000_0000;
export const termMask = 0x7fff_ffff;

export interface IndexedDocument {
  readonly id: string;
  metadata: Metadata;
  enabled: boolean;
  /** Living passages. */
  passages: number;
}

/** One passage as numbers, as it is put in and as it is copied from one segment to another. */
export interface PassageRecord {
  readonly id: string;
  readonly documentId: string;
  readonly headingPath: string;
  readonly page: number;
  readonly language: Language;
  /** The text's words first, then those of title and headings. */
  readonly terms: Uint32Array;
  readonly length: number;
  /** How many of `terms` come from title and headings. */
  readonly headLength: number;
}

// Separates the headings of a path; no text has it.
export const headingSeparator = "\u001f";

/**
 * All that is known of a base's passages, in typed arrays. A passage has a slot; slots are only ever added. A deleted
 * passage keeps its slot, marked dead, until the living are copied to a new segment.
 */
export class Segment {
  readonly vocabulary = new Vocabulary();
  readonly postings = new PostingLists();
  private readonly sequences = new SequencePool();
  private readonly slots = new Map<string, number>();
  private readonly passageIds: string[] = [];
  readonly documents: IndexedDocument[] = [];
  private readonly documentNumbers = new Map<string, number>();
  private readonly headingNumbers = new Map<string, number>();
  readonly headings: string[] = [];
  /** By heading path, folded, for the filter. */
  readonly foldedHeadings: string[] = [];

  /** 1 for a slot whose passage lives. */
  alive = new Uint8Array(0);
  /** Content words, with those of title and headings. */
  lengths = new Uint16Array(0);
  /** Different terms, title and headings included. */
  distinctTerms = new Uint16Array(0);
  /** Length of the vector of logarithmic term counts. */
  norms = new Float32Array(0);
  documentOf = new Uint32Array(0);
  headingOf = new Uint32Array(0);
  pages = new Uint32Array(0);
  private languageOf = new Uint8Array(0);
  private headLengths = new Uint16Array(0);
  private sequencePages = new Uint32Array(0);
  private sequenceOffsets = new Uint32Array(0);
  private sequenceLengths = new Uint32Array(0);

  slotCount = 0;
  livingCount = 0;
  /** Sum of `lengths` over the living. */
  totalLength = 0;
  /** The largest of `lengths` there ever was. */
  lengthMax = 0;
  readonly languageCounts = new Uint32Array(languages.length);
  vectors: LatentVectors | null = null;

  // Scratch: how often each term stands in the passage at hand; all zero between calls.
  private counts = new Uint32Array(0);
  private readonly touched: number[] = [];
  private sequence = new Uint32Array(256);
  private sequenceLength = 0;
  private readonly push = (term: number, overlay: boolean) => {
    if (this.sequenceLength === this.sequence.length) this.sequence = grown(this.sequence, this.sequenceLength + 1);
    this.sequence[this.sequenceLength++] = overlay ? (term | overlayFlag) >>> 0 : term;
  };

  slotOf(passageId: string): number | undefined {
    return this.slots.get(passageId);
  }

  idOf(slot: number): string {
    return this.passageIds[slot]!;
  }

  documentNumber(documentId: string): number | undefined {
    return this.documentNumbers.get(documentId);
  }

  livingIds(): IterableIterator<string> {
    return this.slots.keys();
  }

  /** The terms of a passage: `page[from…to)`, those of title and headings from `headFrom` on. Flags included. */
  sequenceOf(slot: number): { page: Uint32Array; from: number; headFrom: number; to: number } {
    const from = this.sequenceOffsets[slot]!;
    return {
      page: this.sequences.page(this.sequencePages[slot]!),
      from,
      headFrom: from + this.sequenceLengths[slot]! - this.headLengths[slot]!,
      to: from + this.sequenceLengths[slot]!,
    };
  }

  /** Puts a passage in; one that is in already under this id is replaced. */
  add(passage: Passage): void {
    this.sequenceLength = 0;
    const language = numberTerms(passage.text, passage.language, this.vocabulary, this.push);
    const bodyLength = this.sequenceLength;
    for (const head of [passage.title, ...(passage.headingPath ?? [])])
      if (head) numberTerms(head, language, this.vocabulary, this.push);
    const headLength = this.sequenceLength - bodyLength;
    this.append({
      id: passage.id,
      documentId: passage.documentId,
      headingPath: (passage.headingPath ?? []).join(headingSeparator),
      page: passage.page ?? 0,
      language,
      terms: this.sequence,
      length: this.sequenceLength,
      headLength: Math.min(headLength, 65_535),
    });
  }

  /** Puts in a passage whose terms are numbers of this segment's vocabulary. */
  append(record: PassageRecord): void {
    this.remove(record.id);
    const slot = this.slotCount++;
    this.makeRoom(this.slotCount);
    this.slots.set(record.id, slot);
    this.passageIds.push(record.id);
    const document = this.documentNumberFor(record.documentId);
    this.documents[document]!.passages++;
    this.documentOf[slot] = document;
    this.headingOf[slot] = this.headingNumberFor(record.headingPath);
    this.pages[slot] = record.page;
    const language = languages.indexOf(record.language);
    this.languageOf[slot] = language;
    this.languageCounts[language]!++;
    this.headLengths[slot] = record.headLength;

    const { page, offset } = this.sequences.append(record.terms, record.length);
    this.sequencePages[slot] = page;
    this.sequenceOffsets[slot] = offset;
    this.sequenceLengths[slot] = record.length;

    if (this.counts.length < this.vocabulary.size) this.counts = grown(this.counts, this.vocabulary.size);
    const { counts } = this;
    let length = 0;
    for (let at = 0; at < record.length; at++) {
      const term = record.terms[at]!;
      if (term < overlayFlag) length++;
      counts[term & termMask]!++;
    }
    let squares = 0;
    let distinct = 0;
    for (let at = 0; at < record.length; at++) {
      const term = record.terms[at]! & termMask;
      const count = counts[term]!;
      if (count === 0) continue;
      distinct++;
      counts[term] = 0;
      this.postings.append(term, slot, count);
      this.vocabulary.countDocument(term, 1);
      squares += logarithmic(count) ** 2;
    }
    this.lengths[slot] = Math.min(length, 65_535);
    this.distinctTerms[slot] = Math.min(distinct, 65_535);
    this.norms[slot] = Math.sqrt(squares) || 1;
    this.totalLength += this.lengths[slot]!;
    this.lengthMax = Math.max(this.lengthMax, this.lengths[slot]!);
    this.alive[slot] = 1;
    this.livingCount++;
    this.vectors?.foldIn(this, slot);
  }

  /** Whether there was such a passage. From now on nothing finds it. */
  remove(passageId: string): boolean {
    const slot = this.slots.get(passageId);
    if (slot === undefined) return false;
    this.slots.delete(passageId);
    this.passageIds[slot] = "";
    this.alive[slot] = 0;
    this.livingCount--;
    this.totalLength -= this.lengths[slot]!;
    this.languageCounts[this.languageOf[slot]!]!--;
    this.documents[this.documentOf[slot]!]!.passages--;
    this.eachDistinctTerm(slot, (term) => this.vocabulary.countDocument(term, -1));
    return true;
  }

  removeDocument(documentId: string): number {
    const number = this.documentNumbers.get(documentId);
    if (number === undefined) return 0;
    let removed = 0;
    for (let slot = 0; slot < this.slotCount && this.documents[number]!.passages > 0; slot++)
      if (this.alive[slot] === 1 && this.documentOf[slot] === number && this.remove(this.passageIds[slot]!)) removed++;
    Object.assign(this.documents[number]!, { metadata: {}, enabled: true });
    return removed;
  }

  describe(documentId: string, facts: DocumentFacts): void {
    const document = this.documents[this.documentNumberFor(documentId)]!;
    if (facts.metadata !== undefined) document.metadata = facts.metadata;
    if (facts.enabled !== undefined) document.enabled = facts.enabled;
  }

  /** The passage in `slot` as it would be put into another segment, its terms renumbered by `translate`. */
  recordOf(slot: number, translate: (term: number) => number): PassageRecord {
    const { page, from, headFrom, to } = this.sequenceOf(slot);
    const terms = new Uint32Array(to - from);
    for (let at = from; at < to; at++) {
      const term = page[at]!;
      const number = translate(term & termMask);
      terms[at - from] = term >= overlayFlag ? (number | overlayFlag) >>> 0 : number;
    }
    return {
      id: this.passageIds[slot]!,
      documentId: this.documents[this.documentOf[slot]!]!.id,
      headingPath: this.headings[this.headingOf[slot]!]!,
      page: this.pages[slot]!,
      language: languages[this.languageOf[slot]!]!,
      terms,
      length: terms.length,
      headLength: to - headFrom,
    };
  }

  /** Calls `visit` with each term of a passage once, and how often it stands there. */
  eachDistinctTerm(slot: number, visit: (term: number, count: number) => void): void {
    const { page, from, to } = this.sequenceOf(slot);
    const { counts } = this;
    for (let at = from; at < to; at++) counts[page[at]! & termMask]!++;
    for (let at = from; at < to; at++) {
      const term = page[at]! & termMask;
      const count = counts[term]!;
      if (count === 0) continue;
      counts[term] = 0;
      visit(term, count);
    }
  }

  /** The same with the terms alone that `weights` gives a weight. */
  eachWeighedTerm(slot: number, weights: Float32Array, visit: (term: number, count: number) => void): void {
    const from = this.sequenceOffsets[slot]!;
    const to = from + this.sequenceLengths[slot]!;
    const page = this.sequences.page(this.sequencePages[slot]!);
    const { counts, touched } = this;
    let found = 0;
    for (let at = from; at < to; at++) {
      const term = page[at]! & termMask;
      if (weights[term]! > 0 && counts[term]!++ === 0) touched[found++] = term;
    }
    for (let at = 0; at < found; at++) {
      const term = touched[at]!;
      const count = counts[term]!;
      counts[term] = 0;
      visit(term, count);
    }
  }

  /** The documents with a living passage that has one of these terms. */
  documentsWith(terms: readonly string[]): Set<string> {
    const found = new Set<number>();
    for (const text of terms) {
      const term = this.vocabulary.numberOf(text);
      if (term === undefined) continue;
      this.postings.visit(term, (slots, _, from, to) => {
        for (let at = from; at < to; at++) if (this.alive[slots[at]!] === 1) found.add(this.documentOf[slots[at]!]!);
      });
    }
    return new Set([...found].map((document) => this.documents[document]!.id));
  }

  /** How many different terms two passages share, the other of which may be another segment's. */
  sharedTerms(slot: number, other: Segment, otherSlot: number): number {
    const { counts } = this;
    this.eachTerm(slot, (term) => (counts[term] = 1));
    let shared = 0;
    other.eachTerm(otherSlot, (theirs) => {
      const term = other === this ? theirs : this.vocabulary.numberOf(other.vocabulary.term(theirs));
      if (term === undefined || counts[term] !== 1) return;
      counts[term] = 2;
      shared++;
    });
    this.eachTerm(slot, (term) => (counts[term] = 0));
    return shared;
  }

  private eachTerm(slot: number, visit: (term: number) => void): void {
    const { page, from, to } = this.sequenceOf(slot);
    for (let at = from; at < to; at++) visit(page[at]! & termMask);
  }

  useLatentModel(model: LatentModel | null): void {
    this.vectors = model ? new LatentVectors(model, this.vocabulary) : null;
  }

  get averageLength(): number {
    return this.livingCount > 0 ? this.totalLength / this.livingCount : 1;
  }

  get bytes(): number {
    const perSlot = 1 + 2 + 2 + 4 + 4 + 4 + 4 + 1 + 2 + 4 + 4 + 4;
    const ids = this.slotCount * 100;
    return (
      this.vocabulary.bytes +
      this.postings.bytes +
      this.sequences.bytes +
      this.alive.length * perSlot +
      ids +
      (this.vectors?.bytes ?? 0)
    );
  }

  private documentNumberFor(documentId: string): number {
    let number = this.documentNumbers.get(documentId);
    if (number === undefined) {
      number = this.documents.length;
      this.documentNumbers.set(documentId, number);
      this.documents.push({ id: documentId, metadata: {}, enabled: true, passages: 0 });
    }
    return number;
  }

  private headingNumberFor(path: string): number {
    let number = this.headingNumbers.get(path);
    if (number === undefined) {
      number = this.headings.length;
      this.headingNumbers.set(path, number);
      this.headings.push(path);
      this.foldedHeadings.push(foldAccents(path.toLowerCase()));
    }
    return number;
  }

  private makeRoom(count: number): void {
    if (count <= this.alive.length) return;
    this.alive = grown(this.alive, count);
    this.lengths = grown(this.lengths, count);
    this.distinctTerms = grown(this.distinctTerms, count);
    this.norms = grown(this.norms, count);
    this.documentOf = grown(this.documentOf, count);
    this.headingOf = grown(this.headingOf, count);
    this.pages = grown(this.pages, count);
    this.languageOf = grown(this.languageOf, count);
    this.headLengths = grown(this.headLengths, count);
    this.sequencePages = grown(this.sequencePages, count);
    this.sequenceOffsets = grown(this.sequenceOffsets, count);
    this.sequenceLengths = grown(this.sequenceLengths, count);
  }
}

const logarithms = Float64Array.from({ length: 256 }, (_, count) => (count === 0 ? 0 : 1 + Math.log(count)));
export const logarithmic = (count: number): number => (count < 256 ? logarithms[count]! : 1 + Math.log(count));
