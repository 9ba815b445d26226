import { ok } from "@atrium/errors";
import {
  Arg,
  Args,
  Connection,
  Ctx,
  DateTime,
  Directive,
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
  orderBy,
  paginate,
  requireId,
  requireInteger,
  toPayload,
} from "@atrium/schema-kit";
import { z } from "zod";
import type { RequestContext } from "../context";
import { KnowledgeBase, User } from "../references";
import {
  AttachKnowledgeBaseRefusal,
  DetachKnowledgeBaseRefusal,
  RollbackChatbotRefusal,
  type Chatbot as ChatbotRow,
  type ChatbotVersion as VersionRow,
} from "./chatbot";
import { attachKnowledgeBase, deleteChatbot, detachKnowledgeBase, rollbackChatbot, updateChatbot } from "./commands";
import { mayPublish } from "./policy";
import { chatbot, chatbotVersions, chatbots, openChatbot } from "./queries";
import { readSettings } from "./settings-input";

@ObjectType("ChatbotSettings", { description: "What makes a bot this bot: how it presents itself and what it knows." })
export class ChatbotSettings {
  @Field(() => String, { description: "What it is called." })
  name!: string;

  @Field(() => String, { description: "What it says first; may be empty." })
  greeting!: string;

  @Field(() => String, { description: "Who it is, for models that answer in its name; may be empty." })
  persona!: string;

  @Field(() => String, { description: "How it should answer, for models that answer in its name; may be empty." })
  instructions!: string;

  @Field(() => String, { description: "Its language, as a BCP 47 tag: `en`, `de-AT`." })
  language!: string;

  @Field(() => String, {
    nullable: true,
    description: "What it says when the documents hold no answer; null for «The documents don't say.» in its language.",
  })
  refusalText!: string | null;
}

@Resolver(() => ChatbotSettings)
export class ChatbotSettingsResolver {
  @FieldResolver(() => [KnowledgeBase], { description: "What it answers from, in the order they were attached." })
  knowledgeBases(@Root() { knowledgeBaseIds }: ChatbotRow["settings"]) {
    return knowledgeBaseIds.map((id) => ({ id }));
  }
}

@ObjectType("ChatbotVersion", { description: "A state of a bot that was published. It never changes." })
export class ChatbotVersion {
  @Field(() => ID, { description: "Opaque; begins with bver_." })
  id!: string;

  @Field(() => Int, { description: "Counts from 1 for each bot." })
  version!: number;

  @Field(() => ChatbotSettings, { description: "What makes this version." })
  settings!: ChatbotSettings;

  @Field(() => DateTime, { description: "When it was published." })
  publishedAt!: Date;
}

@Resolver(() => ChatbotVersion)
export class ChatbotVersionResolver {
  @FieldResolver(() => User, { nullable: true, description: "Who published it." })
  publishedBy(@Root() { publishedById }: VersionRow) {
    return publishedById.startsWith("usr_") ? { id: publishedById } : null;
  }
}

const ChatbotVersionConnection = Connection("ChatbotVersion", () => ChatbotVersion);
const latestFirst = orderBy("chatbotVersions", z.number().int(), ({ version }: VersionRow) => version);

@ObjectType("Chatbot", { description: "An assistant that answers from a workspace's knowledge." })
@Directive('@key(fields: "id")')
export class Chatbot {
  @Field(() => ID, { description: "Opaque; begins with bot_." })
  id!: string;

  @Field(() => Int, { description: "The version that new conversations begin with." })
  publishedVersion!: number;

  @Field(() => ChatbotSettings, { description: "The settings of the published version." })
  settings!: ChatbotSettings;

  @Field(() => Boolean, { description: "Whether guests may talk to it. Changes at once, with every version." })
  guestAccess!: boolean;

