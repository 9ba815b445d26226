import {
  Arg,
  Args,
  Connection,
  Cost,
  Ctx,
  DateTime,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  PageArguments,
  Payload,
  Query,
  Resolver,
  Root,
  orderBy,
  paginate,
  requireId,
  requireText,
  toPayload,
} from "@atrium/schema-kit";
import { z } from "zod";
import { ok } from "@atrium/errors";
import { textOf, type Answer } from "../answer/answer";
import { Chatbot, ChatbotSettings } from "../chatbot/graphql";
import { readSettings } from "../chatbot/settings-input";
import type { RequestContext } from "../context";
import { MessageSentence, RouteType, messageLimits } from "../message/graphql";
import { User } from "../references";
import {
  CreateChatbotDraftRefusal,
  DiscardChatbotDraftRefusal,
  FinalizeChatbotDraftRefusal,
  TestChatbotDraftRefusal,
  UpdateChatbotDraftRefusal,
  type ChatbotDraft as DraftRow,
} from "./chatbot-draft";
import {
  createChatbotDraft,
  discardChatbotDraft,
  finalizeChatbotDraft,
  testChatbotDraft,
  updateChatbotDraft,
} from "./commands";
import { chatbotDraft, chatbotDrafts } from "./queries";

@ObjectType("ChatbotDraft", { description: "A bot in the making, or the next version of one." })
export class ChatbotDraft {
  @Field(() => ID, { description: "Opaque; begins with bdr_." })
  id!: string;

  @Field(() => ChatbotSettings, { description: "What the version will be." })
  settings!: ChatbotSettings;

  @Field(() => Boolean, {
    nullable: true,
    description: "Whether guests may talk to the bot once this is published; null leaves it as it is.",
  })
  guestAccess!: boolean | null;

  @Field(() => DateTime, { description: "When it was begun." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it last changed." })
  updatedAt!: Date;
}

const ChatbotDraftConnection = Connection("ChatbotDraft", () => ChatbotDraft);
const newestFirst = orderBy("chatbotDrafts", z.string(), ({ id }: DraftRow) => id);

@InputType("CreateChatbotDraftInput", { description: "A bot to make, or to change." })
class CreateChatbotDraftInput {
  @Field(() => ID, { nullable: true, description: "The bot whose next version it is; absent for a new bot." })
  chatbotId?: string | null;

  @Field(() => String, { nullable: true, description: "What it is called, up to 120 characters; a new bot needs one." })
  name?: string | null;

  @Field(() => String, { nullable: true, description: "What it says first, up to 1,000 characters." })
  greeting?: string | null;

  @Field(() => String, { nullable: true, description: "Who it is, up to 4,000 characters." })
  persona?: string | null;

  @Field(() => String, { nullable: true, description: "How it should answer, up to 20,000 characters." })
  instructions?: string | null;

  @Field(() => String, { nullable: true, description: "Its language, as a BCP 47 tag; `en` unless told." })
  language?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "What it says when the documents hold no answer, up to 1,000 characters; empty for the standing text.",
  })
  refusalText?: string | null;

  @Field(() => [ID], { nullable: true, description: "What it answers from: up to 20 bases of the same workspace." })
  knowledgeBaseIds?: string[] | null;

  @Field(() => Boolean, { nullable: true, description: "Whether guests may talk to it; off for a new bot." })
  guestAccess?: boolean | null;
}

@InputType("UpdateChatbotDraftInput", { description: "What to change of a draft; what is absent stays." })
class UpdateChatbotDraftInput {
  @Field(() => ID, { description: "Which draft." })
  draftId!: string;

  @Field(() => String, { nullable: true, description: "What it is called, up to 120 characters." })
  name?: string | null;

  @Field(() => String, { nullable: true, description: "What it says first, up to 1,000 characters." })
  greeting?: string | null;

  @Field(() => String, { nullable: true, description: "Who it is, up to 4,000 characters." })
  persona?: string | null;

