import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import path from "node:path";
import { EmbeddedPostgresError, type Binaries } from "./binaries";

export interface Identity {
  uid: number;
  gid: number;
}

/**
 * As whom PostgreSQL runs when we are root, which it refuses to be: the owner of `data` where there is some, else its
 * own user where there is one, else nobody. Undefined: as we are.
 */
export function identityForPostgres(data: string): Identity | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(data, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
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

// Root's home is closed to everybody else. What PostgreSQL's user must reach lies here then, linked from where it
// belongs.
const openPlace = "/var/lib/atrium";

/** A folder of binaries that `identity` can run: the installed one, or a copy of it that is open. */
export function reachableBinaries({ directory: installed, version }: Binaries, identity: Identity | undefined): string {
  if (!identity || isReachable(path.join(installed, "bin", "postgres"), identity)) return installed;
  const copy = path.join(openPlace, `postgresql-${version}`);
  if (existsSync(copy)) return copy;
  const fresh = `${copy}.${randomUUID()}`;
  mkdirSync(openPlace, { recursive: true, mode: 0o755 });
  cpSync(installed, fresh, { recursive: true, verbatimSymlinks: true });
  giveTo(identity, fresh);
  try {
    renameSync(fresh, copy);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(copy)) throw error; // else another start has just put it there
  }
  return copy;
}

/** Where new data for `directory` goes: within it, unless `identity` couldn't get there. */
export function placeForData(directory: string, identity: Identity | undefined): string {
  if (!identity || isReachable(directory, identity)) return path.join(directory, "data");
  mkdirSync(openPlace, { recursive: true, mode: 0o755 });
  return path.join(openPlace, `data-${randomUUID()}`);
}

/** Makes `directory/data` lead to data that has to lie elsewhere. */
export function linkData(directory: string, place: string): void {
  const link = path.join(directory, "data");
  if (place === link) return;
  rmSync(link, { force: true });
  symlinkSync(place, link);
}

function giveTo({ uid, gid }: Identity, folder: string): void {
  chownSync(folder, uid, gid);
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" }))
    lchownSync(path.join(folder, entry), uid, gid);
}

function isReachable(file: string, { uid, gid }: Identity): boolean {
  const real = realpathSync(file);
  const way = real.split(path.sep).map((_, i, parts) => parts.slice(0, i + 1).join(path.sep) || path.sep);
  return way.every((step) => {
    const { mode, uid: owner, gid: group } = statSync(step);
    const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001;
    return (mode & bit) !== 0;
  });
}
