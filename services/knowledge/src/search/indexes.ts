import { PublicError } from "@atrium/errors";
import type { Tx } from "../context";
import type { IndexSnapshots, IndexedText } from "../index-snapshot/commands";
import type { KnowledgeBase } from "../knowledge-base/knowledge-base";
import type { Metadata, Passage } from "../retrieval/passage";
import { PassageIndex } from "../retrieval/passage-index";
import { TimeSlice } from "../retrieval/time-slice";
import { keeperOf, type Keeper } from "./keeper";

/** What an index is made of. The documents' and the bases' own folders answer. */
export interface IndexSource {
  /** Null when the base is gone. */
  revisionOf(db: Tx, workspaceId: string, knowledgeBaseId: string): Promise<number | null>;
  changesSince(
    db: Tx,
    workspaceId: string,
    knowledgeBaseId: string,
    revision: number,
  ): Promise<{ changed: ChangedDocument[]; removed: string[] }>;
  passagesOf(db: Tx, workspaceId: string, documentIds: readonly string[]): AsyncIterable<Omit<Passage, "title">>;
}

interface ChangedDocument {
  id: string;
  title: string;
  /** The reading of it that is found; null when none is. */
  generation: number | null;
  metadata: Metadata;
  enabled: boolean;
}

/** The searchable forms of knowledge bases: derived, made when first needed, forgotten when room is short. */
export interface Indexes {
  /** The base's index, at least as new as `base`. `NOT_FOUND` when the base is deleted meanwhile. */
  upTo(db: Tx, base: Pick<KnowledgeBase, "id" | "workspaceId" | "revision">): Promise<PassageIndex>;
  /**
   * The indexes of these bases as they are, with the revision that each is sure to contain; null unless all of them are
   * in memory and of this workspace. Whether the bases are still there, and no newer, is for the caller to find out.
   */
  atHand(workspaceId: string, knowledgeBaseIds: readonly string[]): { index: PassageIndex; revision: number }[] | null;
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
  texts: Map<string, IndexedText>;
  catchingUp: Promise<void> | null;
  usedAt: number;
  keeper: Keeper | null;
}

interface Options {
  /** What all indexes may take together; those unused for longest go first. */
  bytesMax: number;
  /** Where indexes are kept over a restart; nowhere when absent. */
  snapshots?: IndexSnapshots;
  log: { warn(details: object, message: string): void };
}

