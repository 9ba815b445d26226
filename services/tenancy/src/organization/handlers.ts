import { handle, userRegistered } from "@atrium/events";
import { newId } from "@atrium/ids";
import type { Context } from "../context";
import { foundFirstOrganization } from "./commands";

export const organizationConsumers = [
  handle(userRegistered, (ctx: Context, { userId }) => foundFirstOrganization(ctx, { userId }), {
    as: ({ userId }) => ({ organizationId: newId("org"), userId }),
  }),
];
