import { requirePermission, requireWorkspace } from "@atrium/access";
import { ok, PublicError, refuse, type Result } from "@atrium/errors";
import { newId } from "@atrium/ids";
import type { Answer } from "../answer/answer";
import { answerAtTierOne } from "../answer/tier-one";
import type { Chatbot, ChatbotSettings } from "../chatbot/chatbot";
import { beginChatbot, loadChatbot, missingKnowledgeBase, publishVersion } from "../chatbot/commands";
import { requireAttaching, requirePublishing } from "../chatbot/policy";
import { chatbot, publishedChatbot } from "../chatbot/queries";
import type { Context, Tx } from "../context";
import { consumeMessage } from "../limits";
import {
  change,
  open,
  type ChatbotDraft,
  type CreateChatbotDraftRefusal,
  type DiscardChatbotDraftRefusal,
  type FinalizeChatbotDraftRefusal,
  type TestChatbotDraftRefusal,
  type UpdateChatbotDraftRefusal,
} from "./chatbot-draft";
import { deleteDraft, findDraft, forgetKnowledgeBase, insertDraft, lockDraft, saveDraft } from "./store";

type Fields = Partial<ChatbotSettings> & { guestAccess?: boolean };

/** Begins a draft: of a new bot, or of the next version of `chatbotId`, with that bot's settings where none are given. */
export async function createChatbotDraft(
  ctx: Context,
  { chatbotId, ...fields }: Fields & { chatbotId?: string },
): Promise<Result<ChatbotDraft, CreateChatbotDraftRefusal>> {
  requirePermission(ctx.actor, "chatbots:write");
  const { organizationId, workspaceId, userId } = requireWorkspace(ctx.actor);
  const refusal = await checkKnowledgeBases(ctx, fields.knowledgeBaseIds);
  if (refusal) return refusal;
  const base = chatbotId ? await chatbot(ctx, chatbotId) : null;
  const { guestAccess = null, ...settings } = fields;
  const at = ctx.now();
  const draft: ChatbotDraft = {
    id: newId("bdr"),
    organizationId,
    workspaceId,
    chatbotId: chatbotId ?? null,
    finalizedVersion: null,
    guestAccess,
    createdById: userId ?? "system",
    createdAt: at,
    updatedAt: at,
    settings: { ...(base?.settings ?? initialSettings), ...settings },
  };
  await insertDraft(ctx.db, draft);
  return ok(draft);
}

const initialSettings: ChatbotSettings = {
  name: "",
  greeting: "",
  persona: "",
  instructions: "",
  language: "en",
  refusalText: null,
  knowledgeBaseIds: [],
};

/** Changes an open draft; what isn't given stays. */
export async function updateChatbotDraft(
  ctx: Context,
  { draftId, ...fields }: Fields & { draftId: string },
): Promise<Result<ChatbotDraft, UpdateChatbotDraftRefusal>> {
  requirePermission(ctx.actor, "chatbots:write");
  const refusal = await checkKnowledgeBases(ctx, fields.knowledgeBaseIds);
  if (refusal) return refusal;
  return ctx.db.transaction(async (tx) => {
    const changed = change(await load(ctx, tx, draftId), fields, ctx.now());
    if (changed.ok) await saveDraft(tx, changed.value);
    return changed;
  });
}

/** Answers a message as the draft would. Nothing of it is kept or counted. */
export async function testChatbotDraft(
  ctx: Context,
  { draftId, message }: { draftId: string; message: string },
): Promise<Result<Answer, TestChatbotDraftRefusal>> {
  requirePermission(ctx.actor, "chatbots:write");
  const { organizationId, workspaceId, userId } = requireWorkspace(ctx.actor);
  const draft = await findDraft(ctx.db, workspaceId, draftId);
  if (!draft) throw noDraft(draftId);
  const opened = open(draft);
  if (!opened.ok) return opened;
  await consumeMessage(ctx, userId ?? organizationId);
  const ask = ctx.knowledge.ask({ organizationId, workspaceId });
  return ok(await answerAtTierOne({ settings: draft.settings, text: message, history: [] }, ask));
}

/** Publishes the draft: a new bot's first version, or the next version of the bot it was made from. */
export async function finalizeChatbotDraft(
  ctx: Context,
  { draftId }: { draftId: string },
): Promise<Result<Chatbot, FinalizeChatbotDraftRefusal>> {
  requirePublishing(ctx.actor);
  return ctx.db.transaction(async (tx) => {
    const opened = open(await load(ctx, tx, draftId));
    if (!opened.ok) return opened;
    const draft = opened.value;
    const { settings, guestAccess, chatbotId } = draft;
    if (chatbotId && !(await publishedChatbot(tx, draft.workspaceId, chatbotId))) return refuse("CHATBOT_DELETED");
    const published = chatbotId
      ? await publishNext(ctx, tx, chatbotId, draft)
      : await beginChatbot(ctx, tx, { settings, guestAccess: guestAccess ?? false });
    const { id, publishedVersion } = published;
    await saveDraft(tx, { ...draft, chatbotId: id, finalizedVersion: publishedVersion, updatedAt: ctx.now() });
    return ok(published);
  });
}

async function publishNext(ctx: Context, tx: Tx, chatbotId: string, { settings, guestAccess }: ChatbotDraft) {
  const chatbot = await loadChatbot(ctx, tx, chatbotId);
  return publishVersion(ctx, tx, { ...chatbot, guestAccess: guestAccess ?? chatbot.guestAccess }, settings);
}

/** Throws an open draft away. */
export async function discardChatbotDraft(
  ctx: Context,
  { draftId }: { draftId: string },
): Promise<Result<ChatbotDraft, DiscardChatbotDraftRefusal>> {
  requirePermission(ctx.actor, "chatbots:write");
  return ctx.db.transaction(async (tx) => {
    const opened = open(await load(ctx, tx, draftId));
    if (opened.ok) await deleteDraft(tx, opened.value);
    return opened;
  });
}

/** A knowledge base is gone: no draft refers to it any more. */
export const forgetKnowledgeBaseInDrafts = (
  { db }: Pick<Context, "db">,
  { knowledgeBaseId }: { knowledgeBaseId: string },
) => forgetKnowledgeBase(db, knowledgeBaseId);

async function checkKnowledgeBases(ctx: Context, ids: readonly string[] = []) {
  if (ids.length === 0) return null;
  requireAttaching(ctx.actor);
  const missing = await missingKnowledgeBase(ctx, ids);
  return missing
    ? refuse("KNOWLEDGE_BASE_NOT_FOUND", { path: ["knowledgeBaseIds", String(ids.indexOf(missing))] })
    : null;
}

async function load({ actor }: Context, tx: Tx, id: string): Promise<ChatbotDraft> {
  const draft = await lockDraft(tx, requireWorkspace(actor).workspaceId, id);
  if (!draft) throw noDraft(id);
  return draft;
}

const noDraft = (id: string) => new PublicError("NOT_FOUND", `No draft ${id} in this workspace.`);
