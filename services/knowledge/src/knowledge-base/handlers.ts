import { handle, workspaceDeleted, type Consumer } from "@atrium/events";
import type { Context } from "../context";
import { forgetUploads } from "../upload/commands";
import { forgetKnowledgeBases } from "./commands";

export const knowledgeBaseConsumers: Consumer<Context>[] = [
  handle(
    workspaceDeleted,
    async (ctx: Context) => {
      await forgetKnowledgeBases(ctx);
      await forgetUploads(ctx);
    },
    { as: ({ workspaceId }, { organizationid }) => ({ organizationId: organizationid, workspaceId }) },
  ),
];
