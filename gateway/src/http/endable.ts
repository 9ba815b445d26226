import type { Answer, EventStream } from "../execution/engine";

/** A stream that can be ended from outside at once, whatever its source waits for. */
export interface Endable {
  events: EventStream;
  /** Nothing of the source comes any more; `last`, if there is one, is the last event. */
  end(last?: Answer): void;
}

type Step = IteratorResult<Answer, undefined>;
const over: Step = { done: true, value: undefined };

/**
 * The source's events. One that fails ends with what `told` makes of the fault, and `ended` is called once, whoever ends
 * it. The source's `return` isn't waited for: a generator returns only after what it waits for.
 */
export function endable(source: EventStream, o: { told(fault: unknown): Answer; ended?(): void }): Endable {
  let waiting: ((step: Step) => void) | null = null;
  let last: Answer | undefined;
  let hasEnded = false;

  const answer = (step: Step) => {
    waiting?.(step);
    waiting = null;
  };
  const takeLast = (): Step => {
    if (!last) return over;
    const value = last;
    last = undefined;
    return { done: false, value };
  };
  const end = (final?: Answer) => {
    if (hasEnded) return;
    hasEnded = true;
    last = final;
    if (waiting) answer(takeLast());
    void Promise.resolve(source.return?.()).catch(() => {});
    o.ended?.();
  };

  const events: EventStream = {
    next: () =>
      new Promise<Step>((resolve) => {
        if (hasEnded) return resolve(takeLast());
        waiting = resolve;
        source.next().then(
          (step) => {
            if (hasEnded) return;
            if (step.done) end();
            else answer(step as Step);
          },
          (fault: unknown) => hasEnded || end(o.told(fault)),
        );
      }),
    async return() {
      end();
      last = undefined;
      return over;
    },
    async throw(error: unknown) {
      end();
      throw error;
    },
    [Symbol.asyncIterator]: () => events,
  };
  return { events, end };
}
