import type { Context, Tx } from "../context";

/** Where a guest's or member's act takes place: in the workspace of the bot it talks to. */
export function handleAt(
  { actor, db, database }: Pick<Context, "actor" | "db" | "database">,
  { organizationId, workspaceId }: { organizationId: string; workspaceId: string },
): Tx {
  return actor.kind === "GUEST" ? database.as({ organizationId, workspaceId, userId: actor.userId }) : db;
}
