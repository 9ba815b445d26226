import { serviceOf, type Envelope } from "./envelope";
import { startSettling, TakenElsewhere, Unhandleable, within } from "./failures";
import type { EventDatabase, EventHandle, Tenant, TypeConsumer } from "./handle";
import { loadWindow, take, type InboxRow, type RetryPolicy } from "./inbox";
import type { EventLog } from "./log";
import { startLoop, type Loop } from "./loop";
import { toEnvelope } from "./row";
import { traced } from "./trace";

const pollMs = 2_000;
// Load again when fewer than this are at hand; and no single lane may fill the memory while its head is slow.
const lowWater = 250;
const laneBufferMax = 64;
// Events of one tenant share a transaction while it is short: under load a commit is the dearest part of an event.
const batchMax = 64;
const batchMsMax = 50;

export interface WorkerOptions<Context, Handle extends EventHandle<Handle>> {
  group: string;
  database: EventDatabase<Handle>;
  consumers: readonly TypeConsumer<Context>[];
  contextFor(envelope: Envelope, tx: Handle): Context;
  concurrency: number;
  retry: RetryPolicy;
  handlerMsMax: number;
  onHandled(count: number): void;
  onFailed(): void;
  log: EventLog;
}

/**
 * Handles what is in the inbox: one lane (tenant and subject) in order, different lanes beside each other. One worker
 * per group runs at a time; should two overlap, taking the event out in the transaction of its effects lets one win.
 */
export function startInboxWorker<Context, Handle extends EventHandle<Handle>>(
  options: WorkerOptions<Context, Handle>,
): Loop {
  const { group, database, concurrency, log } = options;
  const consumers = new Map(options.consumers.map((consumer) => [consumer.definition.type, consumer]));
  const service = database.asService();

  /** What was loaded and isn't begun, per lane, in order. */
  const waiting = new Map<string, InboxRow[]>();
  const begun = new Set<InboxRow>();
  const busyLanes = new Set<string>();
  const transactions = new Set<Promise<void>>();
  /**
   * Lanes whose first event has just failed, until their transaction has ended. Loading one of them now could bring
   * the events behind the failed one without that one. A load that was under way meanwhile may have done so already:
   * `tornLanes` are those whose rows the current load has to leave out. It brings nothing at all when what was at hand
   * has been forgotten meanwhile, since it left that out: `beginnings` tells.
   */
  const failedLanes = new Set<string>();
  let tornLanes = new Set<string>();
  let beginnings = 0;
  let stopped = false;
  let unread = true;

  const work = async () => {
    unread = true;
    while (unread && !stopped) {
      const atHand = [...waiting.values()].flat();
      if (atHand.length >= lowWater) break;
      const full = [...waiting].filter(([, rows]) => rows.length >= laneBufferMax).map(([lane]) => lane);
      tornLanes = new Set(failedLanes);
      const beginning = beginnings;
      const known = [...atHand, ...begun].map(({ position }) => position);
      const { rows, mayHaveMore } = await loadWindow(service, group, {
        positions: known,
        lanes: [...full, ...failedLanes],
      });
      if (beginning !== beginnings) continue;
      unread = mayHaveMore;
      for (const row of rows) if (!tornLanes.has(row.lane)) buffer(row);
      begin();
    }
  };
  const loop = startLoop({ name: `The inbox of ${group}`, work, pollMs, log });
  const settling = startSettling({ ...options, service, onDue: () => loop.wake() });

  const buffer = (row: InboxRow) => {
    const lane = waiting.get(row.lane);
    if (!lane) waiting.set(row.lane, [row]);
    else if (lane.length < laneBufferMax) lane.push(row);
  };

  /** Starts transactions while there is room and something to handle. */
  const begin = () => {
    while (!stopped && transactions.size < concurrency) {
      const batch = nextBatch();
      if (batch.length === 0) return;
      for (const row of batch) {
        begun.add(row);
        busyLanes.add(row.lane);
      }
      const ended = (error?: unknown) => {
        transactions.delete(transaction);
        for (const row of batch) {
          begun.delete(row);
          busyLanes.delete(row.lane);
          // Nothing of this lane was loaded meanwhile.
          if (failedLanes.delete(row.lane)) unread = true;
        }
        if (error !== undefined) beginAnew(error);
        begin();
        if (unread) loop.wake();
      };
      const transaction = handleBatch(batch).then(() => ended(), ended);
      transactions.add(transaction);
    }
  };

  /** The database itself fails: with what is in the inbox, once it can be read again. */
  const beginAnew = (error: unknown) => {
    if (!stopped) log.error({ err: error }, `The inbox of ${group} can't note what became of its events`);
    waiting.clear();
    beginnings++;
    unread = true;
  };

  /** Events of free lanes that may share a transaction. What has failed before is handled alone. */
  const nextBatch = (): InboxRow[] => {
    const batch: InboxRow[] = [];
    let shared: string | undefined;
    for (const [lane, rows] of waiting) {
      if (busyLanes.has(lane)) continue;
      while (rows.length > 0 && batch.length < batchMax) {
        const binding = bindingOf(rows[0]!);
        shared ??= binding;
        if (binding !== shared) break;
        batch.push(rows.shift()!);
      }
      if (rows.length === 0) waiting.delete(lane);
      if (batch.length === batchMax) break;
    }
    return batch;
  };

  const bindingOf = (row: InboxRow): string => {
    const as = consumers.get(row.type)?.as;
    if (row.attempts > 0 || typeof as === "function") return `alone ${row.position}`;
    return as ?? JSON.stringify([row.organization_id, row.workspace_id, row.actor_id]);
  };

  const putBack = (rows: InboxRow[]) => {
    for (const row of rows.toReversed()) waiting.set(row.lane, [row, ...(waiting.get(row.lane) ?? [])]);
  };

  const handleBatch = async (batch: InboxRow[]) => {
    try {
      const handled = await handleTogether(batch);
      putBack(batch.slice(handled));
    } catch (error) {
      if (batch.length === 1) return settle(batch[0]!, error);
      // One of them has failed, and with it the effects of all: each by itself now, and none behind a failed one.
      for (const row of batch) {
        if (stopped) return;
        if (failedLanes.has(row.lane)) continue;
        try {
          await handleTogether([row]);
        } catch (own) {
          await settle(row, own);
        }
      }
    }
  };

  /** Handles the first of these events, as many as fit into a short transaction. Returns how many that were. */
  const handleTogether = async (rows: InboxRow[]): Promise<number> => {
    const events = rows.map(prepare);
    const { tenant, consumer } = events[0]!;
    const handle = consumer.as === "service" ? service : database.as(tenant);
    let handled = 0;
    await handle.transaction(async (tx) => {
      const startedAt = performance.now();
      handled = 0;
      for (const run of runsOf(events)) {
        const [{ consumer, envelope }] = run;
        const data = run.map((event) => event.data);
        const envelopes = run.map((event) => event.envelope as never);
        const call = async () => consumer.handler(options.contextFor(envelope, tx), data, envelopes);
        await within(options.handlerMsMax, traced(envelope, call));
        handled += run.length;
        if (performance.now() - startedAt > batchMsMax) break;
      }
      // Last, because it also finds out whether a handler has swallowed an error that leaves the transaction aborted.
      const positions = rows.slice(0, handled).map(({ position }) => position);
      if ((await take(tx, group, positions)).length < handled) throw new TakenElsewhere();
    });
    options.onHandled(handled);
    return handled;
  };

  const prepare = (row: InboxRow): Prepared<Context> & { tenant: Tenant } => {
    const consumer = consumers.get(row.type);
    if (!consumer) throw new Unhandleable("UNKNOWN_TYPE", `${group} knows no ${row.type}${hint(row.type, consumers)}.`);
    const envelope = toEnvelope(row);
    try {
      const data = consumer.definition.read(row.data) as never;
      return { consumer, envelope, data, tenant: tenantFor(consumer, envelope, data) };
    } catch (error) {
      throw new Unhandleable("INVALID", (error as Error).message, { cause: error });
    }
  };

  /** What becomes of an event that wasn't handled. Its lane waits; what was loaded of it is forgotten until then. */
  const settle = async (row: InboxRow, error: unknown) => {
    waiting.delete(row.lane);
    failedLanes.add(row.lane);
    tornLanes.add(row.lane);
    if (error instanceof TakenElsewhere) return;
    await settling.settle(row, error);
  };

  return {
    wake: () => loop.wake(),
    async stop() {
      stopped = true;
      settling.stop();
      await loop.stop();
      await Promise.all(transactions);
    },
  };
}

