import type { EventLog } from "./log";
import { TransportNotReady } from "./transport";

export interface Loop {
  /** Something may be there to do. */
  wake(): void;
  /** Resolves when the running round has ended; there is no further one. */
  stop(): Promise<void>;
}

const backOffMsMin = 50;
const backOffMsMax = 5_000;
const notReadyPauseMs = 100;

/**
 * Runs `work` again and again: at once when woken, otherwise every `pollMs`. A round that fails is repeated after a
 * growing pause. With `gatherMs` it waits so long after it was woken, for what comes meanwhile to be part of the round.
 */
export function startLoop({
  name,
  work,
  pollMs,
  gatherMs = 0,
  log,
}: {
  name: string;
  work(): Promise<void>;
  pollMs: number;
  gatherMs?: number;
  log: EventLog;
}): Loop {
  let stopped = false;
  let woken = true;
  let failures = 0;
  let interrupt = () => {};
  let endGathering = () => {};

  const pause = (ms: number, interruptible: (interrupt: () => void) => void) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      interruptible(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  const untilWoken = (ms: number) => pause(ms, (end) => (interrupt = end));

  const run = async () => {
    while (!stopped) {
      if (!woken) await untilWoken(pollMs);
      if (gatherMs > 0 && !stopped) await pause(gatherMs, (end) => (endGathering = end));
      if (stopped) return;
      woken = false;
      try {
        await work();
        failures = 0;
      } catch (error) {
        if (stopped) return;
        woken = true;
        if (error instanceof TransportNotReady) {
          await untilWoken(notReadyPauseMs);
          continue;
        }
        // The first failure may be a moment's: a connection that broke, a consumer that is still starting.
        if (++failures === 3) log.warn({ err: error }, `${name} fails, and is tried again`);
        await untilWoken(Math.min(backOffMsMin * 2 ** failures, backOffMsMax));
      }
    }
  };
  const ended = run();

  return {
    wake() {
      woken = true;
      // While it backs off after a failure, news don't shorten the pause.
      if (failures === 0) interrupt();
    },
    async stop() {
      stopped = true;
      interrupt();
      endGathering();
      await ended;
    },
  };
}
