import { requirePermission, requireWorkspace } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import type { ChatbotDraft } from "./chatbot-draft";
import { findDraft, listDrafts } from "./store";

/** The open drafts of the actor's workspace, newest first. */
export async function chatbotDrafts(
  { actor, db }: Context,
  page: { limit: number; after: string | null },
): Promise<ChatbotDraft[]> {
  requirePermission(actor, "chatbots:write");
  return listDrafts(db, requireWorkspace(actor).workspaceId, page);
}

/** One draft of the actor's workspace. */
export async function chatbotDraft({ actor, db }: Context, id: string): Promise<ChatbotDraft> {
  requirePermission(actor, "chatbots:write");
  const found = await findDraft(db, requireWorkspace(actor).workspaceId, id);
  if (!found) throw new PublicError("NOT_FOUND", `No draft ${id} in this workspace.`);
  return found;
}
