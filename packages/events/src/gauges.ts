import type { EventStats } from "./maintenance";

/** A figure of a service's metrics, as `@atrium/subgraph` takes them. */
export interface EventGauge {
  readonly name: string;
  readonly help: string;
  read(): Promise<number>;
}

interface Lag {
  waiting: number;
  oldestSeconds: number;
}

// One answer to metrics asks for all of them at once.
const sharedMs = 500;

export function eventGauges(sources: {
  stats(): Promise<EventStats>;
  lag(): Promise<Lag> | undefined;
}): readonly EventGauge[] {
  const stats = shared(sources.stats);
  const lag = shared(async () => (await sources.lag()) ?? { waiting: 0, oldestSeconds: 0 });
  const gauge = (name: string, help: string, read: () => Promise<number>) => ({
    name: `atrium_events_${name}`,
    help,
    read,
  });
  return [
    gauge("outbox_waiting", "Events appended and not yet published.", async () => (await stats()).outbox.waiting),
    gauge(
      "outbox_oldest_seconds",
      "Age of the oldest event that isn't published.",
      async () => (await stats()).outbox.oldestSeconds,
    ),
    gauge(
      "transport_waiting",
      "Events published and not yet received by this service; always 0 without a broker.",
      async () => (await lag()).waiting,
    ),
    gauge(
      "transport_oldest_seconds",
      "How long ago the last event was published that this service has received, while others wait.",
      async () => (await lag()).oldestSeconds,
    ),
    gauge("inbox_waiting", "Events received and not yet handled.", async () => (await stats()).inbox.waiting),
    gauge(
      "inbox_failing",
      "Events that have failed and wait for another attempt.",
      async () => (await stats()).inbox.failing,
    ),
    gauge(
      "inbox_oldest_seconds",
      "Age of the oldest event that isn't handled.",
      async () => (await stats()).inbox.oldestSeconds,
    ),
    gauge("dead_letters", "Events put aside, for a person to decide.", async () => (await stats()).deadLetters),
    gauge("published", "Events published by this process since its start.", async () => (await stats()).published),
    gauge("handled", "Events handled by this process since its start.", async () => (await stats()).handled),
    gauge("failures", "Failures of handlers in this process since its start.", async () => (await stats()).failures),
    gauge("leads", "1 in the process that relays and handles for its service.", async () =>
      Number((await stats()).leads),
    ),
  ];
}

function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: { at: number; answer: Promise<T> } | undefined;
  return () => {
    if (!asked || Date.now() - asked.at > sharedMs) asked = { at: Date.now(), answer: ask() };
    return asked.answer;
  };
}
