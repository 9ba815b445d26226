import {
  Arg,
  Args,
  Connection,
  Ctx,
  DateTime,
  Directive,
  Enum,
  Field,
  FieldResolver,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  PageArguments,
  Payload,
  Query,
  Resolver,
  Root,
  badInput,
  optionalText,
  orderBy,
  paginate,
  requireId,
  requireText,
  toPayload,
} from "@atrium/schema-kit";
import { ok } from "@atrium/errors";
import { z } from "zod";
import type { RequestContext } from "../context";
import { DocumentConnection, documentOrder } from "../document/graphql";
import { documents } from "../document/queries";
import { defaultSplit, splitFault } from "../ingestion/split";
import { User } from "../references";
import { createKnowledgeBase, deleteKnowledgeBase, updateKnowledgeBase } from "./commands";
import type { KnowledgeBase as KnowledgeBaseRow, Splitting as SplittingValue } from "./knowledge-base";
import { mayErase, mayWrite } from "./policy";
import { knowledgeBases, knowledgeBasesToRead } from "./queries";

const SplitMethod = Enum("SplitMethod", "How documents are cut into passages.", {
  FIXED: "As many words as fit, wherever sentences end.",
  SENTENCE: "As many whole sentences, list items and table rows as fit.",
  HEADING: "Each section by itself; a long one by sentences.",
});

@ObjectType("Splitting", { description: "How a knowledge base cuts documents into passages." })
class Splitting {
  @Field(() => SplitMethod, { description: "Where it cuts." })
  method!: SplittingValue["method"];

  @Field(() => Int, { description: "No passage has more tokens." })
  sizeTokens!: number;

  @Field(() => Int, { description: "How much of a passage's end is said again at the start of the next, in tokens." })
  overlapTokens!: number;
}

@ObjectType("IngestionCounts", { description: "How many documents of a knowledge base are at which point." })
export class IngestionCounts {
  @Field(() => Int, { description: "Waiting to be read." })
  queued!: number;

  @Field(() => Int, { description: "Being read." })
  ingesting!: number;

  @Field(() => Int, { description: "Found by searches." })
  ingested!: number;

  @Field(() => Int, { description: "Not readable; each says why." })
  failed!: number;
}

@ObjectType("KnowledgeBase", { description: "A set of documents that is searched and answered from as one." })
@Directive('@key(fields: "id")')
export class KnowledgeBase {
  @Field(() => ID, { description: "Opaque; begins with kb_." })
  id!: string;

  @Field(() => String, { description: "What it is called." })
  name!: string;

  @Field(() => String, { description: "What it holds; may be empty." })
  description!: string;

  @Field(() => Splitting, { description: "How it cuts documents into passages." })
  splitting!: Splitting;

