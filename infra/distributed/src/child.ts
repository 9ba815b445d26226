import { spawn } from "node:child_process";
import { StartRefused } from "@atrium/embedded/refusals";
import type { Started } from "./keep-running";

const startMaxMs = 60_000;
// A little more than the child itself allows for ending.
const stopMaxMs = 28_000;

/**
 * Starts one of our own programs and resolves when it says that it is ready. It has a channel to us, whose end tells it
 * that we are gone, and a process group of its own: Ctrl-C reaches us alone, and we stop things in their order.
 */
export async function startChild(name: string, file: string, env: NodeJS.ProcessEnv): Promise<Started> {
  const child = spawn(process.execPath, ["--enable-source-maps", file], {
    env,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    detached: true,
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  const ready = new Promise<"ready">((resolve) => child.once("message", () => resolve("ready")));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`not ready within ${startMaxMs / 1000} s`), startMaxMs);
  });
  const outcome = await Promise.race([ready, ended, late]);
  clearTimeout(timer);
  if (outcome !== "ready") {
    child.kill("SIGKILL");
    throw new StartRefused(`The ${name} couldn't be started (${outcome}); what it said stands above.`);
  }
  return {
    pid: child.pid!,
    ended,
    async stop() {
      child.kill("SIGTERM");
      const cut = setTimeout(() => child.kill("SIGKILL"), stopMaxMs);
      await ended;
      clearTimeout(cut);
    },
  };
}
