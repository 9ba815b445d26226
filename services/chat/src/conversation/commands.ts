import { requireWorkspace } from "@atrium/access";
import { ok, PublicError, type Result } from "@atrium/errors";
import { appendEvent, conversationClosed, conversationStarted, messageRated } from "@atrium/events";
import { newId } from "@atrium/ids";
import { openChatbot, publishedChatbot } from "../chatbot/queries";
import type { Context } from "../context";
import { consumeConversation } from "../limits";
import type { Rating, Reply } from "../message/message";
import { close, type CloseConversationRefusal, type Conversation } from "./conversation";
import { announce } from "./events";
import { handleAt } from "./place";
import { mayClose, requireTalking, takesPart } from "./policy";
import { conversation as seenConversation, noConversation } from "./queries";
import { findMessages, insertConversation, insertEvent, lockConversation, saveClosed, saveRating } from "./store";

/** Begins a conversation with the published version of a bot: a guest's with one that is open to guests. */
export async function startConversation(ctx: Context, { chatbotId }: { chatbotId: string }): Promise<Conversation> {
  const { actor, now } = ctx;
  const { kind, userId } = requireTalking(actor);
  await consumeConversation(ctx, userId);
  // A guest learns where the bot lives from the directory of open bots alone.
  const { organizationId, workspaceId } =
    kind === "GUEST" ? await openChatbot(ctx, chatbotId) : requireWorkspace(actor);
  return handleAt(ctx, { organizationId, workspaceId }).transaction(async (tx) => {
    const chatbot = await publishedChatbot(tx, workspaceId, chatbotId);
    if (!chatbot || (kind === "GUEST" && !chatbot.guestAccess))
      throw new PublicError("NOT_FOUND", `No chatbot ${chatbotId} that you may talk to.`);
    const conversation: Conversation = {
      id: newId("cnv"),
      organizationId,
      workspaceId,
      chatbotId,
      chatbotVersion: chatbot.publishedVersion,
      chatbotName: chatbot.settings.name,
      greeting: chatbot.settings.greeting,
      participantId: userId,
      participantKind: kind,
      channel: "CONSOLE",
      messageCount: 0,
      eventCount: 0,
      startedAt: now(),
      lastMessageAt: null,
      closedAt: null,
    };
    await insertConversation(tx, conversation);
    await appendEvent(
      tx,
      conversationStarted({
        conversationId: conversation.id,
        chatbotId,
        participantId: userId,
        channel: conversation.channel,
      }),
    );
    return conversation;
  });
}

/** Ends a conversation: its participant, or a member who answers in the workspace's conversations. */
export async function closeConversation(
  ctx: Context,
  { conversationId }: { conversationId: string },
): Promise<Result<Conversation, CloseConversationRefusal>> {
  const { actor, now } = ctx;
  const seen = await seenConversation(ctx, conversationId);
  if (!mayClose(actor, seen)) throw new PublicError("FORBIDDEN", "This needs the permission conversations:reply.");
  return handleAt(ctx, seen).transaction(async (tx) => {
    const locked = await lockConversation(tx, conversationId);
    if (!locked) throw noConversation(conversationId);
    const closed = close(locked, now());
    if (!closed.ok) return closed;
    const conversation = closed.value;
    const event = {
      number: conversation.eventCount,
      kind: "CONVERSATION_CLOSED" as const,
      messageId: null,
      data: {},
      createdAt: now(),
    };
    await saveClosed(tx, conversation);
    await insertEvent(tx, conversation, event);
    const { chatbotId, participantId } = conversation;
    await appendEvent(tx, conversationClosed({ conversationId, chatbotId, participantId }));
    tx.afterCommit(() => announce(ctx.topics, conversationId, [event]));
    return ok(conversation);
  });
}

/** Says whether an answer was good. Its participant may, as often as they change their mind. */
export async function rateMessage(
  ctx: Context,
  { messageId, rating, comment }: { messageId: string; rating: Rating; comment: string | null },
): Promise<Reply> {
  const { actor, now } = ctx;
  requireTalking(actor);
  const notFound = () => new PublicError("NOT_FOUND", `No answer ${messageId} to a message of yours.`);
  const [message] = await findMessages(ctx.db, [messageId]);
  if (message?.author !== "CHATBOT") throw notFound();
  const seen = await seenConversation(ctx, message.conversationId);
  if (!takesPart(actor, seen)) throw notFound();
  return handleAt(ctx, seen).transaction(async (tx) => {
    const at = now();
    // Locked, so that ratings are announced in the order in which they were given.
    await lockConversation(tx, seen.id);
    await saveRating(tx, message, { rating, comment, at });
    const { conversationId, chatbotId } = message;
    await appendEvent(tx, messageRated({ conversationId, chatbotId, messageId, rating }));
    return { ...message, rating, ratingComment: comment, ratedAt: at };
  });
}
