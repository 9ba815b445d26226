/** The code that its socket is closed with. None of the protocol's own, and one after which clients connect again. */
export const slowConsumer = 4413;

/** A listener that takes events more slowly than they come. */
export class SlowConsumer extends Error {
  override readonly name = "SlowConsumer";
  constructor() {
    super("Events came faster than this client took them.");
  }
}

const done = { done: true, value: undefined } as const;

/**
 * One listener's events: in order, a bounded number of them waiting. One more ends it with `overflow`'s error, at once:
 * what waits is dropped, as events with a gap between them would look whole.
 */
export class EventQueue<Event extends object> implements AsyncIterableIterator<Event> {
  readonly #waiting: Event[] = [];
  #taker: { resolve(step: IteratorResult<Event, undefined>): void; reject(error: unknown): void } | null = null;
  #end: { error?: unknown } | null = null;

  constructor(
    private readonly waitingMax: number,
    /** Called once, whoever ended it. */
    private readonly onEnd: () => void,
    private readonly overflow: () => Error = () => new SlowConsumer(),
  ) {}

  push(event: Event): void {
    if (this.#end) return;
    const taker = this.#taker;
    if (taker) {
      this.#taker = null;
      return taker.resolve({ done: false, value: event });
    }
    if (this.#waiting.length < this.waitingMax) return void this.#waiting.push(event);
    this.#waiting.length = 0;
    this.#finish({ error: this.overflow() });
  }

  /** Those that wait are still handed out. */
  end(): void {
    this.#finish({});
  }

  fail(error: unknown): void {
    this.#finish({ error });
  }

  #finish(end: { error?: unknown }): void {
    if (this.#end) return;
    this.#end = end;
    const taker = this.#taker;
    this.#taker = null;
    if (taker) {
      this.#end = {};
      if ("error" in end) taker.reject(end.error);
      else taker.resolve(done);
    }
    this.onEnd();
  }

  next(): Promise<IteratorResult<Event, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#end) {
      const end = this.#end;
      this.#end = {};
      return "error" in end ? Promise.reject(end.error as Error) : Promise.resolve(done);
    }
    return new Promise((resolve, reject) => (this.#taker = { resolve, reject }));
  }

  return(): Promise<IteratorResult<Event, undefined>> {
    this.#waiting.length = 0;
    this.#finish({});
    return Promise.resolve(done);
  }

  throw(error: unknown): Promise<IteratorResult<Event, undefined>> {
    void this.return();
    return Promise.reject(error as Error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
