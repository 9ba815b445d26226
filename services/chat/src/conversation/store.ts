import type { Turn } from "../answer/answer";
import type { Tx } from "../context";
import type { Message, Question, Rating, Reply } from "../message/message";
import type { BotStanding, Conversation } from "./conversation";
import type { ConversationEvent } from "../conversation-event/conversation-event";

const conversationColumns = `c.id, c.organization_id as "organizationId", c.workspace_id as "workspaceId",
  c.chatbot_id as "chatbotId", c.chatbot_version as "chatbotVersion", c.chatbot_name as "chatbotName", c.greeting,
  c.participant_id as "participantId", c.participant_kind as "participantKind", c.channel,
  c.message_count as "messageCount", c.event_count as "eventCount", c.started_at as "startedAt",
  c.last_message_at as "lastMessageAt", c.closed_at as "closedAt"`;

const messageColumns = `m.id, m.organization_id as "organizationId", m.workspace_id as "workspaceId",
  m.conversation_id as "conversationId", m.chatbot_id as "chatbotId", m.participant_id as "participantId", m.position,
  m.author, m.text, m.created_at as "createdAt", m.idempotency_key as "idempotencyKey",
  m.answer_state as "answerState", m.in_reply_to_id as "inReplyToId", m.sentences, m.route, m.rating,
  m.rating_comment as "ratingComment", m.rated_at as "ratedAt"`;

export async function insertConversation(tx: Tx, conversation: Conversation): Promise<void> {
  await tx.conversation.create({ data: conversation });
}

/** Those of the conversations that the handle sees: a workspace's, or a guest's own. */
export const findConversations = (tx: Tx, ids: readonly string[]): Promise<Conversation[]> =>
  tx.sql<Conversation>(`select ${conversationColumns} from conversation c where c.id = any ($1)`, [ids]);

export interface ConversationFilter {
  participantId?: string | null;
  chatbotId?: string | null;
  closed?: boolean | null;
}

/** The conversations that the handle sees, newest first. */
export const listConversations = (
  tx: Tx,
  { participantId = null, chatbotId = null, closed = null }: ConversationFilter,
  { limit, after }: { limit: number; after: string | null },
): Promise<Conversation[]> =>
  tx.sql<Conversation>(
    `select ${conversationColumns} from conversation c
      where ($1::text is null or c.participant_id = $1) and ($2::text is null or c.chatbot_id = $2)
        and ($3::boolean is null or (c.closed_at is not null) = $3) and ($4::text is null or c.id < $4)
      order by c.id desc limit $5`,
    [participantId, chatbotId, closed, after, limit],
  );

/** Locks the conversation until `tx` ends, so that its messages and events are numbered in order. */
export async function lockConversation(tx: Tx, id: string): Promise<(Conversation & BotStanding) | null> {
  const [row] = await tx.sql<Conversation & BotStanding>(
    `select ${conversationColumns}, b.deleted_at is not null as "chatbotDeleted", b.guest_access as "guestAccess"
       from conversation c join chatbot b on b.organization_id = c.organization_id and b.id = c.chatbot_id
      where c.id = $1 for update of c`,
    [id],
  );
  return row ?? null;
}

export async function saveClosed(tx: Tx, { id, closedAt, eventCount }: Conversation): Promise<void> {
  await tx.sql("update conversation set closed_at = $2, event_count = $3 where id = $1", [id, closedAt, eventCount]);
}

/** The message that was accepted under this key. */
export async function findAccepted(tx: Tx, conversationId: string, idempotencyKey: string): Promise<Question | null> {
  const [row] = await tx.sql<Question>(
    `select ${messageColumns} from message m where m.conversation_id = $1 and m.idempotency_key = $2`,
    [conversationId, idempotencyKey],
  );
  return row ?? null;
}

const insertMessage = `
  insert into message (id, organization_id, workspace_id, conversation_id, chatbot_id, participant_id, position, author,
                       text, created_at, idempotency_key, answer_state, in_reply_to_id, sentences, route)
  select m->>'id', m->>'organizationId', m->>'workspaceId', m->>'conversationId', m->>'chatbotId', m->>'participantId',
         (m->>'position')::int, m->>'author', m->>'text', (m->>'createdAt')::timestamptz, m->>'idempotencyKey',
         m->>'answerState', m->>'inReplyToId', m->'sentences', m->'route'`;

// The JSON carries all rows of a step, so that the step is one round trip.
const insertEvents = `
  insert into conversation_event (organization_id, workspace_id, conversation_id, number, kind, message_id, data, created_at)
  select m->>'organizationId', m->>'workspaceId', m->>'conversationId', (e->>'number')::int, e->>'kind',
         e->>'messageId', e->'data', (e->>'createdAt')::timestamptz`;

const counted = `
  update conversation set message_count = (m->>'position')::int, last_message_at = (m->>'createdAt')::timestamptz,
                          event_count = event_count + jsonb_array_length(events)
    from given where conversation.id = m->>'conversationId'`;

/** Adds a question and its event to a locked conversation, to be answered. */
export async function insertQuestion(tx: Tx, question: Question, event: ConversationEvent): Promise<void> {
  await tx.sql(
    `with given as (select $1::jsonb as m, $2::jsonb as events),
          written as (${insertMessage} from given),
          counted as (${counted}),
          pending as (
            insert into pending_question
              (message_id, organization_id, workspace_id, conversation_id, participant_id, accepted_at, handed_over)
            select m->>'id', m->>'organizationId', m->>'workspaceId', m->>'conversationId', m->>'participantId',
                   (m->>'createdAt')::timestamptz, false from given)
     ${insertEvents} from given, jsonb_array_elements(events) as e`,
    [JSON.stringify(question), JSON.stringify([event])],
  );
}

