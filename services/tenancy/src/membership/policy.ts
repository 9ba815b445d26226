import {
  allows,
  covers,
  permissionsOfRoles,
  requireSignedIn,
  type Actor,
  type Permission,
  type SignedInActor,
} from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Standing } from "./membership";

/** Throws `FORBIDDEN` unless this standing includes the right. */
export function requireRight(standing: Pick<Standing, "permissions">, permission: Permission): void {
  if (!allows(standing.permissions, permission))
    throw new PublicError("FORBIDDEN", `This needs the permission ${permission}.`);
}

/** Throws `FORBIDDEN` for an API key: what binds a person, or frees them, they do themselves. */
export function requirePerson(actor: Actor): SignedInActor {
  const signedIn = requireSignedIn(actor);
  if (signedIn.kind === "API_KEY") throw new PublicError("FORBIDDEN", "An API key can't do this; sign in yourself.");
  return signedIn;
}

/** Whether somebody may hand out these roles: nobody grants what they don't hold. */
export const mayGrant = (
  standing: Pick<Standing, "permissions">,
  roles: { organizationRole?: string; workspaceRole?: string },
): boolean =>
  covers(standing.permissions, permissionsOfRoles(roles.organizationRole ?? null, roles.workspaceRole ?? null));

export const mayInvite = (standing: Pick<Standing, "permissions">): boolean =>
  allows(standing.permissions, "members:invite");

/** Whether an organization role opens every workspace without a membership there. */
export const entersEveryWorkspace = (organizationRole: string): boolean =>
  allows(permissionsOfRoles(organizationRole, null), "workspaces:read");
