import { fitLatentModel } from "./latent-model";
import { LatentVectors } from "./latent-vectors";
import type { DocumentFacts, Passage } from "./passage";
import { Segment } from "./segment";
import { readSnapshot, writeSnapshot } from "./snapshot";
import { TimeSlice } from "./time-slice";

/** Whose passages an index holds. One index never holds two bases, one search never spans two workspaces. */
export interface IndexOwner {
  readonly workspaceId: string;
  readonly knowledgeBaseId: string;
}

export interface IndexStatistics {
  readonly passages: number;
  readonly documents: number;
  readonly terms: number;
  /** Deleted passages whose room hasn't been given back yet. */
  readonly deletedPassages: number;
  readonly bytes: number;
  /** Null until the base has enough passages and `maintain` has run. */
  readonly latent: { readonly dimensions: number; readonly fittedAt: number } | null;
}

// Give room back when a third of it is dead, but not for a handful.
const deadShareMax = 1 / 3;
const deadMin = 1000;
// Fit anew when the base has grown or shrunk by half since.
const growthBeforeRefit = 1.5;

/**
 * The searchable form of one knowledge base. It is derived from the passages in the database and can be rebuilt from
 * them at any time.
 *
 * What is added can be searched when `add` resolves, what is removed is never found again from the moment `remove`
 * returns, even by an `add` of the same passages that was under way. Searches go on during both. No call holds the event
 * loop for longer than a slice of some milliseconds.
 */
export class PassageIndex {
  /** The passages as `searchPassages` reads them. */
  segment = new Segment();
  private revision = 0;
  private addsUnderWay = 0;
  /** Passages and documents that were removed while an `add` was under way, and when. */
  private readonly removedAt = new Map<string, number>();
  private copying: { to: Segment; slot: number } | null = null;
  private maintenance: Promise<void> | null = null;
  private readonly closing = new AbortController();

  constructor(readonly owner: IndexOwner) {}

