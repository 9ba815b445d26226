import { setTimeout as delay } from "node:timers/promises";
import type { Context } from "../context";
import { knowledgeBasesToRead } from "../knowledge-base/queries";
import { progressTopic, type DocumentChanged } from "./progress";

/**
 * Once at the beginning, and then whenever a document of the base has changed: which one. Ends when the base is deleted.
 * Rejects before anything is watched when the actor may not read the base.
 */
export async function watchIngestion(
  ctx: Context,
  knowledgeBaseId: string,
): Promise<AsyncIterable<{ documentId: string | null }>> {
  await knowledgeBasesToRead(ctx, [knowledgeBaseId]);
  return eventsOf(ctx, knowledgeBaseId);
}

// Each message costs whoever watches a query; a base that takes in many small files changes a hundred times a second.
const messageEveryMs = 50;
// Who is further behind learns at once that much has changed.
const behindMax = 20;

async function* eventsOf(
  { topics, signal }: Pick<Context, "topics" | "signal">,
  knowledgeBaseId: string,
): AsyncGenerator<{ documentId: string | null }> {
  // Listening comes first, so that nothing falls between the present state and the first change.
  const changes = topics.subscribe<DocumentChanged>(progressTopic(knowledgeBaseId), { signal });
  yield { documentId: null };
  yield* paced(changes);
}

/** The changes, those of one document that wait taken together, and no more often than whoever watches can follow. */
async function* paced(changes: AsyncIterableIterator<DocumentChanged>): AsyncGenerator<{ documentId: string | null }> {
  const waiting = new Set<string>();
  let everything = false;
  let ended = false;
  let wake = () => {};
  const listening = (async () => {
    try {
      for await (const { documentId } of changes) {
        if (documentId === null || waiting.size >= behindMax) everything = true;
        else waiting.add(documentId);
        // The base is gone.
        if (documentId === null) return;
        wake();
      }
    } finally {
      ended = true;
      wake();
    }
  })();
  // Looked at below; meanwhile nobody may be waiting for it.
  listening.catch(() => {});
  try {
    for (;;) {
      if (!everything && waiting.size === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      const [documentId] = waiting;
      if (everything) {
        everything = false;
        waiting.clear();
        yield { documentId: null };
      } else if (documentId !== undefined) {
        waiting.delete(documentId);
        yield { documentId };
      } else if (ended) break;
      await delay(messageEveryMs);
    }
  } finally {
    await changes.return!();
  }
  await listening;
}
