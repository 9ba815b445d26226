// A process of its own: ends what the will names once the process that made it is gone.
import { isAlive } from "@atrium/database/local";
import { startOf } from "@atrium/embedded/process-start";
import { setTimeout as wait } from "node:timers/promises";
import type { Bequest } from "./will";

// Our services end by themselves, and use the servers while they do.
const patienceMs = 3_000;
const endMaxMs = 15_000;

/** With when each was started: a process id is soon somebody else's. */
let named: { pid: number; start: string }[] = [];

const isSame = ({ pid, start }: (typeof named)[number]) => isAlive(pid) && startOf(pid) === start;

async function execute(): Promise<void> {
  if (named.length > 0) await wait(patienceMs);
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

process.on("message", (bequests: Bequest[]) => {
  named = bequests.map(([, pid]) => ({ pid, start: startOf(pid) }));
});
process.once("disconnect", () => void execute());
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => {});
