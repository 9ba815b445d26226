import type { Envelope } from "./envelope";
import { hearing } from "./hearing";

/** A consumer group's place to put what arrives: its inbox. */
export interface Subscription {
  /** A service's name: each event reaches each group. */
  readonly group: string;
  /** The event types it handles; what it hears besides says `hearing`. */
  readonly types: readonly string[] | "EVERY";
  /**
   * Stores what arrived, in this order; resolves when it is durable. Repetitions do no harm. It takes things as they
   * came: what isn't an envelope (or is known to be `Unreadable`) is parked as a dead letter, so nothing that was
   * received blocks what follows.
   */
  deliver(received: readonly unknown[]): Promise<void>;
}

/** How events get from a service's outbox to the inboxes of the others. At least once, in order per tenant and subject. */
export interface EventTransport {
  /** Whether published events can be had again from the transport itself. If not, each service keeps its own. */
  readonly keepsHistory: boolean;
  /** Resolves when the envelopes are stored durably: by a broker, or by every group that hears them. */
  publish(envelopes: readonly Envelope[]): Promise<void>;
  subscribe(subscription: Subscription): Promise<{ stop(): Promise<void> }>;
  /** What was published and a group hasn't received yet; left out where publishing means receiving. */
  lag?(group: string): Promise<{ waiting: number; oldestSeconds: number }>;
  /** What was published since `from`, in pages, in order per tenant and subject; where the transport keeps history. */
  history?(what: { types: readonly string[] | "EVERY"; from: Date }): AsyncGenerator<Envelope[]>;
  /** Shows what is being published from now on, without any promise; where the transport keeps history. */
  tail?(what: {
    types: readonly string[] | "EVERY";
    onEvents(envelopes: readonly Envelope[]): void;
  }): Promise<{ stop(): Promise<void> }>;
  /** Ends what is still open once everybody has unsubscribed. */
  close?(): Promise<void>;
}

/** A group that ought to be here isn't, so nothing may be published past it. */
export class TransportNotReady extends Error {
  override readonly name = "TransportNotReady";
}

/**
 * Carries events between the services of one process, from database to database.
 *
 * `groups` are all services that run in the process. Until each of them has subscribed, and whenever one of them has
 * stopped, publishing is refused and the outboxes hold: an event that passed before its consumer came up would be lost.
 */
export function embeddedTransport({ groups }: { groups: readonly string[] }): EventTransport {
  const subscriptions = new Map<string, Pick<Subscription, "deliver"> & { hears(type: string): boolean }>();

  return {
    keepsHistory: false,

    async publish(envelopes) {
      const missing = groups.filter((group) => !subscriptions.has(group));
      if (missing.length > 0) throw new TransportNotReady(`${missing.join(", ")} can't receive events yet.`);
      const deliveries = [...subscriptions.values()].map(({ hears, deliver }) => {
        const heard = envelopes.filter(({ type }) => hears(type));
        return heard.length > 0 ? deliver(heard) : undefined;
      });
      // Waits for all of them even if one fails: a delivery that is still running may not be overtaken by the next.
      const failed = (await Promise.allSettled(deliveries)).find((delivery) => delivery.status === "rejected");
      if (failed) throw failed.reason;
    },

    async subscribe({ group, types, deliver }) {
      if (subscriptions.has(group)) throw new Error(`${group} is subscribed already.`);
      subscriptions.set(group, { hears: hearing(types), deliver });
      return { stop: async () => void subscriptions.delete(group) };
    },
  };
}
