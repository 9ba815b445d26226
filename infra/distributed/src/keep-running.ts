import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "pino";

/** A process that has been started and is ready. */
export interface Started {
  pid: number;
  /** Resolves when it has ended, with how. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

export interface Kept {
  /** Of the process that runs now. */
  pid(): number;
  stop(): Promise<void>;
}

const pauseFirstMs = 250;
const pauseMaxMs = 10_000;
/** Whoever has run for so long gets started again without much ado. */
const steadyMs = 30_000;

/**
 * Keeps a process running: whenever it ends by itself, it is started again, after pauses that grow while it doesn't
 * last. Rejects when the first start fails.
 */
export async function keepRunning({
  name,
  start,
  log,
  onStart,
}: {
  name: string;
  start(): Promise<Started>;
  log: Logger;
  /** Told each time, the first included. */
  onStart?(process: Started): void;
}): Promise<Kept> {
  const stopping = new AbortController();
  let current = await start();
  onStart?.(current);
  const kept = keep();

  async function keep(): Promise<void> {
    for (let failures = 0; ;) {
      const startedAt = performance.now();
      const how = await current.ended;
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > steadyMs) failures = 0;
      log.warn({ process: name, pid: current.pid, how }, "A process has ended and is started again.");
      for (let started = false; !started;) {
        const pauseMs = Math.min(pauseFirstMs * 2 ** Math.min(failures++, 10), pauseMaxMs);
        await wait(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
        if (stopping.signal.aborted) return;
        try {
          const fresh = await start();
          if (stopping.signal.aborted) return await fresh.stop();
          current = fresh;
          started = true;
          onStart?.(fresh);
          log.warn({ process: name, pid: fresh.pid }, "A process runs again.");
        } catch (error) {
          log.warn({ process: name, err: error }, "A process couldn't be started; it is tried again.");
        }
      }
    }
  }

  return {
    pid: () => current.pid,
    async stop() {
      stopping.abort();
      await current.stop();
      await kept;
    },
  };
}
