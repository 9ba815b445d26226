import { PublicError } from "@atrium/errors";
import type { Topics } from "@atrium/topics";
import { changeTopic, type Changed } from "../recording/change";
import { keyOf, type DashboardScope, type Snapshot } from "./dashboard";

export type UpdateReason = "STATE" | "CHANGE" | "HEARTBEAT";

/** What a subscriber hears. */
export interface DashboardUpdate {
  reason: UpdateReason;
  scope: DashboardScope;
  snapshot: Snapshot;
}

export interface DashboardHub {
  /**
   * First how things stand, then each time that they have changed, and every so often that they are still so. Whoever
   * is slow misses what is outdated by then, and hears the newest.
   */
  watch(scope: DashboardScope, signal: AbortSignal): Promise<AsyncIterableIterator<DashboardUpdate>>;
  /** How many different dashboards are kept up to date, and for how many subscribers. */
  stats(): { dashboards: number; subscribers: number };
  stop(): Promise<void>;
}

interface Options {
  topics: Topics;
  read(scope: DashboardScope): Promise<Snapshot>;
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
  private latest: Snapshot | null = null;
  private latestText = "";
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
    if (this.latest) subscriber.offer({ reason: "STATE", scope: this.scope, snapshot: this.latest });
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
    this.reading = reading
      .catch(() => {})
      .then(() => {
        this.reading = null;
        if (this.isDirty) this.changed();
      });
    return reading;
  }

  private tell(snapshot: Snapshot, reason: UpdateReason): void {
    const text = JSON.stringify(snapshot.dashboard);
    const isNew = text !== this.latestText;
    this.latest = snapshot;
    this.latestText = text;
    // Those who have just joined are told the state when they are all set; of a change that changed no number nobody is.
    if (reason === "STATE" || (reason === "CHANGE" && !isNew)) return;
    this.toldAt = performance.now();
    const update = { reason: isNew ? ("CHANGE" as const) : reason, scope: this.scope, snapshot };
    for (const subscriber of this.subscribers) subscriber.offer(update);
  }
}

type Step = IteratorResult<DashboardUpdate, undefined>;
const done: Step = { done: true, value: undefined };

/** One listener. It holds the newest update that it hasn't been given, and no other. */
class Subscriber implements AsyncIterableIterator<DashboardUpdate> {
  private waiting: DashboardUpdate | null = null;
  private pull: ((step: Step) => void) | null = null;
  private hasEnded = false;

  constructor(
    private readonly signal: AbortSignal,
    private readonly onEnd: () => void,
  ) {
    signal.addEventListener("abort", this.end, { once: true });
    if (signal.aborted) this.end();
  }

  offer(update: DashboardUpdate): void {
    if (this.hasEnded) return;
    if (this.pull) {
      this.pull({ done: false, value: update });
      this.pull = null;
    } else {
      // What is heard first is how things stand, whatever has led to it.
      this.waiting = this.waiting?.reason === "STATE" ? { ...update, reason: "STATE" } : update;
    }
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

  async next(): Promise<Step> {
    if (this.hasEnded) return done;
    const update = this.waiting;
    if (update) {
      this.waiting = null;
      return { done: false, value: update };
    }
    return new Promise((resolve) => (this.pull = resolve));
  }

  async return(): Promise<Step> {
    this.end();
    return done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
