import type { Subscription } from "../transport";

type Deliver = Subscription["deliver"];

/**
 * Joins what several partitions have to deliver at the same time: one insert of a thousand costs less than ten of a hundred.
 * One delivery runs at a time; each caller is told when its own part is stored.
 */
export function coalesced(deliver: Deliver, countMax: number): Deliver {
  const waiting: { received: readonly unknown[]; resolve(): void; reject(error: unknown): void }[] = [];
  let running = false;

  const run = async () => {
    while (waiting.length > 0) {
      let count = 0;
      const fits = waiting.findIndex(({ received }) => (count += received.length) > countMax);
      const joined = waiting.splice(0, fits < 0 ? waiting.length : Math.max(fits, 1));
      try {
        await deliver(joined.flatMap(({ received }) => received));
        for (const { resolve } of joined) resolve();
      } catch (error) {
        for (const { reject } of joined) reject(error);
      }
    }
    running = false;
  };

  return (received) =>
    new Promise((resolve, reject) => {
      waiting.push({ received, resolve, reject });
      if (running) return;
      running = true;
      setImmediate(() => void run());
    });
}
