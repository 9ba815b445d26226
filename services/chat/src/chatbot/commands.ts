import { requirePermission, requireWorkspace } from "@atrium/access";
import { ok, PublicError, refuse, type Result } from "@atrium/errors";
import { newId } from "@atrium/ids";
import type { Context, Tx } from "../context";
import {
  attach,
  detach,
  publish,
  rollback,
  sameSettings,
  type AttachKnowledgeBaseRefusal,
  type Chatbot,
  type ChatbotSettings,
  type DetachKnowledgeBaseRefusal,
  type RollbackChatbotRefusal,
} from "./chatbot";
import { requireAttaching, requirePublishing } from "./policy";
import {
  deleteEverything,
  findVersion,
  forgetKnowledgeBaseInVersions,
  forgetOpenChatbot,
  insertChatbot,
  insertVersion,
  lockChatbot,
  markDeleted,
  saveChatbot,
  saveOpenChatbot,
} from "./store";

/** Begins a bot with its first version. For the command that finalizes a draft, which has asked the policy. */
export async function beginChatbot(
  { actor, now }: Context,
  tx: Tx,
  { settings, guestAccess }: { settings: ChatbotSettings; guestAccess: boolean },
): Promise<Chatbot> {
  const { organizationId, workspaceId, userId } = requireWorkspace(actor);
  const at = now();
  const chatbot: Chatbot = {
    id: newId("bot"),
    organizationId,
    workspaceId,
    settings,
    guestAccess,
    publishedVersion: 1,
    latestVersion: 1,
    createdById: userId ?? "system",
    createdAt: at,
    updatedAt: at,
  };
  await insertChatbot(tx, chatbot);
  await addVersion(tx, chatbot, chatbot.createdById);
  await saveOpenChatbot(tx, chatbot);
  return chatbot;
}

/** Publishes settings as the bot's next version. For commands that have asked the policy. */
export async function publishVersion(
  { actor, now }: Context,
  tx: Tx,
  chatbot: Chatbot,
  settings: ChatbotSettings,
): Promise<Chatbot> {
  const published = publish(chatbot, settings, now());
  await addVersion(tx, published, requireWorkspace(actor).userId ?? "system");
  await saveChatbot(tx, published);
  await saveOpenChatbot(tx, published);
  return published;
}

/** Changes the published bot at once: what a version holds becomes the next version, guest access changes as it is. */
export async function updateChatbot(
  ctx: Context,
  { chatbotId, guestAccess, ...fields }: { chatbotId: string; guestAccess?: boolean } & Partial<ChatbotSettings>,
): Promise<Chatbot> {
  requirePublishing(ctx.actor);
  return ctx.db.transaction(async (tx) => {
    const chatbot = await loadChatbot(ctx, tx, chatbotId);
    const changed = { ...chatbot, guestAccess: guestAccess ?? chatbot.guestAccess };
    const settings = { ...chatbot.settings, ...fields };
    if (!sameSettings(settings, chatbot.settings)) return publishVersion(ctx, tx, changed, settings);
    if (changed.guestAccess === chatbot.guestAccess) return chatbot;
    const saved = { ...changed, updatedAt: ctx.now() };
    await saveChatbot(tx, saved);
    await saveOpenChatbot(tx, saved);
    return saved;
  });
}

/** Publishes an earlier version again. Conversations keep the version they began with. */
export async function rollbackChatbot(
  ctx: Context,
  { chatbotId, version }: { chatbotId: string; version: number },
): Promise<Result<Chatbot, RollbackChatbotRefusal>> {
  requirePublishing(ctx.actor);
  return ctx.db.transaction(async (tx) => {
    const rolledBack = rollback(await loadChatbot(ctx, tx, chatbotId), version, ctx.now());
    if (!rolledBack.ok) return rolledBack;
    const chatbot = rolledBack.value;
    const { settings } = (await findVersion(tx, chatbot.workspaceId, { chatbotId, version }))!;
    await saveChatbot(tx, chatbot);
    await saveOpenChatbot(tx, { ...chatbot, settings });
    return ok({ ...chatbot, settings });
  });
}

