import type { Context, Tx } from "../context";
import { entersEveryWorkspace } from "../membership/policy";
import { memberPermissions } from "../membership/queries";
import { currentStanding, inWorkspace, standingIn } from "../membership/standing";
import { findWorkspaces, listWorkspaces } from "./store";
import type { Workspace } from "./workspace";

interface Keyset {
  limit: number;
  after: string | null;
}

/** The workspaces of an organization that the actor may enter. */
export async function workspacesOf(ctx: Context, organizationId: string, page: Keyset): Promise<Workspace[]> {
  const { db, key, role, userId } = await standingIn(ctx, organizationId);
  const enterable = { placeOf: entersEveryWorkspace(role) ? null : userId, only: key?.workspaceId ?? null };
  return listWorkspaces(db, organizationId, enterable, page);
}

/** The workspaces of the organization that the actor is signed in to, as far as they may enter them. */
export async function workspaces(ctx: Context, page: Keyset): Promise<Workspace[]> {
  return workspacesOf(ctx, (await currentStanding(ctx)).organizationId, page);
}

/** One workspace of the actor's organization; `NOT_FOUND` where they may not enter it. */
export async function workspace(ctx: Context, id: string): Promise<Workspace | null> {
  const { db } = await inWorkspace(await currentStanding(ctx), id);
  const [found] = await findWorkspaces(db, [id]);
  return found ?? null;
}

/** Those of the workspaces that the actor may enter, in whichever of their organizations. */
export async function workspacesByIds(ctx: Context, ids: readonly string[]): Promise<Workspace[]> {
  const { actor } = ctx;
  if (actor.kind === "ANONYMOUS") return [];
  // The rows' policy shows what belongs to the actor's organization; entering a workspace takes a place in it as well.
  const found = await findWorkspaces(ctx.db, ids);
  const inside = (each: Workspace) =>
    each.organizationId === actor.organizationId && (actor.workspaceId ?? each.id) === each.id;
  if (actor.kind === "SYSTEM") return found.filter(inside);
  const asked = found.map(({ organizationId, id }) => ({ userId: actor.userId, organizationId, workspaceId: id }));
  const permissions = await memberPermissions(ctx, asked);
  return found.filter((each, place) => permissions[place] !== null && (actor.kind !== "API_KEY" || inside(each)));
}

/** Those of the ids that are workspaces of this organization. */
export async function existingWorkspaces(
  tx: Tx,
  organizationId: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const found = await findWorkspaces(tx, ids);
  return new Set(found.filter((each) => each.organizationId === organizationId).map(({ id }) => id));
}
