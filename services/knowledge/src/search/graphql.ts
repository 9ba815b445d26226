import {
  Arg,
  Cost,
  Ctx,
  Enum,
  Field,
  FieldResolver,
  Float,
  ID,
  InputType,
  Int,
  JSONValue,
  ObjectType,
  Query,
  Resolver,
  Root,
  Sliced,
  badInput,
  requireIds,
  requireInteger,
  requireText,
} from "@atrium/schema-kit";
import { z } from "zod";
import type { RequestContext } from "../context";
import { Document, Passage } from "../document/graphql";
import type { MetadataCondition, PassageFilter } from "../retrieval/passage";
import type { Explanation as ExplanationValue, SearchMode as Mode } from "../retrieval/search";
import { answerFromKnowledge, searchKnowledge, type Hit, type QuotedCitation } from "./queries";

const SearchMode = Enum("SearchMode", "How to search.", {
  HYBRID: "By words and by likeness, weighed together.",
  SEMANTIC: "By likeness of meaning and spelling alone.",
  KEYWORD: "By words alone (BM25).",
});

@ObjectType("TextRange", { description: "A piece of a text, in UTF-16 code units." })
class TextRange {
  @Field(() => Int, { description: "Where it begins." })
  start!: number;

  @Field(() => Int, { description: "Where it ends; the unit there isn't part of it." })
  end!: number;
}

@ObjectType("ScorePart", { description: "What one part of the ranking gave a hit." })
class ScorePart {
  @Field(() => String, {
    description: "Which part: keyword, latent, spelling, phrase, proximity, heading, feedback, duplicate.",
  })
  part!: string;

  @Field(() => Float, { description: "What it measured, in its own unit." })
  value!: number;

  @Field(() => Float, { description: "What that added to the score. All contributions add up to it." })
  contribution!: number;
}

@ObjectType("MatchedWord", { description: "A word of the query that stands in the passage." })
class MatchedWord {
  @Field(() => String, { description: "The word." })
  word!: string;

  @Field(() => Int, { description: "How often it stands there." })
  count!: number;

  @Field(() => Float, { description: "How rare it is in the knowledge bases searched (inverse document frequency)." })
  rarity!: number;

  @Field(() => Float, { description: "What it added to the keyword part." })
  value!: number;

  @Field(() => Boolean, { description: "Whether it stands in a heading above the passage, or in the title." })
  inHeading!: boolean;
}

@ObjectType("SimilarWord", { description: "A word of the passage that is spelled nearly like one of the query." })
class SimilarWord {
  @Field(() => String, { description: "The query's word." })
  word!: string;

  @Field(() => String, { description: "The passage's." })
  found!: string;

  @Field(() => Float, { description: "How near they are, up to 1." })
  similarity!: number;
}

@ObjectType("SearchExplanation", { description: "Why a hit ranked where it did." })
class SearchExplanation {
  @Field(() => [ScorePart], { description: "What each part of the ranking gave." })
  parts!: ExplanationValue["parts"];

  @Field(() => [MatchedWord], { description: "The words that matched." })
  words!: ExplanationValue["words"];

  @Field(() => [SimilarWord], { description: "The words that nearly matched." })
  similarWords!: ExplanationValue["similarWords"];

  @Field(() => Int, { nullable: true, description: "Its place by words alone, from 1; null where they found nothing." })
  keywordRank!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: "Its place by likeness alone, from 1; null where it found nothing.",
  })
  semanticRank!: number | null;
}

@ObjectType("SearchHit", { description: "A passage that a search found." })
class SearchHit {
  @Field(() => Float, {
    description: "How well it matches. Compares the hits of one search, and says nothing across searches.",
  })
  score!: number;

  @Field(() => Passage, { description: "The passage." })
  passage!: Passage;

  @Field(() => SearchExplanation, {
    nullable: true,
    description: "Why it ranks here; null unless `explain` was asked for.",
  })
  explanation!: SearchExplanation | null;
}

