import { setTimeout as delay } from "node:timers/promises";
import type { Actor } from "@atrium/access";
import type { ExecutionResult } from "graphql";
import type { Chat } from "./testing";

export const createDraft = `mutation ($input: CreateChatbotDraftInput!) {
  createChatbotDraft(input: $input) { draft { id guestAccess settings { name language } } userErrors { code path } } }`;
export const finalizeDraft = `mutation ($input: FinalizeChatbotDraftInput!) {
  finalizeChatbotDraft(input: $input) {
    chatbot { id name publishedVersion guestAccess knowledgeBases { id } } userErrors { code path } } }`;
export const startConversation = `mutation ($input: StartConversationInput!) {
  startConversation(input: $input) { conversation { id chatbotVersion chatbotName greeting state viewerCanSend } } }`;
export const sendMessage = `mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) {
    message { id conversationId position author text answerState } userErrors { code message path } } }`;
export const conversationQuery = `query ($id: ID!) {
  conversation(id: $id) {
    id state lastEventNumber viewerCanSend participant { id } chatbot { id }
    messages(first: 100) { nodes {
      id position author text answerState inReplyToId rating ratingComment
      citations { document { id } documentTitle page quote headingPath }
      route { tier reason evidence costMicros latencyMs explanation } } } } }`;
export const eventsSubscription = `subscription ($id: ID!, $after: Int) {
  conversationEvents(conversationId: $id, after: $after) {
    number kind messageId text tier citations { documentTitle quote document { id } } message { id text } } }`;

export interface Bot {
  id: string;
  publishedVersion: number;
  guestAccess: boolean;
  knowledgeBases: { id: string }[];
}

/** A bot that was drafted and published. */
export async function givenBot(chat: Chat, maker: Actor, input: object = {}): Promise<Bot> {
  const created = await chat.run<{ createChatbotDraft: { draft: { id: string } } }>(maker, createDraft, {
    input: { name: "Ada's helper", ...input },
  });
  const { draft } = created.createChatbotDraft;
  const finalized = await chat.run<{ finalizeChatbotDraft: { chatbot: Bot } }>(maker, finalizeDraft, {
    input: { draftId: draft.id },
  });
  return finalized.finalizeChatbotDraft.chatbot;
}

export async function givenConversation(chat: Chat, actor: Actor, chatbotId: string): Promise<string> {
  const started = await chat.run<{ startConversation: { conversation: { id: string } } }>(actor, startConversation, {
    input: { chatbotId },
  });
  return started.startConversation.conversation.id;
}

export interface SentMessage {
  message: { id: string; text: string; position: number; answerState: string } | null;
  userErrors: { code: string; path: string[] | null }[];
}

let keys = 0;

export async function send(
  chat: Chat,
  actor: Actor,
  conversationId: string,
  text: string,
  idempotencyKey = `key ${++keys}`,
): Promise<SentMessage> {
  const sent = await chat.run<{ sendMessage: SentMessage }>(actor, sendMessage, {
    input: { conversationId, text, idempotencyKey },
  });
  return sent.sendMessage;
}

export interface ReadMessage {
  id: string;
  position: number;
  author: "PARTICIPANT" | "CHATBOT";
  text: string;
  answerState: string | null;
  inReplyToId: string | null;
  rating: string | null;
  ratingComment: string | null;
  citations: { document: { id: string } | null; documentTitle: string; quote: string; page: number }[];
  route: { tier: number; reason: string; evidence: number; costMicros: number; latencyMs: number; explanation: string };
}

export async function messagesOf(chat: Chat, actor: Actor, id: string): Promise<ReadMessage[]> {
  const read = await chat.run<{ conversation: { messages: { nodes: ReadMessage[] } } }>(actor, conversationQuery, {
    id,
  });
  return read.conversation.messages.nodes;
}

/** Sends a message and waits for what is answered. */
export async function ask(chat: Chat, actor: Actor, conversationId: string, text: string): Promise<ReadMessage> {
  const { message, userErrors } = await send(chat, actor, conversationId, text);
  if (!message) throw new Error(JSON.stringify(userErrors));
  return waitFor(async () => {
    const messages = await messagesOf(chat, actor, conversationId);
    return messages.find(({ inReplyToId }) => inReplyToId === message.id);
  });
}

export async function waitFor<Value>(look: () => Promise<Value | null | undefined | false>, withinMs = 8_000) {
  for (const endsAt = Date.now() + withinMs; Date.now() < endsAt; await delay(10)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`It didn't happen within ${withinMs} ms.`);
}

export interface HeardEvent {
  number: number;
  kind: string;
  messageId: string | null;
  text: string | null;
  tier: number | null;
  citations: { documentTitle: string; quote: string; document: { id: string } | null }[];
  message: { id: string; text: string } | null;
}

/** Listens until an event of that kind. */
export async function hear(
  chat: Chat,
  actor: Actor,
  conversationId: string,
  { until = "ANSWER_DONE", after = 0 } = {},
): Promise<HeardEvent[]> {
  const heard: HeardEvent[] = [];
  for await (const event of await listen(chat, actor, conversationId, after)) {
    heard.push(event);
    if (event.kind === until) break;
  }
  return heard;
}

export async function listen(chat: Chat, actor: Actor, id: string, after = 0): Promise<AsyncGenerator<HeardEvent>> {
  const results = await chat.subscribe(actor, eventsSubscription, { id, after });
  if (!(Symbol.asyncIterator in results)) throw refusedWith(results);
  return (async function* () {
    for await (const { data, errors } of results) {
      if (errors) throw refusedWith({ errors });
      yield data!.conversationEvents as HeardEvent;
    }
  })();
}

const refusedWith = ({ errors }: ExecutionResult) =>
  Object.assign(new Error(errors![0]!.message), { ...errors![0]!.extensions });