/** Nobody finds the bot any more or begins a conversation with it; what was said stays to be read. */
export async function deleteChatbot(ctx: Context, { chatbotId }: { chatbotId: string }): Promise<Chatbot> {
  requirePermission(ctx.actor, "chatbots:delete");
  return ctx.db.transaction(async (tx) => {
    const chatbot = await loadChatbot(ctx, tx, chatbotId);
    await markDeleted(tx, chatbot, ctx.now());
    await forgetOpenChatbot(tx, chatbot);
    return chatbot;
  });
}

/** Lets the bot answer from one more knowledge base, as its next version. */
export async function attachKnowledgeBase(
  ctx: Context,
  { chatbotId, knowledgeBaseId }: { chatbotId: string; knowledgeBaseId: string },
): Promise<Result<Chatbot, AttachKnowledgeBaseRefusal>> {
  requirePublishing(ctx.actor);
  requireAttaching(ctx.actor);
  const missing = await missingKnowledgeBase(ctx, [knowledgeBaseId]);
  if (missing) return refuse("KNOWLEDGE_BASE_NOT_FOUND", { path: ["knowledgeBaseId"] });
  return ctx.db.transaction(async (tx) => {
    const chatbot = await loadChatbot(ctx, tx, chatbotId);
    const attached = attach(chatbot.settings, knowledgeBaseId);
    return attached.ok ? ok(await publishVersion(ctx, tx, chatbot, attached.value)) : attached;
  });
}

/** The bot no longer answers from this knowledge base, as of its next version. */
export async function detachKnowledgeBase(
  ctx: Context,
  { chatbotId, knowledgeBaseId }: { chatbotId: string; knowledgeBaseId: string },
): Promise<Result<Chatbot, DetachKnowledgeBaseRefusal>> {
  requirePublishing(ctx.actor);
  return ctx.db.transaction(async (tx) => {
    const chatbot = await loadChatbot(ctx, tx, chatbotId);
    const detached = detach(chatbot.settings, knowledgeBaseId);
    return detached.ok ? ok(await publishVersion(ctx, tx, chatbot, detached.value)) : detached;
  });
}

/** A knowledge base is gone: no version refers to it any more, also those that conversations have pinned. */
export async function forgetKnowledgeBase(
  { db }: Pick<Context, "db">,
  { knowledgeBaseId }: { knowledgeBaseId: string },
): Promise<void> {
  await forgetKnowledgeBaseInVersions(db, knowledgeBaseId);
}

/** A workspace is gone: its bots go with all that was said to them. `db` is bound to the workspace. */
export const forgetWorkspace = ({ db }: Pick<Context, "db">): Promise<void> => deleteEverything(db);

/** The first of these knowledge bases that the actor's workspace doesn't have; null when it has them all. */
export async function missingKnowledgeBase(ctx: Context, ids: readonly string[]): Promise<string | null> {
  if (ids.length === 0) return null;
  const { organizationId, workspaceId } = requireWorkspace(ctx.actor);
  const known = await ctx.knowledge.existing({ organizationId, workspaceId }, ids);
  return ids.find((id) => !known.includes(id)) ?? null;
}

/** Locks the bot until `tx` ends. */
export async function loadChatbot({ actor }: Context, tx: Tx, id: string): Promise<Chatbot> {
  const chatbot = await lockChatbot(tx, requireWorkspace(actor).workspaceId, id);
  if (!chatbot) throw new PublicError("NOT_FOUND", `No chatbot ${id} in this workspace.`);
  return chatbot;
}

const addVersion = (tx: Tx, chatbot: Chatbot, publishedById: string) =>
  insertVersion(tx, chatbot, {
    id: newId("bver"),
    chatbotId: chatbot.id,
    version: chatbot.publishedVersion,
    publishedById,
    publishedAt: chatbot.updatedAt,
    settings: chatbot.settings,
  });
