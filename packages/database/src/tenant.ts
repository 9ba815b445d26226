/** Whose rows a handle sees. What is null or absent matches no row. */
export interface Tenant {
  readonly organizationId?: string | null;
  readonly workspaceId?: string | null;
  readonly userId?: string | null;
}

/** The settings that the row-level-security policies read, in the order in which `bindTenant` takes them. */
export type TenantSettings = readonly [organization: string, workspace: string, user: string, scope: "" | "service"];

export const settingNames = ["app.organization", "app.workspace", "app.user", "app.scope"] as const;

const idLengthMax = 200;

export function settingsOf(tenant: Tenant, scope: "" | "service" = ""): TenantSettings {
  return [
    setting("organizationId", tenant.organizationId),
    setting("workspaceId", tenant.workspaceId),
    setting("userId", tenant.userId),
    scope,
  ];
}

// Values come from tokens, events and jobs. Anything that isn't a plain id stops here rather than in a policy.
function setting(name: string, value: string | null | undefined): string {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string" || value.length > idLengthMax || !/^[\x21-\x7e]+$/.test(value))
    throw new TypeError(`The tenant's ${name} is not an id: ${JSON.stringify(value)?.slice(0, 80)}`);
  return value;
}
