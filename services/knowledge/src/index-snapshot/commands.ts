import type { BlobStore } from "@atrium/blobs";
import type { Log } from "@atrium/database";
import { newId } from "@atrium/ids";
import type { Tx } from "../context";
import { deleteFilesLater } from "../files";
import { PassageIndex, type IndexOwner } from "../retrieval/passage-index";
import {
  announceSnapshot,
  confirmSnapshot,
  findSnapshot,
  newestSnapshots,
  removeSnapshot,
  removeSnapshots,
} from "./store";

/** What a document's passages in an index were made of; while it stays the same, they do. */
export interface IndexedText {
  /** The reading of the document. */
  generation: number;
  title: string;
}

/** An index as it was at a revision of its base. */
export interface KeptIndex {
  index: PassageIndex;
  revision: number;
  texts: Map<string, IndexedText>;
}

/** Keeps indexes over a restart. They are derived: what is lost or damaged is built anew. */
export interface IndexSnapshots {
  /** Null when there is none that can be used. */
  load(db: Tx, base: { workspaceId: string; knowledgeBaseId: string }): Promise<KeptIndex | null>;
  /** False when nothing was kept: what the index holds has been deleted meanwhile. */
  keep(db: Tx, kept: KeptIndex): Promise<boolean>;
}

// Ten thousand passages take some ten megabytes.
const sizeMax = 2 ** 31;
// Longer than a file takes to be written by whoever began before its row went.
const deletedAgainAfterMs = 10 * 60_000;

export function indexSnapshots({ blobs, log }: { blobs: BlobStore; log: Log }): IndexSnapshots {
  async function restored(blobKey: string, owner: IndexOwner) {
    const bytes = await blobs.read(blobKey);
    try {
      return await PassageIndex.restore(owner, bytes);
    } finally {
      bytes.destroy();
    }
  }

  return {
    async load(db, { workspaceId, knowledgeBaseId }) {
      const stored = await findSnapshot(db, workspaceId, knowledgeBaseId);
      if (!stored) return null;
      try {
        const { index, label } = await restored(stored.blobKey, { workspaceId, knowledgeBaseId });
        const { revision, texts } = JSON.parse(label) as Label;
        if (revision !== stored.revision) throw new Error("The snapshot is of another revision.");
        return { index, revision, texts: new Map(texts.map(([id, generation, title]) => [id, { generation, title }])) };
      } catch (error) {
        log.warn({ err: error, knowledgeBaseId }, "A kept index can't be used; it is built anew.");
        await removeSnapshot(db, stored.blobKey);
        await blobs.delete(stored.blobKey);
        return null;
      }
    },

    async keep(db, { index, revision, texts }) {
      const { workspaceId, knowledgeBaseId } = index.owner;
      const blobKey = `${db.tenant.organizationId}/${newId("idx")}`;
      const label: Label = {
        revision,
        texts: [...texts].map(([id, { generation, title }]) => [id, generation, title]),
      };
      const bytes = index.snapshot(JSON.stringify(label));
      if (!(await announceSnapshot(db, workspaceId, knowledgeBaseId, { blobKey, revision }))) return false;
      try {
        await blobs.write(blobKey, bytes, { sizeMax });
        const kept = await confirmSnapshot(db, blobKey);
        if (kept)
          await deleteFilesLater(db, await removeSnapshots(db, workspaceId, knowledgeBaseId, { blobKey, revision }));
        else await blobs.delete(blobKey);
        return kept;
      } catch (error) {
        await removeSnapshot(db, blobKey).catch(() => {});
        throw error;
      }
    },
  };
}

interface Label {
  revision: number;
  texts: [id: string, generation: number, title: string][];
}

/** Removes a base's snapshots, because something is deleted that they hold. Their files go once `tx` has committed. */
export async function dropSnapshots(tx: Tx, workspaceId: string, knowledgeBaseId: string): Promise<void> {
  const files = await removeSnapshots(tx, workspaceId, knowledgeBaseId);
  await deleteFilesLater(tx, files);
  // One that is still being written comes into being later.
  await deleteFilesLater(tx, files, { runAt: new Date(Date.now() + deletedAgainAfterMs) });
}

/** The bases whose indexes were kept last, of all tenants. */
export const keptLast = newestSnapshots;
