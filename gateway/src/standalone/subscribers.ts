import type { RequestRefused } from "../endpoint";
import type { Answer, EventStream } from "../execution/engine";
import { refused } from "../http/refusal";
import type { Metrics } from "../metrics";

/** One running subscription's place. */
export interface Place {
  /** The stream with its events counted. */
  counted(events: EventStream): EventStream;
  leave(): void;
}

/** Who has subscribed, however the events reach them: bounded for each caller, and cut when the gateway stops. */
export interface Subscribers {
  /** Null when the caller has as many as one may. `cut` ends the way to the client; sockets close theirs themselves. */
  take(callerKey: string, cut?: () => void): Place | null;
  refusal(): RequestRefused;
  cutAll(): void;
}

export function countSubscribers(o: { perCaller: number; metrics: Metrics }): Subscribers {
  const ofCaller = new Map<string, number>();
  const cuts = new Set<() => void>();
  return {
    take(callerKey, cut) {
      const running = ofCaller.get(callerKey) ?? 0;
      if (running >= o.perCaller) return null;
      ofCaller.set(callerKey, running + 1);
      o.metrics.subscriptions.inc();
      if (cut) cuts.add(cut);
      let hasLeft = false;
      return {
        counted: (events) => counted(events, () => o.metrics.events.inc()),
        leave() {
          if (hasLeft) return;
          hasLeft = true;
          if (cut) cuts.delete(cut);
          o.metrics.subscriptions.dec();
          const left = ofCaller.get(callerKey)! - 1;
          if (left > 0) ofCaller.set(callerKey, left);
          else ofCaller.delete(callerKey);
        },
      };
    },
    refusal: () => refused("RATE_LIMITED", `At most ${o.perCaller} subscriptions at a time.`, 429),
    cutAll() {
      for (const cut of cuts) cut();
    },
  };
}

function counted(events: EventStream, count: () => void): EventStream {
  return {
    async next(): Promise<IteratorResult<Answer, undefined>> {
      const step = (await events.next()) as IteratorResult<Answer, undefined>;
      if (!step.done) count();
      return step;
    },
    return: () => events.return?.() ?? Promise.resolve({ done: true, value: undefined }),
    throw: (error) => events.throw?.(error) ?? Promise.reject(error as Error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
