import { Pool, type Dispatcher } from "undici";
import { wholeAnswer, type WholeAnswer } from "./whole-answer";

const restFirstMs = 250;
const restMaxMs = 5_000;
const checkEveryMs = 2_000;
/** Until the next check has said otherwise. */
const restUncheckedMs = 3 * checkEveryMs;

/** What can't have reached the other side. */
const neverSent = ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"];

interface Address {
  url: string;
  failures: number;
  /** Until when it is asked only if nobody else is left. */
  restsUntil: number;
  /** Aborts when a check finds that it does nothing: whoever waits for it need not. */
  silence: AbortController;
}

/** The addresses of one service's replicas, which are asked in turn; those that don't answer rest for a while. */
export class Replicas {
  private readonly addresses: Address[];
  private turn = 0;
  private readonly checks: Pool[] = [];
  private readonly timer: NodeJS.Timeout | undefined;

  constructor(urls: readonly string[]) {
    this.addresses = urls.map((url) => ({ url, failures: 0, restsUntil: 0, silence: new AbortController() }));
    // One that takes connections and does nothing is only found out by asking. Where there is no other, that is no use.
    if (urls.length > 1) this.timer = setInterval(() => void this.checkAll(), checkEveryMs).unref();
  }

  get urls(): string[] {
    return this.addresses.map(({ url }) => url);
  }

  /** In which order they are to be tried now. */
  inTurn(): readonly string[] {
    if (this.addresses.length === 1) return [this.addresses[0]!.url];
    const start = this.turn++ % this.addresses.length;
    const rotated = [...this.addresses.slice(start), ...this.addresses.slice(0, start)];
    const now = performance.now();
    const resting = ({ restsUntil }: Address) => Number(restsUntil > now);
    return rotated.sort((one, other) => resting(one) - resting(other)).map(({ url }) => url);
  }

  failed(url: string, restLeastMs = restFirstMs): void {
    const address = this.addresses.find((each) => each.url === url)!;
    const restMs = Math.max(restLeastMs, restFirstMs * 2 ** Math.min(address.failures++, 10));
    address.restsUntil = performance.now() + Math.min(restMs, Math.max(restLeastMs, restMaxMs));
  }

  answered(url: string): void {
    const address = this.addresses.find((each) => each.url === url)!;
    address.failures = 0;
    address.restsUntil = 0;
    if (address.silence.signal.aborted) address.silence = new AbortController();
  }

  silenceOf(url: string): AbortSignal {
    return this.addresses.find((each) => each.url === url)!.silence.signal;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.checks.splice(0).map((pool) => pool.destroy()));
  }

  private async checkAll(): Promise<void> {
    if (this.checks.length === 0)
      this.checks.push(
        ...this.urls.map((url) => new Pool(url, { connections: 1, connect: { timeout: checkEveryMs } })),
      );
    await Promise.all(
      this.addresses.map(async ({ url }, i) => {
        try {
          const signal = AbortSignal.timeout(checkEveryMs);
          const { statusCode, body } = await this.checks[i]!.request({ method: "GET", path: "/health", signal });
          await body.dump();
          if (statusCode !== 200) throw new Error(`It answers ${statusCode}.`);
          this.answered(url);
        } catch {
          this.failed(url, restUncheckedMs);
          this.addresses[i]!.silence.abort();
        }
      }),
    );
  }
}

/** How an answer is taken. */
interface Way<Answer> {
  ask(pool: Pool, options: Dispatcher.RequestOptions): Promise<Answer>;
  /** It isn't wanted after all. */
  leave(answer: Answer): Promise<void> | void;
}

const streamed: Way<Dispatcher.ResponseData> = {
  ask: (pool, options) => pool.request(options),
  leave: ({ body }) => body.dump(),
};

const whole: Way<WholeAnswer> = { ask: wholeAnswer, leave: () => {} };

/** A pool of connections to each of a service's replicas. */
export class ReplicaPools {
  private readonly pools: ReadonlyMap<string, Pool>;

  constructor(
    private readonly replicas: Replicas,
    options: Pool.Options,
  ) {
    this.pools = new Map(replicas.urls.map((url) => [url, new Pool(url, options)]));
  }

  /**
   * Asks the replica whose turn it is. Another one is asked where the request can't have reached it, where it refused
   * because it is stopping, and with `again` also where it broke off: for what may be done twice. A body that is a
   * stream is sent once.
   */
  request(options: Dispatcher.RequestOptions, o: { again: boolean }): Promise<Dispatcher.ResponseData> {
    return this.askInTurn(streamed, options, o);
  }

  /** The same where the whole answer is waited for. It is asked for again elsewhere also where it breaks off half-way. */
  requestWhole(options: Dispatcher.RequestOptions, o: { again: boolean }): Promise<WholeAnswer> {
    return this.askInTurn(whole, options, o);
  }

  private async askInTurn<Answer extends { statusCode: number }>(
    way: Way<Answer>,
    options: Dispatcher.RequestOptions,
    { again }: { again: boolean },
  ): Promise<Answer> {
    const repeatable = options.body == null || typeof options.body === "string";
    const urls = this.replicas.inTurn();
    for (let i = 0; ; i++) {
      const url = urls[i]!;
      const isLast = !repeatable || i === urls.length - 1;
      try {
        const response = await this.ask(way, url, options, again && !isLast);
        this.replicas.answered(url);
        if (response.statusCode !== 503 || isLast) return response;
        this.replicas.failed(url);
        await way.leave(response);
      } catch (error) {
        if ((options.signal as AbortSignal | null | undefined)?.aborted) throw error;
        this.replicas.failed(url);
        if (isLast || !(again || neverSent.includes(codeOf(error)))) throw error;
      }
    }
  }

  /** Gives up before the answer has begun when a check finds the replica silent, where somebody else can be asked. */
  private async ask<Answer>(
    way: Way<Answer>,
    url: string,
    options: Dispatcher.RequestOptions,
    impatient: boolean,
  ): Promise<Answer> {
    const pool = this.pools.get(url)!;
    if (!impatient) return way.ask(pool, options);
    const silence = this.replicas.silenceOf(url);
    const given = options.signal as AbortSignal | null | undefined;
    const waiting = new AbortController();
    const giveUp = () => waiting.abort(given?.reason);
    if (given?.aborted) giveUp();
    for (const signal of [silence, given]) signal?.addEventListener("abort", giveUp);
    try {
      return await way.ask(pool, { ...options, signal: waiting.signal });
    } finally {
      for (const signal of [silence, given]) signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Asks each replica; whoever doesn't answer is a rejection. */
  requestAll(options: Dispatcher.RequestOptions): Promise<PromiseSettledResult<Dispatcher.ResponseData>[]> {
    return Promise.allSettled([...this.pools.values()].map((pool) => pool.request(options)));
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.destroy()));
  }
}

const codeOf = (error: unknown) => String((error as NodeJS.ErrnoException | null)?.code ?? "");
