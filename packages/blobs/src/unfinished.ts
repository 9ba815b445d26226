import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";

const folderName = ".unfinished";
const entryForm = /^([0-9a-f]{8})\.(\d+)\.([0-9a-f-]{36})\.\d+$/;
const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

// Process ids are reused (in a container it is always 1), so a name also carries which run of the process it was.
const thisRun = randomUUID();
let count = 0;

// Nobody uploads for a day: this catches what a process left whose id now belongs to another one, or on another host.
const abandonedAfterMs = 24 * 60 * 60 * 1000;

/**
 * The place of files that are being written or removed. It lies in the store's own folder, so that renaming from and
 * to it stays on one file system and is atomic.
 */
export async function openUnfinished(directory: string): Promise<{ newPath(): string }> {
  const folder = path.join(directory, folderName);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await removeLeftovers(folder);
  return { newPath: () => path.join(folder, `${host}.${process.pid}.${thisRun}.${++count}`) };
}

/** Removes what crashed processes left; other live processes may be writing to the same store. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    if (await isLeftover(name, file)) await rm(file, { recursive: true, force: true });
  }
}

async function isLeftover(name: string, file: string): Promise<boolean> {
  const [, entryHost, pid, run] = entryForm.exec(name) ?? [];
  if (run === thisRun) return false;
  if (entryHost === host && (Number(pid) === process.pid || !isAlive(Number(pid)))) return true;
  const entry = await stat(file).catch(() => null);
  return entry !== null && entry.mtimeMs < Date.now() - abandonedAfterMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
