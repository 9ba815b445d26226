import { ok, refuse, type Result } from "@atrium/errors";
import type { Question } from "../message/message";

export type ParticipantKind = "USER" | "GUEST" | "API_KEY";

/** What one participant and one bot say to each other. */
export interface Conversation {
  id: string;
  organizationId: string;
  workspaceId: string;
  chatbotId: string;
  /** The version it began with, and keeps. */
  chatbotVersion: number;
  chatbotName: string;
  greeting: string;
  participantId: string;
  participantKind: ParticipantKind;
  /** Where it takes place. */
  channel: string;
  messageCount: number;
  eventCount: number;
  startedAt: Date;
  lastMessageAt: Date | null;
  closedAt: Date | null;
}

/** What may have become of the bot since the conversation began. */
export interface BotStanding {
  chatbotDeleted: boolean;
  guestAccess: boolean;
}

export const SendMessageRefusal = {
  CONVERSATION_CLOSED: "This conversation is closed; start another one.",
  CHATBOT_DELETED: "The bot of this conversation no longer exists.",
  CHATBOT_NOT_OPEN: "This bot is no longer open to guests.",
  CONVERSATION_FULL: "This conversation has reached its length; start another one.",
  IDEMPOTENCY_KEY_REUSED: "This idempotency key was used for another message of this conversation.",
} as const;
export type SendMessageRefusal = keyof typeof SendMessageRefusal;

/** Decides whether another message may be accepted. */
export function mayGoOn(
  conversation: Conversation,
  { chatbotDeleted, guestAccess }: BotStanding,
  messagesMax: number,
): Result<Conversation, Exclude<SendMessageRefusal, "IDEMPOTENCY_KEY_REUSED">> {
  if (conversation.closedAt) return refuse("CONVERSATION_CLOSED", { path: ["conversationId"] });
  if (chatbotDeleted) return refuse("CHATBOT_DELETED", { path: ["conversationId"] });
  if (conversation.participantKind === "GUEST" && !guestAccess)
    return refuse("CHATBOT_NOT_OPEN", { path: ["conversationId"] });
  if (conversation.messageCount >= messagesMax)
    return refuse("CONVERSATION_FULL", {
      message: `A conversation holds at most ${messagesMax} messages; start another one.`,
      path: ["conversationId"],
    });
  return ok(conversation);
}

/** Decides whether a message that came again is the one that was accepted under its key. */
export const sameMessage = (accepted: Question, text: string): Result<Question, "IDEMPOTENCY_KEY_REUSED"> =>
  accepted.text === text ? ok(accepted) : refuse("IDEMPOTENCY_KEY_REUSED", { path: ["idempotencyKey"] });

export const CloseConversationRefusal = { ALREADY_CLOSED: "This conversation is closed already." } as const;
export type CloseConversationRefusal = keyof typeof CloseConversationRefusal;

/** Decides the conversation's end. Answers to what was accepted before still come. */
export const close = (conversation: Conversation, now: Date): Result<Conversation, CloseConversationRefusal> =>
  conversation.closedAt
    ? refuse("ALREADY_CLOSED", { path: ["conversationId"] })
    : ok({ ...conversation, closedAt: now, eventCount: conversation.eventCount + 1 });
