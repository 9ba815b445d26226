import type { Tx } from "../context";
import type { KnowledgeBase } from "../knowledge-base/knowledge-base";
import type { Metadata, Passage } from "../retrieval/passage";
import { PassageIndex } from "../retrieval/passage-index";

/** What an index is made of. The documents' and the bases' own folders answer. */
export interface IndexSource {
  revisionOf(db: Tx, workspaceId: string, knowledgeBaseId: string): Promise<number | null>;
  changesSince(
    db: Tx,
    workspaceId: string,
    knowledgeBaseId: string,
    revision: number,
  ): Promise<{
    changed: { id: string; title: string; metadata: Metadata; enabled: boolean; ingested: boolean }[];
    removed: string[];
  }>;
  passagesOf(db: Tx, workspaceId: string, documentId: string): AsyncIterable<Omit<Passage, "title">>;
}

/** The searchable forms of knowledge bases: derived, made when first needed, forgotten when room is short. */
export interface Indexes {
  /** The base's index, at least as new as `base`. */
  upTo(db: Tx, base: Pick<KnowledgeBase, "id" | "workspaceId" | "revision">): Promise<PassageIndex>;
  /** Lets an index that is in use catch up in the background, so that the next search needn't wait. */
  refresh(db: Tx, base: { workspaceId: string; knowledgeBaseId: string }): void;
  forget(knowledgeBaseId: string): void;
  stats(): { indexes: number; passages: number; bytes: number };
  close(): Promise<void>;
}

interface Entry {
  index: PassageIndex;
  /** What it contains: everything up to this revision of the base. */
  revision: number;
  catchingUp: Promise<void> | null;
  usedAt: number;
}

interface Options {
  /** What all indexes may take together; those unused for longest go first. */
  bytesMax: number;
  log: { warn(details: object, message: string): void };
}

/** Opens the indexes of one process. */
export function openIndexes(source: IndexSource, { bytesMax, log }: Options): Indexes {
  const entries = new Map<string, Entry>();

  const entryOf = ({ id, workspaceId }: { id: string; workspaceId: string }): Entry => {
    let entry = entries.get(id);
    if (!entry) {
      const index = new PassageIndex({ workspaceId, knowledgeBaseId: id });
      entry = { index, revision: -1, catchingUp: null, usedAt: performance.now() };
      entries.set(id, entry);
    }
    return entry;
  };

  const catchUp = (db: Tx, entry: Entry): Promise<void> =>
    (entry.catchingUp ??= bringUpToDate(db, entry, source).finally(() => {
      entry.catchingUp = null;
      makeRoom();
    }));

  const makeRoom = () => {
    const byAge = [...entries].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    let bytes = byAge.reduce((sum, [, { index }]) => sum + index.statistics.bytes, 0);
    // The newest stays, however big: it is being used.
    for (const [id, entry] of byAge.slice(0, -1)) {
      if (bytes <= bytesMax) return;
      if (entry.catchingUp) continue;
      bytes -= entry.index.statistics.bytes;
      forget(id);
    }
  };

  const forget = (knowledgeBaseId: string) => {
    const entry = entries.get(knowledgeBaseId);
    entries.delete(knowledgeBaseId);
    void entry?.index.close();
  };

  return {
    async upTo(db, base) {
      const entry = entryOf(base);
      entry.usedAt = performance.now();
      // A catching-up that is under way may have begun before this revision was written.
      while (entry.revision < base.revision) await catchUp(db, entry);
      return entry.index;
    },
    refresh(db, { workspaceId, knowledgeBaseId }) {
      const entry = entries.get(knowledgeBaseId);
      if (!entry) return;
      source
        .revisionOf(db, workspaceId, knowledgeBaseId)
        .then(async (revision) => {
          while (revision !== null && entry.revision < revision) await catchUp(db, entry);
        })
        .catch((error: unknown) =>
          log.warn({ err: error, knowledgeBaseId }, "An index will catch up with the next search."),
        );
    },
    forget,
    stats() {
      const all = [...entries.values()].map(({ index }) => index.statistics);
      const sum = (of: (each: (typeof all)[number]) => number) => all.reduce((total, each) => total + of(each), 0);
      return { indexes: all.length, passages: sum(({ passages }) => passages), bytes: sum(({ bytes }) => bytes) };
    },
    async close() {
      await Promise.all([...entries.values()].map(({ index }) => index.close()));
      entries.clear();
    },
  };
}

async function bringUpToDate(db: Tx, entry: Entry, source: IndexSource): Promise<void> {
  const { index } = entry;
  const { workspaceId, knowledgeBaseId } = index.owner;
  // Read before the changes: what commits in between is seen again next time, and adding it twice changes nothing.
  const revision = (await source.revisionOf(db, workspaceId, knowledgeBaseId)) ?? entry.revision;
  const { changed, removed } = await source.changesSince(db, workspaceId, knowledgeBaseId, entry.revision);
  for (const documentId of removed) index.removeDocument(documentId);
  for (const { id, title, metadata, enabled, ingested } of changed) {
    index.removeDocument(id);
    if (!ingested) continue;
    index.describeDocument(id, { metadata, enabled });
    await index.add(titled(source.passagesOf(db, workspaceId, id), title));
  }
  entry.revision = Math.max(revision, 0);
  if (changed.length > 0 || removed.length > 0) void index.maintain().catch(() => {});
}

async function* titled(passages: AsyncIterable<Omit<Passage, "title">>, title: string): AsyncGenerator<Passage> {
  for await (const passage of passages) yield { ...passage, title };
}
