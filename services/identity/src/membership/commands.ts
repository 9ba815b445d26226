import { isErased } from "@atrium/personal-data";
import type { Context } from "../context";
import type { Membership } from "./membership";
import { deleteMembership, deleteMembershipsOf, saveMembership } from "./store";

/** Records what tenancy said. Hearing it again changes nothing, and nobody who was erased comes back by it. */
export async function recordMembership({ db }: Context, membership: Membership): Promise<void> {
  if (!(await isErased(db, membership.userId))) await saveMembership(db, membership);
}

export const forgetMembership = ({ db }: Context, { membershipId }: { membershipId: string }) =>
  deleteMembership(db, membershipId);

export const forgetOrganization = ({ db }: Context, { organizationId }: { organizationId: string }) =>
  deleteMembershipsOf(db, organizationId);
