import { handle, knowledgeBaseDeleted, workspaceDeleted, type Consumer } from "@atrium/events";
import { forgetKnowledgeBaseInDrafts } from "../chatbot-draft/commands";
import type { Context } from "../context";
import { forgetKnowledgeBase, forgetWorkspace } from "./commands";

export const chatbotConsumers: Consumer<Context>[] = [
  handle(knowledgeBaseDeleted, async (ctx: Context, { knowledgeBaseId }) => {
    await forgetKnowledgeBase(ctx, { knowledgeBaseId });
    await forgetKnowledgeBaseInDrafts(ctx, { knowledgeBaseId });
  }),
  handle(workspaceDeleted, (ctx: Context) => forgetWorkspace(ctx), {
    as: ({ workspaceId }, { organizationid }) => ({ organizationId: organizationid, workspaceId }),
  }),
];
