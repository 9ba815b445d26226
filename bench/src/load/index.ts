import { fork } from "node:child_process";
import path from "node:path";
import type { Outcome, Plan } from "./plan";

/** Runs the callers in a process of their own. Rejects when one of them got an error. */
export function generateLoad(plan: Plan): Promise<Outcome> {
  const child = fork(path.join(__dirname, "generator.ts"));
  return new Promise((resolve, reject) => {
    child.on("message", ({ outcome, error }: { outcome?: Outcome; error?: string }) =>
      outcome ? resolve(outcome) : reject(new Error(`The load generator failed: ${error}`)),
    );
    child.on("exit", (code) => reject(new Error(`The load generator ended with ${code}.`)));
    child.send(plan);
  });
}
