import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import type { Passage } from "../document/document";
import { passagesToShow } from "../document/queries";
import { knowledgeBasesToRead } from "../knowledge-base/queries";
import { requireReader } from "../knowledge-base/policy";
import { answerFromPassages, type Answer } from "../retrieval/answer";
import { highlight, type Highlights } from "../retrieval/highlight";
import { searchPassages, type Explanation, type SearchMode } from "../retrieval/search";
import type { PassageFilter } from "../retrieval/passage";

export interface Search {
  knowledgeBaseIds: readonly string[];
  query: string;
  first: number;
  mode: SearchMode;
  filter?: PassageFilter;
  rerank: boolean;
  explain: boolean;
}

export interface Hit extends Highlights {
  score: number;
  passage: Passage;
  explanation: Explanation | null;
}

/** The passages of the bases that match the query best, best first. */
export async function searchKnowledge(ctx: Context, { knowledgeBaseIds, first, query, ...options }: Search): Promise<Hit[]> {
  const found = await search(ctx, knowledgeBaseIds, query, { ...options, limit: first });
  return found.hits.map(({ hit, passage }) => ({
    score: hit.score,
    passage,
    explanation: hit.explanation ?? null,
    ...highlight(found.query, passage.text),
  }));
}

/** As many passages as an answer is looked for in. */
const evidencePassages = 12;

/** An answer in the documents' own sentences, each with its source; unanswered when they don't hold it. */
export async function answerFromKnowledge(
  ctx: Context,
  { knowledgeBaseIds, question }: { knowledgeBaseIds: readonly string[]; question: string },
): Promise<Answer> {
  const found = await search(ctx, knowledgeBaseIds, question, { mode: "HYBRID", limit: evidencePassages });
  return answerFromPassages(question, found);
}

async function search(
  ctx: Context,
  knowledgeBaseIds: readonly string[],
  query: string,
  options: Parameters<typeof searchPassages>[2],
) {
  const { workspaceId } = requireReader(ctx.actor);
  if (knowledgeBaseIds.length === 0)
    throw new PublicError("BAD_USER_INPUT", "Name at least one knowledge base.", { field: "knowledgeBaseIds" });
  const bases = await knowledgeBasesToRead(ctx, knowledgeBaseIds);
  const indexes = await Promise.all(bases.map((base) => ctx.indexes.upTo(ctx.db, base)));
  const found = searchPassages(indexes, query, options);
  // The index is derived and may be a moment behind: what the database doesn't show this actor isn't shown.
  const passages = await passagesToShow(ctx.db, workspaceId, found.hits.map(({ passageId }) => passageId));
  const hits = found.hits.flatMap((hit) => {
    const passage = passages.get(hit.passageId);
    return passage ? [{ hit, passage }] : [];
  });
  return { query: found.query, hits };
}
