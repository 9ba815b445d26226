import "./production";
import { closing } from "./closing";
import { startEmbedded } from "./embedded";
import { printed } from "./progress";
import { sentenceFor } from "./refusals";

export { startEmbedded, type Embedded } from "./embedded";

// npm passes Ctrl-C on to a process that the terminal has already sent it to.
const sameKeyMs = 300;

// Time enough for PostgreSQL to end; what doesn't end by then is found and taken over by the next start.
const hurryMs = 3_000;

/** Runs the product until it is told to stop; then ends the process. */
export async function run(): Promise<void> {
  const begun = performance.now();
  const progress = printed((text) => process.stdout.write(text));
  // Whoever read our output may have left; that is no reason to end in disorder.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

  const close = closing();
  const stopping = toldToStop(async () => {
    await Promise.race([close.atOnce(), new Promise((resolve) => setTimeout(resolve, hurryMs))]);
    process.exit(130);
  });
  try {
    const embedded = await startEmbedded({ env: process.env, progress, close });
    progress.say(`\nReady: ${embedded.url}`);
    progress.say(`(${((performance.now() - begun) / 1000).toFixed(1)} s; Ctrl-C stops everything)\n`);
    await stopping;
    progress.say("\nStopping …");
    await embedded.stop();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`\n${sentenceFor(error) ?? (error instanceof Error ? error.stack : String(error))}\n`);
    process.exit(1);
  }
}

/** Resolves when a signal asks to stop; calls `hurry` when another one follows. */
function toldToStop(hurry: () => void): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => {
        first ??= performance.now();
        if (performance.now() - first > sameKeyMs) hurry();
        else resolve();
      });
  });
}

if (require.main === module) void run();
