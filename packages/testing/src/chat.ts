import { randomUUID } from "node:crypto";
import type { GraphQLClient } from "./graphql-client";

/** Drafts and publishes a bot, and returns its id. */
export async function publishedChatbot(client: GraphQLClient, input: object): Promise<string> {
  const { createChatbotDraft } = await client.ask(
    `mutation ($input: CreateChatbotDraftInput!) {
      createChatbotDraft(input: $input) { draft { id } userErrors { code path } }
    }`,
    { input },
  );
  if (!createChatbotDraft.draft) throw new Error(`The draft was refused: ${JSON.stringify(createChatbotDraft)}`);
  const { finalizeChatbotDraft } = await client.ask(
    `mutation ($input: FinalizeChatbotDraftInput!) {
      finalizeChatbotDraft(input: $input) { chatbot { id } userErrors { code } }
    }`,
    { input: { draftId: createChatbotDraft.draft.id } },
  );
  return finalizeChatbotDraft.chatbot.id;
}

export async function startedConversation(client: GraphQLClient, chatbotId: string): Promise<string> {
  const { startConversation } = await client.ask(
    "mutation ($input: StartConversationInput!) { startConversation(input: $input) { conversation { id } } }",
    { input: { chatbotId } },
  );
  return startConversation.conversation.id;
}

export const sendMessage = `mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) { message { id position text } userErrors { code message path } }
}`;

/** Sends a message that has to be accepted, and returns its id. */
export async function sentMessage(
  client: GraphQLClient,
  conversationId: string,
  text: string,
  idempotencyKey: string = randomUUID(),
): Promise<string> {
  const { sendMessage: sent } = await client.ask(sendMessage, { input: { conversationId, text, idempotencyKey } });
  if (!sent.message) throw new Error(`The message was refused: ${JSON.stringify(sent.userErrors)}`);
  return sent.message.id;
}

export interface ConversationEvent {
  number: number;
  kind: string;
  messageId: string | null;
  text: string | null;
  tier: number | null;
  citations: CitedPassage[];
}

export interface CitedPassage {
  documentTitle: string;
  passageId: string;
  page: number | null;
  headingPath: string[];
  start: number;
  end: number;
  quote: string;
}

export const conversationEvents = `subscription ($conversationId: ID!, $after: Int! = 0) {
  conversationEvents(conversationId: $conversationId, after: $after) {
    number kind messageId text tier
    citations { documentTitle passageId page headingPath start end quote }
  }
}`;

export interface ReadMessage {
  id: string;
  position: number;
  author: "PARTICIPANT" | "CHATBOT";
  text: string;
  answerState: string | null;
  inReplyToId: string | null;
  route: { tier: number; reason: string } | null;
  citations: CitedPassage[];
}

/** What was said in a conversation, in order. */
export async function messagesOf(client: GraphQLClient, conversationId: string): Promise<ReadMessage[]> {
  const { conversation } = await client.ask(
    `query ($id: ID!) { conversation(id: $id) { messages(first: 100) { nodes {
      id position author text answerState inReplyToId
      route { tier reason }
      citations { documentTitle passageId page headingPath start end quote }
    } } } }`,
    { id: conversationId },
  );
  return conversation.messages.nodes;
}