@ObjectType("SearchResult", { description: "What a search found." })
class SearchResult {
  @Field(() => [SearchHit], { description: "The hits, best first." })
  hits!: SearchHit[];
}

@InputType("SearchFilterInput", { description: "Where to search. All that is given must hold." })
class SearchFilterInput {
  @Field(() => [ID], { nullable: true, description: "In these documents, 100 at the most." })
  documentIds?: string[] | null;

  @Field(() => JSONValue, {
    nullable: true,
    description:
      'In documents whose metadata fits: `{ "field": value }`, or a condition in place of the value: `{ "in": [..] }`, `{ "notIn": [..] }`, `{ "from": .., "to": .. }`, `{ "exists": true }`.',
  })
  metadata?: unknown;

  @Field(() => String, { nullable: true, description: "Under this heading." })
  heading?: string | null;

  @Field(() => Int, { nullable: true, description: "From this page on." })
  pageFrom?: number | null;

  @Field(() => Int, { nullable: true, description: "Up to this page." })
  pageTo?: number | null;
}

@ObjectType("Citation", { description: "Where a sentence of an answer stands." })
class Citation {
  @Field(() => ID, { description: "The passage it was taken from." })
  passageId!: string;

  @Field(() => Int, { nullable: true, description: "The page or slide, from 1; null where there are none." })
  page!: number | null;

  @Field(() => [String], { description: "The headings above it, outermost first." })
  headingPath!: string[];

  @Field(() => Int, { description: "Where it begins in the document's text, in UTF-16 code units." })
  start!: number;

  @Field(() => Int, { description: "Where it ends in the document's text, in UTF-16 code units." })
  end!: number;

  @Field(() => String, { description: "What stands there, word for word." })
  quote!: string;
}

@ObjectType("AnswerSentence", { description: "A sentence of an answer, and where it stands." })
class AnswerSentence {
  @Field(() => String, { description: "The sentence." })
  text!: string;

  @Field(() => [Citation], { description: "Its sources; never empty." })
  citations!: Citation[];
}

@ObjectType("Answer", { description: "What the documents say to a question, in their own sentences." })
class Answer {
  @Field(() => Boolean, { description: "Whether the documents hold an answer." })
  answered!: boolean;

  @Field(() => String, { description: "The answer; or that the documents don't say." })
  text!: string;

  @Field(() => Float, { description: "How sure that is, from 0 to 1." })
  confidence!: number;

  @Field(() => [AnswerSentence], {
    description: "The sentences of the answer, each with its sources; empty without one.",
  })
  sentences!: AnswerSentence[];
}

@Resolver(() => SearchHit)
export class SearchHitResolver {
  @FieldResolver(() => Document, { nullable: true, description: "The document of the passage." })
  document(@Root() { passage }: Hit, @Ctx() { loaders }: RequestContext) {
    return loaders.document.load(passage.documentId);
  }

  @FieldResolver(() => [TextRange], { description: "What of the passage's text matches, in reading order." })
  highlights(@Root() hit: Hit) {
    return hit.highlights().matches;
  }

  @FieldResolver(() => String, { description: "The piece of the passage that shows best why it was found." })
  snippet(@Root() hit: Hit) {
    const { snippet } = hit.highlights();
    return hit.passage.text.slice(snippet.start, snippet.end);
  }
}

@Resolver(() => Citation)
export class CitationResolver {
  @FieldResolver(() => Document, { nullable: true, description: "The document." })
  document(@Root() { documentId }: QuotedCitation, @Ctx() { loaders }: RequestContext) {
    return loaders.document.load(documentId);
  }
}

