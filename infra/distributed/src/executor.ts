// A process of its own: ends what the will names once the process that made it is gone.
import { isAlive } from "@atrium/database/local";
import { startOf } from "@atrium/embedded/process-start";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Bequest } from "./will";

// Our services end by themselves, and use the servers while they do.
const patienceMs = 3_000;
const endMaxMs = 15_000;

interface Named {
  pid: number;
  /** When it was started: a process id is soon somebody else's. */
  start: string;
}

let bequests: readonly Bequest[] = [];
let known: Named[] = [];

const isSame = ({ pid, start }: Named) => isAlive(pid) && startOf(pid) === start;

async function execute(): Promise<void> {
  if (bequests.length === 0) process.exit(0);
  await wait(patienceMs);
  const named = [...known, ...inFiles()];
  // To PostgreSQL, it means: without waiting for those who are connected.
  for (const { pid } of named.filter(isSame)) signal(pid, "SIGINT");
  for (const deadline = Date.now() + endMaxMs; named.some(isSame) && Date.now() < deadline;) await wait(50);
  for (const { pid } of named.filter(isSame)) signal(pid, "SIGKILL");
  process.exit(0);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

/** PostgreSQL starts itself again: who it is now stands in its own file, as long as it runs. */
function inFiles(): Named[] {
  return bequests.flatMap(([, file]) => {
    if (typeof file !== "string" || !existsSync(file)) return [];
    const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
    return runsOn(path.dirname(file), pid) ? [{ pid, start: startOf(pid) }] : [];
  });
}

function runsOn(directory: string, pid: number): boolean {
  if (process.platform !== "linux") return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(realpathSync(directory));
  } catch {
    return false;
  }
}

process.on("message", (given: Bequest[]) => {
  bequests = given;
  known = given.flatMap(([, pid]) => (typeof pid === "number" ? [{ pid, start: startOf(pid) }] : []));
});
process.once("disconnect", () => void execute());
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {});
