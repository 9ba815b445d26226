import { allows, permissionTable, type PermissionPattern } from "./permissions";

/** `super_admin` runs the platform and stands outside every organization's roles. */
export const platformRoles = { super_admin: ["*"] } as const satisfies Record<string, readonly PermissionPattern[]>;

const allBut = (...excluded: string[]): PermissionPattern[] =>
  Object.entries(permissionTable).flatMap(([resource, actions]) =>
    actions
      .map((action) => `${resource}:${action}` as PermissionPattern)
      .filter((permission) => !allows(excluded, permission)),
  );

/** The built-in roles in an organization, highest first: nobody changes the role of someone above them. */
export const organizationRoles = {
  owner: ["*"],
  admin: allBut("billing:*", "organization:delete", "organization:transfer"),
  member: [],
  guest: [],
} as const satisfies Record<string, readonly PermissionPattern[]>;

/** The built-in roles in a workspace. */
export const workspaceRoles = {
  admin: allBut("organization:*", "billing:*", "members:*", "roles:write", "workspaces:create", "workspaces:transfer"),
  editor: [
    "projects:*",
    "knowledge:*",
    "chatbots:*",
    "conversations:*",
    "flows:*",
    "leads:*",
    "models:read",
    "analytics:read",
    "workspaces:read",
    "workspace_members:read",
  ],
  viewer: [
    "projects:read",
    "knowledge:read",
    "chatbots:read",
    "conversations:start",
    "flows:read",
    "analytics:read",
    "workspaces:read",
    "workspace_members:read",
  ],
  approver: [
    "purchase_requests:read",
    "purchase_orders:read",
    "invoices:read",
    "approvals:read",
    "approvals:decide",
    "budgets:read",
    "suppliers:read",
    "workspaces:read",
  ],
  requester: ["purchase_requests:*", "suppliers:read", "budgets:read", "approvals:read", "workspaces:read"],
  project_manager: ["projects:*", "daily_logs:*", "forms:*", "ai:basic", "photos:*", "risks:*", "workspaces:read"],
  foreman: ["projects:read", "daily_logs:write", "forms:submit", "photos:upload", "workspaces:read"],
  apprentice: ["projects:read", "daily_logs:read", "forms:read", "workspaces:read"],
} as const satisfies Record<string, readonly PermissionPattern[]>;

export type OrganizationRole = keyof typeof organizationRoles;
export type WorkspaceRole = keyof typeof workspaceRoles;

/** The union of what an organization role and a workspace role grant; unknown names grant nothing. */
export function permissionsOfRoles(organizationRole: string | null, workspaceRole: string | null): string[] {
  const of = (table: Record<string, readonly string[]>, role: string | null) =>
    role !== null && Object.hasOwn(table, role) ? table[role]! : [];
  return [...new Set([...of(organizationRoles, organizationRole), ...of(workspaceRoles, workspaceRole)])];
}
