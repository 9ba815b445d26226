import { z } from "zod";
import { defineEvent } from "../define";
import { personalDataErasedOf, personalDataExportedOf, sensitiveReadOf } from "../of-each-service";

// What chat announces. Texts of messages stay in chat.

const conversation = { conversationId: z.string(), chatbotId: z.string() };

/** Who talks to the bot; null in events from before it was told. */
const participant = { participantId: z.string().nullable().default(null) };

export const conversationStarted = defineEvent("chat.conversation.started.v1", {
  subject: "conversationId",
  data: {
    ...conversation,
    ...participant,
    /** `CONSOLE`, `WIDGET`, `PUBLIC_API`; more may come. */
    channel: z.string(),
  },
});

export const conversationClosed = defineEvent("chat.conversation.closed.v1", {
  subject: "conversationId",
  data: { ...conversation, ...participant },
});

/** Somebody wrote to a bot. */
export const messageReceived = defineEvent("chat.message.received.v1", {
  subject: "conversationId",
  data: { ...conversation, messageId: z.string() },
});

/** The bot has answered, completely. */
export const messageAnswered = defineEvent("chat.message.answered.v1", {
  subject: "conversationId",
  data: {
    ...conversation,
    messageId: z.string(),
    /** The tier that answered, 1 to 3, and what it cost. */
    tier: z.number().int().min(1).max(3),
    costMicros: z.number().int().nonnegative(),
    latencyMs: z.number().int().nonnegative(),
    citationCount: z.number().int().nonnegative(),
  },
});

/** The bot didn't answer: the documents don't say, the topic is forbidden, a budget is spent. */
export const messageRefused = defineEvent("chat.message.refused.v1", {
  subject: "conversationId",
  data: { ...conversation, messageId: z.string(), reason: z.string() },
});

/** Somebody said whether an answer was good; the last rating counts. */
export const messageRated = defineEvent("chat.message.rated.v1", {
  subject: "conversationId",
  data: {
    ...conversation,
    messageId: z.string(),
    /** `UP` or `DOWN`. */
    rating: z.string(),
  },
});

/** A model was used; what the month's bill is counted from. */
export const tokensUsed = defineEvent("chat.tokens.used.v1", {
  subject: "conversationId",
  data: {
    ...conversation,
    messageId: z.string(),
    tier: z.number().int().min(1).max(3),
    provider: z.string(),
    model: z.string(),
    inputTokens: z.number().int().nonnegative(),
    outputTokens: z.number().int().nonnegative(),
    costMicros: z.number().int().nonnegative(),
  },
});

export const chatSensitiveRead = sensitiveReadOf("chat");
export const chatPersonalDataExported = personalDataExportedOf("chat");
export const chatPersonalDataErased = personalDataErasedOf("chat");
