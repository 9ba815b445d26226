import { inOrderOf } from "@atrium/schema-kit";
import DataLoader from "dataloader";
import type { Context } from "./context";
import { organizationsByIds } from "./organization/queries";
import { projectsByIds } from "./project/queries";
import { workspacesByIds } from "./workspace/queries";

/** A request's batches, which see what its actor may see. References of other services resolve through them. */
export const loadersFor = (ctx: Context) => ({
  organization: new DataLoader(async (ids: readonly string[]) => inOrderOf(ids, await organizationsByIds(ctx, ids))),
  workspace: new DataLoader(async (ids: readonly string[]) => inOrderOf(ids, await workspacesByIds(ctx, ids))),
  project: new DataLoader(async (ids: readonly string[]) => inOrderOf(ids, await projectsByIds(ctx, ids))),
});

export type Loaders = ReturnType<typeof loadersFor>;
