import { createHash } from "node:crypto";
import type pg from "pg";
import { quote, withConnection } from "../admin";
import { baseScripts, type Base } from "../base-sql";
import { migrate, readMigrations } from "../migrate";
import {
  provisionDatabase,
  provisionLock,
  restrictDatabase,
  rolesOf,
  serviceUrls,
  type ServiceDatabase,
} from "../provision";
import { testDatabaseName, testServer } from "./server";

export interface TestDatabase extends ServiceDatabase {
  drop(): Promise<void>;
}

let count = 0;

/** A fresh database of a service with all its migrations, cloned from a template in milliseconds. */
export async function testDatabase(
  service: string,
  migrationsDirectory: string,
  { base = [] }: { base?: readonly Base[] } = {},
): Promise<TestDatabase> {
  const { adminUrl } = await testServer();
  const template = await readyTemplate(adminUrl, service, migrationsDirectory, base);
  const database = testDatabaseName(++count);
  const { owner } = rolesOf(service);
  await withConnection(adminUrl, async (admin) => {
    await admin.query(`create database ${quote(database)} template ${quote(template)} owner ${quote(owner)}`);
    await restrictDatabase(admin, service, database);
  });
  return {
    ...serviceUrls(adminUrl, service, database),
    drop: () =>
      withConnection(
        adminUrl,
        async (admin) => void (await admin.query(`drop database if exists ${quote(database)} with (force)`)),
      ),
  };
}

/** An administrator's address of the shared test server, for tests that make databases themselves. */
export async function testAdminUrl(): Promise<string> {
  return (await testServer()).adminUrl;
}

const templates = new Map<string, Promise<string>>();

async function readyTemplate(
  adminUrl: string,
  service: string,
  directory: string,
  base: readonly Base[],
): Promise<string> {
  const scripts = [...baseScripts, ...base.flat(), ...(await readMigrations(directory))];
  const hash = createHash("sha256")
    .update(JSON.stringify([service, scripts]))
    .digest("hex")
    .slice(0, 16);
  const name = `template_${service}_${hash}`;
  if (!templates.has(name)) templates.set(name, makeTemplate({ adminUrl, service, directory, base, name }));
  return templates.get(name)!;
}

interface Template {
  adminUrl: string;
  service: string;
  directory: string;
  base: readonly Base[];
  name: string;
}

// A template is marked as one when it is complete: one that isn't was interrupted, and is made again.
async function makeTemplate({ adminUrl, service, directory, base, name }: Template): Promise<string> {
  return withConnection(adminUrl, async (admin) => {
    await admin.query("select pg_advisory_lock($1)", [provisionLock + 1]);
    if (await isTemplate(admin, name)) return name;
    await admin.query(`drop database if exists ${quote(name)} with (force)`);
    const { ownerUrl, appRole } = await provisionDatabase(adminUrl, service, name);
    await migrate({ ownerUrl, directory, appRole, base });
    await admin.query(`alter database ${quote(name)} with is_template true allow_connections false`);
    return name;
  });
}

async function isTemplate(admin: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await admin.query("select from pg_database where datname = $1 and datistemplate", [name]);
  return rowCount === 1;
}
