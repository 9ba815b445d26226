import { requirePermission, requireWorkspace, type Actor } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Context, Tx } from "../context";

/** Whose numbers: a workspace's, or those of a whole organization. */
export interface Place {
  organizationId: string;
  /** Null for the whole organization. */
  workspaceId: string | null;
}

/**
 * The place whose numbers are asked for, once it is clear that the actor may see them: their own workspace's with
 * `analytics:read`; their organization's also with `organization:read`, which no role in a workspace grants.
 */
export function requirePlace(actor: Actor, asked: Partial<Record<keyof Place, string | null>>): Place {
  requirePermission(actor, "analytics:read");
  const own = requireWorkspace(actor);
  if (asked.organizationId) {
    if (asked.organizationId !== own.organizationId) throw notHere("organization", asked.organizationId);
    requirePermission(actor, "organization:read");
    return { organizationId: own.organizationId, workspaceId: null };
  }
  if (asked.workspaceId && asked.workspaceId !== own.workspaceId) throw notHere("workspace", asked.workspaceId);
  return { organizationId: own.organizationId, workspaceId: own.workspaceId };
}

/** Bound to that place and to nobody in it. */
export const handleAt = (database: Context["database"], place: Place): Tx => database.as(place);

const notHere = (what: string, id: string) =>
  new PublicError("NOT_FOUND", `You don't stand in ${what === "organization" ? "an" : "a"} ${what} ${id}.`);
