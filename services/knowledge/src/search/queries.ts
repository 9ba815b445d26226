import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import type { Passage } from "../document/document";
import { documentsByIds, passagesToShow } from "../document/queries";
import { knowledgeBasesToRead } from "../knowledge-base/queries";
import { requireReader } from "../knowledge-base/policy";
import { answerFromPassages, type Answer, type Citation } from "../retrieval/answer/answer";
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

/** As many passages as an answer is looked for in. */
const evidencePassages = 12;

/** An answer in the documents' own sentences, each with its source; unanswered when they don't hold it. */
export async function answerFromKnowledge(
  ctx: Context,
  { knowledgeBaseIds, question }: { knowledgeBaseIds: readonly string[]; question: string },
): Promise<QuotedAnswer> {
  const { query, hits } = await search(ctx, knowledgeBaseIds, question, { mode: "HYBRID", limit: evidencePassages });
  const documents = await documentsByIds(ctx, [...new Set(hits.map(({ hit }) => hit.documentId))]);
  const titles = new Map(documents.map(({ id, title }) => [id, title]));
  const evidence = hits.map(({ hit, passage }) => ({
    passageId: passage.id,
    documentId: passage.documentId,
    title: titles.get(passage.documentId),
    headingPath: passage.headingPath,
    page: passage.firstPage,
    text: passage.text,
    start: passage.start,
    score: hit.score,
  }));
  const answer = answerFromPassages(query, evidence);
  const passages = new Map(hits.map(({ passage }) => [passage.id, passage]));
  const quoted = (citation: Citation): QuotedCitation => {
    const { text, start } = passages.get(citation.passageId)!;
    return { ...citation, quote: text.slice(citation.start - start, citation.end - start) };
  };
  const sentences = answer.sentences.map(({ text, citations }) => ({ text, citations: citations.map(quoted) }));
  return { ...answer, sentences };
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
