import { badInput, optionalText, requireIds } from "@atrium/schema-kit";
import { knowledgeBaseCountMax, type ChatbotSettings } from "./chatbot";

/** Settings as a mutation's input has them; what is absent stays as it is. */
export interface SettingsInput {
  name?: string | null;
  greeting?: string | null;
  persona?: string | null;
  instructions?: string | null;
  language?: string | null;
  refusalText?: string | null;
  knowledgeBaseIds?: string[] | null;
}

const limits = {
  name: { lengthMax: 120 },
  greeting: { lengthMin: 0, lengthMax: 1_000, multiline: true },
  persona: { lengthMin: 0, lengthMax: 4_000, multiline: true },
  instructions: { lengthMin: 0, lengthMax: 20_000, multiline: true },
  refusalText: { lengthMin: 0, lengthMax: 1_000, multiline: true },
} as const;

/** The settings that were given, each checked; faults name the field of `input`. */
export function readSettings(input: SettingsInput): Partial<ChatbotSettings> {
  const settings: Partial<ChatbotSettings> = {};
  for (const name of ["name", "greeting", "persona", "instructions"] as const) {
    const text = optionalText(input[name], `input.${name}`, limits[name]);
    if (text !== null) settings[name] = text;
  }
  const refusalText = optionalText(input.refusalText, "input.refusalText", limits.refusalText);
  if (refusalText !== null) settings.refusalText = refusalText || null;
  if (typeof input.language === "string") settings.language = requireLanguage(input.language);
  if (input.knowledgeBaseIds)
    settings.knowledgeBaseIds = requireIds("kb", input.knowledgeBaseIds, "input.knowledgeBaseIds", {
      countMax: knowledgeBaseCountMax,
    });
  return settings;
}

function requireLanguage(tag: string): string {
  try {
    if (tag.length <= 35) return Intl.getCanonicalLocales(tag)[0]!;
  } catch {
    // Not a tag, as those that are too long.
  }
  throw badInput("input.language", "input.language is no BCP 47 language tag, like en or de-AT.");
}
