import { allows, isPermission, permissionsOf, type Permission } from "@atrium/access";
import { ok, refuse, type Result } from "@atrium/errors";
import { apiKeysMax, type ApiKeyRefusal } from "./api-key";

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
    if (!isPermission(permission)) return refuse("UNKNOWN_PERMISSION", { path: ["permissions", String(index)] });
  const granted = permissionsOf(permissions);
  const missing = granted.find((permission) => !allows(held, permission));
  if (missing)
    return refuse("PERMISSION_NOT_HELD", { path: ["permissions"], message: `You don't hold ${missing} here.` });
  return ok(granted);
}
