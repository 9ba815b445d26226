import { ok, refuse, type Result } from "@atrium/errors";
import type { ChatbotSettings } from "../chatbot/chatbot";

/** A bot in the making, or the next version of one: nobody but its makers talks to it. */
export interface ChatbotDraft {
  id: string;
  organizationId: string;
  workspaceId: string;
  /** The bot that it changes, or has become; null for a new one that isn't published yet. */
  chatbotId: string | null;
  /** The version that it became; null while it is open. */
  finalizedVersion: number | null;
  /** Null leaves it as the bot has it; off for a new one. */
  guestAccess: boolean | null;
  createdById: string;
  createdAt: Date;
  updatedAt: Date;
  settings: ChatbotSettings;
}

const finalized = { ALREADY_FINALIZED: "This draft has become a version; it doesn't change any more." } as const;
const missing = { KNOWLEDGE_BASE_NOT_FOUND: "There is no such knowledge base in this workspace." } as const;

export const CreateChatbotDraftRefusal = missing;
export type CreateChatbotDraftRefusal = keyof typeof CreateChatbotDraftRefusal;

export const UpdateChatbotDraftRefusal = { ...finalized, ...missing } as const;
export type UpdateChatbotDraftRefusal = keyof typeof UpdateChatbotDraftRefusal;

export const TestChatbotDraftRefusal = finalized;
export type TestChatbotDraftRefusal = keyof typeof TestChatbotDraftRefusal;

export const FinalizeChatbotDraftRefusal = {
  ...finalized,
  CHATBOT_DELETED: "The bot that this draft changes was deleted.",
} as const;
export type FinalizeChatbotDraftRefusal = keyof typeof FinalizeChatbotDraftRefusal;

export const DiscardChatbotDraftRefusal = finalized;
export type DiscardChatbotDraftRefusal = keyof typeof DiscardChatbotDraftRefusal;

/** Whether anything may still be done with the draft. */
export const open = (draft: ChatbotDraft): Result<ChatbotDraft, "ALREADY_FINALIZED"> =>
  draft.finalizedVersion === null ? ok(draft) : refuse("ALREADY_FINALIZED", { path: ["draftId"] });

/** Decides the draft with the fields that were given. */
export function change(
  draft: ChatbotDraft,
  { guestAccess = draft.guestAccess, ...fields }: Partial<ChatbotSettings> & { guestAccess?: boolean | null },
  now: Date,
): Result<ChatbotDraft, "ALREADY_FINALIZED"> {
  const opened = open(draft);
  if (!opened.ok) return opened;
  return ok({ ...draft, guestAccess, settings: { ...draft.settings, ...fields }, updatedAt: now });
}
