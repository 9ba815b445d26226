import { appendEvent, messageAnswered, messageRefused } from "@atrium/events";
import { newId } from "@atrium/ids";
import { cancelJob } from "@atrium/jobs";
import { textOf, type Answer } from "../answer/answer";
import { answerAtTierOne } from "../answer/tier-one";
import { pinnedVersion } from "../chatbot/queries";
import type { Context, Tx } from "../context";
import { isRefusal, type Question, type Reply } from "../message/message";
import type { Conversation } from "./conversation";
import { eventsOfAnswer, type ConversationEvent } from "../conversation-event/conversation-event";
import { announce } from "./events";
import { findPendingQuestion, insertEvent, insertStep, isPending, lockConversation, saveFailed } from "./store";

export const answerTask = "answerMessage";
export const answerJob = (messageId: string): string => `answer:${messageId}`;

const historyMax = 6;

export type AnsweringContext = Pick<Context, "db" | "knowledge" | "topics" | "now">;

/**
 * Answers an accepted message, once: whoever comes second, in whichever process, finds it answered and does nothing.
 * `ctx.db` is bound to the bot's workspace and the participant. Rejects when it couldn't be answered now.
 */
export async function answerMessage(
  ctx: AnsweringContext,
  { messageId }: { messageId: string },
  { asJob }: { asJob: boolean },
): Promise<void> {
  const question = await findPendingQuestion(ctx.db, messageId, historyMax);
  if (question?.answerState !== "PENDING") return;
  const { organizationId, workspaceId, chatbotId, chatbotVersion: version, text, history } = question;
  const { settings } = await pinnedVersion(ctx.db, { workspaceId, chatbotId, version });
  const answer = await answerAtTierOne({ settings, text, history }, ctx.knowledge.ask({ organizationId, workspaceId }));
  await ctx.db.transaction(async (tx) => {
    await saveAnswer(ctx, tx, question, answer);
    // A job that cancels itself would only be told so.
    if (!asJob) await cancelJob(tx, answerJob(messageId));
  });
}

async function saveAnswer({ now, topics }: AnsweringContext, tx: Tx, question: Question, answer: Answer) {
  const { id: questionId, conversationId, chatbotId } = question;
  const conversation = await lockConversation(tx, conversationId);
  if (!conversation || !(await isPending(tx, questionId))) return;
  const reply = replyTo(question, conversation, answer, now());
  const { id: messageId, route } = reply;
  const { tier, costMicros, latencyMs, reason } = route;
  const events = eventsOfAnswer(answer, messageId, conversation.eventCount, reply.createdAt);
  await insertStep(tx, reply, events);
  const citationCount = reply.sentences.reduce((sum, { citations }) => sum + citations.length, 0);
  await appendEvent(
    tx,
    isRefusal(route)
      ? messageRefused({ conversationId, chatbotId, messageId, reason })
      : messageAnswered({ conversationId, chatbotId, messageId, tier, costMicros, latencyMs, citationCount }),
  );
  tx.afterCommit(() => announce(topics, conversationId, events));
}

function replyTo(question: Question, conversation: Conversation, answer: Answer, at: Date): Reply {
  const { organizationId, workspaceId, conversationId, chatbotId, participantId } = question;
  const latencyMs = Math.max(0, at.getTime() - question.createdAt.getTime());
  return {
    ...{ id: newId("msg"), organizationId, workspaceId, conversationId, chatbotId, participantId },
    ...{ author: "CHATBOT", position: conversation.messageCount + 1, text: textOf(answer), createdAt: at },
    ...{ inReplyToId: question.id, sentences: answer.sentences, route: { ...answer.route, latencyMs } },
    ...{ rating: null, ratingComment: null, ratedAt: null },
  };
}

/** Says that no answer comes: the job has been tried as often as it is. */
export async function giveUpAnswer(
  { db, topics, now }: Pick<Context, "db" | "topics" | "now">,
  { messageId }: { messageId: string },
): Promise<void> {
  const question = await findPendingQuestion(db, messageId, 0);
  if (!question) return;
  await db.transaction(async (tx) => {
    const conversation = await lockConversation(tx, question.conversationId);
    if (!conversation || !(await isPending(tx, messageId))) return;
    const event: ConversationEvent = {
      ...{ number: conversation.eventCount + 1, kind: "ANSWER_FAILED", messageId, data: {}, createdAt: now() },
    };
    await saveFailed(tx, question);
    await insertEvent(tx, conversation, event);
    tx.afterCommit(() => announce(topics, conversation.id, [event]));
  });
}
