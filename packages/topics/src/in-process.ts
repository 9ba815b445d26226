import { Listeners, textOf } from "./listeners";
import type { Topics } from "./topics";

export interface InProcessTopics extends Topics {
  /** For metrics and leak checks. */
  stats(): { topics: number; subscribers: number };
  /** Ends every iterator; later subscriptions end at once. */
  close(): void;
}

/** Topics among the requests of this process. */
export function inProcessTopics(): InProcessTopics {
  const listeners = new Listeners();
  return {
    publish: (topic, message) => listeners.deliver(topic, textOf(topic, message)),
    subscribe: (topic, options) => listeners.subscribe(topic, options),
    stats: () => listeners.stats(),
    close: () => listeners.close(),
  };
}
