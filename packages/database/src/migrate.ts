import { createHash, randomUUID } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import type pg from "pg";
import { quote, withConnection } from "./admin";
import { baseScripts, type Base } from "./base-sql";

export interface MigrateOptions {
  ownerUrl: string;
  /** `prisma/migrations`: a folder per migration, each with its `migration.sql`. */
  directory: string;
  /** The role that the service runs as; it may not touch the records of migrations. */
  appRole: string;
  /** Scripts of packages that keep tables in the service's database. They run before the service's migrations. */
  base?: readonly Base[];
}

export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

interface Migration {
  readonly name: string;
  readonly sql: string;
}

// The key under which Prisma's own engine locks, so that the two exclude each other.
const prismaLock = 72_707_369;

/**
 * Applies what isn't yet applied, in the order of the names, each in one transaction, and returns the names.
 * Two callers at once take turns. A migration that was changed after it was applied stops everything, before anything.
 */
export async function migrate({ ownerUrl, directory, appRole, base = [] }: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(directory);
  return withConnection(ownerUrl, async (owner) => {
    await owner.query("set timezone = 'UTC'");
    await owner.query("select pg_advisory_lock($1)", [prismaLock]);
    await makeRecords(owner, appRole);
    await applyMissing(owner, "_base_migration", [...baseScripts, ...base.flat()]);
    return applyMissing(owner, "_prisma_migrations", migrations);
  });
}

/** The migrations of a folder in the order in which they run. */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const read = async (name: string) => ({
    name,
    sql: await readFile(path.join(directory, name, "migration.sql"), "utf8"),
  });
  return Promise.all(names.sort().map(read));
}

// As Prisma makes it (`_base_migration` is alike), so that its tools read it.
async function makeRecords(owner: pg.Client, appRole: string): Promise<void> {
  for (const table of ["_base_migration", "_prisma_migrations"])
    await owner.query(`
      create table if not exists ${table} (
        id varchar(36) primary key not null,
        checksum varchar(64) not null,
        finished_at timestamptz,
        migration_name varchar(255) not null,
        logs text,
        rolled_back_at timestamptz,
        started_at timestamptz not null default now(),
        applied_steps_count integer not null default 0
      );
      revoke all on ${table} from ${quote(appRole)};`);
}

async function applyMissing(owner: pg.Client, table: string, migrations: readonly Migration[]): Promise<string[]> {
  const { rows } = await owner.query<{ migration_name: string; checksum: string; finished_at: Date | null }>(
    `select migration_name, checksum, finished_at from ${table} where rolled_back_at is null`,
  );
  const recorded = new Map(rows.map((row) => [row.migration_name, row]));
  for (const { name, sql } of migrations) {
    const record = recorded.get(name);
    if (record && !record.finished_at)
      throw new MigrationError(
        `Migration ${name} was begun by another tool and never finished; resolve it there first.`,
      );
    if (record && record.checksum !== checksumOf(sql))
      throw new MigrationError(`Migration ${name} was changed after it was applied; put it back and write a new one.`);
  }
  const missing = migrations.filter(({ name }) => !recorded.has(name));
  for (const migration of missing) await apply(owner, table, migration);
  return missing.map(({ name }) => name);
}

// One transaction holds the migration and its record, so that a failed or interrupted one leaves nothing behind.
async function apply(owner: pg.Client, table: string, { name, sql }: Migration): Promise<void> {
  try {
    await owner.query("begin");
    await owner.query(sql);
    await owner.query(
      `insert into ${table} (id, checksum, migration_name, finished_at, applied_steps_count)
       values ($1, $2, $3, clock_timestamp(), 1)`,
      [randomUUID(), checksumOf(sql), name],
    );
    await owner.query("commit");
  } catch (error) {
    await owner.query("rollback").catch(() => {});
    throw new MigrationError(`Migration ${name} failed and was rolled back: ${describe(error, sql)}`, { cause: error });
  }
}

function describe(error: unknown, sql: string): string {
  const { message, position, detail } = error as { message: string; position?: string; detail?: string };
  const line = position ? ` (line ${sql.slice(0, Number(position)).split("\n").length})` : "";
  return [message + line, detail].filter(Boolean).join(" — ");
}

const checksumOf = (sql: string) => createHash("sha256").update(sql).digest("hex");
