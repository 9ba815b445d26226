import type { Answer } from "../answer/answer";
import { isRefusal, type Message, type MessageCitation } from "../message/message";

export const ConversationEventKind = {
  MESSAGE_ACCEPTED: "A participant's message was accepted; it will be answered once.",
  ANSWER_STARTED: "The answer begins; `tier` says how it is made.",
  ANSWER_DELTA: "The next piece of the answer's text.",
  ANSWER_CITED: "Where the piece before stands in the documents.",
  ANSWER_DONE: "The answer is complete; `message` is all of it.",
  ANSWER_FAILED: "No answer could be given to `message`.",
  CONVERSATION_CLOSED: "The conversation was closed; nothing more is accepted.",
} as const;
export type ConversationEventKind = keyof typeof ConversationEventKind;

/** What subscribers of a conversation are told. */
export interface ConversationEvent {
  /** Counts from 1 within the conversation, without gaps. */
  number: number;
  kind: ConversationEventKind;
  /** The message that it is about: the participant's, or from the answer's beginning to its end the answer. */
  messageId: string | null;
  data: { text?: string; tier?: number; citations?: MessageCitation[]; refused?: boolean };
  createdAt: Date;
}

/** An event that has just happened: where a message is complete it comes along, so that no listener has to look for it. */
export interface LiveEvent extends ConversationEvent {
  message?: Message;
}

/** The kinds of events that are about a complete message. */
export const hasMessage = (kind: ConversationEventKind): boolean =>
  kind === "MESSAGE_ACCEPTED" || kind === "ANSWER_DONE" || kind === "ANSWER_FAILED";

/** An answer as its events, to be numbered on from `after`. The pieces joined are the answer's text. */
export function eventsOfAnswer(answer: Answer, messageId: string, after: number, createdAt: Date): ConversationEvent[] {
  const { tier } = answer.route;
  const pieces = answer.sentences.flatMap(({ text, citations }, index) => [
    { kind: "ANSWER_DELTA" as const, data: { text: index === 0 ? text : ` ${text}` } },
    ...(citations.length > 0 ? [{ kind: "ANSWER_CITED" as const, data: { citations } }] : []),
  ]);
  return [
    { kind: "ANSWER_STARTED" as const, data: { tier } },
    ...pieces,
    { kind: "ANSWER_DONE" as const, data: { tier, refused: isRefusal(answer.route) } },
  ].map((event, index) => ({ ...event, number: after + 1 + index, messageId, createdAt }));
}

export const topicOf = (conversationId: string): string => `chat.conversation.${conversationId}`;
