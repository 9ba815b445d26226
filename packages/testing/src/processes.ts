import { execFileSync } from "node:child_process";

export interface RunningProcess {
  pid: number;
  parentPid: number;
  /** With its arguments. */
  command: string;
}

/** A process, and all that it and its children have started. */
export function processesOf(pid: number): RunningProcess[] {
  const all = allProcesses();
  const found = all.filter((each) => each.pid === pid);
  // Grows while it is gone through.
  for (const { pid: parent } of found) found.push(...all.filter(({ parentPid }) => parentPid === parent));
  return found;
}

/** All of this machine that haven't ended. */
export function allProcesses(): RunningProcess[] {
  const listed = execFileSync("ps", ["-A", "-ww", "-o", "pid=,ppid=,stat=,args="], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return listed.split("\n").flatMap((line) => {
    const [, pid, parentPid, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return !command || state!.startsWith("Z") ? [] : [{ pid: Number(pid), parentPid: Number(parentPid), command }];
  });
}

/** Ends them at once, the first before the others: it might start them again. */
export function killAll(processes: readonly RunningProcess[]): void {
  for (const { pid } of processes)
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
}
