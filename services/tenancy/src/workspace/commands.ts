import { PublicError } from "@atrium/errors";
import { appendEvent, workspaceCreated, workspaceUpdated } from "@atrium/events";
import { newId } from "@atrium/ids";
import type { Context, Tx } from "../context";
import { grantPlace } from "../membership/commands";
import { requireRight } from "../membership/policy";
import { currentStanding, inWorkspace } from "../membership/standing";
import { insertWorkspace, lockWorkspace, saveWorkspace } from "./store";
import { firstWorkspaceName, type Workspace } from "./workspace";

/** Opens a workspace in the actor's organization; the actor becomes its administrator. */
export async function createWorkspace(ctx: Context, { name }: { name: string }): Promise<Workspace> {
  const by = await currentStanding(ctx);
  requireRight(by, "workspaces:create");
  return by.db.transaction((tx) => open(tx, { organizationId: by.organizationId, userId: by.userId, name }, ctx.now()));
}

/** Opens the workspace that every organization begins with, in the transaction that founds it. */
export const createFirstWorkspace = (
  tx: Tx,
  place: { organizationId: string; userId: string },
  now: Date,
): Promise<Workspace> => open(tx, { ...place, name: firstWorkspaceName }, now);

/** Renames a workspace of the actor's organization. */
export async function updateWorkspace(
  ctx: Context,
  { workspaceId, name }: { workspaceId: string; name: string },
): Promise<Workspace> {
  const by = await inWorkspace(await currentStanding(ctx), workspaceId);
  requireRight(by, "workspaces:update");
  return by.db.transaction(async (tx) => {
    const workspace = await lockWorkspace(tx, by.organizationId, workspaceId);
    if (!workspace) throw new PublicError("NOT_FOUND", `No workspace ${workspaceId}.`);
    const updated = { ...workspace, name, updatedAt: ctx.now() };
    await saveWorkspace(tx, updated);
    await appendEvent(tx, workspaceUpdated({ workspaceId, changedFields: ["name"] }), { workspaceId });
    return updated;
  });
}

async function open(
  tx: Tx,
  { organizationId, userId, name }: { organizationId: string; userId: string; name: string },
  now: Date,
): Promise<Workspace> {
  const workspace = { id: newId("wsp"), organizationId, name, createdAt: now, updatedAt: now };
  await insertWorkspace(tx, workspace);
  await appendEvent(tx, workspaceCreated({ workspaceId: workspace.id }), { workspaceId: workspace.id });
  await grantPlace(tx, organizationId, { workspaceId: workspace.id, userId, role: "admin" }, now);
  return workspace;
}