/** Takes a question off those that wait, in the name of its locked conversation. False when it waits no more. */
export async function takePending(tx: Tx, messageId: string): Promise<boolean> {
  const taken = await tx.sql("delete from pending_question where message_id = $1 returning message_id", [messageId]);
  return taken.length > 0;
}

/** Adds an answer and its events to a locked conversation. */
export async function insertReply(tx: Tx, reply: Reply, events: readonly ConversationEvent[]): Promise<void> {
  await tx.sql(
    `with given as (select $1::jsonb as m, $2::jsonb as events),
          written as (${insertMessage} from given),
          counted as (${counted}),
          answered as (update message set answer_state = 'ANSWERED' from given where message.id = m->>'inReplyToId')
     ${insertEvents} from given, jsonb_array_elements(events) as e`,
    [JSON.stringify(reply), JSON.stringify(events)],
  );
}

export interface Waiting {
  messageId: string;
  organizationId: string;
  workspaceId: string;
  participantId: string;
}

/** Questions that were accepted before `before` and that no job answers yet. Of the whole service. */
export const listOverdue = (tx: Tx, before: Date, limit: number): Promise<Waiting[]> =>
  tx.sql<Waiting>(
    `select message_id as "messageId", organization_id as "organizationId", workspace_id as "workspaceId",
            participant_id as "participantId" from pending_question
      where accepted_at < $1 and not handed_over order by accepted_at limit $2`,
    [before, limit],
  );

/** Marks a question as a job's. False when it was answered, or handed over, meanwhile. */
export async function markHandedOver(tx: Tx, messageId: string): Promise<boolean> {
  const marked = await tx.sql(
    "update pending_question set handed_over = true where message_id = $1 and not handed_over returning message_id",
    [messageId],
  );
  return marked.length > 0;
}

/** Adds an event that comes with no message. `event_count` is the caller's to save. */
export async function insertEvent(tx: Tx, conversation: Conversation, event: ConversationEvent): Promise<void> {
  const { organizationId, workspaceId, id: conversationId } = conversation;
  await tx.sql(`with given as (select $1::jsonb as m, $2::jsonb as e) ${insertEvents} from given`, [
    JSON.stringify({ organizationId, workspaceId, conversationId }),
    JSON.stringify(event),
  ]);
}

/** Events after a number, in order. */
export const listEvents = (
  tx: Tx,
  conversationId: string,
  { after, limit }: { after: number; limit: number },
): Promise<ConversationEvent[]> =>
  tx.sql<ConversationEvent>(
    `select number, kind, message_id as "messageId", data, created_at as "createdAt" from conversation_event
      where organization_id = $1 and conversation_id = $2 and number > $3 order by number limit $4`,
    [tx.tenant.organizationId, conversationId, after, limit],
  );

/** Those of the messages that the handle sees. */
export const findMessages = (tx: Tx, ids: readonly string[]): Promise<Message[]> =>
  tx.sql<Message>(`select ${messageColumns} from message m where m.id = any ($1)`, [ids]);

/** A conversation's messages, in order. */
export const listMessages = (
  tx: Tx,
  { organizationId, id }: Conversation,
  { limit, after }: { limit: number; after: number | null },
): Promise<Message[]> =>
  tx.sql<Message>(
    `select ${messageColumns} from message m
      where m.organization_id = $1 and m.conversation_id = $2 and m.position > $3 order by m.position limit $4`,
    [organizationId, id, after ?? 0, limit],
  );

/** What a question and its answer need to know, in one look; null when there is no such question here. */
export async function findPendingQuestion(tx: Tx, id: string, historyMax: number) {
  const [row] = await tx.sql<Question & { chatbotVersion: number; earlierIds: string[]; history: Turn[] }>(
    `select ${messageColumns}, c.chatbot_version as "chatbotVersion",
            array(
              select p.message_id from pending_question p
                join message earlier on earlier.organization_id = p.organization_id and earlier.id = p.message_id
               where p.organization_id = m.organization_id and p.conversation_id = m.conversation_id
                 and earlier.position < m.position
               order by earlier.position) as "earlierIds",
            coalesce((
              select json_agg(json_build_object('text', before.text, 'reason', before.reason) order by before.position)
                from (
                  select asked.text, asked.position, reply.route->>'reason' as reason
                    from message asked
                    left join message reply on reply.organization_id = m.organization_id and reply.in_reply_to_id = asked.id
                   where asked.organization_id = m.organization_id and asked.conversation_id = m.conversation_id
                     and asked.position < m.position and asked.author = 'PARTICIPANT'
                   order by asked.position desc limit $2) as before), '[]') as history
       from message m join conversation c on c.organization_id = m.organization_id and c.id = m.conversation_id
      where m.id = $1 and m.author = 'PARTICIPANT'`,
    [id, historyMax],
  );
  return row ?? null;
}

/** Gives a question up: no answer comes any more. */
export async function saveFailed(tx: Tx, question: Question): Promise<void> {
  await tx.sql("update message set answer_state = 'FAILED' where id = $1", [question.id]);
  await tx.sql("update conversation set event_count = event_count + 1 where id = $1", [question.conversationId]);
}

export async function saveRating(
  tx: Tx,
  { id }: Reply,
  { rating, comment, at }: { rating: Rating; comment: string | null; at: Date },
): Promise<void> {
  await tx.sql("update message set rating = $2, rating_comment = $3, rated_at = $4 where id = $1", [
    id,
    rating,
    comment,
    at,
  ]);
}
