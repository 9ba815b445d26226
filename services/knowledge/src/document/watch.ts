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

async function* eventsOf(
  { topics, signal }: Pick<Context, "topics" | "signal">,
  knowledgeBaseId: string,
): AsyncGenerator<{ documentId: string | null }> {
  // Listening comes first, so that nothing falls between the present state and the first change.
  const changes = topics.subscribe<DocumentChanged>(progressTopic(knowledgeBaseId), { signal });
  yield { documentId: null };
  for await (const change of changes) {
    yield change;
    if (change.documentId === null) return;
  }
}