  @Field(() => String, { nullable: true, description: "How it should answer, up to 20,000 characters." })
  instructions?: string | null;

  @Field(() => String, { nullable: true, description: "Its language, as a BCP 47 tag." })
  language?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "What it says when the documents hold no answer, up to 1,000 characters; empty for the standing text.",
  })
  refusalText?: string | null;

  @Field(() => [ID], { nullable: true, description: "What it answers from: up to 20 bases of the same workspace." })
  knowledgeBaseIds?: string[] | null;

  @Field(() => Boolean, { nullable: true, description: "Whether guests may talk to it." })
  guestAccess?: boolean | null;
}

@InputType("TestChatbotDraftInput", { description: "A message to try a draft with." })
class TestChatbotDraftInput {
  @Field(() => ID, { description: "Which draft." })
  draftId!: string;

  @Field(() => String, { description: "What to say to it, up to 8,000 characters." })
  message!: string;
}

@InputType("FinalizeChatbotDraftInput", { description: "A draft to publish." })
class FinalizeChatbotDraftInput {
  @Field(() => ID, { description: "Which draft." })
  draftId!: string;
}

@InputType("DiscardChatbotDraftInput", { description: "A draft to throw away." })
class DiscardChatbotDraftInput {
  @Field(() => ID, { description: "Which draft." })
  draftId!: string;
}

@ObjectType("DraftAnswer", { description: "What a draft would answer. It is kept nowhere." })
class DraftAnswer {
  @Field(() => String, { description: "What it would say." })
  text!: string;

  @Field(() => [MessageSentence], { description: "The same, sentence by sentence, with where each stands." })
  sentences!: MessageSentence[];

  @Field(() => RouteType, { description: "How the answer came about." })
  route!: RouteType;
}

const draftField = { draft: { type: () => ChatbotDraft, description: "The draft as it now is." } };
const CreateChatbotDraftPayload = Payload("createChatbotDraft", draftField, CreateChatbotDraftRefusal);
const UpdateChatbotDraftPayload = Payload("updateChatbotDraft", draftField, UpdateChatbotDraftRefusal);
const TestChatbotDraftPayload = Payload(
  "testChatbotDraft",
  { answer: { type: () => DraftAnswer, description: "What the draft would answer." } },
  TestChatbotDraftRefusal,
);
const FinalizeChatbotDraftPayload = Payload(
  "finalizeChatbotDraft",
  { chatbot: { type: () => Chatbot, description: "The bot, with the draft as its published version." } },
  FinalizeChatbotDraftRefusal,
);
const DiscardChatbotDraftPayload = Payload(
  "discardChatbotDraft",
  { discardedDraftId: { type: () => ID, description: "What was thrown away." } },
  DiscardChatbotDraftRefusal,
);

