import type { ExecutionResult } from "graphql";
import type { SubscriptionEnd } from "./work";

/**
 * A source of events as results. Ends when the source does, when the consumer returns, or when the subgraph ends the
 * subscription, whatever the source is waiting for at that moment.
 */
export function eventResults(
  source: AsyncIterable<unknown>,
  ending: SubscriptionEnd,
  o: {
    resultOf(event: unknown): Promise<ExecutionResult>;
    failure(error: unknown): ExecutionResult;
    closed(): void;
  },
): AsyncIterableIterator<ExecutionResult> {
  const events = source[Symbol.asyncIterator]();
  // A generator begins to listen when it is asked for its first event: that is now, not when somebody reads.
  let coming: Promise<IteratorResult<unknown>> | null = events.next();
  coming.catch(() => {});
  const done = { done: true, value: undefined } as const;
  let finished = false;
  const ended = new Promise<"ended">((resolve) => {
    if (ending.signal.aborted) resolve("ended");
    ending.signal.addEventListener("abort", () => resolve("ended"), { once: true });
  });

  const finish = () => {
    if (finished) return;
    finished = true;
    ending.close();
    o.closed();
  };
  // Whoever ended it, and also while nobody reads. Not awaited: a generator returns only after what it waits for, and
  // the signal tells the source to give that up.
  void ended.then(() => Promise.resolve(events.return?.()).catch(() => {}));

  return {
    async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
      if (finished) return done;
      try {
        const step = await Promise.race([coming ?? events.next(), ended]);
        coming = null;
        if (step === "ended" || ending.signal.aborted) {
          const { reason } = ending;
          finish();
          return reason ? { done: false, value: o.failure(reason) } : done;
        }
        if (!step.done) return { done: false, value: await o.resultOf(step.value) };
        finish();
        return done;
      } catch (error) {
        finish();
        return { done: false, value: o.failure(error) };
      }
    },
    async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
      finish();
      return done;
    },
    async throw(error: unknown): Promise<IteratorResult<ExecutionResult, undefined>> {
      finish();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
