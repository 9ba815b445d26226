import { TopicOverflowError } from "./topics";

interface Pull {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: Error): void;
}

const done: IteratorResult<never, undefined> = { done: true, value: undefined };

/** One listener's queue, and the iterator that drains it. */
export class Subscription implements AsyncIterableIterator<unknown, undefined> {
  // Messages wait as text: it is shared by all subscribers, and each parses a copy of its own.
  private waiting: string[] = [];
  private pulls: Pull[] = [];
  private ended = false;
  private failure: Error | null = null;

  constructor(
    private readonly topic: string,
    private readonly queueMax: number,
    private readonly onEnd: () => void,
  ) {}

  /** Takes a message; never throws. */
  push(text: string): void {
    if (this.ended) return;
    const pull = this.pulls.shift();
    if (pull) return pull.resolve({ done: false, value: JSON.parse(text) });
    if (this.waiting.length < this.queueMax) {
      this.waiting.push(text);
      return;
    }
    // An abandoned iterator keeps no messages in memory.
    this.fail(new TopicOverflowError(this.topic, this.queueMax));
  }

  /** Ends it with an error, which the consumer gets once. */
  fail(error: Error): void {
    if (this.ended) return;
    const [pull, ...others] = this.pulls.splice(0);
    if (pull) pull.reject(error);
    else this.failure = error;
    this.pulls = others;
    this.end();
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.waiting = [];
    for (const pull of this.pulls.splice(0)) pull.resolve(done);
    this.onEnd();
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.failure) {
      const error = this.failure;
      this.failure = null;
      return Promise.reject(error);
    }
    if (this.ended) return Promise.resolve(done);
    const text = this.waiting.shift();
    if (text !== undefined) return Promise.resolve({ done: false, value: JSON.parse(text) });
    return new Promise((resolve, reject) => this.pulls.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<unknown, undefined>> {
    this.failure = null;
    this.end();
    return Promise.resolve(done);
  }

  throw(error: unknown): Promise<IteratorResult<unknown, undefined>> {
    this.end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
