import { randomBytes, randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { startOf } from "./process-start";
import { StartRefused } from "./refusals";

/** The folder in which an installation keeps its data, held by one process at a time. */
export interface Installation {
  directory: string;
  /** 256 random bits, made once: all other keys are derived from them. */
  secret: string;
  /** A small document of the installation's, readable by its user alone; null where there is none yet. */
  read<T>(name: string): T | null;
  write(name: string, value: unknown): void;
  release(): void;
}

/** Takes hold of `directory`, making it where it is missing; refuses while another living process holds it. */
export function openInstallation(directory: string): Installation {
  // Open to look into, as PostgreSQL runs as another user where we are root; each file in it is closed by itself.
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const release = takeLock(directory);
  try {
    const { read, write } = documentsIn(directory);
    const kept = read<{ secret: string }>("installation.json");
    const secret = kept?.secret ?? randomBytes(32).toString("base64url");
    if (!kept) write("installation.json", { secret });
    return { directory, secret, read, write, release };
  } catch (error) {
    release();
    throw error;
  }
}

function documentsIn(directory: string): Pick<Installation, "read" | "write"> {
  const fileOf = (name: string) => path.join(directory, name);
  return {
    read<T>(name: string) {
      const text = readIfThere(fileOf(name));
      if (text === null) return null;
      try {
        return JSON.parse(text) as T;
      } catch (error) {
        throw new StartRefused(`${fileOf(name)} can't be read; put back a copy of it, or run: npm run reset`, {
          cause: error,
        });
      }
    },
    // Beside it and renamed: a crash leaves the old document or the new one.
    write(name, value) {
      writeFileSync(fileOf(`${name}.new`), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush: true });
      renameSync(fileOf(`${name}.new`), fileOf(name));
    },
  };
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

// Two lines: the process, and since when it runs, because after a crash its id is soon somebody else's. What two
// starts at once could still both take, the database's own lock refuses to one of them.
function takeLock(directory: string): () => void {
  const lock = path.join(directory, "running.pid");
  const mine = `${lock}.${randomUUID()}`;
  const content = `${process.pid}\n${startOf(process.pid)}\n`;
  writeFileSync(mine, content);
  try {
    while (!linked(mine, lock)) {
      const holder = readIfThere(lock);
      if (holder !== null && isRunning(holder)) throw new StartRefused(alreadyRunning(directory, holder));
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
  return () => {
    if (readIfThere(lock) === content) rmSync(lock, { force: true });
  };
}

const alreadyRunning = (directory: string, holder: string) =>
  `Atrium is already running on the data in ${directory} (process ${holder.split("\n")[0]}). ` +
  "Stop it first, or start another one on a folder and port of its own: ATRIUM_DATA=.atrium-2 PORT=4001 npm start";

// link() fails where the target exists, and the file is complete at once.
function linked(mine: string, lock: string): boolean {
  try {
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isRunning(holder: string): boolean {
  const [pid = "", start] = holder.split("\n");
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  // In a container every start may get the same id. Where the system tells no start, ours is then taken for our own.
  return startOf(Number(pid)) === start && (start !== "" || Number(pid) !== process.pid);
}
