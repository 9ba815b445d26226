import { requirePermission, requireWorkspace } from "@atrium/access";
import type { Context } from "../context";
import { listDocuments, type RecentDocument } from "./store";

/** The documents of the actor's workspace, the one that something last happened to first. */
export function recentDocuments(
  { actor, db }: Context,
  page: { limit: number; after: string | null },
): Promise<RecentDocument[]> {
  requirePermission(actor, "knowledge:read");
  return listDocuments(db, requireWorkspace(actor), page);
}
