import { PublicError } from "@atrium/errors";
import type { Platform } from "@atrium/subgraph";
import { z } from "zod";

const answer = z.object({ userIds: z.array(z.string().nullable()) });

/**
 * Asks identity which users have these e-mail addresses; null for an address that nobody has. Rejects with
 * `SERVICE_UNAVAILABLE` without an answer.
 */
export const askUsersByEmail =
  ({ callInternal }: Pick<Platform, "callInternal">) =>
  async (emails: readonly string[]): Promise<(string | null)[]> => {
    try {
      return answer.parse(await callInternal("identity", "usersByEmail", { emails }, "tenancy")).userIds;
    } catch (error) {
      const message = "The service that knows people's addresses doesn't answer. Try again.";
      throw new PublicError("SERVICE_UNAVAILABLE", message, { cause: error });
    }
  };
