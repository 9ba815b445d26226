import { z } from "zod";
import { PublicError } from "@atrium/errors";
import type { Log } from "../context";

interface Place {
  organizationId: string;
  workspaceId: string | null;
}

/** What is asked of tenancy, which alone knows who belongs where. Rejects with `SERVICE_UNAVAILABLE` without an answer. */
export interface AskTenancy {
  /** The permission patterns that the user holds there; null for somebody who doesn't belong. */
  permissionsOf(member: Place & { userId: string }): Promise<readonly string[] | null>;
  /** Where a session begins that nobody has chosen a place for; null while the user belongs nowhere. */
  defaultPlaceOf(userId: string): Promise<Place | null>;
}

/** Asks one of another service's internal operations. */
type CallInternal = (service: string, name: string, input: unknown, from: string) => Promise<unknown>;

const permissionsAnswer = z.object({ permissions: z.array(z.array(z.string()).nullable()).length(1) });
const contextsAnswer = z.object({
  contexts: z.array(z.object({ organizationId: z.string(), workspaceId: z.string().nullable() }).nullable()).length(1),
});

export function askTenancy(callInternal: CallInternal, log: Log): AskTenancy {
  async function ask<Answer>(name: string, input: unknown, answer: z.ZodType<Answer>): Promise<Answer> {
    try {
      return answer.parse(await callInternal("tenancy", name, input, "identity"));
    } catch (error) {
      log.warn({ err: error, operation: name }, "tenancy couldn't be asked");
      const message = "The service that knows who belongs where doesn't answer. Try again.";
      throw new PublicError("SERVICE_UNAVAILABLE", message, { cause: error });
    }
  }
  return {
    async permissionsOf({ userId, organizationId, workspaceId }) {
      const members = [{ userId, organizationId, workspaceId }];
      return (await ask("memberPermissions", { members }, permissionsAnswer)).permissions[0]!;
    },
    async defaultPlaceOf(userId) {
      return (await ask("defaultContexts", { userIds: [userId] }, contextsAnswer)).contexts[0]!;
    },
  };
}
