import type { Context } from "../context";
import { knowledgeBasesToRead } from "../knowledge-base/queries";
import { progressTopic, type DocumentChanged } from "./progress";

/** Yields once at the beginning, and then the document that has changed, whenever one of the base has. */
export async function* watchIngestion(
  ctx: Context,
  knowledgeBaseId: string,
): AsyncGenerator<{ documentId: string | null }> {
  // Listening comes first, so that nothing falls between the present state and the first change.
  const changes = ctx.topics.subscribe<DocumentChanged>(progressTopic(knowledgeBaseId), { signal: ctx.signal });
  try {
    await knowledgeBasesToRead(ctx, [knowledgeBaseId]);
    yield { documentId: null };
    yield* changes;
  } finally {
    await changes.return?.();
  }
}