@Resolver(() => ChatbotDraft)
export class ChatbotDraftResolver {
  @Query(() => ChatbotDraftConnection, { description: "The open drafts of the caller's workspace, newest first." })
  chatbotDrafts(@Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, newestFirst, (keyset) => chatbotDrafts(ctx, keyset));
  }

  @Query(() => ChatbotDraft, { nullable: true, description: "One draft of the caller's workspace." })
  chatbotDraft(@Arg("id", () => ID, { description: "Which draft." }) id: string, @Ctx() ctx: RequestContext) {
    return chatbotDraft(ctx, requireId("bdr", id, "id"));
  }

  @FieldResolver(() => Chatbot, { nullable: true, description: "The bot that it changes, or has become." })
  chatbot(@Root() { chatbotId }: DraftRow, @Ctx() { loaders }: RequestContext) {
    return chatbotId ? loaders.chatbot.load(chatbotId) : null;
  }

  @FieldResolver(() => Boolean, { description: "Whether it has become a version, and doesn't change any more." })
  finalized(@Root() { finalizedVersion }: DraftRow) {
    return finalizedVersion !== null;
  }

  @FieldResolver(() => User, { nullable: true, description: "Who began it." })
  createdBy(@Root() { createdById }: DraftRow) {
    return createdById.startsWith("usr_") ? { id: createdById } : null;
  }

  @Mutation(() => CreateChatbotDraftPayload, { description: "Begins a draft of a bot or of a bot's next version." })
  async createChatbotDraft(
    @Arg("input", () => CreateChatbotDraftInput) input: CreateChatbotDraftInput,
    @Ctx() ctx: RequestContext,
  ) {
    const chatbotId = input.chatbotId ? requireId("bot", input.chatbotId, "input.chatbotId") : undefined;
    const fields = fieldsOf(input);
    // A new bot needs a name; the next version of one has it.
    if (!chatbotId) fields.name = requireText(input.name ?? "", "input.name", { lengthMax: 120 });
    return toPayload(CreateChatbotDraftPayload, await createChatbotDraft(ctx, { chatbotId, ...fields }));
  }

  @Mutation(() => UpdateChatbotDraftPayload, { description: "Changes an open draft." })
  async updateChatbotDraft(
    @Arg("input", () => UpdateChatbotDraftInput) input: UpdateChatbotDraftInput,
    @Ctx() ctx: RequestContext,
  ) {
    const draftId = requireId("bdr", input.draftId, "input.draftId");
    return toPayload(UpdateChatbotDraftPayload, await updateChatbotDraft(ctx, { draftId, ...fieldsOf(input) }));
  }

  @Cost(50)
  @Mutation(() => TestChatbotDraftPayload, {
    description: "Answers a message as the draft would. Nothing is kept of it.",
  })
  async testChatbotDraft(
    @Arg("input", () => TestChatbotDraftInput) input: TestChatbotDraftInput,
    @Ctx() ctx: RequestContext,
  ) {
    const draftId = requireId("bdr", input.draftId, "input.draftId");
    const message = requireText(input.message, "input.message", messageLimits);
    const startedAt = performance.now();
    const tested = await testChatbotDraft(ctx, { draftId, message });
    if (!tested.ok) return toPayload(TestChatbotDraftPayload, tested);
    return toPayload(TestChatbotDraftPayload, ok(draftAnswer(tested.value, performance.now() - startedAt)));
  }

  @Mutation(() => FinalizeChatbotDraftPayload, {
    description: "Publishes a draft: as a new bot, or as the next version of the bot it was made from.",
  })
  async finalizeChatbotDraft(
    @Arg("input", () => FinalizeChatbotDraftInput) input: FinalizeChatbotDraftInput,
    @Ctx() ctx: RequestContext,
  ) {
    const draftId = requireId("bdr", input.draftId, "input.draftId");
    return toPayload(FinalizeChatbotDraftPayload, await finalizeChatbotDraft(ctx, { draftId }));
  }

  @Mutation(() => DiscardChatbotDraftPayload, { description: "Throws an open draft away." })
  async discardChatbotDraft(
    @Arg("input", () => DiscardChatbotDraftInput) input: DiscardChatbotDraftInput,
    @Ctx() ctx: RequestContext,
  ) {
    const draftId = requireId("bdr", input.draftId, "input.draftId");
    const discarded = await discardChatbotDraft(ctx, { draftId });
    return toPayload(DiscardChatbotDraftPayload, discarded.ok ? ok(discarded.value.id) : discarded);
  }
}

function fieldsOf({ guestAccess, ...settings }: CreateChatbotDraftInput | UpdateChatbotDraftInput) {
  return { ...readSettings(settings), ...(typeof guestAccess === "boolean" && { guestAccess }) };
}

const draftAnswer = (answer: Answer, latencyMs: number) => ({
  text: textOf(answer),
  sentences: answer.sentences,
  route: { ...answer.route, latencyMs: Math.round(latencyMs) },
});
