import { randomBytes } from "node:crypto";
import { allows, isPermission, permissionsOf, type Permission } from "@atrium/access";
import { ok, refuse, type Result } from "@atrium/errors";

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

export interface ApiKeyRequest {
  permissions: readonly string[];
  expiresAt: Date | null;
}

/**
 * Which single permissions the key will carry. Patterns are resolved now: an action that the table learns later isn't
 * granted to keys made before. When the key is used, what its owner has lost meanwhile is taken away as well.
 */
export function decideApiKey(
  { permissions, expiresAt }: ApiKeyRequest,
  { held, keyCount, now }: { held: readonly string[]; keyCount: number; now: Date },
): Result<Permission[], ApiKeyRefusal> {
  if (keyCount >= apiKeysMax) return refuse("TOO_MANY_API_KEYS");
  if (expiresAt !== null && expiresAt <= now) return refuse("EXPIRY_IN_PAST", { path: ["expiresAt"] });
  if (permissions.length === 0) return refuse("NO_PERMISSIONS", { path: ["permissions"] });
  for (const [index, permission] of permissions.entries())
    if (!isPermission(permission))
      return refuse("UNKNOWN_PERMISSION", { path: ["permissions", String(index)] });
  const granted = permissionsOf(permissions);
  const missing = granted.find((permission) => !allows(held, permission));
  if (missing) return refuse("PERMISSION_NOT_HELD", { path: ["permissions"], message: `You don't hold ${missing} here.` });
  return ok(granted);
}

export const isUsable = ({ revokedAt, expiresAt }: Pick<ApiKey, "revokedAt" | "expiresAt">, now: Date) =>
  revokedAt === null && (expiresAt === null || expiresAt > now);
