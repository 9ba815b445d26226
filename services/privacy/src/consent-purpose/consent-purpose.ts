import { ok, refuse, type Result } from "@atrium/errors";

/** What a person may agree to: a text, and why the law lets the organization do it. */
export interface ConsentPurpose {
  key: string;
  version: number;
  legalBasis: LegalBasis;
  text: string;
  /** Null for the version that every organization begins with. */
  definedAt: Date | null;
}

export const legalBases = {
  CONSENT: "The person has to agree; nothing is collected before.",
  CONTRACT: "It is needed for what the person asked for.",
  LEGAL_OBLIGATION: "A law demands it.",
  LEGITIMATE_INTEREST: "The organization's interest outweighs; the person may object.",
} as const;
export type LegalBasis = keyof typeof legalBases;

/** What every organization has from the start, as version 1. */
export const builtInPurposes: readonly ConsentPurpose[] = [
  {
    key: "analytics",
    version: 1,
    legalBasis: "CONSENT",
    text: "To count how you use the product, so that the organization sees what helps.",
    definedAt: null,
  },
  {
    key: "marketing",
    version: 1,
    legalBasis: "CONSENT",
    text: "To write to you about what is new.",
    definedAt: null,
  },
  {
    key: "research",
    version: 1,
    legalBasis: "CONSENT",
    text: "To learn from your conversations, made anonymous, so that answers get better.",
    definedAt: null,
  },
];

/** The newest version of each purpose: those that were written, and the built-in ones that weren't. */
export function withBuiltIn(written: readonly ConsentPurpose[]): ConsentPurpose[] {
  const keys = new Set(written.map(({ key }) => key));
  const all = [...builtInPurposes.filter(({ key }) => !keys.has(key)), ...written];
  return all.sort((one, other) => (one.key < other.key ? -1 : 1));
}

export const DefineConsentPurposeRefusal = {
  UNCHANGED: "This is what the purpose says already.",
  TOO_MANY: "An organization has at most 50 purposes.",
} as const;
export type DefineConsentPurposeRefusal = keyof typeof DefineConsentPurposeRefusal;

const purposesMax = 50;

/** Decides which version a text becomes. */
export function define(
  known: readonly ConsentPurpose[],
  { key, legalBasis, text }: Pick<ConsentPurpose, "key" | "legalBasis" | "text">,
  now: Date,
): Result<ConsentPurpose, DefineConsentPurposeRefusal> {
  const before = known.find((purpose) => purpose.key === key);
  if (!before && known.length >= purposesMax) return refuse("TOO_MANY", { path: ["key"] });
  if (before?.text === text && before.legalBasis === legalBasis) return refuse("UNCHANGED");
  return ok({ key, version: (before?.version ?? 0) + 1, legalBasis, text, definedAt: now });
}
