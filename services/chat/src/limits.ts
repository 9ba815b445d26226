import { PublicError } from "@atrium/errors";
import type { EphemeralStore } from "@atrium/ephemeral";
import type { ChatSettings } from "./settings";

interface Limits {
  ephemeral: EphemeralStore;
  settings: ChatSettings;
}

/** Counts a message of this participant; throws `RATE_LIMITED` when there were too many within a minute. */
export const consumeMessage = ({ ephemeral, settings }: Limits, participantId: string) =>
  consume(
    ephemeral,
    "chat.messages",
    settings.CHAT_MESSAGES_PER_MINUTE * settings.CHAT_RATE_LIMIT_FACTOR,
    participantId,
  );

/** Counts the beginning of a conversation. */
export const consumeConversation = ({ ephemeral, settings }: Limits, participantId: string) =>
  consume(
    ephemeral,
    "chat.conversations",
    settings.CHAT_CONVERSATIONS_PER_MINUTE * settings.CHAT_RATE_LIMIT_FACTOR,
    participantId,
  );

async function consume(ephemeral: EphemeralStore, name: string, points: number, key: string): Promise<void> {
  const { allowed, retryAfterSeconds } = await ephemeral.consume({ name, points, windowSeconds: 60 }, key);
  if (allowed) return;
  throw new PublicError("RATE_LIMITED", `Too many messages; try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
  });
}
