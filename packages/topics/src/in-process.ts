import { Subscription } from "./subscription";
import type { SubscribeOptions, Topics } from "./topics";

export interface InProcessTopics extends Topics {
  /** For metrics and leak checks. */
  stats(): { topics: number; subscribers: number };
  /** Ends every iterator; later subscriptions end at once. */
  close(): void;
}

const queueMaxDefault = 1_000;

/** Topics among the requests of this process. */
export function inProcessTopics(): InProcessTopics {
  const subscribers = new Map<string, Set<Subscription>>();
  let closed = false;

  return {
    publish(topic, message) {
      // Also when nobody listens: a message that can't be sent is a fault that shouldn't wait for a listener.
      const text = JSON.stringify(message);
      if (text === undefined) throw new TypeError(`A message of the topic ${topic} isn't JSON: ${typeof message}.`);
      // A copy, because a full queue ends its subscription while we go through them.
      for (const subscription of [...(subscribers.get(topic) ?? [])]) subscription.push(text);
    },

    subscribe<Message>(topic: string, { signal, queueMax = queueMaxDefault }: SubscribeOptions = {}) {
      const end = () => subscription.end();
      const subscription = new Subscription(topic, queueMax, () => {
        signal?.removeEventListener("abort", end);
        const others = subscribers.get(topic);
        others?.delete(subscription);
        if (others?.size === 0) subscribers.delete(topic);
      });

      if (closed || signal?.aborted) {
        subscription.end();
      } else {
        signal?.addEventListener("abort", end, { once: true });
        const others = subscribers.get(topic) ?? new Set();
        subscribers.set(topic, others.add(subscription));
      }
      return subscription as AsyncIterableIterator<unknown> as AsyncIterableIterator<Message>;
    },

    stats() {
      let count = 0;
      for (const all of subscribers.values()) count += all.size;
      return { topics: subscribers.size, subscribers: count };
    },

    close() {
      closed = true;
      for (const all of [...subscribers.values()]) for (const subscription of [...all]) subscription.end();
    },
  };
}
