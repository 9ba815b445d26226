import { inOrderOf } from "@atrium/schema-kit";
import DataLoader from "dataloader";
import { chatbotsByIds } from "./chatbot/queries";
import type { Context } from "./context";
import { conversationsByIds, messagesByIds } from "./conversation/queries";

/** A request's batches, which see what its actor may see. References of other services resolve through them. */
export const loadersFor = (ctx: Context) => ({
  chatbot: new DataLoader(async (ids: readonly string[]) => inOrderOf(ids, await chatbotsByIds(ctx, ids))),
  conversation: new DataLoader(async (ids: readonly string[]) => inOrderOf(ids, await conversationsByIds(ctx, ids))),
  message: new DataLoader(async (ids: readonly string[]) => inOrderOf(ids, await messagesByIds(ctx, ids))),
});

export type Loaders = ReturnType<typeof loadersFor>;
