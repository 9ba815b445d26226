import { closing, type Closing } from "./closing";
import { knownDemonstration, makeDemonstration, type Demonstration } from "./demonstration";
import type { Installation } from "./installation";
import { printed, type Progress } from "./progress";
import { sentenceFor } from "./refusals";

// npm passes Ctrl-C on to a process that the terminal has already sent it to.
const sameKeyMs = 300;

// Time enough for PostgreSQL to end; what doesn't end by then is found and taken over by the next start.
const hurryMs = 3_000;

/** The product in one of its shapes, started. */
export interface Running {
  /** Of the GraphQL endpoint. */
  url: string;
  /** Where this machine reaches it, whatever host name clients use. */
  origin: string;
  installation: Installation;
  settings: { ATRIUM_DEMO: "on" | "off" };
  /** What else there is to say about what runs. */
  notes?: readonly string[];
  stop(): Promise<void>;
}

interface StartOptions {
  env: NodeJS.ProcessEnv;
  progress: Progress;
  /** Gets to know what has to be closed, while it is being opened. */
  close: Closing;
}

/** Runs the product until it is told to stop; then ends the process. */
export async function runUntilStopped(start: (options: StartOptions) => Promise<Running>): Promise<void> {
  const progress = printed((text) => process.stdout.write(text));
  // Whoever read our output may have left; that is no reason to end in disorder.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

  const close = closing();
  const stopping = toldToStop(async () => {
    await Promise.race([close.atOnce(), new Promise((resolve) => setTimeout(resolve, hurryMs))]);
    process.exit(130);
  });
  try {
    const running = await start({ env: process.env, progress, close });
    const demonstration = await demonstrate(running, progress, stopping);
    progress.say(summary(running, demonstration));
    await stopping;
    progress.say("\nStopping …");
    await running.stop();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`\n${sentenceFor(error) ?? (error instanceof Error ? error.stack : String(error))}\n`);
    process.exit(1);
  }
}

/** Makes the demonstration on the first start; a failure of it keeps nobody from the product. */
async function demonstrate(
  { origin, installation, settings }: Running,
  progress: Progress,
  stopping: Promise<void>,
): Promise<Demonstration | null> {
  const known = knownDemonstration(installation);
  if (known?.chatbotId || settings.ATRIUM_DEMO === "off") return known;
  const leaving = new AbortController();
  void stopping.then(() => leaving.abort());
  try {
    return await progress.step("Making the demonstration", () =>
      makeDemonstration(installation, { origin, signal: leaving.signal }),
    );
  } catch (error) {
    if (!leaving.signal.aborted)
      progress.say(`  It isn't complete (${(error as Error).message}); the next start goes on with it.`);
    return knownDemonstration(installation);
  }
}

function summary({ url, installation, notes = [] }: Running, demonstration: Demonstration | null): string {
  const lines = ["", `Ready: ${url}`, ""];
  lines.push("Open it in a browser to explore the API; the README shows a first journey.");
  if (demonstration) {
    lines.push(
      "The demonstration's account:",
      "",
      `  e-mail    ${demonstration.email}`,
      `  password  ${demonstration.password}`,
    );
    if (demonstration.chatbotId) lines.push(`  bot       ${demonstration.chatbotId} (open to guests)`);
    lines.push("");
  }
  lines.push(...notes);
  lines.push(`Data: ${installation.directory} (npm run reset forgets it).`);
  // Since the process began: all that npm start has prepared counts.
  lines.push(`Started in ${(performance.now() / 1000).toFixed(1)} s. Ctrl-C stops everything.`, "");
  return lines.join("\n");
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