  /**
   * Adds passages, in slices; one whose id is known is replaced. `title`, headings and text are what is searched.
   * When `signal` aborts, those already added stay.
   */
  async add(
    passages: Iterable<Passage> | AsyncIterable<Passage>,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<void> {
    const startedAt = this.revision;
    const slice = new TimeSlice();
    this.addsUnderWay++;
    try {
      for await (const passage of passages) {
        if (slice.isOver) await slice.next(signal);
        this.closing.signal.throwIfAborted();
        if (this.wasRemovedSince(startedAt, passage)) continue;
        this.forgetIn(this.copying, passage.id);
        this.segment.add(passage);
      }
    } finally {
      if (--this.addsUnderWay === 0) this.removedAt.clear();
    }
  }

  /** Removes passages; returns how many there were. */
  remove(passageIds: Iterable<string>): number {
    let removed = 0;
    for (const id of passageIds) {
      this.remember(`p${id}`);
      this.forgetIn(this.copying, id);
      if (this.segment.remove(id)) removed++;
    }
    return removed;
  }

  /** Removes all passages of a document and what is known of it; returns how many there were. */
  removeDocument(documentId: string): number {
    this.remember(`d${documentId}`);
    this.copying?.to.removeDocument(documentId);
    return this.segment.removeDocument(documentId);
  }

  /** Sets a document's metadata, or whether its passages may be found. May come before its passages. */
  describeDocument(documentId: string, facts: DocumentFacts): void {
    this.segment.describe(documentId, facts);
    this.copying?.to.describe(documentId, facts);
  }

  has(passageId: string): boolean {
    return this.segment.slotOf(passageId) !== undefined;
  }

  /** The ids of all passages, to compare with the database. */
  passageIds(): IterableIterator<string> {
    return this.segment.livingIds();
  }

  get statistics(): IndexStatistics {
    const { livingCount, slotCount, vocabulary, vectors, documents, bytes } = this.segment;
    return {
      passages: livingCount,
      documents: documents.filter((document) => document.passages > 0).length,
      terms: vocabulary.size,
      deletedPassages: slotCount - livingCount,
      bytes,
      latent: vectors && { dimensions: vectors.model.dimensions, fittedAt: vectors.model.fittedAt },
    };
  }

  /**
   * What keeps the index small and its semantic half current: gives deleted passages' room back and fits the latent
   * model anew, each only when it is due. Call it after ingestion; calls while one is running wait for the same one.
   * `evenIfNotDue` does both at once.
   */
  maintain({ evenIfNotDue = false }: { evenIfNotDue?: boolean } = {}): Promise<void> {
    return (this.maintenance ??= this.runMaintenance(evenIfNotDue).finally(() => (this.maintenance = null)));
  }

  /** Everything but the text, in pieces to be written to a file. `label` is given back by `restore`. */
  snapshot(label = ""): AsyncGenerator<Uint8Array> {
    return writeSnapshot(this.segment, this.owner, label);
  }

  /**
   * The index that `snapshot` wrote. Rejects when the snapshot is damaged, of another version or of another base; then
   * build it anew from the database. What changed since the snapshot is the caller's to add and remove.
   */
  static async restore(
    owner: IndexOwner,
    snapshot: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<{ index: PassageIndex; label: string }> {
    const { segment, label } = await readSnapshot(snapshot, owner);
    const index = new PassageIndex(owner);
    index.segment = segment;
    return { index, label };
  }

  /** Stops what runs in the background. The index isn't usable afterwards. */
  async close(): Promise<void> {
    this.closing.abort(new Error("The index was closed."));
    await this.maintenance?.catch(() => {});
  }

  private async runMaintenance(evenIfNotDue: boolean): Promise<void> {
    const { segment } = this;
    const dead = segment.slotCount - segment.livingCount;
    if (evenIfNotDue ? dead > 0 : dead > deadMin && dead > segment.slotCount * deadShareMax) await this.compact();
    const fittedAt = this.segment.vectors?.model.fittedAt ?? 0;
    const { livingCount } = this.segment;
    const outgrown = livingCount > fittedAt * growthBeforeRefit || livingCount * growthBeforeRefit < fittedAt;
    if (evenIfNotDue || outgrown) await this.refit();
  }

  /** Copies the living to a new segment while the old one serves, then swaps. */
  private async compact(): Promise<void> {
    const from = this.segment;
    const to = new Segment();
    if (from.vectors) to.useLatentModel(from.vectors.model);
    for (const { id, metadata, enabled, passages } of from.documents)
      if (passages > 0 || !enabled || Object.keys(metadata).length > 0) to.describe(id, { metadata, enabled });
    const copying = { to, slot: 0 };
    this.copying = copying;
    try {
      const translate = (term: number) =>
        to.vocabulary.add(from.vocabulary.term(term), from.vocabulary.isSpelled(term));
      const slice = new TimeSlice();
      for (; copying.slot < from.slotCount; copying.slot++) {
        if (slice.isOver) await slice.next(this.closing.signal);
        if (from.alive[copying.slot] === 1) to.append(from.recordOf(copying.slot, translate));
      }
      this.segment = to;
    } finally {
      this.copying = null;
    }
  }

  private async refit(): Promise<void> {
    const { segment } = this;
    const model = await fitLatentModel(segment, this.closing.signal);
    if (!model) return;
    const vectors = new LatentVectors(model, segment.vocabulary);
    const slice = new TimeSlice();
    while (vectors.learnRows(2_000)) if (slice.isOver) await slice.next(this.closing.signal);
    // Passages that come meanwhile get a slot at the end, and the loop reaches them too.
    for (let slot = 0; slot < segment.slotCount; slot++) {
      if (slice.isOver) await slice.next(this.closing.signal);
      if (segment.alive[slot] === 1) vectors.foldIn(segment, slot);
    }
    segment.vectors = vectors;
  }

  private remember(key: string): void {
    this.revision++;
    if (this.addsUnderWay > 0) this.removedAt.set(key, this.revision);
  }

  private wasRemovedSince(revision: number, { id, documentId }: Passage): boolean {
    if (this.removedAt.size === 0) return false;
    return (this.removedAt.get(`p${id}`) ?? 0) > revision || (this.removedAt.get(`d${documentId}`) ?? 0) > revision;
  }

  /** A passage that was copied already must not come back with the copy. */
  private forgetIn(copying: { to: Segment } | null, passageId: string): void {
    copying?.to.remove(passageId);
  }
}
