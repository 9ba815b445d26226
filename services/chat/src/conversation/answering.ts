import { appendEvent, messageAnswered, messageRefused } from "@atrium/events";
import { newId } from "@atrium/ids";
import { enqueue } from "@atrium/jobs";
import { textOf, type Answer } from "../answer/answer";
import { answerAtTierOne } from "../answer/tier-one";
import { pinnedVersion } from "../chatbot/queries";
import type { Context, Tx } from "../context";
import { isRefusal, type Question, type Reply } from "../message/message";
import type { Conversation } from "./conversation";
import { eventsOfAnswer, type ConversationEvent } from "../conversation-event/conversation-event";
import { announce } from "./events";
import {
  findPendingQuestion,
  insertEvent,
  insertReply,
  listOverdue,
  lockConversation,
  markHandedOver,
  saveFailed,
  takePending,
} from "./store";

export const answerTask = "answerMessage";

const historyMax = 6;
const answerAttemptsMax = 6;
const overdueAtOnce = 500;

export type AnsweringContext = Pick<Context, "db" | "knowledge" | "topics" | "now">;

/**
 * Answers an accepted message, once: whoever comes second, in whichever process, finds it answered and does nothing.
 * Earlier messages of the conversation that still wait, here or in another process, are answered first; one that can't
 * be holds up nothing. `ctx.db` is bound to the bot's workspace and the participant. Rejects when it couldn't be answered
 * now.
 */
export async function answerMessage(ctx: AnsweringContext, { messageId }: { messageId: string }): Promise<void> {
  const question = await findPendingQuestion(ctx.db, messageId, historyMax);
  if (question?.answerState !== "PENDING") return;
  if (question.earlierIds.length === 0) return answer(ctx, question);
  for (const earlierId of question.earlierIds) {
    const earlier = await findPendingQuestion(ctx.db, earlierId, historyMax);
    // Its own process, or its job, says what failed.
    if (earlier?.answerState === "PENDING") await answer(ctx, earlier).catch(() => {});
  }
  // Read again: what was answered meanwhile belongs to its history.
  const now = await findPendingQuestion(ctx.db, messageId, historyMax);
  if (now?.answerState === "PENDING") await answer(ctx, now);
}

type PendingQuestion = NonNullable<Awaited<ReturnType<typeof findPendingQuestion>>>;

async function answer(ctx: AnsweringContext, question: PendingQuestion): Promise<void> {
  const { organizationId, workspaceId, chatbotId, chatbotVersion: version, text, history } = question;
  const { settings } = await pinnedVersion(ctx.db, { workspaceId, chatbotId, version });
  const found = await answerAtTierOne({ settings, text, history }, ctx.knowledge.ask({ organizationId, workspaceId }));
  await ctx.db.transaction((tx) => saveAnswer(ctx, tx, question, found));
}

async function saveAnswer({ now, topics }: AnsweringContext, tx: Tx, question: Question, answer: Answer) {
  const { id: questionId, conversationId, chatbotId } = question;
  const conversation = await lockConversation(tx, conversationId);
  if (!conversation || !(await takePending(tx, questionId))) return;
  const reply = replyTo(question, conversation, answer, now());
  const { id: messageId, route } = reply;
  const { tier, costMicros, latencyMs, reason } = route;
  const events = eventsOfAnswer(answer, messageId, conversation.eventCount, reply.createdAt);
  await insertReply(tx, reply, events);
  const citationCount = reply.sentences.reduce((sum, { citations }) => sum + citations.length, 0);
  await appendEvent(
    tx,
    isRefusal(route)
      ? messageRefused({ conversationId, chatbotId, messageId, reason })
      : messageAnswered({ conversationId, chatbotId, messageId, tier, costMicros, latencyMs, citationCount }),
  );
  const live = events.map((event) => (event.kind === "ANSWER_DONE" ? { ...event, message: reply } : event));
  tx.afterCommit(() => announce(topics, conversationId, live));
}

function replyTo(question: Question, conversation: Conversation, answer: Answer, at: Date): Reply {
  const { organizationId, workspaceId, conversationId, chatbotId, participantId } = question;
  const latencyMs = Math.max(0, at.getTime() - question.createdAt.getTime());
  return {
    id: newId("msg"),
    organizationId,
    workspaceId,
    conversationId,
    chatbotId,
    participantId,
    author: "CHATBOT",
    position: conversation.messageCount + 1,
    text: textOf(answer),
    createdAt: at,
    inReplyToId: question.id,
    sentences: answer.sentences,
    route: { ...answer.route, latencyMs },
    rating: null,
    ratingComment: null,
    ratedAt: null,
  };
}

/**
 * Gives the questions that weren't answered at once to jobs: of a process that died, or whose answer failed. Jobs try
 * again, further and further apart. Any number of processes may do this; each question gets one job.
 */
export async function handOverOverdue(
  { database, now }: Pick<Context, "database" | "now">,
  { afterSeconds }: { afterSeconds: number },
): Promise<void> {
  const before = new Date(now().getTime() - afterSeconds * 1_000);
  for (const { messageId, participantId, ...place } of await listOverdue(database.asService(), before, overdueAtOnce))
    await database.as({ ...place, userId: participantId }).transaction(async (tx) => {
      if (await markHandedOver(tx, messageId))
        await enqueue(tx, answerTask, { messageId }, { key: `answer:${messageId}`, maxAttempts: answerAttemptsMax });
    });
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
    if (!conversation || !(await takePending(tx, messageId))) return;
    const event: ConversationEvent = {
      number: conversation.eventCount + 1,
      kind: "ANSWER_FAILED",
      messageId,
      data: {},
      createdAt: now(),
    };
    await saveFailed(tx, question);
    await insertEvent(tx, conversation, event);
    tx.afterCommit(() => announce(topics, conversation.id, [event]));
  });
}
