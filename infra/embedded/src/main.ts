import "./production";
import { startEmbedded } from "./embedded";
import { runUntilStopped } from "./run";

export { startEmbedded, type Embedded } from "./embedded";

/** Runs the product in this process until it is told to stop; then ends the process. */
export const run = (): Promise<void> => runUntilStopped(startEmbedded);

if (require.main === module) void run();
