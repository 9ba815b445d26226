type Close = () => Promise<unknown> | unknown;

/** What was opened, to be closed in the reverse order, each thing once. */
export interface Closing {
  later(close: Close): void;
  /** Closes all of it, one after the other, whatever fails on the way; then throws the first failure. */
  now(): Promise<void>;
  /** Closes all that is left at once, for whoever can't wait. */
  atOnce(): Promise<void>;
}

export function closing(): Closing {
  const opened: Close[] = [];
  return {
    later: (close) => void opened.push(close),
    async now() {
      const failures: unknown[] = [];
      for (let close; (close = opened.pop());) await attempt(close).catch((error) => failures.push(error));
      if (failures.length > 0) throw failures[0];
    },
    async atOnce() {
      await Promise.allSettled(opened.splice(0).map(attempt));
    },
  };
}

const attempt = async (close: Close) => close();
