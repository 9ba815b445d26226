import { randomUUID } from "node:crypto";
import { GraphQLClient } from "@atrium/testing";
import type { Call } from "./generator";
import type { ChatPlan } from "./plan";

const startConversation = `mutation ($input: StartConversationInput!) {
  startConversation(input: $input) { conversation { id } } }`;
const sendMessage = `mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) { message { id } userErrors { code message } } }`;
const conversationEvents = `subscription ($id: ID!) {
  conversationEvents(conversationId: $id) { kind text citations { documentTitle quote } } }`;

/** Callers with a conversation and a WebSocket each. Sent over HTTP; done when the answer's last event has arrived. */
export async function chatCallers({ url, tokens, chatbotId, texts }: ChatPlan) {
  const clients = tokens.map((token) => new GraphQLClient(url, token));
  const callers: Call[] = [];
  for (const [n, client] of clients.entries()) {
    const started = await client.ask(startConversation, { input: { chatbotId } });
    const conversationId = started.startConversation.conversation.id as string;
    const events = client.subscribe(conversationEvents, { id: conversationId });
    callers.push(async (round) => {
      const text = texts[(n * 7 + round) % texts.length]!;
      const [sent] = await Promise.all([
        client.ask(sendMessage, { input: { conversationId, text, idempotencyKey: randomUUID() } }),
        events.until(({ conversationEvents: { kind } }) => {
          if (kind === "ANSWER_FAILED") throw new Error("A message wasn't answered.");
          return kind === "ANSWER_DONE";
        }),
      ]);
      if (!sent.sendMessage.message) throw new Error(JSON.stringify(sent.sendMessage.userErrors));
    });
  }
  return { callers, close: () => Promise.all(clients.map((client) => client.close())) };
}
