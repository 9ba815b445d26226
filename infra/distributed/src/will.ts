import { isAlive } from "@atrium/database/local";
import { startOf } from "@atrium/embedded/process-start";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** What has to end when this process is killed: servers that aren't ours don't notice by themselves. */
export interface Will {
  /** Names a process, by its id or by the file that has it, in place of what was named so before. */
  name(what: string, process: number | string): void;
  /** Nothing is left to be done. */
  revoke(): Promise<void>;
}

/** What it is, and which process. */
export type Bequest = [what: string, process: number | string];

/**
 * Makes a will, and a small process that carries it out. That of an earlier start on the same directory is void: what it
 * would end is taken over.
 */
export function makeWill(directory: string): Will {
  const file = path.join(directory, "executor.pid");
  endExecutorOf(file);
  const bequests = new Map<string, number | string>();
  let executor = appoint();
  let revoked = false;

  function appoint() {
    const child = spawn(process.execPath, [path.join(__dirname, "executor.js")], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      detached: true,
    });
    child.on("error", () => {});
    writeFileSync(file, `${child.pid}\n${startOf(child.pid!)}`);
    child.once("exit", () => {
      if (!revoked) executor = appoint();
    });
    if (bequests.size > 0) child.send([...bequests], () => {});
    child.unref();
    child.channel?.unref();
    return child;
  }

  return {
    name(what, named) {
      bequests.set(what, named);
      executor.send([...bequests], () => {});
    },
    async revoke() {
      revoked = true;
      const gone = new Promise((resolve) => executor.once("exit", resolve));
      if (executor.exitCode !== null || !executor.connected) return;
      executor.send([], () => executor.disconnect());
      await gone;
      rmSync(file, { force: true });
    },
  };
}

function endExecutorOf(file: string): void {
  if (!existsSync(file)) return;
  const [pid, start = ""] = readFileSync(file, "utf8").split("\n");
  if (isAlive(Number(pid)) && startOf(Number(pid)) === start) process.kill(Number(pid), "SIGKILL");
}
