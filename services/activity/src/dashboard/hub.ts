import { setImmediate as nextTurn } from "node:timers/promises";
import type { Actor } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import { SharedEvent } from "@atrium/subgraph";
import type { Topics } from "@atrium/topics";
import { changeTopic, type Changed } from "../recording/change";
import { keyOf, type DashboardScope, type Snapshot } from "./dashboard";

export type UpdateReason = "STATE" | "CHANGE" | "HEARTBEAT";

/** What a subscriber hears. */
export interface DashboardUpdate {
  reason: UpdateReason;
  snapshot: Snapshot;
}

export interface DashboardHub {
  /**
   * First how things stand, then each time that they have changed, and every so often that they are still so. Whoever
   * is slow misses what is outdated by then, and hears the newest.
   */
  watch(scope: DashboardScope, signal: AbortSignal): Promise<AsyncIterableIterator<SharedEvent<DashboardUpdate>>>;
  /** How many different dashboards are kept up to date, and for how many subscribers. */
  stats(): { dashboards: number; subscribers: number };
  stop(): Promise<void>;
}

interface Options {
  topics: Topics;
  read(scope: DashboardScope): Promise<Snapshot>;
  /** Throws where this actor may not see it. */
  permit(actor: Actor, scope: DashboardScope): void;
  heartbeatMs: number;
  perOrganizationMax: number;
  onFailure(error: unknown): void;
}

// The first change is told at once; those that follow wait so long, and longer where many listen: telling takes a
// fraction of a millisecond for each of them, and other requests are to be answered meanwhile.
const pauseMsMin = 200;
const pauseMsMax = 4_000;
const pauseMsPerSubscriber = 0.4;
const pauseMsAfterFailure = 1_000;
// So many are told in one turn: what is under way for each of them is memory, and other requests wait meanwhile.
const toldAtOnce = 100;

/** Keeps each dashboard that is watched up to date: read once for each change, however many watch it. */
export function dashboardHub(options: Options): DashboardHub {
  const { perOrganizationMax } = options;
  const channels = new Map<string, Channel>();
  let stopped = false;

  return {
    async watch(scope, signal) {
      if (stopped) throw new PublicError("SERVICE_UNAVAILABLE", "This service is stopping; try again.");
      const key = keyOf(scope);
      let channel = channels.get(key);
      if (!channel) {
        const ofOrganization = [...channels.values()].filter(
          (each) => each.scope.organizationId === scope.organizationId,
        );
        if (ofOrganization.length >= perOrganizationMax)
          throw new PublicError(
            "RATE_LIMITED",
            `At most ${perOrganizationMax} different dashboards of an organization are watched at the same time.`,
          );
        channel = new Channel(scope, options, () => channels.delete(key));
        channels.set(key, channel);
      }
      return channel.join(signal);
    },
    stats: () => ({
      dashboards: channels.size,
      subscribers: [...channels.values()].reduce((sum, { subscribers }) => sum + subscribers.size, 0),
    }),
    async stop() {
      stopped = true;
      await Promise.all([...channels.values()].map((channel) => channel.close()));
    },
  };
}

/** One dashboard and those who watch it. */
class Channel {
  readonly subscribers = new Set<Subscriber>();
  private readonly closing = new AbortController();
  private readonly listening: Promise<void>;
  private readonly first: Promise<void>;
  private latest: Told | null = null;
  private isDirty = false;
  private reading: Promise<void> | null = null;
  private pause: NodeJS.Timeout | undefined;
  private readonly heartbeat: NodeJS.Timeout;
  private notBefore = 0;
  private toldAt = 0;

  constructor(
    readonly scope: DashboardScope,
    private readonly options: Options,
    private readonly onEmpty: () => void,
  ) {
    // Listening begins before the first look, so no change falls between the two.
    this.listening = this.listen();
    this.first = this.read("STATE");
    this.first.catch(() => {});
    const { heartbeatMs } = options;
    // A period goes on also when nothing happens: midnight passes, and what is 25 hours old isn't of today any more.
    this.heartbeat = setInterval(() => {
      if (performance.now() - this.toldAt >= heartbeatMs * 0.9) this.refresh("HEARTBEAT");
    }, heartbeatMs);
  }

  async join(signal: AbortSignal): Promise<Subscriber> {
    const subscriber = new Subscriber(signal, () => this.leave(subscriber));
    this.subscribers.add(subscriber);
    try {
      await this.first;
    } catch (error) {
      subscriber.end();
      throw error;
    }
    subscriber.offer(this.latest!, "STATE");
    return subscriber;
  }

  async close(): Promise<void> {
    for (const subscriber of [...this.subscribers]) subscriber.end();
    this.dispose();
    await Promise.allSettled([this.listening, this.first, this.reading]);
  }

  private leave(subscriber: Subscriber): void {
    if (this.subscribers.delete(subscriber) && this.subscribers.size === 0) this.dispose();
  }

