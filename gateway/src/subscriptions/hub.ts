import { setTimeout as delay } from "node:timers/promises";
import type { GraphQLFormattedError } from "graphql";
import type { ClientRequest } from "../client-request";
import { isEventStream, type Answer, type Engine, type EventStream, type Prepared } from "../execution/engine";
import { SubgraphFault } from "../subgraphs/transport";

export interface HubOptions<Request extends ClientRequest> {
  /**
   * Callers with the same key get the same answer of every subgraph, whatever is asked: they share one subscription at the
   * subgraph and one join for each event. Null for a caller who shares with nobody.
   */
  sharingKey(request: Request): string | null;
  /** The same request for as long as anybody listens, whoever began and left. */
  lasting(request: Request, signal: AbortSignal): Request;
  /** Events that may wait for one subscriber before it is let go. */
  queuedMax: number;
  /** How long a subgraph may be away before its subscribers are told. */
  awayMaxMs: number;
  /** What subscribers are told of a subgraph that stays away. */
  describeFault(fault: SubgraphFault, request: Request): GraphQLFormattedError;
}

/** A subscriber that takes events more slowly than they come. */
export class SlowConsumer extends Error {
  override readonly name = "SlowConsumer";
  constructor() {
    super("Events came faster than this client took them.");
  }
}

const firstPauseMs = 100;
const pauseMaxMs = 5_000;
// A source that lasted this long had come back; one that didn't was still away.
const steadyMs = 5_000;

interface Channel {
  subscribers: Set<Subscriber>;
  ended: AbortController;
}

/** An engine whose identical subscriptions are one, and go on when a subgraph comes back. */
export function withHub<Request extends ClientRequest>(
  engine: Engine<Request>,
  o: HubOptions<Request>,
): Engine<Request> {
  const channels = new Map<string, Channel>();
  const starting = new Map<string, Promise<Channel | Answer>>();

  async function open(
    key: string | null,
    prepared: Prepared,
    variables: Readonly<Record<string, unknown>>,
    request: Request,
    options: Parameters<Engine<Request>["subscribe"]>[3],
  ): Promise<Channel | Answer> {
    const ended = new AbortController();
    const lasting = o.lasting(request, ended.signal);
    const start = () => engine.subscribe(prepared, variables, lasting, options);
    const source = await start();
    if (!isEventStream(source)) return source;
    const channel: Channel = { subscribers: new Set(), ended };
    if (key !== null) channels.set(key, channel);
    const describe = (fault: SubgraphFault) => o.describeFault(fault, lasting);
    void pump(channel, source, start, describe).finally(() => {
      if (key !== null && channels.get(key) === channel) channels.delete(key);
    });
    return channel;
  }

  /** Hands each event to all; ends them when the source ends, and begins anew when it was cut off. */
  async function pump(
    { subscribers, ended }: Channel,
    first: EventStream,
    start: () => Promise<EventStream | Answer>,
    describe: (fault: SubgraphFault) => GraphQLFormattedError,
  ): Promise<void> {
    let source: EventStream | Answer = first;
    let startedAt = performance.now();
    let awaySince = startedAt;
    let tries = 0;
    ended.signal.addEventListener("abort", () => void (isEventStream(source) && source.return?.()), { once: true });
    const finish = (last: Answer | null, error?: unknown) => {
      for (const subscriber of subscribers) {
        if (last) subscriber.push(last);
        if (error === undefined) subscriber.end();
        else subscriber.fail(error);
      }
    };
    while (!ended.signal.aborted) {
      // A refusal, or the word that it is away for too long.
      if (!isEventStream(source)) return finish(source);
      try {
        for await (const event of source) for (const subscriber of subscribers) subscriber.push(event);
        return finish(null);
      } catch (error) {
        if (!(error instanceof SubgraphFault)) return finish(null, error);
        const now = performance.now();
        if (now - startedAt > steadyMs) {
          awaySince = now;
          tries = 0;
        }
        if (now - awaySince > o.awayMaxMs) return finish({ errors: [describe(error)] });
        const pauseMs = Math.min(pauseMaxMs, firstPauseMs * 2 ** tries++) * (0.5 + Math.random() / 2);
        await delay(pauseMs, undefined, { signal: ended.signal, ref: false }).catch(() => {});
        if (ended.signal.aborted) return;
        startedAt = performance.now();
        source = await start();
      }
    }
  }

  return {
    ...engine,
    async subscribe(prepared, variables, request, options) {
      const caller = options?.requestOfEvent ? null : o.sharingKey(request);
      const key = caller === null ? null : `${prepared.operation.key} ${JSON.stringify(variables)} ${caller}`;
      let channel: Channel | Answer | undefined = key === null ? undefined : channels.get(key);
      if (!channel) {
        // Whoever comes while the first one is being let in waits for the same.
        const opening = (key !== null && starting.get(key)) || open(key, prepared, variables, request, options);
        if (key !== null) {
          starting.set(key, opening);
          void opening.catch(() => {}).finally(() => starting.delete(key));
        }
        channel = await opening;
      }
      if (!("subscribers" in channel)) return channel;
      const { subscribers, ended } = channel;
      const subscriber = new Subscriber(o.queuedMax, () => {
        subscribers.delete(subscriber);
        if (subscribers.size > 0) return;
        if (key !== null && channels.get(key) === channel) channels.delete(key);
        ended.abort();
      });
      // The last listener left while this one was let in.
      if (ended.signal.aborted) return this.subscribe(prepared, variables, request, options);
      subscribers.add(subscriber);
      return subscriber;
    },
  };
}

/** One listener's events: in order, a bounded number of them waiting. */
class Subscriber implements AsyncIterableIterator<Answer> {
  readonly #waiting: Answer[] = [];
  #taker: { resolve(step: IteratorResult<Answer, undefined>): void; reject(error: unknown): void } | null = null;
  #end: { error?: unknown } | null = null;

  constructor(
    private readonly queuedMax: number,
    private readonly onLeave: () => void,
  ) {}

  push(event: Answer): void {
    if (this.#end) return;
    const taker = this.#taker;
    if (taker) {
      this.#taker = null;
      return taker.resolve({ done: false, value: event });
    }
    if (this.#waiting.length < this.queuedMax) return void this.#waiting.push(event);
    this.#waiting.length = 0;
    this.fail(new SlowConsumer());
  }

  end(): void {
    this.#finish({});
  }

  fail(error: unknown): void {
    this.#finish({ error });
  }

  #finish(end: { error?: unknown }): void {
    if (this.#end) return;
    this.#end = end;
    this.onLeave();
    const taker = this.#taker;
    this.#taker = null;
    if (!taker) return;
    if ("error" in end) taker.reject(end.error);
    else taker.resolve(done);
  }

  next(): Promise<IteratorResult<Answer, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#end) {
      const { error } = this.#end;
      this.#end = {};
      return error === undefined ? Promise.resolve(done) : Promise.reject(error as Error);
    }
    return new Promise((resolve, reject) => (this.#taker = { resolve, reject }));
  }

  return(): Promise<IteratorResult<Answer, undefined>> {
    this.#waiting.length = 0;
    this.#finish({});
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const done = { done: true, value: undefined } as const;
