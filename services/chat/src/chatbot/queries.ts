import { may, requirePermission, requireSignedIn, requireWorkspace } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Context, Tx } from "../context";
import type { Chatbot, ChatbotVersion, OpenChatbot } from "./chatbot";
import { findChatbots, findOpenChatbot, findVersion, listChatbots, listVersions } from "./store";

/** The bots of the actor's workspace, newest first. */
export async function chatbots(
  { actor, db }: Context,
  page: { limit: number; after: string | null },
): Promise<Chatbot[]> {
  requirePermission(actor, "chatbots:read");
  return listChatbots(db, requireWorkspace(actor).workspaceId, page);
}

/** One bot of the actor's workspace. */
export async function chatbot({ actor, db }: Context, id: string): Promise<Chatbot> {
  requirePermission(actor, "chatbots:read");
  const [found] = await findChatbots(db, requireWorkspace(actor).workspaceId, [id]);
  if (!found) throw new PublicError("NOT_FOUND", `No chatbot ${id} in this workspace.`);
  return found;
}

/** Those of the bots that the actor may read. */
export async function chatbotsByIds({ actor, db }: Context, ids: readonly string[]): Promise<Chatbot[]> {
  if (!may(actor, "chatbots:read") || actor.kind === "ANONYMOUS" || !actor.workspaceId) return [];
  return findChatbots(db, actor.workspaceId, ids);
}

/** A bot's versions, newest first. */
export async function chatbotVersions(
  { actor, db }: Context,
  { id, workspaceId }: Chatbot,
  page: { limit: number; after: number | null },
): Promise<ChatbotVersion[]> {
  requirePermission(actor, "chatbots:read");
  return listVersions(db, workspaceId, id, page);
}

/** What may be known of a bot that is open to guests: by a guest, or by a member of its workspace. */
export async function openChatbot({ actor, db }: Context, id: string): Promise<OpenChatbot> {
  requireSignedIn(actor);
  const found = await findOpenChatbot(db, id);
  if (!found) throw new PublicError("NOT_FOUND", `No chatbot ${id} is open to guests.`);
  return found;
}

/** The published bot as a conversation begins with it; null when there is none. For commands that asked the policy. */
export async function publishedChatbot(tx: Tx, workspaceId: string, id: string): Promise<Chatbot | null> {
  const [found] = await findChatbots(tx, workspaceId, [id]);
  return found ?? null;
}

/** The version that a conversation has pinned. For commands that asked the policy. */
export async function pinnedVersion(
  tx: Tx,
  pinned: { workspaceId: string; chatbotId: string; version: number },
): Promise<ChatbotVersion> {
  const found = await findVersion(tx, pinned.workspaceId, pinned);
  if (!found) throw new Error(`Version ${pinned.version} of ${pinned.chatbotId} is gone.`);
  return found;
}
