import type { Context, Tx } from "../context";
import { entersEveryWorkspace } from "../membership/policy";
import { currentStanding, inWorkspace, standingIn } from "../membership/standing";
import { findWorkspaces, listWorkspaces } from "./store";
import type { Workspace } from "./workspace";

interface Keyset {
  limit: number;
  after: string | null;
}

/** The workspaces of an organization that the actor may enter. */
export async function workspacesOf(ctx: Context, organizationId: string, page: Keyset): Promise<Workspace[]> {
  const standing = await standingIn(ctx, organizationId);
  const placeOf = entersEveryWorkspace(standing.role) ? null : standing.userId;
  return listWorkspaces(standing.db, organizationId, placeOf, page);
}

/** The workspaces of the organization that the actor is signed in to, as far as they may enter them. */
export async function workspaces(ctx: Context, page: Keyset): Promise<Workspace[]> {
  return workspacesOf(ctx, (await currentStanding(ctx)).organizationId, page);
}

/** One workspace of the actor's organization; `NOT_FOUND` where they may not enter it. */
export async function workspace(ctx: Context, id: string): Promise<Workspace | null> {
  const standing = await inWorkspace(ctx, await currentStanding(ctx), id);
  const [found] = await findWorkspaces(standing.db, [id]);
  return found ?? null;
}

/** Those of the workspaces that the actor may enter, in whichever of their organizations. */
export async function workspacesByIds(ctx: Context, ids: readonly string[]): Promise<Workspace[]> {
  const { actor } = ctx;
  if (actor.kind === "ANONYMOUS") return [];
  const found = await findWorkspaces(ctx.db, ids);
  if (actor.kind === "SYSTEM" || found.length === 0) return found;
  // The rows' policy shows what belongs to the actor's organization; entering a workspace takes a place in it as well.
  const byOrganization = new Map<string, Workspace[]>();
  for (const each of found)
    byOrganization.set(each.organizationId, [...(byOrganization.get(each.organizationId) ?? []), each]);
  const enterable = await Promise.all(
    [...byOrganization].map(async ([organizationId, its]) => {
      const standing = await standingIn(ctx, organizationId).catch(() => null);
      if (!standing) return [];
      if (entersEveryWorkspace(standing.role)) return its;
      const own = await listWorkspaces(standing.db, organizationId, standing.userId, { limit: 1_000, after: null });
      return its.filter(({ id }) => own.some((mine) => mine.id === id));
    }),
  );
  return enterable.flat();
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
