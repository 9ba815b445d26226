import type { ChatbotSettings } from "../chatbot/chatbot";
import type { Tx } from "../context";
import type { ChatbotDraft } from "./chatbot-draft";

type Row = Omit<ChatbotDraft, "settings"> & ChatbotSettings;

function toDraft(row: Row): ChatbotDraft {
  const { name, greeting, persona, instructions, language, refusalText, knowledgeBaseIds, ...draft } = row;
  return { ...draft, settings: { name, greeting, persona, instructions, language, refusalText, knowledgeBaseIds } };
}

const toRow = ({ settings, ...draft }: ChatbotDraft): Row => ({ ...draft, ...settings });

export async function insertDraft(tx: Tx, draft: ChatbotDraft): Promise<void> {
  await tx.chatbotDraft.create({ data: toRow(draft) });
}

export async function saveDraft(tx: Tx, draft: ChatbotDraft): Promise<void> {
  const { id, workspaceId, ...data } = toRow(draft);
  await tx.chatbotDraft.updateMany({ where: { workspaceId, id }, data });
}

export const deleteDraft = (tx: Tx, { workspaceId, id }: ChatbotDraft) =>
  tx.chatbotDraft.deleteMany({ where: { workspaceId, id } });

/** Null outside this workspace. */
export async function findDraft(tx: Tx, workspaceId: string, id: string): Promise<ChatbotDraft | null> {
  const row = await tx.chatbotDraft.findFirst({ where: { workspaceId, id } });
  return row && toDraft(row);
}

/** Locks the draft until `tx` ends, so that it is finalized once. Null outside this workspace. */
export async function lockDraft(tx: Tx, workspaceId: string, id: string): Promise<ChatbotDraft | null> {
  await tx.sql("select id from chatbot_draft where workspace_id = $1 and id = $2 for update", [workspaceId, id]);
  return findDraft(tx, workspaceId, id);
}

/** A workspace's open drafts, newest first. */
export async function listDrafts(
  tx: Tx,
  workspaceId: string,
  { limit, after }: { limit: number; after: string | null },
): Promise<ChatbotDraft[]> {
  const rows = await tx.chatbotDraft.findMany({
    where: { workspaceId, finalizedVersion: null, ...(after && { id: { lt: after } }) },
    orderBy: { id: "desc" },
    take: limit,
  });
  return rows.map(toDraft);
}

/** Takes a knowledge base that no longer exists out of every draft. */
export async function forgetKnowledgeBase(tx: Tx, knowledgeBaseId: string): Promise<void> {
  await tx.sql(
    `update chatbot_draft set knowledge_base_ids = array_remove(knowledge_base_ids, $1)
      where knowledge_base_ids @> array[$1]`,
    [knowledgeBaseId],
  );
}
