import type { Context } from "../context";
import type { Membership } from "./membership";
import { deleteMembership, deleteMembershipsOf, saveMembership } from "./store";

/** Records what tenancy said. Hearing it again changes nothing. */
export const recordMembership = ({ db }: Context, membership: Membership) => saveMembership(db, membership);

export const forgetMembership = ({ db }: Context, { membershipId }: { membershipId: string }) =>
  deleteMembership(db, membershipId);

export const forgetOrganization = ({ db }: Context, { organizationId }: { organizationId: string }) =>
  deleteMembershipsOf(db, organizationId);
