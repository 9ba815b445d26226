import { handle, knowledgeBaseDeleted, type Consumer } from "@atrium/events";
import { forgetKnowledgeBaseInDrafts } from "../chatbot-draft/commands";
import type { Context } from "../context";
import { forgetKnowledgeBase } from "./commands";

export const chatbotConsumers: Consumer<Context>[] = [
  handle(knowledgeBaseDeleted, async (ctx: Context, { knowledgeBaseId }) => {
    await forgetKnowledgeBase(ctx, { knowledgeBaseId });
    await forgetKnowledgeBaseInDrafts(ctx, { knowledgeBaseId });
  }),
];
