import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { GraphQLFormattedError } from "graphql";
import type { ClientRequest } from "../client-request";
import { isEventStream, type Answer, type Engine, type EventStream, type Prepared } from "../execution/engine";
import { SubgraphFault } from "../subgraphs/transport";
import { EventQueue } from "./event-queue";

export { SlowConsumer, slowConsumer } from "./event-queue";

export interface HubOptions<Request extends ClientRequest> {
  /**
   * Callers with the same key get the same answer of every subgraph, whatever is asked: they share one subscription at the
   * subgraph and one join for each event. Null for a caller who shares with nobody. Whoever has `requestOfEvent` doesn't.
   */
  sharingKey(request: Request): string | null;
  /** The same request for as long as anybody listens, whoever began and left. */
  lasting(request: Request, signal: AbortSignal): Request;
  /** Events that may wait for one subscriber before it is let go with `SlowConsumer`. */
  queuedMax: number;
  /** How long a subgraph may be away before its subscribers are told. */
  awayMaxMs: number;
  /** Whether a subgraph's refusal, on the way back, says no more than that it isn't back yet. */
  isStillAway?(refusal: Answer): boolean;
  /** What subscribers are told of a subgraph that stays away. */
  describeFault(fault: SubgraphFault, request: Request): GraphQLFormattedError;
}

type Subscribe<Request extends ClientRequest> = Engine<Request>["subscribe"];

const firstPauseMs = 100;
const pauseMaxMs = 5_000;
// A source that lasted this long had come back; one that didn't was still away. Longer than connecting may take to fail.
const steadyMs = 25_000;

/** One subscription at a subgraph, and who hears it. */
interface Channel {
  subscribers: Set<EventQueue<Answer>>;
  ended: AbortController;
  /** Begins to read, once somebody listens: nobody misses the first events. */
  begin(): void;
}

/** An engine whose identical subscriptions are one, and go on when a subgraph comes back. */
export function withHub<Request extends ClientRequest>(
  engine: Engine<Request>,
  o: HubOptions<Request>,
): Engine<Request> {
  const channels = new Map<string, Channel>();
  const starting = new Map<string, Promise<Channel | Answer>>();

  async function open(key: string | null, ...[prepared, variables, request, options]: Parameters<Subscribe<Request>>) {
    const ended = new AbortController();
    // Each fetch of an event's join listens.
    setMaxListeners(0, ended.signal);
    const lasting = o.lasting(request, ended.signal);
    const source = await engine.subscribe(prepared, variables, lasting, options);
    if (!isEventStream(source)) return source;
    const subscribers: Channel["subscribers"] = new Set();
    let hasBegun = false;
    const channel: Channel = {
      subscribers,
      ended,
      begin() {
        if (hasBegun) return;
        hasBegun = true;
        const again = async () => {
          // With the rights of now: the subgraph decides by them.
          const who = options?.requestOfEvent ? await options.requestOfEvent(performance.now()) : request;
          return engine.subscribe(prepared, variables, o.lasting(who, ended.signal), {
            ...options,
            throwsFaults: true,
          });
        };
        const told = (fault: SubgraphFault) => ({ errors: [o.describeFault(fault, lasting)] });
        void pump(channel, source, again, told).finally(() => forget(key, channel));
      },
    };
    if (key !== null) channels.set(key, channel);
    return channel;
  }

  function forget(key: string | null, channel: Channel): void {
    if (key !== null && channels.get(key) === channel) channels.delete(key);
  }

  /** Hands each event to all; ends them when the source ends, and begins anew when it was cut off. */
  async function pump(
    { subscribers, ended: { signal } }: Channel,
    first: EventStream,
    again: () => Promise<EventStream | Answer>,
    told: (fault: SubgraphFault) => Answer,
  ): Promise<void> {
    let source: EventStream | Answer | null = first;
    signal.addEventListener("abort", () => void (source && isEventStream(source) && source.return?.()), { once: true });
    const finish = (last: Answer | null, failure?: { error: unknown }) => {
      for (const subscriber of [...subscribers]) {
        if (last) subscriber.push(last);
        if (failure) subscriber.fail(failure.error);
        else subscriber.end();
      }
    };
    let openedAt = performance.now();
    let awaySince: number | null = null;
    let tries = 0;
    /** Waits before the next try; false when there is none. */
    const mayTryAgain = async () => {
      const now = performance.now();
      if (source && isEventStream(source)) {
        void source.return?.();
        if (now - openedAt > steadyMs) awaySince = null;
      }
      if (awaySince === null) tries = 0;
      awaySince ??= now;
      const leftMs = awaySince + o.awayMaxMs - now;
      if (leftMs <= 0) return false;
      const pauseMs = Math.min(pauseMaxMs, firstPauseMs * 2 ** tries++) * (0.5 + Math.random() / 2);
      await delay(Math.min(pauseMs, leftMs), undefined, { signal, ref: false }).catch(() => {});
      source = null;
      openedAt = performance.now();
      return true;
    };
    while (!signal.aborted) {
      try {
        source ??= await again();
        if (!isEventStream(source)) {
          if (o.isStillAway?.(source) && (await mayTryAgain())) continue;
          return finish(source);
        }
        if (signal.aborted) return void source.return?.();
        for await (const event of source) for (const subscriber of subscribers) subscriber.push(event);
        return finish(null);
      } catch (error) {
        if (!(error instanceof SubgraphFault)) return finish(null, { error });
        // Events that couldn't be joined in time are lost: to go on without them would look whole.
        const isGap = error.reason === "OVERLOADED" && source !== null;
        if (isGap || !(await mayTryAgain())) return finish(told(error));
      }
    }
  }

  async function subscribe(
    prepared: Prepared,
    variables: Readonly<Record<string, unknown>>,
    request: Request,
    options: Parameters<Subscribe<Request>>[3],
  ): Promise<EventStream | Answer> {
    const caller = options?.requestOfEvent ? null : o.sharingKey(request);
    const key = caller === null ? null : JSON.stringify([prepared.operation.key, variables, caller]);
    let channel: Channel | Answer | undefined = key === null ? undefined : channels.get(key);
    if (!channel) {
      // Whoever comes while the first one is being let in waits for the same.
      const before = key === null ? undefined : starting.get(key);
      const opening = before ?? open(key, prepared, variables, request, options);
      if (key !== null && !before) {
        starting.set(key, opening);
        void opening.catch(() => {}).finally(() => starting.delete(key));
      }
      channel = await opening;
    }
    if (!("subscribers" in channel)) return channel;
    const { subscribers, ended, begin } = channel;
    // The last listener left while this one was let in.
    if (ended.signal.aborted) return subscribe(prepared, variables, request, options);
    const subscriber = new EventQueue<Answer>(o.queuedMax, () => {
      subscribers.delete(subscriber);
      if (subscribers.size > 0) return;
      forget(key, channel as Channel);
      ended.abort();
    });
    subscribers.add(subscriber);
    begin();
    return subscriber;
  }

  return { ...engine, subscribe };
}
