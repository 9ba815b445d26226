import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import type { Passage } from "../document/document";
import { passagesToShow, passagesWithRevisions, type TitledPassage } from "../document/queries";
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
  type PassageIndex,
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

export interface Hit {
  score: number;
  passage: Passage;
  explanation: Explanation | null;
  /** Worked out when it is first asked for. */
  highlights(): Highlights;
}

/** The passages of the bases that match the query best, best first. */
export async function searchKnowledge(
  ctx: Context,
  { knowledgeBaseIds, first, query, ...options }: Search,
): Promise<Hit[]> {
  return withIndexes(ctx, knowledgeBaseIds, async (indexes, load) => {
    const found = searchPassages(indexes, query, { ...options, limit: first });
    // The index is derived and may be a moment behind: what the database doesn't show this actor isn't shown.
    const passages = await load(found.hits.map(({ passageId }) => passageId));
    return found.hits.flatMap(({ passageId, score, explanation }) => {
      const passage = passages.get(passageId);
      if (!passage) return [];
      let highlights: Highlights | undefined;
      return [
        {
          score,
          passage,
          explanation: explanation ?? null,
          highlights: () => (highlights ??= highlight(found.query, passage.text)),
        },
      ];
    });
  });
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
  return withIndexes(ctx, knowledgeBaseIds, async (indexes, load) => {
    const seen = new Map<string, Passage>();
    const answer = await answerQuestion(indexes, question, async (ids) => {
      const passages = await load(ids);
      for (const [id, passage] of passages) seen.set(id, passage);
      return [...passages.values()].map(toStoredPassage);
    });
    const quoted = (citation: Citation): QuotedCitation => {
      const { text, start } = seen.get(citation.passageId)!;
      return { ...citation, quote: text.slice(citation.start - start, citation.end - start) };
    };
    const sentences = answer.sentences.map(({ text, citations }) => ({ text, citations: citations.map(quoted) }));
    return { ...answer, sentences };
  });
}

const toStoredPassage = (passage: TitledPassage): StoredPassage => ({
  passageId: passage.id,
  documentId: passage.documentId,
  title: passage.title,
  headingPath: passage.headingPath,
  page: passage.firstPage,
  text: passage.text,
  start: passage.start,
});

/** The passages with these ids, as the database shows them to the actor. */
type Load = (passageIds: readonly string[]) => Promise<ReadonlyMap<string, TitledPassage>>;

/**
 * Does `work` on the indexes of bases that the actor may read, each at least as new as its base.
 *
 * Indexes that are at hand nearly always are, so they are searched first, and the statement that reads the passages
 * found says whether the bases are there and how new they are: one round trip in place of two. Nothing of what was found
 * is used unless it says yes.
 */
async function withIndexes<Result>(
  ctx: Context,
  knowledgeBaseIds: readonly string[],
  work: (indexes: readonly PassageIndex[], load: Load) => Promise<Result>,
): Promise<Result> {
  const { db, actor } = ctx;
  const { workspaceId } = requireReader(actor);
  if (knowledgeBaseIds.length === 0)
    throw new PublicError("BAD_USER_INPUT", "Name at least one knowledge base.", { field: "knowledgeBaseIds" });
  /** Null where a base has changed beyond its revision in `known`, or isn't there. */
  async function workOn(
    indexes: readonly PassageIndex[],
    known: ReadonlyMap<string, number>,
  ): Promise<{ result: Result; confirmed: boolean } | null> {
    let confirmed = false;
    const load: Load = async (passageIds) => {
      const { passages, revisions } = await passagesWithRevisions(db, workspaceId, knowledgeBaseIds, passageIds);
      for (const [id, revision] of known) if (revision < (revisions.get(id) ?? Infinity)) throw new Outdated();
      confirmed = true;
      return passages;
    };
    try {
      return { result: await work(indexes, load), confirmed };
    } catch (error) {
      if (error instanceof Outdated) return null;
      throw error;
    }
  }

  const atHand = ctx.indexes.atHand(workspaceId, knowledgeBaseIds);
  if (atHand) {
    const known = new Map(atHand.map(({ index, revision }) => [index.owner.knowledgeBaseId, revision]));
    const done = await workOn(
      atHand.map(({ index }) => index),
      known,
    );
    if (done?.confirmed) return done.result;
  }
  for (let triesLeft = catchUpTriesMax; ; triesLeft--) {
    const bases = await knowledgeBasesToRead(ctx, knowledgeBaseIds);
    const indexes = await Promise.all(bases.map((base) => ctx.indexes.upTo(db, base)));
    if (triesLeft === 0) return work(indexes, (passageIds) => passagesToShow(db, workspaceId, passageIds));
    const done = await workOn(indexes, new Map(bases.map(({ id, revision }) => [id, revision])));
    if (done) return done.result;
  }
}

// A document that was read again meanwhile is there with other passages than those found. Under a stream of changes, what
// there is still of what was found has to do.
const catchUpTriesMax = 2;

/** A base that isn't there, or has changed since its index was made. */
class Outdated extends Error {}