@Resolver()
export class SearchResolver {
  @Cost(10)
  @Sliced("hits")
  @Query(() => SearchResult, { description: "The passages that match a query best." })
  async searchKnowledge(
    @Arg("knowledgeBaseIds", () => [ID], { description: "Where to search: 20 knowledge bases at the most." })
    knowledgeBaseIds: string[],
    @Arg("query", () => String, { description: "What to search for, up to 2,000 characters." }) query: string,
    @Arg("first", () => Int, { defaultValue: 10, description: "How many hits to return, 100 at the most." })
    first: number,
    @Arg("mode", () => SearchMode, { defaultValue: SearchMode.HYBRID, description: "How to search." }) mode: Mode,
    @Arg("filter", () => SearchFilterInput, { nullable: true, description: "Where to search; everywhere unless said." })
    filter: SearchFilterInput | null | undefined,
    @Arg("rerank", () => Boolean, {
      defaultValue: true,
      description: "Whether the best are looked at again: nearness of the words, headings.",
    })
    rerank: boolean,
    @Arg("explain", () => Boolean, {
      defaultValue: false,
      description: "Whether each hit says why it ranks where it does.",
    })
    explain: boolean,
    @Ctx() ctx: RequestContext,
  ) {
    const hits = await searchKnowledge(ctx, {
      knowledgeBaseIds: requireIds("kb", knowledgeBaseIds, "knowledgeBaseIds", { countMax: 20 }),
      query: requireText(query, "query", { lengthMax: 2_000, multiline: true }),
      first: requireInteger(first, "first", { min: 1, max: 100 }),
      mode,
      filter: filter ? requireFilter(filter) : undefined,
      rerank,
      explain,
    });
    return { hits };
  }

  @Cost(50)
  @Query(() => Answer, {
    description: "What the documents say to a question: their own sentences with sources, or that they don't say.",
  })
  answerFromKnowledge(
    @Arg("knowledgeBaseIds", () => [ID], { description: "What to answer from: 20 knowledge bases at the most." })
    knowledgeBaseIds: string[],
    @Arg("question", () => String, { description: "The question, up to 2,000 characters." }) question: string,
    @Ctx() ctx: RequestContext,
  ) {
    return answerFromKnowledge(ctx, {
      knowledgeBaseIds: requireIds("kb", knowledgeBaseIds, "knowledgeBaseIds", { countMax: 20 }),
      question: requireText(question, "question", { lengthMax: 2_000, multiline: true }),
    });
  }
}

const scalar = z.union([z.string().max(1_000), z.number(), z.boolean()]);
const bound = z.union([z.string().max(1_000), z.number()]);
const condition = z.union([
  scalar,
  z.null(),
  z.strictObject({
    in: z.array(scalar).max(100).optional(),
    notIn: z.array(scalar).max(100).optional(),
    from: bound.optional(),
    to: bound.optional(),
    exists: z.boolean().optional(),
  }),
]);
const metadataConditions = z
  .record(z.string().min(1).max(100), condition)
  .refine((conditions) => Object.keys(conditions).length <= 20, "takes at most 20 fields");

function requireFilter({ documentIds, metadata, heading, pageFrom, pageTo }: SearchFilterInput): PassageFilter {
  return {
    ...(documentIds && { documentIds: requireIds("doc", documentIds, "filter.documentIds", { countMax: 100 }) }),
    ...(metadata != null && { metadata: requireConditions(metadata) }),
    ...(heading != null && { heading: requireText(heading, "filter.heading", { lengthMax: 300 }) }),
    ...(pageFrom != null && { pageFrom: requireInteger(pageFrom, "filter.pageFrom", { min: 1, max: 1_000_000 }) }),
    ...(pageTo != null && { pageTo: requireInteger(pageTo, "filter.pageTo", { min: 1, max: 1_000_000 }) }),
  };
}

function requireConditions(given: unknown): Record<string, MetadataCondition> {
  const parsed = metadataConditions.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = ["filter.metadata", ...(issue?.path ?? [])].join(".");
  throw badInput(field, `${field} is neither a value nor a condition (in, notIn, from, to, exists).`);
}
