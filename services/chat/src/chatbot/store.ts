import type { Tx } from "../context";
import type { Chatbot, ChatbotSettings, ChatbotVersion, OpenChatbot } from "./chatbot";

const settingsColumns = `'name', v.name, 'greeting', v.greeting, 'persona', v.persona, 'instructions', v.instructions,
  'language', v.language, 'refusalText', v.refusal_text, 'knowledgeBaseIds', v.knowledge_base_ids`;

const select = `
  select c.id, c.organization_id as "organizationId", c.workspace_id as "workspaceId",
         c.published_version as "publishedVersion", c.latest_version as "latestVersion",
         c.guest_access as "guestAccess", c.created_by_id as "createdById", c.created_at as "createdAt",
         c.updated_at as "updatedAt", json_build_object(${settingsColumns}) as settings
    from chatbot c
    join chatbot_version v on v.organization_id = c.organization_id and v.chatbot_id = c.id
     and v.version = c.published_version
   where c.workspace_id = $1 and c.deleted_at is null`;

/** Those of the bots that exist in the workspace; deleted ones don't. */
export const findChatbots = (tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Chatbot[]> =>
  tx.sql<Chatbot>(`${select} and c.id = any ($2)`, [workspaceId, ids]);

/** A workspace's bots, newest first. */
export const listChatbots = (
  tx: Tx,
  workspaceId: string,
  { limit, after }: { limit: number; after: string | null },
): Promise<Chatbot[]> =>
  tx.sql<Chatbot>(`${select} and ($2::text is null or c.id < $2) order by c.id desc limit $3`, [
    workspaceId,
    after,
    limit,
  ]);

/** Locks the bot until `tx` ends, so that two publications get two versions. Null outside this workspace. */
export async function lockChatbot(tx: Tx, workspaceId: string, id: string): Promise<Chatbot | null> {
  // Locked on its own first: what is then read with it is what was published last.
  await tx.sql("select id from chatbot where workspace_id = $1 and id = $2 for update", [workspaceId, id]);
  const [chatbot] = await findChatbots(tx, workspaceId, [id]);
  return chatbot ?? null;
}

export async function insertChatbot(tx: Tx, { settings: _, ...chatbot }: Chatbot): Promise<void> {
  await tx.chatbot.create({ data: chatbot });
}

export async function saveChatbot(tx: Tx, { settings: _, id, workspaceId, ...rest }: Chatbot): Promise<void> {
  const { publishedVersion, latestVersion, guestAccess, updatedAt } = rest;
  await tx.chatbot.updateMany({
    where: { workspaceId, id },
    data: { publishedVersion, latestVersion, guestAccess, updatedAt },
  });
}

export async function markDeleted(tx: Tx, { workspaceId, id }: Chatbot, now: Date): Promise<void> {
  await tx.chatbot.updateMany({ where: { workspaceId, id }, data: { deletedAt: now, guestAccess: false } });
}

export async function insertVersion(
  tx: Tx,
  { organizationId, workspaceId }: Chatbot,
  { settings, ...version }: ChatbotVersion,
): Promise<void> {
  await tx.chatbotVersion.create({ data: { ...version, ...settings, organizationId, workspaceId } });
}

type VersionRow = Omit<ChatbotVersion, "settings"> & ChatbotSettings;

const toVersion = ({ id, chatbotId, version, publishedById, publishedAt, ...row }: VersionRow): ChatbotVersion => {
  const { name, greeting, persona, instructions, language, refusalText, knowledgeBaseIds } = row;
  const settings = { name, greeting, persona, instructions, language, refusalText, knowledgeBaseIds };
  return { id, chatbotId, version, publishedById, publishedAt, settings };
};

export async function findVersion(
  tx: Tx,
  workspaceId: string,
  { chatbotId, version }: { chatbotId: string; version: number },
): Promise<ChatbotVersion | null> {
  const row = await tx.chatbotVersion.findFirst({ where: { workspaceId, chatbotId, version } });
  return row && toVersion(row);
}

/** A bot's versions, newest first. */
export async function listVersions(
  tx: Tx,
  workspaceId: string,
  chatbotId: string,
  { limit, after }: { limit: number; after: number | null },
): Promise<ChatbotVersion[]> {
  const rows = await tx.chatbotVersion.findMany({
    where: { workspaceId, chatbotId, ...(after !== null && { version: { lt: after } }) },
    orderBy: { version: "desc" },
    take: limit,
  });
  return rows.map(toVersion);
}

/** Lets guests find the bot, as it now is, or no longer find it. */
export async function saveOpenChatbot(tx: Tx, chatbot: Chatbot): Promise<void> {
  const { id: chatbotId, organizationId, workspaceId, guestAccess, settings } = chatbot;
  if (!guestAccess) return forgetOpenChatbot(tx, chatbot);
  const { name, greeting } = settings;
  await tx.sql(
    `insert into open_chatbot (chatbot_id, organization_id, workspace_id, name, greeting) values ($1, $2, $3, $4, $5)
     on conflict (chatbot_id) do update set name = excluded.name, greeting = excluded.greeting`,
    [chatbotId, organizationId, workspaceId, name, greeting],
  );
}

export async function forgetOpenChatbot(tx: Tx, { workspaceId, id }: Chatbot): Promise<void> {
  await tx.openChatbot.deleteMany({ where: { workspaceId, chatbotId: id } });
}

/** The bot that is open to guests: any for a guest's handle, one of its workspace for a member's. */
export const findOpenChatbot = (tx: Tx, chatbotId: string): Promise<OpenChatbot | null> =>
  tx.openChatbot.findFirst({ where: { chatbotId } });

/** Takes a knowledge base that no longer exists out of every version. */
export async function forgetKnowledgeBaseInVersions(tx: Tx, knowledgeBaseId: string): Promise<void> {
  await tx.sql(
    `update chatbot_version set knowledge_base_ids = array_remove(knowledge_base_ids, $1)
      where knowledge_base_ids @> array[$1]`,
    [knowledgeBaseId],
  );
}

/**
 * Deletes the bots of the handle's workspace, and with them their versions, drafts and conversations. Drafts of bots
 * that were never published belong to none.
 */
export async function deleteEverything(tx: Tx): Promise<void> {
  const { organizationId, workspaceId } = tx.tenant;
  if (!organizationId || !workspaceId) throw new Error("A workspace is forgotten in its own name.");
  await tx.chatbot.deleteMany({ where: { organizationId, workspaceId } });
  await tx.chatbotDraft.deleteMany({ where: { organizationId, workspaceId } });
}
