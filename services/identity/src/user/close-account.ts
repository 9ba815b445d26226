import { revokeApiKeysOf } from "../api-key/commands";
import type { Services } from "../context";
import { endSessionsOf } from "../session/commands";
import { closeSignInMethods } from "./store";

/**
 * Lets nobody in as this user any more: sessions end, keys are revoked, the address opens nothing. Their erasure
 * begins with this, so that nothing new of them comes while the services erase. Done again, it changes nothing.
 */
export async function closeAccount(
  { database, now }: Pick<Services, "database" | "now">,
  { userId }: { userId: string },
): Promise<void> {
  await database.as({ userId }).transaction(async (tx) => {
    await closeSignInMethods(tx, userId);
    await endSessionsOf({ now }, tx, userId);
    await revokeApiKeysOf({ now }, tx, userId);
  });
}
