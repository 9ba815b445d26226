// Whoever is read waits so long for what is read next, when more is being read.
const gatherMs = 150;

interface Waiting<Read> {
  read: Read;
  resolve(): void;
  reject(reason: unknown): void;
}

/**
 * Settles readings as they end, those of a moment in one transaction. When that fails, each is settled by itself, so that
 * none fails for another. `count` readings are expected.
 */
export function settlingOf<Read>(count: number, settleAll: (read: readonly Read[]) => Promise<void>) {
  let expected = count;
  let waiting: Waiting<Read>[] = [];
  let timer: NodeJS.Timeout | undefined;
  let settling: Promise<void> = Promise.resolve();

  function settleWaiting(): void {
    clearTimeout(timer);
    timer = undefined;
    const group = waiting;
    waiting = [];
    // One after the other: each takes the base's row.
    if (group.length > 0) settling = settling.then(() => settleGroup(group));
  }

  async function settleGroup(group: readonly Waiting<Read>[]): Promise<void> {
    try {
      await settleAll(group.map(({ read }) => read));
      for (const { resolve } of group) resolve();
    } catch (error) {
      if (group.length === 1) return group[0]!.reject(error);
      for (const each of group) await settleGroup([each]);
    }
  }

  return {
    /** Resolves once what was read is settled; rejects when reading it failed, or settling it. */
    async settle(reading: Promise<Read>): Promise<void> {
      const settled = reading.then(
        (read) => new Promise<void>((resolve, reject) => waiting.push({ read, resolve, reject })),
      );
      const ended = () => {
        if (--expected === 0) settleWaiting();
        else if (waiting.length > 0) timer ??= setTimeout(settleWaiting, gatherMs);
      };
      void reading.then(ended, ended);
      await settled;
    },
  };
}
