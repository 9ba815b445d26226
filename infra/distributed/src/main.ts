import "@atrium/embedded/production";
import { runUntilStopped } from "@atrium/embedded/run";
import { startDistributed } from "./distributed";
import { readReplicas } from "./replicas";

/** Runs the product as one process per part until it is told to stop; then ends the process. */
export const run = (args: readonly string[]): Promise<void> =>
  runUntilStopped(async (options) => startDistributed({ ...options, replicas: readReplicas(args) }));

if (require.main === module) void run(process.argv.slice(2));