  @Field(() => DateTime, { description: "When its first version was published." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When what is published, or guest access, last changed." })
  updatedAt!: Date;
}

export const ChatbotConnection = Connection("Chatbot", () => Chatbot);
const newestFirst = orderBy("chatbots", z.string(), ({ id }: ChatbotRow) => id);

@ObjectType("OpenChatbot", { description: "What everybody may know of a bot that is open to guests." })
export class OpenChatbot {
  @Field(() => ID, { description: "The bot's id: what `startConversation` asks for." })
  id!: string;

  @Field(() => String, { description: "What it is called." })
  name!: string;

  @Field(() => String, { description: "What it says first; may be empty." })
  greeting!: string;
}

@InputType("UpdateChatbotInput", { description: "What to change of a published bot; what is absent stays." })
class UpdateChatbotInput {
  @Field(() => ID, { description: "Which bot." })
  chatbotId!: string;

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

  @Field(() => Boolean, { nullable: true, description: "Whether guests may talk to it." })
  guestAccess?: boolean | null;
}

@InputType("RollbackChatbotInput", { description: "The version of a bot to publish again." })
class RollbackChatbotInput {
  @Field(() => ID, { description: "Which bot." })
  chatbotId!: string;

  @Field(() => Int, { description: "Which of its versions." })
  version!: number;
}

@InputType("DeleteChatbotInput", { description: "A bot to delete." })
class DeleteChatbotInput {
  @Field(() => ID, { description: "Which bot." })
  chatbotId!: string;
}

@InputType("AttachKnowledgeBaseInput", { description: "What a bot should answer from as well." })
class AttachKnowledgeBaseInput {
  @Field(() => ID, { description: "Which bot." })
  chatbotId!: string;

  @Field(() => ID, { description: "Which knowledge base of the same workspace." })
  knowledgeBaseId!: string;
}

@InputType("DetachKnowledgeBaseInput", { description: "What a bot should no longer answer from." })
class DetachKnowledgeBaseInput {
  @Field(() => ID, { description: "Which bot." })
  chatbotId!: string;

  @Field(() => ID, { description: "Which of its knowledge bases." })
  knowledgeBaseId!: string;
}

const asItNowIs = { chatbot: { type: () => Chatbot, description: "The bot as it now is." } };
const UpdateChatbotPayload = Payload("updateChatbot", asItNowIs);
const RollbackChatbotPayload = Payload("rollbackChatbot", asItNowIs, RollbackChatbotRefusal);
const DeleteChatbotPayload = Payload("deleteChatbot", {
  deletedChatbotId: { type: () => ID, description: "What was deleted." },
});
const AttachKnowledgeBasePayload = Payload("attachKnowledgeBase", asItNowIs, AttachKnowledgeBaseRefusal);
const DetachKnowledgeBasePayload = Payload("detachKnowledgeBase", asItNowIs, DetachKnowledgeBaseRefusal);

@Resolver(() => Chatbot)
export class ChatbotResolver {
  @Query(() => ChatbotConnection, { description: "The bots of the caller's workspace, newest first." })
  chatbots(@Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, newestFirst, (keyset) => chatbots(ctx, keyset));
  }

  @Query(() => Chatbot, { nullable: true, description: "One bot of the caller's workspace." })
  chatbot(@Arg("id", () => ID, { description: "Which bot." }) id: string, @Ctx() ctx: RequestContext) {
    return chatbot(ctx, requireId("bot", id, "id"));
  }

  @Query(() => OpenChatbot, { nullable: true, description: "A bot that is open to guests, as a guest sees it." })
  async openChatbot(@Arg("id", () => ID, { description: "Which bot." }) id: string, @Ctx() ctx: RequestContext) {
    const { chatbotId, name, greeting } = await openChatbot(ctx, requireId("bot", id, "id"));
    return { id: chatbotId, name, greeting };
  }

  @FieldResolver(() => String, { description: "What it is called." })
  name(@Root() { settings }: ChatbotRow) {
    return settings.name;
  }

  @FieldResolver(() => [KnowledgeBase], { description: "What it answers from, in the order they were attached." })
  knowledgeBases(@Root() { settings }: ChatbotRow) {
    return settings.knowledgeBaseIds.map((id) => ({ id }));
  }

  @FieldResolver(() => ChatbotVersionConnection, { description: "What was published, newest first." })
  versions(@Root() root: ChatbotRow, @Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, latestFirst, (keyset) => chatbotVersions(ctx, root, keyset));
  }

