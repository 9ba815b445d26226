/** SQL that runs before a service's own migrations, once per name, like a migration. */
export interface BaseScript {
  /** Sorts among the other scripts of its package: `0001_events`. */
  readonly name: string;
  readonly sql: string;
}

/** What a package keeps in its services' databases: one script, or several that run in this order. */
export type Base = BaseScript | readonly BaseScript[];

/** What policies are written with. Unset and empty are null, and null equals no row's tenant. */
export const baseScripts: readonly BaseScript[] = [
  {
    name: "database_0001_tenant_functions",
    sql: `
      create function current_organization() returns text language sql stable parallel safe
        return nullif(current_setting('app.organization', true), '');
      create function current_workspace() returns text language sql stable parallel safe
        return nullif(current_setting('app.workspace', true), '');
      create function current_user_id() returns text language sql stable parallel safe
        return nullif(current_setting('app.user', true), '');
      create function is_service() returns boolean language sql stable parallel safe
        return coalesce(current_setting('app.scope', true), '') = 'service';`,
  },
];
