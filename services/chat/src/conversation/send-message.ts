import { requireWorkspace } from "@atrium/access";
import { ok, type Result } from "@atrium/errors";
import { appendEvent, messageReceived } from "@atrium/events";
import { newId } from "@atrium/ids";
import type { Context, Tx } from "../context";
import { consumeMessage } from "../limits";
import type { Question } from "../message/message";
import { mayGoOn, sameMessage, type Conversation, type SendMessageRefusal } from "./conversation";
import type { ConversationEvent } from "../conversation-event/conversation-event";
import { announce } from "./events";
import { handleAt } from "./place";
import { requireTalking, takesPart } from "./policy";
import { conversation as seenConversation, noConversation } from "./queries";
import { findAccepted, insertQuestion, lockConversation } from "./store";

interface MessageToSend {
  conversationId: string;
  text: string;
  idempotencyKey: string;
}

/**
 * Accepts a message: from then on it is answered exactly once, whatever happens to this process. The same key again,
 * also at the same time, gets the message that was accepted.
 */
export async function sendMessage(ctx: Context, message: MessageToSend): Promise<Result<Question, SendMessageRefusal>> {
  const participant = requireTalking(ctx.actor);
  const { conversationId } = message;
  await consumeMessage(ctx, participant.userId);
  // A guest's conversation says where it takes place; a member's does where the member stands.
  const place =
    participant.kind === "GUEST" ? await seenConversation(ctx, conversationId) : requireWorkspace(participant);
  return handleAt(ctx, place).transaction((tx) => accept(ctx, tx, message));
}

async function accept(
  ctx: Context,
  tx: Tx,
  { conversationId, text, idempotencyKey }: MessageToSend,
): Promise<Result<Question, SendMessageRefusal>> {
  const { actor, now, settings, topics, answerSoon } = ctx;
  const conversation = await lockConversation(tx, conversationId);
  // Somebody else's conversation is none to talk in, also for those who may read it.
  if (!conversation || !takesPart(actor, conversation)) throw noConversation(conversationId);
  // Looked for with the conversation locked: of two at once, the second finds the first.
  const accepted = await findAccepted(tx, conversationId, idempotencyKey);
  if (accepted) return sameMessage(accepted, text);
  const going = mayGoOn(conversation, conversation, settings.CHAT_CONVERSATION_MESSAGES_MAX);
  if (!going.ok) return going;

  const question = questionIn(conversation, { text, idempotencyKey, at: now() });
  const { id: messageId, chatbotId, createdAt } = question;
  const event: ConversationEvent = {
    number: conversation.eventCount + 1,
    kind: "MESSAGE_ACCEPTED",
    messageId,
    data: { text },
    createdAt,
  };
  await insertQuestion(tx, question, event);
  await appendEvent(tx, messageReceived({ conversationId, chatbotId, messageId }));
  tx.afterCommit(() => {
    announce(topics, conversationId, [{ ...event, message: question }]);
    answerSoon({ messageId, conversationId, tenant: tx.tenant });
  });
  return ok(question);
}

function questionIn(
  conversation: Conversation,
  { text, idempotencyKey, at }: { text: string; idempotencyKey: string; at: Date },
): Question {
  const { organizationId, workspaceId, id: conversationId, chatbotId, participantId, messageCount } = conversation;
  return {
    id: newId("msg"),
    organizationId,
    workspaceId,
    conversationId,
    chatbotId,
    participantId,
    author: "PARTICIPANT",
    position: messageCount + 1,
    text,
    createdAt: at,
    idempotencyKey,
    answerState: "PENDING",
  };
}
