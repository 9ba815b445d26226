import type { Answer, EventStream } from "../execution/engine";
import { refused } from "../http/refusal";
import type { Metrics } from "../metrics";

/** One running subscription's place. */
export interface Place {
  /** The stream with its events counted; its end, whoever ends it, frees the place. */
  counted(events: EventStream): EventStream;
  leave(): void;
}

/** Who has subscribed, however the events reach them: bounded for each caller, and cut when the gateway stops. */
export interface Subscribers {
  /**
   * Throws `RequestRefused` when the caller has as many as one may. `left` is called once, when the place is free again;
   * `cut` ends the way to the client, where nobody else does when the gateway stops.
   */
  take(callerKey: string, o?: { left?(): void; cut?(): void }): Place;
  cutAll(): void;
}

export function countSubscribers({ perCaller, metrics }: { perCaller: number; metrics: Metrics }): Subscribers {
  const ofCaller = new Map<string, number>();
  const cuts = new Set<() => void>();
  return {
    take(callerKey, { left: hasBeenLeft, cut } = {}) {
      const running = ofCaller.get(callerKey) ?? 0;
      if (running >= perCaller) throw refused("RATE_LIMITED", `At most ${perCaller} subscriptions at a time.`, 429);
      ofCaller.set(callerKey, running + 1);
      metrics.subscriptions.inc();
      if (cut) cuts.add(cut);
      let hasLeft = false;
      const leave = () => {
        if (hasLeft) return;
        hasLeft = true;
        if (cut) cuts.delete(cut);
        metrics.subscriptions.dec();
        const left = ofCaller.get(callerKey)! - 1;
        if (left > 0) ofCaller.set(callerKey, left);
        else ofCaller.delete(callerKey);
        hasBeenLeft?.();
      };
      return { leave, counted: (events) => counted(events, () => metrics.events.inc(), leave) };
    },
    cutAll() {
      for (const cut of [...cuts]) cut();
    },
  };
}

function counted(events: EventStream, count: () => void, over: () => void): EventStream {
  return {
    async next(): Promise<IteratorResult<Answer, undefined>> {
      try {
        const step = (await events.next()) as IteratorResult<Answer, undefined>;
        if (step.done) over();
        else count();
        return step;
      } catch (error) {
        over();
        throw error;
      }
    },
    async return() {
      over();
      await events.return?.();
      return { done: true, value: undefined };
    },
    async throw(error) {
      over();
      await events.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
