import {
  DateTime,
  Enum,
  Field,
  FieldResolver,
  Float,
  ID,
  Int,
  ObjectType,
  Resolver,
  Root,
  Ctx,
} from "@atrium/schema-kit";
import type { RequestContext } from "../context";
import { Document } from "../references";
import {
  AnswerState as answerStates,
  RouteReason as routeReasons,
  explain,
  type Message as MessageRow,
  type MessageCitation as CitationRow,
  type Rating,
  type Reply,
  type Route,
} from "./message";

/** How long a message may be. */
export const messageLimits = { lengthMax: 8_000, multiline: true } as const;

export const MessageRating = Enum("MessageRating", "Whether an answer was good.", {
  UP: "It was good.",
  DOWN: "It was not.",
});
const MessageAuthor = Enum("MessageAuthor", "Who wrote a message.", {
  PARTICIPANT: "The person who talks to the bot.",
  CHATBOT: "The bot.",
});
const AnswerState = Enum("AnswerState", "What became of the answer to a message.", answerStates);
const RouteReason = Enum("RouteReason", "Why an answer was given as it was.", routeReasons);

@ObjectType("MessageCitation", { description: "Where a sentence of an answer stands in the documents." })
export class MessageCitation {
  @Field(() => String, { description: "The document's title when the answer was given." })
  documentTitle!: string;

  @Field(() => ID, { description: "The passage of the document." })
  passageId!: string;

  @Field(() => Int, { nullable: true, description: "The page, where the document has pages." })
  page!: number | null;

  @Field(() => [String], { description: "The headings above it, outermost first." })
  headingPath!: string[];

  @Field(() => Int, { description: "Where it begins in the document's text, in characters." })
  start!: number;

  @Field(() => Int, { description: "Where it ends in the document's text." })
  end!: number;

  @Field(() => String, { description: "What stands there." })
  quote!: string;
}

@Resolver(() => MessageCitation)
export class MessageCitationResolver {
  @FieldResolver(() => Document, {
    nullable: true,
    description: "The document, for members; a guest gets its title and the quote alone.",
  })
  document(@Root() { documentId }: CitationRow, @Ctx() { actor }: RequestContext) {
    return actor.kind === "GUEST" ? null : { id: documentId };
  }
}

@ObjectType("MessageSentence", { description: "A sentence of an answer, and where it stands in the documents." })
export class MessageSentence {
  @Field(() => String, { description: "The sentence." })
  text!: string;

  @Field(() => [MessageCitation], { description: "Where it stands; empty for what no document says." })
  citations!: MessageCitation[];
}

@ObjectType("MessageRoute", { description: "How an answer came about, and what it cost." })
export class RouteType {
  @Field(() => Int, { description: "1: without a model; 2: with a fast one; 3: with a strong one." })
  tier!: number;

  @Field(() => RouteReason, { description: "Why it was answered so." })
  reason!: keyof typeof RouteReason;

  @Field(() => Float, {
    nullable: true,
    description: "From 0 to 1: how well the documents support the answer; null where none were asked.",
  })
  evidence!: number | null;

  @Field(() => Int, { description: "What it cost, in millionths of the installation's currency." })
  costMicros!: number;

  @Field(() => Int, { description: "From the message's acceptance to the end of the answer, in milliseconds." })
  latencyMs!: number;
}

@Resolver(() => RouteType)
export class RouteResolver {
  @FieldResolver(() => String, { description: "The same in words, and which tiers there are in this installation." })
  explanation(@Root() route: Route) {
    return explain(route);
  }
}

@ObjectType("Message", { description: "What a participant wrote, or what a bot answered." })
export class Message {
  @Field(() => ID, { description: "Opaque; begins with msg_." })
  id!: string;

  @Field(() => ID, { description: "The conversation that it belongs to." })
  conversationId!: string;

  @Field(() => Int, { description: "Its place in the conversation, from 1." })
  position!: number;

  @Field(() => MessageAuthor, { description: "Who wrote it." })
  author!: keyof typeof MessageAuthor;

  @Field(() => String, { description: "What was written." })
  text!: string;

  @Field(() => AnswerState, {
    nullable: true,
    description: "Of a participant's message: what became of its answer. Null for an answer.",
  })
  answerState!: keyof typeof AnswerState | null;

  @Field(() => ID, { nullable: true, description: "Of an answer: the message that it answers." })
  inReplyToId!: string | null;

  @Field(() => RouteType, { nullable: true, description: "Of an answer: how it came about." })
  route!: RouteType | null;

  @Field(() => MessageRating, { nullable: true, description: "Of an answer: what its reader thought of it." })
  rating!: Rating | null;

  @Field(() => String, { nullable: true, description: "Of an answer: what its reader said of it." })
  ratingComment!: string | null;

  @Field(() => DateTime, { description: "When it was accepted, or the answer complete." })
  createdAt!: Date;
}

@Resolver(() => Message)
export class MessageResolver {
  @FieldResolver(() => [MessageSentence], { description: "Of an answer: its sentences, each with where it stands." })
  sentences(@Root() message: MessageRow) {
    return message.author === "CHATBOT" ? message.sentences : [];
  }

  @FieldResolver(() => [MessageCitation], { description: "All that an answer cites, in the order of its sentences." })
  citations(@Root() message: MessageRow) {
    return message.author === "CHATBOT" ? citationsOf(message) : [];
  }
}

const citationsOf = ({ sentences }: Reply): CitationRow[] => sentences.flatMap(({ citations }) => citations);
