/** Where the start tells what it does; a line per step. */
export interface Progress {
  step<T>(what: string, work: () => Promise<T>): Promise<T>;
  say(text: string): void;
}

export const silent: Progress = { step: (_, work) => work(), say: () => {} };

/** `• Starting the database … 0.8 s` */
export function printed(write: (text: string) => void): Progress {
  return {
    async step(what, work) {
      const start = performance.now();
      write(`• ${what} … `);
      try {
        const result = await work();
        write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
        return result;
      } catch (error) {
        write("\n");
        throw error;
      }
    },
    say: (text) => write(`${text}\n`),
  };
}
