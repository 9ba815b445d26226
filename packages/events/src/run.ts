import { startBatchWorker, type BatchWorker } from "./batch-worker";
import type { EventLog } from "./log";
import type { Envelope } from "./envelope";
import type { Consumer, EventDatabase, EventHandle, EveryConsumer, TypeConsumer } from "./handle";
import { eventGauges, type EventGauge } from "./gauges";
import { hearing } from "./hearing";
import { noteGroups, receive, type InboxGroup } from "./inbox";
import { leadWhenPossible } from "./leadership";
import { prune, storedStats, type EventStats } from "./maintenance";
import type { Loop } from "./loop";
import { startRelay } from "./relay";
import type { EventTransport } from "./transport";
import { everyGroupOf, onAppended } from "./wake";
import { startInboxWorker } from "./worker";

/** Where a leader is woken for what was appended; its other places are the groups of its inbox. */
const outbox = "outbox";
const pruneEveryMs = 3_600_000;

export interface RunEventsOptions<Context, Handle extends EventHandle<Handle>> {
  service: string;
  /** The service's database as its application role, reached without a pooler in transaction mode. */
  url: string;
  database: EventDatabase<Handle>;
  transport: EventTransport;
  consumers: readonly Consumer<Context>[];
  /**
   * What a handler gets. `tx` is bound to the event's tenant, or to the service; whatever is written through it happens
   * once. For a batch of many events it is asked with the first.
   */
  contextFor(envelope: Envelope, tx: Handle): Context;
  log: EventLog;
  /** How many transactions of handlers run beside each other. Each holds one connection of the pool. */
  concurrency?: number;
  /** After so many failures an event becomes a dead letter; pauses begin at `firstDelayMs` and double, up to 5 minutes. */
  retry?: { attemptsMax?: number; firstDelayMs?: number };
  /** A handler that takes longer has failed. Its transaction is rolled back. */
  handlerMsMax?: number;
  /** How long repetitions are recognized, and published events kept for replay. */
  keepDays?: number;
}

export interface RunningEvents {
  /**
   * Puts events into this service's inbox even if it has handled them before: for a replay. One that waits or is being
   * handled isn't added.
   */
  receiveAgain(envelopes: readonly Envelope[]): Promise<void>;
  stats(): Promise<EventStats>;
  /** The same as figures of the service's metrics. */
  readonly gauges: readonly EventGauge[];
  /** Ends the relay, lets handlers that are running finish, and gives up the lead. */
  stop(): Promise<void>;
}

/**
 * Runs a service's part in the exchange of events: its outbox is relayed to the transport, what it hears is put into
 * its inbox, and its handlers are called from there. Several processes of one service may do so; one of them leads
 * and does the work, another takes over within a second when it goes.
 */
export async function runEvents<Context, Handle extends EventHandle<Handle>>(
  options: RunEventsOptions<Context, Handle>,
): Promise<RunningEvents> {
  const { service, url, database, transport, consumers, contextFor, log, concurrency = 6 } = options;
  const { handlerMsMax = 30_000, keepDays = 14 } = options;
  const retry = { attemptsMax: 10, firstDelayMs: 500, ...options.retry };
  const ofTypes = consumers.filter((each): each is TypeConsumer<Context> => "definition" in each);
  const [ofEverything, another] = consumers.filter((each): each is EveryConsumer<Context> => "every" in each);
  const types = ofTypes.map(({ definition }) => definition.type);
  const twice = another ? "everything" : types.find((type, index) => types.indexOf(type) !== index);
  if (twice) throw new Error(`${service} handles ${twice} twice; one handler has to call both commands.`);
  const groups: InboxGroup[] = [{ name: service, hears: hearing(types), types }];
  // The leader's, while this process leads.
  let batches: BatchWorker | undefined;
  // Where publishing means receiving, a handler that is slow would hold up the publisher.
  const straight = async (envelopes: readonly Envelope[]) => (batches ? batches.straight(envelopes) : envelopes);
  const everything = { hears: () => true, types: "EVERY", ...(transport.keepsHistory && { straight }) } as const;
  if (ofEverything) groups.push({ name: everyGroupOf(service), ...everything });

  const names = groups.map(({ name }) => name);

  const counts = { published: 0, handled: 0, failures: 0 };
  const asService = database.asService();

  await noteGroups(asService, groups);

  const leadership = leadWhenPossible({
    url,
    name: service,
    log,
    lead(connection) {
      const relay = startRelay({
        service,
        connection,
        transport,
        onPublished: (count) => (counts.published += count),
        log,
      });
      const shared = {
        database,
        contextFor,
        retry,
        handlerMsMax,
        onHandled: (count: number) => (counts.handled += count),
        onFailed: () => counts.failures++,
        log,
      };
      const loops = new Map<string, Loop>([
        [outbox, relay],
        [service, startInboxWorker({ ...shared, group: service, consumers: ofTypes, concurrency })],
      ]);
      if (ofEverything) {
        batches = startBatchWorker({ ...shared, group: everyGroupOf(service), consumer: ofEverything });
        loops.set(everyGroupOf(service), batches);
      }
      const pruneNow = () =>
        prune(asService, keepDays).catch((error) =>
          log.warn({ err: error }, `Old events of ${service} weren't pruned`),
        );
      let pruned = pruneNow();
      const pruning = setInterval(() => (pruned = pruneNow()), pruneEveryMs).unref();
      return {
        wake(where) {
          for (const [place, loop] of loops) if (where === undefined || where === place) loop.wake();
        },
        async stop() {
          clearInterval(pruning);
          batches = undefined;
          await Promise.all([...[...loops.values()].map((loop) => loop.stop()), pruned]);
        },
      };
    },
  });

  const deliver = async (received: readonly unknown[], { again = false } = {}) => {
    for (const group of await receive(asService, groups, received, { again })) leadership.wake(group);
  };
  const stopListening = onAppended(service, () => leadership.wake(outbox));
  const subscription = await transport.subscribe({
    group: service,
    types: ofEverything ? "EVERY" : types,
    deliver: (received) => deliver(received),
  });

  const stats = async () => ({
    leads: leadership.leads,
    ...(await storedStats(asService, names)),
    ...counts,
  });
  return {
    receiveAgain: (envelopes) => deliver(envelopes, { again: true }),
    stats,
    gauges: eventGauges({ stats, lag: () => transport.lag?.(service) }),
    async stop() {
      stopListening();
      await subscription.stop();
      await leadership.stop();
    },
  };
}
