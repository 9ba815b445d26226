import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import type { Passage } from "../document/document";
import { documentsByIds, passagesToShow } from "../document/queries";
import { knowledgeBasesToRead } from "../knowledge-base/queries";
import { requireReader } from "../knowledge-base/policy";
import {
  answerQuestion,
  highlight,
  searchPassages,
  type Answer,
  type Citation,
  type Explanation,
  type Highlights,
  type PassageFilter,
  type SearchMode,
  type StoredPassage,
} from "../retrieval";

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
export async function searchKnowledge(
  ctx: Context,
  { knowledgeBaseIds, first, query, ...options }: Search,
): Promise<Hit[]> {
  const found = await search(ctx, knowledgeBaseIds, query, { ...options, limit: first });
  return found.hits.map(({ hit, passage }) => ({
    score: hit.score,
    passage,
    explanation: hit.explanation ?? null,
    ...highlight(found.query, passage.text),
  }));
}

/** A citation with what stands there, word for word. */
export interface QuotedCitation extends Citation {
  quote: string;
}

export interface QuotedAnswer extends Omit<Answer, "sentences"> {
  sentences: { text: string; citations: QuotedCitation[] }[];
}

/** An answer in the documents' own sentences, each with its source; unanswered when they don't hold it. */
export async function answerFromKnowledge(
  ctx: Context,
  { knowledgeBaseIds, question }: { knowledgeBaseIds: readonly string[]; question: string },
): Promise<QuotedAnswer> {
  const { workspaceId, indexes } = await indexesOf(ctx, knowledgeBaseIds);
  const seen = new Map<string, Passage>();
  const answer = await answerQuestion(indexes, question, async (ids) => {
    const passages = await passagesToShow(ctx.db, workspaceId, ids);
    for (const [id, passage] of passages) seen.set(id, passage);
    return evidenceOf(ctx, [...passages.values()]);
  });
  const quoted = (citation: Citation): QuotedCitation => {
    const { text, start } = seen.get(citation.passageId)!;
    return { ...citation, quote: text.slice(citation.start - start, citation.end - start) };
  };
  const sentences = answer.sentences.map(({ text, citations }) => ({ text, citations: citations.map(quoted) }));
  return { ...answer, sentences };
}

async function evidenceOf(ctx: Context, passages: readonly Passage[]): Promise<StoredPassage[]> {
  const documents = await documentsByIds(ctx, [...new Set(passages.map(({ documentId }) => documentId))]);
  const titles = new Map(documents.map(({ id, title }) => [id, title]));
  return passages.map(({ id, documentId, headingPath, firstPage, text, start }) => ({
    passageId: id,
    documentId,
    title: titles.get(documentId),
    headingPath,
    page: firstPage,
    text,
    start,
  }));
}

async function search(
  ctx: Context,
  knowledgeBaseIds: readonly string[],
  query: string,
  options: Parameters<typeof searchPassages>[2],
) {
  const { workspaceId, indexes } = await indexesOf(ctx, knowledgeBaseIds);
  const found = searchPassages(indexes, query, options);
  // The index is derived and may be a moment behind: what the database doesn't show this actor isn't shown.
  const passages = await passagesToShow(
    ctx.db,
    workspaceId,
    found.hits.map(({ passageId }) => passageId),
  );
  const hits = found.hits.flatMap((hit) => {
    const passage = passages.get(hit.passageId);
    return passage ? [{ hit, passage }] : [];
  });
  return { query: found.query, hits };
}

/** The indexes of bases that the actor may read, each as new as its base. */
async function indexesOf(ctx: Context, knowledgeBaseIds: readonly string[]) {
  const { workspaceId } = requireReader(ctx.actor);
  if (knowledgeBaseIds.length === 0)
    throw new PublicError("BAD_USER_INPUT", "Name at least one knowledge base.", { field: "knowledgeBaseIds" });
  const bases = await knowledgeBasesToRead(ctx, knowledgeBaseIds);
  return { workspaceId, indexes: await Promise.all(bases.map((base) => ctx.indexes.upTo(ctx.db, base))) };
}