  @FieldResolver(() => User, { nullable: true, description: "Who published its first version." })
  createdBy(@Root() { createdById }: ChatbotRow) {
    return createdById.startsWith("usr_") ? { id: createdById } : null;
  }

  @FieldResolver(() => Boolean, { description: "Whether the caller may change what is published." })
  viewerCanUpdate(@Ctx() { actor }: RequestContext) {
    return mayPublish(actor);
  }

  @Mutation(() => UpdateChatbotPayload, {
    description: "Changes a bot at once. Settings that changed become its next version.",
  })
  async updateChatbot(@Arg("input", () => UpdateChatbotInput) input: UpdateChatbotInput, @Ctx() ctx: RequestContext) {
    const { chatbotId, guestAccess, ...settings } = input;
    const given = { ...readSettings(settings), ...(typeof guestAccess === "boolean" && { guestAccess }) };
    const updated = await updateChatbot(ctx, { chatbotId: requireId("bot", chatbotId, "input.chatbotId"), ...given });
    return toPayload(UpdateChatbotPayload, ok(updated));
  }

  @Mutation(() => RollbackChatbotPayload, {
    description: "Publishes another of a bot's versions again. Running conversations keep the version they began with.",
  })
  async rollbackChatbot(
    @Arg("input", () => RollbackChatbotInput) input: RollbackChatbotInput,
    @Ctx() ctx: RequestContext,
  ) {
    const chatbotId = requireId("bot", input.chatbotId, "input.chatbotId");
    const version = requireInteger(input.version, "input.version", { min: 1, max: 1_000_000 });
    return toPayload(RollbackChatbotPayload, await rollbackChatbot(ctx, { chatbotId, version }));
  }

  @Mutation(() => DeleteChatbotPayload, { description: "Deletes a bot. What was said to it stays to be read." })
  async deleteChatbot(@Arg("input", () => DeleteChatbotInput) input: DeleteChatbotInput, @Ctx() ctx: RequestContext) {
    const chatbotId = requireId("bot", input.chatbotId, "input.chatbotId");
    return toPayload(DeleteChatbotPayload, ok((await deleteChatbot(ctx, { chatbotId })).id));
  }

  @Mutation(() => AttachKnowledgeBasePayload, {
    description: "Lets a bot answer from one more knowledge base, as its next version.",
  })
  async attachKnowledgeBase(
    @Arg("input", () => AttachKnowledgeBaseInput) input: AttachKnowledgeBaseInput,
    @Ctx() ctx: RequestContext,
  ) {
    return toPayload(AttachKnowledgeBasePayload, await attachKnowledgeBase(ctx, idsOf(input)));
  }

  @Mutation(() => DetachKnowledgeBasePayload, {
    description: "A bot no longer answers from a knowledge base, as of its next version.",
  })
  async detachKnowledgeBase(
    @Arg("input", () => DetachKnowledgeBaseInput) input: DetachKnowledgeBaseInput,
    @Ctx() ctx: RequestContext,
  ) {
    return toPayload(DetachKnowledgeBasePayload, await detachKnowledgeBase(ctx, idsOf(input)));
  }
}

const idsOf = ({ chatbotId, knowledgeBaseId }: AttachKnowledgeBaseInput) => ({
  chatbotId: requireId("bot", chatbotId, "input.chatbotId"),
  knowledgeBaseId: requireId("kb", knowledgeBaseId, "input.knowledgeBaseId"),
});
