import { LatentModel } from "./latent-model";
import { LatentVectors } from "./latent-vectors";
import type { IndexOwner } from "./passage-index";
import { Segment } from "./segment";
import { FrameReader, frames } from "./snapshot-frames";
import { describe, restoreInto, valuesOf, type Shape } from "./snapshot-shape";
import { TimeSlice } from "./time-slice";

// Raise it with every change of how text becomes terms: an old snapshot is then refused and rebuilt. Changes of what an
// index is made of are noticed by themselves.
const format = "atrium-passages-2";

interface Header extends IndexOwner {
  readonly format: string;
  readonly label: string;
  readonly segment: Shape;
  readonly latent: { model: Shape; vectors: Shape; dimensions: number; fittedAt: number } | null;
}

/**
 * An index in frames: what it is made of, then its arrays as they are, so that reading is copying. Of what was removed
 * nothing is written, not a word of it.
 */
export async function* writeSnapshot(segment: Segment, owner: IndexOwner, label: string): AsyncGenerator<Uint8Array> {
  // What comes and goes while this runs doesn't touch the copy.
  const copy = await copyOfLiving(segment);
  const { vectors } = copy;
  copy.vectors = null;
  const latent = vectors && { model: modelParts(vectors.model), vectors: vectorParts(vectors) };
  const header: Header = {
    format,
    workspaceId: owner.workspaceId,
    knowledgeBaseId: owner.knowledgeBaseId,
    label,
    segment: describe(copy),
    latent: latent && {
      model: describe(latent.model),
      vectors: describe(latent.vectors),
      dimensions: vectors.model.dimensions,
      fittedAt: vectors.model.fittedAt,
    },
  };
  yield* frames(header, function* () {
    yield* valuesOf(copy);
    if (latent) {
      yield* valuesOf(latent.model);
      yield* valuesOf(latent.vectors);
    }
  });
}

/** Rejects with a sentence that says why, when the bytes aren't a whole snapshot of this base in this format. */
export async function readSnapshot(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  owner: IndexOwner,
): Promise<{ segment: Segment; label: string }> {
  const reader = new FrameReader(source);
  try {
    const header = await reader.json<Header>();
    if (header.format !== format)
      throw new Error(`The snapshot has the format ${String(header.format)}, not ${format}.`);
    if (header.workspaceId !== owner.workspaceId || header.knowledgeBaseId !== owner.knowledgeBaseId)
      throw new Error("The snapshot is of another knowledge base.");
    const segment = new Segment();
    await restoreInto(segment, header.segment, reader);
    if (header.latent) {
      const { dimensions, fittedAt } = header.latent;
      const parts = modelParts(
        new LatentModel(dimensions, [], new Float32Array(0), new Int8Array(0), new Float32Array(0), 0),
      );
      await restoreInto(parts, header.latent.model, reader);
      const model = new LatentModel(dimensions, parts.terms, parts.weights, parts.basis, parts.scales, fittedAt);
      const vectors = new LatentVectors(model, segment.vocabulary);
      const own = vectorParts(vectors);
      await restoreInto(own, header.latent.vectors, reader);
      segment.vectors = Object.assign(vectors, own);
    }
    await reader.end();
    return { segment, label: header.label };
  } finally {
    await reader.close();
  }
}

const modelParts = ({ terms, weights, basis, scales }: LatentModel) => ({ terms, weights, basis, scales });

/** Of vectors what is theirs alone. */
function vectorParts(vectors: LatentVectors): Record<string, unknown> {
  const { model: _, vocabulary: __, ...own } = vectors as unknown as Record<string, unknown>;
  return own;
}

/** The living passages in a segment of their own, with their vectors. */
async function copyOfLiving(from: Segment): Promise<Segment> {
  const to = new Segment();
  const slice = new TimeSlice();
  // Passages that come meanwhile have higher slots.
  const { slotCount, vectors, vocabulary } = from;
  const terms = new Uint32Array(vocabulary.size);
  const translate = (term: number) =>
    (terms[term] ||= to.vocabulary.add(vocabulary.term(term), vocabulary.isSpelled(term)) + 1) - 1;
  for (const { id, metadata, enabled } of from.documents)
    if (!enabled || Object.keys(metadata).length > 0) to.describe(id, { metadata, enabled });
  const copied: number[] = [];
  for (let slot = 0; slot < slotCount; slot++) {
    if (slice.isOver) await slice.next();
    if (from.alive[slot] === 0) continue;
    to.append(from.recordOf(slot, translate));
    copied.push(slot);
  }
  if (!vectors) return to;
  const kept = new LatentVectors(withTermsOf(vectors.model, to), to.vocabulary);
  for (const [slot, before] of copied.entries()) {
    if (slice.isOver) await slice.next();
    const { components, scale } = vectors.vectorOf(before);
    kept.restore(slot, components, scale);
  }
  to.vectors = kept;
  return to;
}

/** The model without the terms that no passage has. */
function withTermsOf(model: LatentModel, { vocabulary }: Segment): LatentModel {
  const { dimensions, fittedAt } = model;
  const rows = [...model.terms.keys()].filter((row) => vocabulary.numberOf(model.terms[row]!) !== undefined);
  if (rows.length === model.terms.length) return model;
  const basis = new Int8Array(rows.length * dimensions);
  for (const [to, row] of rows.entries())
    basis.set(model.basis.subarray(row * dimensions, (row + 1) * dimensions), to * dimensions);
  const terms = rows.map((row) => model.terms[row]!);
  const ofRows = (array: Float32Array) => Float32Array.from(rows, (row) => array[row]!);
  return new LatentModel(dimensions, terms, ofRows(model.weights), basis, ofRows(model.scales), fittedAt);
}
