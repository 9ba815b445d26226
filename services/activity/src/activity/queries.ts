import { requireSignedIn, requireWorkspace } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import type { Activity } from "./activity";
import { maySeeAccount, visibleTo } from "./policy";
import { listLines, type Of } from "./store";

/**
 * What happened where the actor stands, as far as they could open what it is about, newest first. Of their own acts they
 * also see those on their account.
 */
export async function timeline(
  { actor, db }: Context,
  asked: { subjectId: string | null; userId: string | null; workspaceId: string | null },
  page: { limit: number; after: string | null },
): Promise<Activity[]> {
  const { organizationId, workspaceId } = requireWorkspace(actor);
  const { userId: viewerId } = requireSignedIn(actor);
  if (asked.workspaceId && asked.workspaceId !== workspaceId)
    throw new PublicError("NOT_FOUND", `You don't stand in a workspace ${asked.workspaceId}.`);
  const of: Of = asked.subjectId
    ? { subjectId: asked.subjectId }
    : asked.userId
      ? { userId: asked.userId }
      : { workspaceId };
  const account = asked.userId === viewerId && maySeeAccount(actor);
  return listLines(db, { organizationId, of, viewerId, ...visibleTo(actor), account }, page);
}