  @Field(() => DateTime, { description: "When it was created." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When its name, description or splitting last changed." })
  updatedAt!: Date;
}

const KnowledgeBaseConnection = Connection("KnowledgeBase", () => KnowledgeBase);
const newestFirst = orderBy("knowledgeBases", z.string(), ({ id }: { id: string }) => id);

@InputType("SplittingInput", { description: "How to cut documents into passages." })
class SplittingInput {
  @Field(() => SplitMethod, { defaultValue: defaultSplit.method, description: "Where to cut." })
  method!: SplittingValue["method"];

  @Field(() => Int, {
    defaultValue: defaultSplit.sizeTokens,
    description: "The most tokens of a passage, 50 to 2,000.",
  })
  sizeTokens!: number;

  @Field(() => Int, {
    defaultValue: defaultSplit.overlapTokens,
    description: "How many tokens at the most are said again in the next passage; less than half of sizeTokens.",
  })
  overlapTokens!: number;
}

@InputType("CreateKnowledgeBaseInput", { description: "A knowledge base to make." })
class CreateKnowledgeBaseInput {
  @Field(() => String, { description: "What it is called, up to 200 characters." })
  name!: string;

  @Field(() => String, { nullable: true, description: "What it holds, up to 5,000 characters." })
  description?: string | null;

  @Field(() => SplittingInput, {
    nullable: true,
    description: "How to cut documents; by headings unless said otherwise.",
  })
  splitting?: SplittingInput | null;
}

@InputType("UpdateKnowledgeBaseInput", { description: "What to change of a knowledge base; what is absent stays." })
class UpdateKnowledgeBaseInput {
  @Field(() => ID, { description: "Which knowledge base." })
  knowledgeBaseId!: string;

  @Field(() => String, { nullable: true, description: "Its new name." })
  name?: string | null;

  @Field(() => String, { nullable: true, description: "Its new description." })
  description?: string | null;

  @Field(() => SplittingInput, {
    nullable: true,
    description: "How to cut documents that are ingested from now on; others with reindexDocument.",
  })
  splitting?: SplittingInput | null;
}

@InputType("DeleteKnowledgeBaseInput", { description: "A knowledge base to delete." })
class DeleteKnowledgeBaseInput {
  @Field(() => ID, { description: "Which knowledge base." })
  knowledgeBaseId!: string;
}

const CreateKnowledgeBasePayload = Payload("createKnowledgeBase", {
  knowledgeBase: { type: () => KnowledgeBase, description: "The new knowledge base." },
});
const UpdateKnowledgeBasePayload = Payload("updateKnowledgeBase", {
  knowledgeBase: { type: () => KnowledgeBase, description: "The knowledge base as it now is." },
});
const DeleteKnowledgeBasePayload = Payload("deleteKnowledgeBase", {
  deletedKnowledgeBaseId: { type: () => ID, description: "What was deleted." },
});

@Resolver(() => KnowledgeBase)
export class KnowledgeBaseResolver {
  @Query(() => KnowledgeBaseConnection, { description: "The knowledge bases of the caller's workspace, newest first." })
  knowledgeBases(@Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, newestFirst, (keyset) => knowledgeBases(ctx, keyset));
  }

  @Query(() => KnowledgeBase, { nullable: true, description: "One knowledge base of the caller's workspace." })
  async knowledgeBase(
    @Arg("id", () => ID, { description: "Which knowledge base." }) id: string,
    @Ctx() ctx: RequestContext,
  ) {
    const [base] = await knowledgeBasesToRead(ctx, [requireId("kb", id, "id")]);
    return base;
  }

  @FieldResolver(() => DocumentConnection, { nullable: true, description: "Its documents, newest first." })
  documents(
    @Root() { id }: KnowledgeBaseRow,
    @Args(() => PageArguments) page: PageArguments,
    @Ctx() ctx: RequestContext,
  ) {
    return paginate(page, documentOrder, (keyset) => documents(ctx, { knowledgeBaseId: id }, keyset));
  }

  @FieldResolver(() => IngestionCounts, { nullable: true, description: "How far its documents are." })
  ingestion(@Root() { id }: KnowledgeBaseRow, @Ctx() { loaders }: RequestContext) {
    return loaders.ingestionCounts.load(id);
  }

  @FieldResolver(() => User, { nullable: true, description: "Who created it." })
  createdBy(@Root() { createdById }: KnowledgeBaseRow) {
    return createdById?.startsWith("usr_") ? { id: createdById } : null;
  }

  @FieldResolver(() => Boolean, { description: "Whether the caller may change it and add documents." })
  viewerCanUpdate(@Ctx() { actor }: RequestContext) {
    return mayWrite(actor);
  }

  @FieldResolver(() => Boolean, { description: "Whether the caller may delete it." })
  viewerCanDelete(@Ctx() { actor }: RequestContext) {
    return mayErase(actor);
  }

  @Mutation(() => CreateKnowledgeBasePayload, {
    description: "Makes an empty knowledge base in the caller's workspace.",
  })
  async createKnowledgeBase(
    @Arg("input", () => CreateKnowledgeBaseInput) input: CreateKnowledgeBaseInput,
    @Ctx() ctx: RequestContext,
  ) {
    const name = requireText(input.name, "input.name", limits.name);
    const description = optionalText(input.description, "input.description", limits.description) ?? "";
    const splitting = input.splitting ? requireSplitting(input.splitting) : defaultSplit;
    return toPayload(CreateKnowledgeBasePayload, ok(await createKnowledgeBase(ctx, { name, description, splitting })));
  }

  @Mutation(() => UpdateKnowledgeBasePayload, {
    description: "Changes a knowledge base's name, description or splitting.",
  })
  async updateKnowledgeBase(
    @Arg("input", () => UpdateKnowledgeBaseInput) input: UpdateKnowledgeBaseInput,
    @Ctx() ctx: RequestContext,
  ) {
    const knowledgeBaseId = requireId("kb", input.knowledgeBaseId, "input.knowledgeBaseId");
    const name = optionalText(input.name, "input.name", limits.name);
    const description = optionalText(input.description, "input.description", limits.description);
    const splitting = input.splitting ? requireSplitting(input.splitting) : null;
    const fields = {
      ...(name !== null && { name }),
      ...(description !== null && { description }),
      ...(splitting !== null && { splitting }),
    };
    if (Object.keys(fields).length === 0)
      throw badInput("input", "input names nothing to change: give a name, a description or a splitting.");
    const updated = await updateKnowledgeBase(ctx, { knowledgeBaseId, ...fields });
    return toPayload(UpdateKnowledgeBasePayload, ok(updated));
  }

  @Mutation(() => DeleteKnowledgeBasePayload, {
    description: "Deletes a knowledge base: it is found no more, and its documents, passages and files are erased.",
  })
  async deleteKnowledgeBase(
    @Arg("input", () => DeleteKnowledgeBaseInput) input: DeleteKnowledgeBaseInput,
    @Ctx() ctx: RequestContext,
  ) {
    const knowledgeBaseId = requireId("kb", input.knowledgeBaseId, "input.knowledgeBaseId");
    return toPayload(DeleteKnowledgeBasePayload, ok(await deleteKnowledgeBase(ctx, { knowledgeBaseId })));
  }
}

const limits = { name: { lengthMax: 200 }, description: { lengthMin: 0, lengthMax: 5_000, multiline: true } } as const;

function requireSplitting({ method, sizeTokens, overlapTokens }: SplittingInput): SplittingValue {
  const splitting = { method, sizeTokens, overlapTokens };
  const fault = splitFault(splitting);
  if (fault) throw badInput(`input.splitting.${fault.field}`, fault.message);
  return splitting;
}
