import type { Tx } from "../context";
import type { IndexSnapshots, KeptIndex } from "../index-snapshot/commands";

// Fewer are read from the database as quickly.
const passagesMin = 500;
// After a change there are often more; and while they don't end, an index isn't written all the time.
const quietMs = 5_000;
const betweenMs = 60_000;

/** Writes an index down in the background, some time after it has changed. */
export interface Keeper {
  /** It may hold something new. `db` is bound to the index's tenant. */
  changed(db: Tx): void;
  /** It was read from what is kept, and nothing has changed since. */
  restored(): void;
  /** Writes at once what isn't written yet. */
  finish(): Promise<void>;
  /** Writes nothing more. */
  stop(): void;
}

export function keeperOf(
  entry: KeptIndex,
  snapshots: IndexSnapshots,
  log: { warn(details: object, message: string): void },
): Keeper {
  let kept = "";
  let keptAt = -Infinity;
  let due: { timer: NodeJS.Timeout; db: Tx } | null = null;
  let writing: Promise<void> = Promise.resolve();

  const state = () => `${entry.revision} ${entry.index.statistics.latent?.fittedAt}`;

  async function write(db: Tx): Promise<void> {
    const { index, revision, texts } = entry;
    const written = state();
    keptAt = performance.now();
    try {
      if (await snapshots.keep(db, { index, revision, texts })) kept = written;
    } catch (error) {
      log.warn({ err: error, knowledgeBaseId: index.owner.knowledgeBaseId }, "An index couldn't be written down.");
    }
  }

  function begin(ready: Promise<void>): Promise<void> {
    if (!due) return writing;
    const { timer, db } = due;
    clearTimeout(timer);
    due = null;
    return (writing = Promise.all([writing, ready]).then(() => write(db)));
  }

  return {
    changed(db) {
      if (due || state() === kept || entry.index.statistics.passages < passagesMin) return;
      const inMs = Math.max(quietMs, keptAt + betweenMs - performance.now());
      // Tidied up first, so that it needn't be again after the next start.
      const tidied = () => entry.index.maintain().catch(() => {});
      due = { timer: setTimeout(() => void begin(tidied()), inMs).unref(), db };
    },
    restored() {
      kept = state();
    },
    finish: () => begin(Promise.resolve()),
    stop() {
      if (due) clearTimeout(due.timer);
      due = null;
    },
  };
}
