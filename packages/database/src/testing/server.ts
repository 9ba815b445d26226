import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { withConnection, quote } from "../admin";
import { withFileLock } from "../embedded/file-lock";
import { isAlive } from "../embedded/process";
import { launch, type Server } from "../embedded/server";
import { silent } from "../log";

// Beside the other caches of the checkout: the data directory and its templates serve the next run too.
const directory = path.join(__dirname, "../../../../.cache/test-postgres");
const holders = path.join(directory, "holders");

// A template is 8 MB, and each change of a migration makes another.
const templatesMax = 40;

let server: Promise<Server> | undefined;

/** The PostgreSQL that all test processes of this checkout share, started by the first that asks. */
export function testServer(): Promise<Server> {
  return (server ??= join());
}

async function join(): Promise<Server> {
  await mkdir(holders, { recursive: true });
  await writeFile(path.join(holders, String(process.pid)), "");
  return withFileLock(path.join(directory, "join.lock"), async () => {
    const joined = await launchOrAfresh();
    if (!joined.reused) await dropLeftDatabases(joined.adminUrl);
    await ensureKeeper(joined.pid);
    return joined;
  });
}

async function ensureKeeper(postmaster: number): Promise<void> {
  const keeper = await readFile(path.join(directory, "keeper.pid"), "utf8").catch(() => "");
  if (isAlive(Number(keeper))) return;
  const script = path.join(__dirname, "../../tools/keeper.cjs");
  const child = spawn(process.execPath, [script, directory, String(postmaster)], { detached: true, stdio: "ignore" });
  child.unref();
  await writeFile(path.join(directory, "keeper.pid"), String(child.pid));
}

// Nothing of a test is worth recovering: data that a crash of the machine has spoilt is made anew.
async function launchOrAfresh(): Promise<Server> {
  try {
    return await launch({ directory, log: silent, durable: false });
  } catch {
    for (const part of ["data", "password", "port"])
      await rm(path.join(directory, part), { recursive: true, force: true });
    return launch({ directory, log: silent, durable: false });
  }
}

/** Databases of tests are named after their process. */
export const testDatabaseName = (number: number) => `test_${process.pid}_${number}`;

async function dropLeftDatabases(adminUrl: string): Promise<void> {
  await withConnection(adminUrl, async (admin) => {
    const { rows } = await admin.query<{ name: string; template: boolean }>(
      `select datname as name, datistemplate as template from pg_database
       where datname ~ '^(test_\\d+_\\d+|template_.+)$' order by oid desc`,
    );
    const old = rows.filter(({ template }) => template).slice(templatesMax);
    const left = rows.filter(({ name, template }) => !template && !isAlive(Number(name.split("_")[1])));
    for (const { name } of old) await admin.query(`alter database ${quote(name)} is_template false`);
    for (const { name } of [...old, ...left]) await admin.query(`drop database if exists ${quote(name)} with (force)`);
  });
}
