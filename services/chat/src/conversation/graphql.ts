import { ok } from "@atrium/errors";
import {
  Arg,
  Args,
  Connection,
  Cost,
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
  Subscription,
  optionalText,
  orderBy,
  paginate,
  requireId,
  requireInteger,
  requireText,
  toPayload,
} from "@atrium/schema-kit";
import { z } from "zod";
import { Chatbot } from "../chatbot/graphql";
import type { RequestContext } from "../context";
import { Message, MessageCitation, MessageRating, messageLimits } from "../message/graphql";
import type { Message as MessageRow, MessageCitation as CitationRow } from "../message/message";
import { User } from "../references";
import { closeConversation, rateMessage, startConversation } from "./commands";
import { CloseConversationRefusal, SendMessageRefusal, type Conversation as ConversationRow } from "./conversation";
import { ConversationEventKind as eventKinds, hasMessage } from "../conversation-event/conversation-event";
import { conversationEvents, type ToldEvent } from "./events";
import { takesPart } from "./policy";
import { conversation, conversationMessages, conversations } from "./queries";
import { sendMessage } from "./send-message";

const ConversationState = Enum("ConversationState", "Whether a conversation goes on.", {
  OPEN: "Messages are accepted.",
  CLOSED: "It has ended and can be read.",
});
const ParticipantKind = Enum("ParticipantKind", "As what somebody talks to a bot.", {
  USER: "A member of the workspace.",
  GUEST: "A guest.",
  API_KEY: "A program, with an API key.",
});
const ConversationEventKind = Enum("ConversationEventKind", "What happened in a conversation.", eventKinds);

@ObjectType("Conversation", { description: "What somebody and a bot say to each other." })
@Directive('@key(fields: "id")')
export class Conversation {
  @Field(() => ID, { description: "Opaque; begins with cnv_." })
  id!: string;

  @Field(() => String, { description: "What the bot was called when it began." })
  chatbotName!: string;

  @Field(() => Int, { description: "The version of the bot that it began with, and keeps." })
  chatbotVersion!: number;

  @Field(() => String, { description: "What the bot says first; may be empty." })
  greeting!: string;

  @Field(() => ParticipantKind, { description: "As what the participant talks to the bot." })
  participantKind!: keyof typeof ParticipantKind;

  @Field(() => Int, { description: "How many messages there are, answers included." })
  messageCount!: number;

  @Field(() => DateTime, { description: "When it began." })
  startedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "When the last message was written." })
  lastMessageAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: "When it was closed; null while it is open." })
  closedAt!: Date | null;
}

const ConversationConnection = Connection("Conversation", () => Conversation);
const newestFirst = orderBy("conversations", z.string(), ({ id }: ConversationRow) => id);
const MessageConnection = Connection("Message", () => Message);
const inOrder = orderBy("messages", z.number().int(), ({ position }: MessageRow) => position);

@ObjectType("ConversationEvent", { description: "Something that happened in a conversation." })
class ConversationEvent {
  @Field(() => Int, {
    description: "Counts from 1 within the conversation, without gaps: pass it as `after` to go on.",
  })
  number!: number;

  @Field(() => ConversationEventKind, { description: "What happened." })
  kind!: keyof typeof ConversationEventKind;

  @Field(() => ID, {
    nullable: true,
    description: "The message that it is about; of an answer, its id from the start.",
  })
  messageId!: string | null;

  @Field(() => DateTime, { description: "When it happened." })
  createdAt!: Date;
}

@InputType("ConversationFilterInput", { description: "Which conversations to list; what is absent doesn't matter." })
class ConversationFilterInput {
  @Field(() => ID, { nullable: true, description: "Those with this bot." })
  chatbotId?: string | null;

  @Field(() => ID, { nullable: true, description: "Those of this participant." })
  participantId?: string | null;

  @Field(() => ConversationState, { nullable: true, description: "Those that go on, or those that have ended." })
  state?: keyof typeof ConversationState | null;
}

@InputType("StartConversationInput", { description: "A bot to talk to." })
class StartConversationInput {
  @Field(() => ID, { description: "Which bot." })
  chatbotId!: string;
}