  private dispose(): void {
    this.closing.abort();
    clearInterval(this.heartbeat);
    clearTimeout(this.pause);
    this.onEmpty();
  }

  private async listen(): Promise<void> {
    const { organizationId, workspaceId } = this.scope;
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        const changes = this.options.topics.subscribe<Changed>(changeTopic(organizationId), { signal });
        for await (const { workspaceIds } of changes)
          if (workspaceId === null || workspaceIds.includes(workspaceId)) this.changed();
        return;
      } catch (error) {
        // So many changes that some were lost: which they were doesn't matter.
        this.options.onFailure(error);
        this.changed();
      }
    }
  }

  /** Reads anew: at once, or when the pause since the last time is over. Changes meanwhile are seen by the same look. */
  private changed(): void {
    this.isDirty = true;
    if (this.reading || this.pause || this.closing.signal.aborted) return;
    const dueInMs = this.notBefore - performance.now();
    if (dueInMs <= 0) return this.refresh("CHANGE");
    this.pause = setTimeout(() => {
      this.pause = undefined;
      this.refresh("CHANGE");
    }, dueInMs);
  }

  private refresh(reason: UpdateReason): void {
    if (this.reading) return;
    this.read(reason).catch((error) => {
      this.options.onFailure(error);
      this.notBefore = performance.now() + pauseMsAfterFailure;
      this.changed();
    });
  }

  private read(reason: UpdateReason): Promise<void> {
    this.isDirty = false;
    const pauseMs = Math.min(pauseMsMax, Math.max(pauseMsMin, this.subscribers.size * pauseMsPerSubscriber));
    this.notBefore = performance.now() + pauseMs;
    const reading = this.options.read(this.scope).then((snapshot) => this.tell(snapshot, reason));
    // The next look waits until all have been told of this one.
    this.reading = reading
      .catch(() => {})
      .then(() => {
        this.reading = null;
        if (this.isDirty) this.changed();
      });
    return reading;
  }

  private async tell(snapshot: Snapshot, reason: UpdateReason): Promise<void> {
    const isNew = this.latest?.says(snapshot) !== true;
    this.latest = new Told(snapshot, (actor) => this.options.permit(actor, this.scope));
    // Those who have just joined are told the state when they are all set; of a change that changed no number nobody is.
    if (reason === "STATE" || (reason === "CHANGE" && !isNew)) return;
    this.toldAt = performance.now();
    let told = 0;
    for (const subscriber of [...this.subscribers]) {
      // By now there may be a newer one.
      subscriber.offer(this.latest, isNew ? "CHANGE" : reason);
      if (++told % toldAtOnce === 0) await nextTurn();
    }
  }
}

/** A snapshot, in the form in which all hear it. */
class Told {
  private readonly text: string;
  private readonly events = new Map<UpdateReason, SharedEvent<DashboardUpdate>>();

  constructor(
    private readonly snapshot: Snapshot,
    private readonly permit: (actor: Actor) => void,
  ) {
    this.text = JSON.stringify(snapshot.dashboard);
  }

  says(snapshot: Snapshot): boolean {
    return this.text === JSON.stringify(snapshot.dashboard);
  }

  as(reason: UpdateReason): SharedEvent<DashboardUpdate> {
    let event = this.events.get(reason);
    if (!event) this.events.set(reason, (event = new SharedEvent({ reason, snapshot: this.snapshot }, this.permit)));
    return event;
  }
}

type Step = IteratorResult<SharedEvent<DashboardUpdate>, undefined>;
const done: Step = { done: true, value: undefined };

/** One listener. It holds the newest update that it hasn't been given, and no other. */
class Subscriber implements AsyncIterableIterator<SharedEvent<DashboardUpdate>> {
  private last: Told | null = null;
  private waiting: UpdateReason | null = null;
  private pull: ((step: Step) => void) | null = null;
  private hasEnded = false;

  constructor(
    private readonly signal: AbortSignal,
    private readonly onEnd: () => void,
  ) {
    signal.addEventListener("abort", this.end, { once: true });
    if (signal.aborted) this.end();
  }

  offer(told: Told, reason: UpdateReason): void {
    if (this.hasEnded || this.last === told) return;
    this.last = told;
    if (this.pull) {
      this.pull({ done: false, value: told.as(reason) });
      this.pull = null;
      // What is heard first is how things stand, whatever has led to it.
    } else if (this.waiting !== "STATE") this.waiting = reason;
  }

  readonly end = (): void => {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.waiting = null;
    this.signal.removeEventListener("abort", this.end);
    this.pull?.(done);
    this.pull = null;
    this.onEnd();
  };

  next(): Promise<Step> {
    if (this.hasEnded) return Promise.resolve(done);
    if (this.waiting === null) return new Promise((resolve) => (this.pull = resolve));
    const value = this.last!.as(this.waiting);
    this.waiting = null;
    return Promise.resolve({ done: false, value });
  }

  return(): Promise<Step> {
    this.end();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
