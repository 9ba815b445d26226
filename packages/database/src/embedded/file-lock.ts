import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { isAlive } from "./process";

const pollMs = 20;
const renewMs = 5_000;
// Also when a process runs under the holder's id: after a restart of the machine it is another one.
const abandonedAfterMs = 30_000;

/** Runs `work` while no other process is within the same lock. A lock whose holder has died is taken over. */
export async function withFileLock<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  const mine = `${file}.${process.pid}.${randomUUID()}`;
  await writeFile(mine, String(process.pid));
  try {
    while (!(await tryLink(mine, file))) {
      await removeIfAbandoned(file);
      await wait(pollMs);
    }
    const renewal = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => {}), renewMs);
    try {
      return await work();
    } finally {
      clearInterval(renewal);
      await rm(file, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
}

// link() fails when the target exists: exactly one of many callers succeeds, and the file is complete at once.
async function tryLink(mine: string, file: string): Promise<boolean> {
  try {
    await link(mine, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function removeIfAbandoned(file: string): Promise<void> {
  if (!(await isAbandoned(file))) return;
  // Two callers may see the same dead lock: the one whose rename comes second might move a lock that is alive again,
  // and puts it back.
  const moved = `${file}.${randomUUID()}`;
  try {
    await rename(file, moved);
    if (!(await isAbandoned(moved))) await tryLink(moved, file);
    await rm(moved, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

async function isAbandoned(file: string): Promise<boolean> {
  try {
    const [holder, { mtimeMs }] = await Promise.all([readFile(file, "utf8"), stat(file)]);
    return !isAlive(Number(holder)) || Date.now() - mtimeMs > abandonedAfterMs;
  } catch {
    return false; // freed meanwhile
  }
}
