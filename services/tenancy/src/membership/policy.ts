import { allows, covers, permissionsOfRoles, type Permission } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Standing } from "./membership";

/** Throws `FORBIDDEN` unless this standing includes the right. */
export function requireRight(standing: Pick<Standing, "permissions">, permission: Permission): void {
  if (!allows(standing.permissions, permission))
    throw new PublicError("FORBIDDEN", `This needs the permission ${permission}.`);
}

/** Whether somebody may hand out these roles: nobody grants what they don't hold. */
export const mayGrant = (
  standing: Pick<Standing, "permissions">,
  roles: { organizationRole?: string; workspaceRole?: string },
): boolean =>
  covers(standing.permissions, permissionsOfRoles(roles.organizationRole ?? null, roles.workspaceRole ?? null));

/** Whether an organization role opens every workspace without a membership there. */
export const entersEveryWorkspace = (organizationRole: string): boolean =>
  allows(permissionsOfRoles(organizationRole, null), "workspaces:read");
