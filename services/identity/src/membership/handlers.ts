import { handle, membershipGranted, membershipRevoked, organizationDeleted } from "@atrium/events";
import type { Context } from "../context";
import { forgetMembership, forgetOrganization, recordMembership } from "./commands";

export const membershipConsumers = [
  handle(
    membershipGranted,
    (ctx: Context, { membershipId: id, userId, workspaceId }, { organizationid: organizationId }) =>
      organizationId && recordMembership(ctx, { id, userId, organizationId, workspaceId }),
    { as: "service" },
  ),
  handle(membershipRevoked, (ctx: Context, { membershipId }) => forgetMembership(ctx, { membershipId }), {
    as: "service",
  }),
  handle(organizationDeleted, (ctx: Context, { organizationId }) => forgetOrganization(ctx, { organizationId }), {
    as: "service",
  }),
];
