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
export { allows, isPermission, permissionTable, permissionsOf, type Permission } from "./permissions";
export {
  organizationRoles,
  permissionsOfRoles,
  platformRoles,
  workspaceRoles,
  type OrganizationRole,
  type WorkspaceRole,
} from "./roles";
export { actorHeader, actorKeyFor, signActor, verifyActor } from "./signed-actor";
