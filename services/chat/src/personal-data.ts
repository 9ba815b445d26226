import { nothingPersonal, type Held } from "@atrium/personal-data";
import { chatbotDraftData } from "./chatbot-draft/personal-data";
import { chatbotData } from "./chatbot/personal-data";
import { conversationData } from "./conversation/personal-data";
import { messageData } from "./message/personal-data";

/** What this service holds of people, by noun, in the order in which it is erased. */
export const held: Held = {
  message: messageData,
  conversation: conversationData,
  "chatbot-draft": chatbotDraftData,
  chatbot: chatbotData,
  "conversation-event": nothingPersonal("A conversation's record of itself, told to its subscribers: goes with it."),
  answer: nothingPersonal("Decides answers, and stores nothing."),
  usage: nothingPersonal("Counts over messages, read when they are asked for."),
};
