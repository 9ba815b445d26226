import { z } from "zod";
import type { Context } from "./context";
import { defaultContexts, memberPermissions } from "./membership/queries";

const asked = z.object({
  members: z
    .array(z.object({ userId: z.string(), organizationId: z.string(), workspaceId: z.string().nullable() }))
    .max(10_000),
});
const users = z.object({ userIds: z.array(z.string()).max(10_000) });

/** What the gateway and other services ask; never reachable from outside. Answers stand in the order of the question. */
export const internalOperations = (ctx: Pick<Context, "database">) => ({
  /** `{ members: [{ userId, organizationId, workspaceId }] }` → `{ permissions: [patterns | null] }` */
  memberPermissions: async (input: unknown) => ({
    permissions: await memberPermissions(ctx, asked.parse(input).members),
  }),
  /** `{ userIds }` → `{ contexts: [{ organizationId, workspaceId } | null] }` */
  defaultContexts: async (input: unknown) => ({ contexts: await defaultContexts(ctx, users.parse(input).userIds) }),
});
