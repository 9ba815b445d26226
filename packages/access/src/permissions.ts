/**
 * Every resource that access is granted to, and the actions it knows. A permission is `resource:action`; either part
 * may be `*`. Policies, `viewer.permissions` and the `viewerCan…` fields all read this table.
 */
export const permissionTable = {
  organization: ["read", "update", "delete", "transfer"],
  billing: ["read", "update"],
  members: ["read", "invite", "change", "remove"],
  roles: ["read", "write"],
  workspaces: ["read", "create", "update", "delete", "transfer"],
  workspace_members: ["read", "write"],
  projects: ["read", "write", "delete"],
  api_keys: ["read", "create", "revoke"],
  credentials: ["read", "write", "reveal", "share"],
  connections: ["read", "write"],
  knowledge: ["read", "write", "delete"],
  chatbots: ["read", "write", "publish", "delete"],
  conversations: ["start", "read", "reply"],
  flows: ["read", "write", "execute"],
  leads: ["read", "write", "export"],
  models: ["read", "write"],
  suppliers: ["read", "write"],
  purchase_requests: ["read", "write"],
  purchase_orders: ["read", "write"],
  invoices: ["read", "write"],
  approvals: ["read", "decide", "configure"],
  budgets: ["read", "write"],
  daily_logs: ["read", "write"],
  forms: ["read", "write", "submit"],
  photos: ["read", "upload", "delete"],
  risks: ["read", "decide"],
  ai: ["basic"],
  audit: ["read", "export"],
  privacy: ["read", "decide", "reidentify"],
  analytics: ["read"],
} as const satisfies Record<string, readonly string[]>;

type Table = typeof permissionTable;
type Concrete = { [Resource in keyof Table]: `${Resource}:${Table[Resource][number]}` }[keyof Table];

/** One right, both parts named. */
export type Permission = Concrete;
/** What a role may hold: one right, or a pattern over many. */
export type PermissionPattern = Permission | `${keyof Table}:*` | "*";

/** Every single permission, in the table's order. */
export const permissionsOf = (patterns: readonly string[]): Permission[] =>
  (Object.entries(permissionTable) as [keyof Table, readonly string[]][])
    .flatMap(([resource, actions]) => actions.map((action) => `${resource}:${action}` as Permission))
    .filter((permission) => allows(patterns, permission));

/** Whether one of `patterns` covers `permission`. `*` alone covers everything. */
export function allows(patterns: readonly string[], permission: string): boolean {
  const [resource, action] = permission.split(":");
  return patterns.some((pattern) => {
    if (pattern === "*") return true;
    const [patternResource, patternAction] = pattern.split(":");
    return (
      (patternResource === "*" || patternResource === resource) && (patternAction === "*" || patternAction === action)
    );
  });
}

/** Whether everything that `granted` allows is allowed by `held` too: nobody grants what they don't hold. */
export const covers = (held: readonly string[], granted: readonly string[]): boolean =>
  permissionsOf(granted).every((permission) => allows(held, permission));

/** Whether `text` names a permission or pattern that this table knows. */
export function isPermission(text: string): text is PermissionPattern {
  if (text === "*") return true;
  const [resource, action, ...rest] = text.split(":");
  if (!resource || !action || rest.length > 0) return false;
  if (resource === "*") return action === "*" || Object.values(permissionTable).some((all) => includes(all, action));
  const actions = Object.hasOwn(permissionTable, resource) ? permissionTable[resource as keyof Table] : null;
  return actions !== null && (action === "*" || includes(actions, action));
}

const includes = (list: readonly string[], item: string) => list.includes(item);
