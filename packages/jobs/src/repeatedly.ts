interface Options {
  everyMs: number;
  work(): Promise<void>;
  onFailure(error: unknown): void;
}

/** Does something at once and again and again, never twice at the same time, until it is stopped. */
export function repeatedly({ everyMs, work, onFailure }: Options): { stop(): Promise<void> } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();

  function round(): void {
    running = work()
      .catch(onFailure)
      .then(() => {
        if (!stopped) timer = setTimeout(round, everyMs);
      });
  }
  round();

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