interface Prepared<Context> {
  consumer: TypeConsumer<Context>;
  envelope: Envelope;
  data: never;
}

/** Events in the pieces in which their handlers get them: one each, or all that wait together. */
function runsOf<Event extends Prepared<never>>(events: readonly Event[]): [Event, ...Event[]][] {
  const runs: [Event, ...Event[]][] = [];
  for (const event of events) {
    const run = runs.at(-1);
    const { consumer, envelope } = event;
    const joins = run && consumer.together && run[0].consumer === consumer;
    // What a handler does belongs to the trace of what caused it.
    if (joins && run[0].envelope.traceparent === envelope.traceparent) run.push(event);
    else runs.push([event]);
  }
  return runs;
}

function tenantFor<Context>(consumer: TypeConsumer<Context>, envelope: Envelope, data: never): Tenant {
  const { organizationid, workspaceid, actorid } = envelope;
  const own = { organizationId: organizationid ?? null, workspaceId: workspaceid ?? null, userId: actorid ?? null };
  if (consumer.as === undefined || consumer.as === "service") return own;
  const chosen = { ...own, ...consumer.as(data, envelope as never) };
  if (organizationid !== undefined && chosen.organizationId !== organizationid)
    throw new Error(`An event of ${organizationid} can't be handled as ${chosen.organizationId}'s.`);
  return chosen;
}

/** Whether it is the version alone that isn't known. */
function hint(type: string, consumers: ReadonlyMap<string, unknown>): string {
  const name = type.slice(0, type.lastIndexOf("."));
  const known = [...consumers.keys()].filter((each) => each.startsWith(`${name}.v`));
  if (known.length > 0) return `, only ${known.join(" and ")}`;
  return ` from ${serviceOf(type)}`;
}
