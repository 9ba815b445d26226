import { requirePermission } from "@atrium/access";
import { PublicError, ok, type Result } from "@atrium/errors";
import { apiKeyCreated, apiKeyRevoked, appendEvent } from "@atrium/events";
import { newId } from "@atrium/ids";
import { requireId, requireText } from "@atrium/schema-kit";
import type { Context, Db, Services } from "../context";
import { hashSecret } from "../secret-box";
import { requireSession } from "../session/commands";
import { apiKeyNameLengthMax, isUsable, looksLikeApiKey, newApiKey, type ApiKey, type ApiKeyRefusal } from "./api-key";
import { decideApiKey } from "./policy";
import {
  findApiKeysByHash,
  insertApiKey,
  lockAndCountApiKeys,
  lockApiKey,
  recordUse,
  revokeAll,
  saveRevocation,
} from "./store";

/** Makes a key that acts where the caller stands. Its secret is in the answer and nowhere else. */
export async function createApiKey(
  ctx: Context,
  input: { name: string; permissions: readonly string[]; expiresAt?: Date | null },
): Promise<Result<{ apiKey: ApiKey; secret: string }, ApiKeyRefusal>> {
  const actor = requireSession(ctx.actor);
  requirePermission(actor, "api_keys:create");
  const { organizationId, workspaceId, userId } = actor;
  if (!organizationId) throw new PublicError("FORBIDDEN", "Choose an organization first, with switchContext.");
  const name = requireText(input.name, "input.name", { lengthMax: apiKeyNameLengthMax });

  return ctx.db.transaction(async (tx) => {
    const now = ctx.now();
    const expiresAt = input.expiresAt ?? null;
    const facts = { held: actor.permissions, keyCount: await lockAndCountApiKeys(tx, userId, now), now };
    const permissions = decideApiKey({ permissions: input.permissions, expiresAt }, facts);
    if (!permissions.ok) return permissions;
    const secret = newApiKey();
    const apiKey: ApiKey = {
      id: newId("key"),
      userId,
      organizationId,
      workspaceId,
      name,
      hint: secret.slice(-4),
      permissions: permissions.value,
      createdAt: now,
      expiresAt,
      lastUsedAt: null,
      revokedAt: null,
    };
    await insertApiKey(tx, apiKey, hashSecret(secret));
    await appendEvent(tx, apiKeyCreated({ apiKeyId: apiKey.id, userId }));
    return ok({ apiKey, secret });
  });
}

/** Ends one of the caller's keys; what uses it is refused with its next request. */
export async function revokeApiKey(ctx: Context, input: { id: string }): Promise<ApiKey> {
  requireSession(ctx.actor);
  const id = requireId("key", input.id, "input.id");
  return ctx.db.transaction(async (tx) => {
    const apiKey = await lockApiKey(tx, id);
    if (!apiKey) throw new PublicError("NOT_FOUND", `You have no API key ${id}.`);
    if (apiKey.revokedAt) return apiKey;
    const revokedAt = ctx.now();
    await saveRevocation(tx, id, revokedAt);
    await appendEvent(tx, apiKeyRevoked({ apiKeyId: id, userId: apiKey.userId }));
    return { ...apiKey, revokedAt };
  });
}

/** Ends all of a user's keys. */
export async function revokeApiKeysOf({ now }: Pick<Services, "now">, tx: Db, userId: string): Promise<void> {
  for (const apiKeyId of await revokeAll(tx, userId, now())) await appendEvent(tx, apiKeyRevoked({ apiKeyId, userId }));
}

const recordUseEveryMs = 60_000;

/** For each secret the key that it opens, and null where it opens none (any more). Records the use, once a minute. */
export async function openApiKeys(
  { database, now }: Pick<Services, "database" | "now">,
  secrets: readonly string[],
): Promise<(ApiKey | null)[]> {
  const service = database.asService();
  const hashes = secrets.filter(looksLikeApiKey).map(hashSecret);
  if (hashes.length === 0) return secrets.map(() => null);
  const time = now();
  const usable = (await findApiKeysByHash(service, hashes)).filter((key) => isUsable(key, time));
  const stale = usable.filter(
    ({ lastUsedAt }) => !lastUsedAt || time.getTime() - lastUsedAt.getTime() >= recordUseEveryMs,
  );
  if (stale.length > 0)
    await recordUse(
      service,
      stale.map(({ id }) => id),
      time,
    );
  const byHash = new Map(usable.map((key) => [key.hash.toString("hex"), key]));
  return secrets.map((secret) => byHash.get(hashSecret(secret).toString("hex")) ?? null);
}
