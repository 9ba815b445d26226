import { z } from "zod";

const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** What an operator may set. `.env.example` is written from it. */
export const settingsSchema = z.object({
  CHAT_DATABASE_CONNECTIONS: count(2, 200)
    .default(10)
    .describe("How many connections to its database this process opens."),
  CHAT_MESSAGES_PER_MINUTE: count(1, 100_000)
    .default(30)
    .describe("How many messages one participant may send within a minute."),
  CHAT_CONVERSATIONS_PER_MINUTE: count(1, 100_000)
    .default(20)
    .describe("How many conversations one participant may start within a minute."),
  CHAT_RATE_LIMIT_FACTOR: count(1, 1_000_000)
    .default(1)
    .describe("Multiplies how often one participant may do something. For load tests."),
  CHAT_CONVERSATION_MESSAGES_MAX: count(2, 100_000)
    .default(1_000)
    .describe("How many messages, answers included, one conversation holds."),
  CHAT_ANSWERS_AT_ONCE: count(1, 1_000)
    .default(16)
    .describe("How many answers this process works on at the same time."),
  CHAT_ANSWER_AGAIN_SECONDS: count(1, 3_600)
    .default(5)
    .describe("After so many seconds a message that isn't answered yet becomes a job, for any process that is there."),
});

export type ChatSettings = z.output<typeof settingsSchema>;
