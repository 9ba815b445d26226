import { inOrderOf } from "@atrium/schema-kit";
import DataLoader from "dataloader";
import type { Context } from "./context";
import { documentsByIds, ingestionCountsOf } from "./document/queries";
import { knowledgeBasesByIds } from "./knowledge-base/queries";

/** A request's batches, which see what its actor may see. References of other services resolve through them. */
export const loadersFor = (ctx: Context) => ({
  document: new DataLoader(async (ids: readonly string[]) => inOrderOf(ids, await documentsByIds(ctx, ids))),
  ingestionCounts: new DataLoader((knowledgeBaseIds: readonly string[]) => ingestionCountsOf(ctx, knowledgeBaseIds)),
  knowledgeBase: new DataLoader(async (ids: readonly string[]) => inOrderOf(ids, await knowledgeBasesByIds(ctx, ids))),
});

export type Loaders = ReturnType<typeof loadersFor>;
