export {
  anonymous,
  isSignedIn,
  may,
  requirePermission,
  requireSignedIn,
  requireWorkspace,
  systemActor,
  type Actor,
  type AnonymousActor,
  type SignedInActor,
  type SystemActor,
  type WorkspaceActor,
} from "./actor";
export {
  allows,
  covers,
  isPermission,
  permissionTable,
  permissionsOf,
  type Permission,
  type PermissionPattern,
} from "./permissions";
export {
  organizationRoles,
  permissionsOfRoles,
  platformRoles,
  workspaceRoles,
  type OrganizationRole,
  type WorkspaceRole,
} from "./roles";
export { actorHeader, actorKeyFor, signActor, verifyActor } from "./signed-actor";