@InputType("SendMessageInput", { description: "Something to say to a bot." })
class SendMessageInput {
  @Field(() => ID, { description: "In which conversation." })
  conversationId!: string;

  @Field(() => String, { description: "What to say, up to 8,000 characters." })
  text!: string;

  @Field(() => String, {
    description: "Names this message within the conversation: sent again with the same key, it is the same message.",
  })
  idempotencyKey!: string;
}

@InputType("RateMessageInput", { description: "Whether an answer was good." })
class RateMessageInput {
  @Field(() => ID, { description: "Which answer." })
  messageId!: string;

  @Field(() => MessageRating, { description: "Whether it was good." })
  rating!: keyof typeof MessageRating;

  @Field(() => String, { nullable: true, description: "What to say of it, up to 2,000 characters." })
  comment?: string | null;
}

@InputType("CloseConversationInput", { description: "A conversation to end." })
class CloseConversationInput {
  @Field(() => ID, { description: "Which conversation." })
  conversationId!: string;
}

const StartConversationPayload = Payload("startConversation", {
  conversation: { type: () => Conversation, description: "The new conversation." },
});
const SendMessagePayload = Payload(
  "sendMessage",
  { message: { type: () => Message, description: "The message that was accepted. Its answer is on its way." } },
  SendMessageRefusal,
);
const RateMessagePayload = Payload("rateMessage", {
  message: { type: () => Message, description: "The answer with its rating." },
});
const CloseConversationPayload = Payload(
  "closeConversation",
  { conversation: { type: () => Conversation, description: "The conversation, closed." } },
  CloseConversationRefusal,
);

@Resolver(() => ConversationEvent)
export class ConversationEventResolver {
  @FieldResolver(() => String, { nullable: true, description: "Of ANSWER_DELTA: the next piece of the text." })
  text(@Root() { data }: ToldEvent) {
    return data.text ?? null;
  }

  @FieldResolver(() => [MessageCitation], { description: "Of ANSWER_CITED: where the piece before stands." })
  citations(@Root() { data }: ToldEvent): CitationRow[] {
    return data.citations ?? [];
  }

  @FieldResolver(() => Int, { nullable: true, description: "Of an answer's beginning and end: the tier that answers." })
  tier(@Root() { data }: ToldEvent) {
    return data.tier ?? null;
  }

  @FieldResolver(() => Message, {
    nullable: true,
    description: "Of a message's acceptance and an answer's end: the message that it is about.",
  })
  message(@Root() { kind, message, messageId }: ToldEvent, @Ctx() { loaders }: RequestContext) {
    if (message) return message;
    return messageId && hasMessage(kind) ? loaders.message.load(messageId) : null;
  }
}

@Resolver(() => Conversation)
export class ConversationResolver {
  @Query(() => ConversationConnection, {
    description:
      "The conversations that the caller may see, newest first: its own, or with the right all of the workspace.",
  })
  conversations(
    @Args(() => PageArguments) page: PageArguments,
    @Arg("filter", () => ConversationFilterInput, { nullable: true, description: "Which ones." })
    filter: ConversationFilterInput | null,
    @Ctx() ctx: RequestContext,
  ) {
    const { chatbotId, participantId, state } = filter ?? {};
    const which = {
      chatbotId: chatbotId ? requireId("bot", chatbotId, "filter.chatbotId") : null,
      participantId: participantId ? requireId("usr", participantId, "filter.participantId") : null,
      closed: state ? state === "CLOSED" : null,
    };
    return paginate(page, newestFirst, (keyset) => conversations(ctx, which, keyset));
  }

  @Query(() => Conversation, { nullable: true, description: "One conversation that the caller may see." })
  conversation(@Arg("id", () => ID, { description: "Which conversation." }) id: string, @Ctx() ctx: RequestContext) {
    return conversation(ctx, requireId("cnv", id, "id"));
  }

  @FieldResolver(() => ConversationState, { description: "Whether it goes on." })
  state(@Root() { closedAt }: ConversationRow) {
    return closedAt ? ConversationState.CLOSED : ConversationState.OPEN;
  }

  @FieldResolver(() => Chatbot, {
    nullable: true,
    description: "The bot, for members who may read bots; null when it was deleted.",
  })
  chatbot(@Root() { chatbotId }: ConversationRow, @Ctx() { loaders }: RequestContext) {
    return loaders.chatbot.load(chatbotId);
  }

