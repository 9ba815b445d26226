import { ok, refuse, type Result } from "@atrium/errors";

/** What makes a bot this bot. A version holds one state of it for good. */
export interface ChatbotSettings {
  name: string;
  /** What it says first; may be empty. */
  greeting: string;
  /** Who it is, in its own words; may be empty. */
  persona: string;
  /** How it should answer; may be empty. */
  instructions: string;
  /** BCP 47. */
  language: string;
  /** What it says when the documents hold no answer; null for the language's standing text. */
  refusalText: string | null;
  knowledgeBaseIds: string[];
}

export interface Chatbot {
  id: string;
  organizationId: string;
  workspaceId: string;
  /** The version that new conversations begin with. */
  publishedVersion: number;
  latestVersion: number;
  /** Whether guests may talk to it. Takes effect at once, so it is no part of a version. */
  guestAccess: boolean;
  createdById: string;
  createdAt: Date;
  updatedAt: Date;
  /** Of the published version. */
  settings: ChatbotSettings;
}

export interface ChatbotVersion {
  id: string;
  chatbotId: string;
  version: number;
  publishedById: string;
  publishedAt: Date;
  settings: ChatbotSettings;
}

/** What a guest may know of a bot that is open to guests, and where the service finds it. */
export interface OpenChatbot {
  chatbotId: string;
  organizationId: string;
  workspaceId: string;
  name: string;
  greeting: string;
}

export const knowledgeBaseCountMax = 20;

export const AttachKnowledgeBaseRefusal = {
  ALREADY_ATTACHED: "This knowledge base is attached already.",
  KNOWLEDGE_BASE_NOT_FOUND: "There is no such knowledge base in this workspace.",
  TOO_MANY_KNOWLEDGE_BASES: `A bot answers from at most ${knowledgeBaseCountMax} knowledge bases.`,
} as const;
export type AttachKnowledgeBaseRefusal = keyof typeof AttachKnowledgeBaseRefusal;

/** Decides the settings with one more knowledge base. */
export function attach(
  settings: ChatbotSettings,
  knowledgeBaseId: string,
): Result<ChatbotSettings, "ALREADY_ATTACHED" | "TOO_MANY_KNOWLEDGE_BASES"> {
  const { knowledgeBaseIds } = settings;
  if (knowledgeBaseIds.includes(knowledgeBaseId)) return refuse("ALREADY_ATTACHED", { path: ["knowledgeBaseId"] });
  if (knowledgeBaseIds.length >= knowledgeBaseCountMax) return refuse("TOO_MANY_KNOWLEDGE_BASES");
  return ok({ ...settings, knowledgeBaseIds: [...knowledgeBaseIds, knowledgeBaseId] });
}

export const DetachKnowledgeBaseRefusal = {
  NOT_ATTACHED: "This knowledge base is not attached.",
} as const;
export type DetachKnowledgeBaseRefusal = keyof typeof DetachKnowledgeBaseRefusal;

/** Decides the settings without one of the knowledge bases. */
export function detach(
  settings: ChatbotSettings,
  knowledgeBaseId: string,
): Result<ChatbotSettings, DetachKnowledgeBaseRefusal> {
  if (!settings.knowledgeBaseIds.includes(knowledgeBaseId))
    return refuse("NOT_ATTACHED", { path: ["knowledgeBaseId"] });
  return ok({ ...settings, knowledgeBaseIds: settings.knowledgeBaseIds.filter((id) => id !== knowledgeBaseId) });
}

export const RollbackChatbotRefusal = {
  VERSION_NOT_FOUND: "This bot has no such version.",
  ALREADY_PUBLISHED: "This version is the published one already.",
} as const;
export type RollbackChatbotRefusal = keyof typeof RollbackChatbotRefusal;

/** Decides the bot with an earlier (or later) of its versions published. */
export function rollback(chatbot: Chatbot, version: number, now: Date): Result<Chatbot, RollbackChatbotRefusal> {
  if (version < 1 || version > chatbot.latestVersion) return refuse("VERSION_NOT_FOUND", { path: ["version"] });
  if (version === chatbot.publishedVersion) return refuse("ALREADY_PUBLISHED", { path: ["version"] });
  return ok({ ...chatbot, publishedVersion: version, updatedAt: now });
}

/** The bot with these settings as its next version. */
export function publish(chatbot: Chatbot, settings: ChatbotSettings, now: Date): Chatbot {
  const version = chatbot.latestVersion + 1;
  return { ...chatbot, settings, publishedVersion: version, latestVersion: version, updatedAt: now };
}

/** Whether two settings would make the same bot. */
export const sameSettings = (one: ChatbotSettings, other: ChatbotSettings): boolean =>
  (Object.keys(one) as (keyof ChatbotSettings)[]).every(
    (name) => JSON.stringify(one[name]) === JSON.stringify(other[name]),
  );
