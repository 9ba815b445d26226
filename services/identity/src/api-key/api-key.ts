import { randomBytes } from "node:crypto";

export interface ApiKey {
  id: string;
  userId: string;
  organizationId: string;
  workspaceId: string | null;
  name: string;
  hint: string;
  permissions: string[];
  createdAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

export const ApiKeyRefusal = {
  NO_PERMISSIONS: "A key without permissions can do nothing. Name at least one.",
  UNKNOWN_PERMISSION: "There is no such permission.",
  PERMISSION_NOT_HELD: "Nobody gives a key what they don't hold themselves.",
  EXPIRY_IN_PAST: "The key would have expired already.",
  TOO_MANY_API_KEYS: "You have as many keys as one person may have. Revoke one first.",
} as const;
export type ApiKeyRefusal = keyof typeof ApiKeyRefusal;

export const apiKeysMax = 100;
export const apiKeyNameLengthMax = 200;

const form = /^atr_[A-Za-z0-9_-]{43}$/;

/** The key itself, shown once: `atr_` and 256 random bits. */
export const newApiKey = () => `atr_${randomBytes(32).toString("base64url")}`;

/** Says only that it could be one. */
export const looksLikeApiKey = (text: string) => form.test(text);

export const isUsable = ({ revokedAt, expiresAt }: Pick<ApiKey, "revokedAt" | "expiresAt">, now: Date) =>
  revokedAt === null && (expiresAt === null || expiresAt > now);