/** Opens the indexes of one process. */
export function openIndexes(source: IndexSource, { bytesMax, snapshots, log }: Options): Indexes {
  const entries = new Map<string, Entry>();

  function entryOf({ id, workspaceId }: { id: string; workspaceId: string }): Entry {
    let entry = entries.get(id);
    if (!entry) {
      const index = new PassageIndex({ workspaceId, knowledgeBaseId: id });
      entry = { index, revision: -1, texts: new Map(), catchingUp: null, usedAt: performance.now(), keeper: null };
      entry.keeper = snapshots ? keeperOf(entry, snapshots, log) : null;
      entries.set(id, entry);
    }
    return entry;
  }

  /** One at a time for each index; whoever comes meanwhile waits for the same. */
  const catchUp = (db: Tx, entry: Entry): Promise<void> =>
    (entry.catchingUp ??= bringUpToDate(db, entry, source, snapshots).finally(() => {
      entry.catchingUp = null;
      makeRoom();
    }));

  async function catchUpTo(db: Tx, base: Pick<KnowledgeBase, "id" | "workspaceId" | "revision">): Promise<Entry> {
    for (;;) {
      const entry = entryOf(base);
      entry.usedAt = performance.now();
      if (entry.revision >= base.revision) return entry;
      // A catching-up that is under way may have begun before this revision was written: then once more. So, too, when
      // the index was forgotten meanwhile.
      const present = () => entries.get(base.id) === entry;
      try {
        await catchUp(db, entry);
      } catch (error) {
        if (isGone(error)) forget(base.id);
        else if (!present()) continue;
        throw error;
      }
      entry.index
        .maintain()
        .catch((error: unknown) => {
          if (present()) log.warn({ err: error, knowledgeBaseId: base.id }, "An index couldn't be tidied.");
        })
        .then(() => present() && entry.keeper?.changed(db));
      if (present()) entry.keeper?.changed(db);
    }
  }

  function makeRoom(): void {
    const byAge = [...entries].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    let bytes = byAge.reduce((sum, [, { index }]) => sum + index.statistics.bytes, 0);
    // The newest stays, however big: it is being used.
    for (const [id, entry] of byAge.slice(0, -1)) {
      if (bytes <= bytesMax) return;
      if (entry.catchingUp) continue;
      bytes -= entry.index.statistics.bytes;
      forget(id);
    }
  }

  function forget(knowledgeBaseId: string): void {
    const entry = entries.get(knowledgeBaseId);
    entries.delete(knowledgeBaseId);
    entry?.keeper?.stop();
    void entry?.index.close();
  }

  return {
    upTo: async (db, base) => (await catchUpTo(db, base)).index,
    atHand(workspaceId, knowledgeBaseIds) {
      const found = knowledgeBaseIds.map((id) => entries.get(id));
      if (!found.every((entry) => entry && entry.revision >= 0 && entry.index.owner.workspaceId === workspaceId))
        return null;
      return found.map((entry) => {
        entry!.usedAt = performance.now();
        return { index: entry!.index, revision: entry!.revision };
      });
    },
    refresh(db, { workspaceId, knowledgeBaseId }) {
      if (!entries.has(knowledgeBaseId)) return;
      source
        .revisionOf(db, workspaceId, knowledgeBaseId)
        .then(async (revision) => {
          if (revision === null) forget(knowledgeBaseId);
          else if (entries.has(knowledgeBaseId)) await catchUpTo(db, { id: knowledgeBaseId, workspaceId, revision });
        })
        .catch((error: unknown) => {
          if (!isGone(error)) log.warn({ err: error, knowledgeBaseId }, "An index will catch up with the next search.");
        });
    },
    forget,
    stats() {
      const all = [...entries.values()].map(({ index }) => index.statistics);
      const sum = (of: (each: (typeof all)[number]) => number) => all.reduce((total, each) => total + of(each), 0);
      return { indexes: all.length, passages: sum(({ passages }) => passages), bytes: sum(({ bytes }) => bytes) };
    },
    async close() {
      const closing = [...entries.values()];
      entries.clear();
      await Promise.all(closing.map(({ keeper }) => keeper?.finish()));
      await Promise.all(closing.map(({ index }) => index.close()));
      await Promise.allSettled(closing.map(({ catchingUp }) => catchingUp));
    },
  };
}

async function bringUpToDate(
  db: Tx,
  entry: Entry,
  source: IndexSource,
  snapshots: IndexSnapshots | undefined,
): Promise<void> {
  const { workspaceId, knowledgeBaseId } = entry.index.owner;
  if (entry.revision < 0) {
    const kept = await snapshots?.load(db, { workspaceId, knowledgeBaseId });
    if (kept) {
      Object.assign(entry, kept);
      entry.keeper?.restored();
    }
  }
  const { index, texts } = entry;
  // Read before the changes: what commits in between is seen again next time, and that changes nothing.
  const revision = await source.revisionOf(db, workspaceId, knowledgeBaseId);
  if (revision === null) throw new BaseGone("NOT_FOUND", `No knowledge base ${knowledgeBaseId} in this workspace.`);
  const { changed, removed } = await source.changesSince(db, workspaceId, knowledgeBaseId, entry.revision);
  const drop = (documentId: string) => {
    texts.delete(documentId);
    index.removeDocument(documentId);
  };
  const slice = new TimeSlice();
  for (const documentId of removed) {
    if (slice.isOver) await slice.next();
    drop(documentId);
  }
  const toRead = new Map<string, IndexedText>();
  for (const { id, title, generation, metadata, enabled } of changed) {
    if (slice.isOver) await slice.next();
    const known = texts.get(id);
    if (generation === null || known?.title !== title || known.generation !== generation) {
      drop(id);
      if (generation !== null) toRead.set(id, { title, generation });
    }
    if (generation !== null) index.describeDocument(id, { metadata, enabled });
  }
  if (toRead.size > 0) await index.add(titled(source.passagesOf(db, workspaceId, [...toRead.keys()]), toRead));
  for (const [id, text] of toRead) texts.set(id, text);
  entry.revision = revision;
}

async function* titled(
  passages: AsyncIterable<Omit<Passage, "title">>,
  texts: ReadonlyMap<string, IndexedText>,
): AsyncGenerator<Passage> {
  for await (const passage of passages) yield { ...passage, title: texts.get(passage.documentId)!.title };
}

/** The base was deleted: there is nothing to catch up with. */
class BaseGone extends PublicError {}

const isGone = (error: unknown): error is BaseGone => error instanceof BaseGone;