  @FieldResolver(() => User, { nullable: true, description: "Who talks to the bot." })
  participant(@Root() { participantId }: ConversationRow) {
    return participantId.startsWith("usr_") ? { id: participantId } : null;
  }

  @FieldResolver(() => Int, { description: "The number of its last event: subscribe with it to hear only what comes." })
  lastEventNumber(@Root() { eventCount }: ConversationRow) {
    return eventCount;
  }

  @FieldResolver(() => Boolean, { description: "Whether the caller may write in it." })
  viewerCanSend(@Root() root: ConversationRow, @Ctx() { actor }: RequestContext) {
    return root.closedAt === null && takesPart(actor, root);
  }

  @FieldResolver(() => MessageConnection, { description: "What was said, in order." })
  messages(@Root() root: ConversationRow, @Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, inOrder, (keyset) => conversationMessages(ctx, root, keyset));
  }

  @Mutation(() => StartConversationPayload, {
    description: "Begins a conversation with a bot of the workspace; as a guest, with a bot that is open to guests.",
  })
  async startConversation(
    @Arg("input", () => StartConversationInput) input: StartConversationInput,
    @Ctx() ctx: RequestContext,
  ) {
    const chatbotId = requireId("bot", input.chatbotId, "input.chatbotId");
    return toPayload(StartConversationPayload, ok(await startConversation(ctx, { chatbotId })));
  }

  @Cost(50)
  @Mutation(() => SendMessagePayload, {
    description: "Says something to the bot. It is answered once; `conversationEvents` streams the answer.",
  })
  async sendMessage(@Arg("input", () => SendMessageInput) input: SendMessageInput, @Ctx() ctx: RequestContext) {
    const conversationId = requireId("cnv", input.conversationId, "input.conversationId");
    const text = requireText(input.text, "input.text", messageLimits);
    const idempotencyKey = requireText(input.idempotencyKey, "input.idempotencyKey", { lengthMax: 200 });
    return toPayload(SendMessagePayload, await sendMessage(ctx, { conversationId, text, idempotencyKey }));
  }

  @Mutation(() => RateMessagePayload, { description: "Says whether an answer was good; the last rating counts." })
  async rateMessage(@Arg("input", () => RateMessageInput) input: RateMessageInput, @Ctx() ctx: RequestContext) {
    const messageId = requireId("msg", input.messageId, "input.messageId");
    const comment = optionalText(input.comment, "input.comment", { lengthMin: 0, lengthMax: 2_000, multiline: true });
    const rated = await rateMessage(ctx, { messageId, rating: input.rating, comment: comment || null });
    return toPayload(RateMessagePayload, ok(rated));
  }

  @Mutation(() => CloseConversationPayload, { description: "Ends a conversation. It stays to be read." })
  async closeConversation(
    @Arg("input", () => CloseConversationInput) input: CloseConversationInput,
    @Ctx() ctx: RequestContext,
  ) {
    const conversationId = requireId("cnv", input.conversationId, "input.conversationId");
    return toPayload(CloseConversationPayload, await closeConversation(ctx, { conversationId }));
  }

  @Subscription(() => ConversationEvent, {
    description: "What happens in a conversation: first what happened after the event `after`, then what comes.",
    subscribe: ({ context, args }) => subscribeToConversation(context as RequestContext, args as EventArguments),
  })
  conversationEvents(
    @Root() event: ToldEvent,
    @Arg("conversationId", () => ID, { description: "Which conversation." }) _conversationId: string,
    @Arg("after", () => Int, {
      defaultValue: 0,
      description: "The number of the last event that is known; 0 for none.",
    })
    _after: number,
  ): ToldEvent {
    return event;
  }
}

interface EventArguments {
  conversationId: string;
  after: number;
}

function subscribeToConversation(ctx: RequestContext, { conversationId, after }: EventArguments) {
  return conversationEvents(ctx, {
    conversationId: requireId("cnv", conversationId, "conversationId"),
    after: requireInteger(after, "after", { min: 0, max: 2_147_483_647 }),
  });
}
