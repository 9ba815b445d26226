import type { Envelope } from "./envelope";
import { startSettling, TakenElsewhere, within } from "./failures";
import type { EventDatabase, EventHandle, EveryConsumer } from "./handle";
import { claimStraight, loadWindow, take, type InboxRow, type RetryPolicy } from "./inbox";
import type { EventLog } from "./log";
import { startLoop, type Loop } from "./loop";
import { toEnvelope } from "./row";
import { tracedBatch } from "./trace";

const pollMs = 2_000;
// What hears everything needn't hear it at once: under a steady trickle, a batch has some events then instead of one.
const gatherMs = 50;
// So few can't be all that fit into a window. What came meanwhile has woken the loop again.
const fewRows = 16;
// From so many on there are probably more: they are read while these are handled.
const aheadFrom = 100;

export interface BatchWorker extends Loop {
  straight(envelopes: readonly Envelope[]): Promise<readonly Envelope[]>;
}

const straightMax = 500;
const straightMsMax = 500;
const straightPauseMs = 1_000;

/** Others wait in the inbox: what has arrived goes behind them. */
class OthersWait extends Error {}

/**
 * Handles an inbox by the batch: whatever is next, of all tenants, in one transaction after the other. One worker per
 * group runs at a time; should two overlap, taking the events out in the transaction of their effects lets one win.
 */
export function startBatchWorker<Context, Handle extends EventHandle<Handle>>(options: {
  group: string;
  database: EventDatabase<Handle>;
  consumer: EveryConsumer<Context>;
  contextFor(envelope: Envelope, tx: Handle): Context;
  retry: RetryPolicy;
  handlerMsMax: number;
  onHandled(count: number): void;
  onFailed(): void;
  log: EventLog;
}): BatchWorker {
  const { group, database, consumer, log } = options;
  const service = database.asService();
  let stopped = false;
  let notStraightUntil = 0;
  let straightening: Promise<unknown> | undefined;

  const work = async () => {
    let next = loadWindow(service, group);
    while (!stopped) {
      const { rows } = await next;
      if (rows.length === 0) return;
      // Just these are left out, not everything between the first and the last: what has a position there may have been
      // committed only now, and what came behind it would be handled before it.
      const positions = rows.map(({ position }) => position);
      const ahead = rows.length < aheadFrom ? undefined : loadWindow(service, group, { positions });
      ahead?.catch(() => {});
      const allHandled = await handleWindow(rows);
      if (allHandled && rows.length < fewRows) return;
      // What was read ahead may stand behind an event that has failed by now.
      next = ahead && allHandled ? ahead : loadWindow(service, group);
    }
    await next;
  };
  const loop = startLoop({ name: `The inbox of ${group}`, work, pollMs, gatherMs, log });
  const { settle, stop } = startSettling({ ...options, service, onDue: () => loop.wake() });

  /** What has failed before is handled alone. Returns whether none has failed. */
  const handleWindow = async (rows: InboxRow[]): Promise<boolean> => {
    const failedLanes = new Set<string>();
    for (const row of rows) if (row.attempts > 0) await handleHalves([row], failedLanes);
    await handleHalves(
      rows.filter(({ attempts }) => attempts === 0),
      failedLanes,
    );
    return failedLanes.size === 0;
  };

  /** Handles these events but for those behind a failed one; together if that works, otherwise half by half. */
  const handleHalves = async (rows: readonly InboxRow[], failedLanes: Set<string>): Promise<void> => {
    const due = rows.filter(({ lane }) => !failedLanes.has(lane));
    if (due.length === 0 || stopped) return;
    try {
      await handleTogether(due);
    } catch (error) {
      if (error instanceof TakenElsewhere) throw error;
      if (due.length === 1) {
        failedLanes.add(due[0]!.lane);
        return settle(due[0]!, error);
      }
      const half = Math.ceil(due.length / 2);
      await handleHalves(due.slice(0, half), failedLanes);
      await handleHalves(due.slice(half), failedLanes);
    }
  };

  const handleTogether = async (rows: readonly InboxRow[]) => {
    const envelopes = rows.map(toEnvelope);
    await service.transaction(async (tx) => {
      const call = async () => consumer.every(options.contextFor(envelopes[0]!, tx), envelopes);
      await within(options.handlerMsMax, tracedBatch(group, envelopes.length, call));
      // Last, because it also finds out whether the handler has swallowed an error that leaves the transaction aborted.
      const positions = rows.map(({ position }) => position);
      if ((await take(tx, group, positions)).length < rows.length) throw new TakenElsewhere();
    });
    options.onHandled(rows.length);
  };

  /** The first of these events together, without a stay in the inbox, as long as that goes well; returns the others. */
  const straight = async (envelopes: readonly Envelope[]): Promise<readonly Envelope[]> => {
    for (let at = 0; at < envelopes.length; at += straightMax) {
      if (stopped || performance.now() < notStraightUntil) return envelopes.slice(at);
      const batch = envelopes.slice(at, at + straightMax);
      const startedAt = performance.now();
      const handling = handleStraight(batch).catch(() => null);
      straightening = handling;
      const handled = await handling;
      // A handler that is slow, or fails, shall not hold up what else has arrived: it gets its events from the inbox.
      if (handled === null || performance.now() - startedAt > straightMsMax)
        notStraightUntil = performance.now() + straightPauseMs;
      if (handled === null) return envelopes.slice(at);
      options.onHandled(handled);
    }
    return [];
  };

  /** How many of them were new and have been handled; null where others wait before them. */
  const handleStraight = (batch: readonly Envelope[]): Promise<number> =>
    service.transaction(async (tx) => {
      const fresh = await claimStraight(tx, group, batch);
      if (!fresh) throw new OthersWait();
      if (fresh.length === 0) return 0;
      const call = async () => consumer.every(options.contextFor(fresh[0]!, tx), fresh);
      await within(options.handlerMsMax, tracedBatch(group, fresh.length, call));
      // Finds out whether the handler has swallowed an error that leaves the transaction aborted.
      await tx.sql("select 1");
      return fresh.length;
    });

  return {
    wake: () => loop.wake(),
    straight,
    async stop() {
      stopped = true;
      stop();
      await loop.stop();
      await straightening;
    },
  };
}
