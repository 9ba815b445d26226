import { Subscription } from "./subscription";
import type { SubscribeOptions } from "./topics";

const queueMaxDefault = 1_000;

/** Who in this process listens to what. */
export class Listeners {
  private readonly byTopic = new Map<string, Set<Subscription>>();
  private closed = false;

  subscribe<Message>(
    topic: string,
    { signal, queueMax = queueMaxDefault }: SubscribeOptions = {},
  ): AsyncIterableIterator<Message> & Subscription {
    const end = () => subscription.end();
    const subscription = new Subscription(topic, queueMax, () => {
      signal?.removeEventListener("abort", end);
      const others = this.byTopic.get(topic);
      others?.delete(subscription);
      if (others?.size === 0) this.byTopic.delete(topic);
    });

    if (this.closed || signal?.aborted) {
      subscription.end();
    } else {
      signal?.addEventListener("abort", end, { once: true });
      const others = this.byTopic.get(topic) ?? new Set();
      this.byTopic.set(topic, others.add(subscription));
    }
    return subscription as AsyncIterableIterator<unknown> as AsyncIterableIterator<Message> & Subscription;
  }

  deliver(topic: string, text: string): void {
    // A copy, because a full queue ends its subscription while we go through them.
    for (const subscription of [...(this.byTopic.get(topic) ?? [])]) subscription.push(text);
  }

  /** Ends all of them with an error; later ones aren't concerned. */
  fail(errorFor: () => Error): void {
    for (const subscription of this.all()) subscription.fail(errorFor());
  }

  stats(): { topics: number; subscribers: number } {
    return { topics: this.byTopic.size, subscribers: this.all().length };
  }

  /** Ends every iterator; later subscriptions end at once. */
  close(): void {
    this.closed = true;
    for (const subscription of this.all()) subscription.end();
  }

  private all(): Subscription[] {
    return [...this.byTopic.values()].flatMap((subscriptions) => [...subscriptions]);
  }
}

/** A message as text. Also when nobody listens: one that can't be sent is a fault that shouldn't wait for a listener. */
export function textOf(topic: string, message: unknown): string {
  const text = JSON.stringify(message);
  if (text === undefined) throw new TypeError(`A message of the topic ${topic} isn't JSON: ${typeof message}.`);
  return text;
}
