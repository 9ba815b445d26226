import { createHmac } from "node:crypto";
import pg from "pg";
import { quote, urlWith, withConnection } from "./admin";

export interface ServiceDatabase {
  /** Of the role that owns the database and runs migrations and jobs. */
  ownerUrl: string;
  /** Of the role that reads and writes rows under row-level security, and owns nothing. */
  appUrl: string;
  appRole: string;
}

// Any two callers on one server: roles are shared by all its databases.
export const provisionLock = 727_073_690;

/**
 * Makes a service's database `atrium_<service>` and its two roles where they are missing, and sets their rights.
 * The roles' passwords follow from the administrator's, so they needn't be stored.
 */
export async function provisionDatabase(
  adminUrl: string,
  service: string,
  database: string = `atrium_${service}`,
): Promise<ServiceDatabase> {
  const urls = serviceUrls(adminUrl, service, database);
  const { owner, app } = rolesOf(service);
  await withConnection(adminUrl, async (admin) => {
    await admin.query("select pg_advisory_lock($1)", [provisionLock]);
    await makeRole(admin, owner, new URL(urls.ownerUrl).password);
    await makeRole(admin, app, new URL(urls.appUrl).password);
    const { rowCount } = await admin.query("select from pg_database where datname = $1", [database]);
    if (!rowCount) await admin.query(`create database ${quote(database)} owner ${quote(owner)}`);
    await restrictDatabase(admin, service, database);
    await withConnection(urlWith(adminUrl, { database }), (inside) => restrictSchema(inside, service));
  });
  return urls;
}

export function rolesOf(service: string): { owner: string; app: string } {
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(service)) throw new Error(`"${service}" can't name a service's database.`);
  return { owner: `${service}_owner`, app: `${service}_app` };
}

export function serviceUrls(adminUrl: string, service: string, database: string): ServiceDatabase {
  const { owner, app } = rolesOf(service);
  const secret = decodeURIComponent(new URL(adminUrl).password);
  if (!secret) throw new Error("The administrator's database address needs a password.");
  const urlOf = (user: string) => {
    const password = createHmac("sha256", secret).update(`atrium role ${user}`).digest("base64url");
    return urlWith(adminUrl, { database, user, password });
  };
  return { ownerUrl: urlOf(owner), appUrl: urlOf(app), appRole: app };
}

async function makeRole(admin: pg.Client, role: string, password: string): Promise<void> {
  const { rowCount } = await admin.query("select from pg_roles where rolname = $1", [role]);
  await admin.query(
    `${rowCount ? "alter" : "create"} role ${quote(role)} login nosuperuser nobypassrls nocreatedb nocreaterole
     noreplication password ${pg.escapeLiteral(password)}`,
  );
  await admin.query(`alter role ${quote(role)} set timezone = 'UTC'`);
}

/** Rights on the database itself; a clone doesn't take them over from its template. */
export async function restrictDatabase(admin: pg.Client, service: string, database: string): Promise<void> {
  const { owner, app } = rolesOf(service);
  await admin.query(`revoke all on database ${quote(database)} from public`);
  await admin.query(`grant connect on database ${quote(database)} to ${quote(owner)}, ${quote(app)}`);
}

async function restrictSchema(admin: pg.Client, service: string): Promise<void> {
  const [owner, app] = Object.values(rolesOf(service)).map(quote);
  await admin.query(`
    alter schema public owner to ${owner};
    revoke all on schema public from public;
    grant usage on schema public to ${app};
    alter default privileges for role ${owner} in schema public
      grant select, insert, update, delete on tables to ${app};
    alter default privileges for role ${owner} in schema public grant usage, select on sequences to ${app};`);
}
