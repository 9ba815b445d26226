import { noteFailure, park, type InboxRow, type RetryPolicy } from "./inbox";
import type { EventTransaction } from "./handle";
import type { EventLog } from "./log";

/** An event that can't be handled by this version, however often it is tried. */
export class Unhandleable extends Error {
  constructor(
    readonly reason: "INVALID" | "UNKNOWN_TYPE",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Another process has taken one of these events meanwhile: everything is rolled back, and that one is not ours. */
export class TakenElsewhere extends Error {}

/** Notes what became of events that weren't handled, and wakes the worker when one is due again. */
export function startSettling({
  service,
  group,
  retry,
  onFailed,
  onDue,
  log,
}: {
  service: EventTransaction;
  group: string;
  retry: RetryPolicy;
  onFailed(): void;
  onDue(): void;
  log: EventLog;
}) {
  const timers = new Set<NodeJS.Timeout>();
  return {
    async settle(row: InboxRow, error: unknown): Promise<void> {
      const about = { eventId: row.id, type: row.type, subject: row.subject, attempts: row.attempts + 1, err: error };
      onFailed();
      if (error instanceof Unhandleable) {
        await park(service, group, row, error.reason, error);
        return log.error(about, "An event can't be handled and is now a dead letter");
      }
      const delayMs = await noteFailure(service, group, row, error, retry);
      if (delayMs === null) return log.error(about, "An event has failed too often and is now a dead letter");
      log.warn(about, "An event has failed and will be tried again");
      const timer = setTimeout(() => {
        timers.delete(timer);
        onDue();
      }, delayMs + 1);
      timers.add(timer);
    },
    stop() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** What `work` comes to, if it does so in time. A handler that never ends would keep its lane, and `stop`, waiting. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The handler didn't end within ${ms} ms.`)), ms);
  });
  try {
    await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
