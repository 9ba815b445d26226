import type { Platform } from "@atrium/subgraph";
import { z } from "zod";

const answer = z.object({ userIds: z.array(z.string().nullable()) });

/** Asks identity which users have these e-mail addresses; null for an address that nobody has. */
export const askUsersByEmail =
  (platform: Platform) =>
  async (emails: readonly string[]): Promise<(string | null)[]> =>
    answer.parse(await platform.callInternal("identity", "usersByEmail", { emails }, "tenancy")).userIds;
