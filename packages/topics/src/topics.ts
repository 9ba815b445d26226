import { PublicError } from "@atrium/errors";

/**
 * Messages between requests of live processes: nothing is kept for somebody who isn't listening. Whoever must not
 * miss a fact reads it from the database after subscribing; events that must arrive belong in the outbox.
 */
export interface Topics {
  /**
   * Hands `message` to everyone who is subscribed now. Messages are JSON data, and every subscriber gets its own copy.
   * Never waits and never fails because of a subscriber; a message that isn't JSON is the caller's error.
   */
  publish(topic: string, message: unknown): void;
  /**
   * Listens from this call on, so nothing is missed between it and the first `next()`. The iterator ends when it is
   * returned from (leaving a `for await` does) or `signal` aborts. It throws `TopicOverflowError` to a consumer that is
   * too slow, and `TopicsInterrupted` when messages of other processes may be missing.
   */
  subscribe<Message>(topic: string, options?: SubscribeOptions): AsyncIterableIterator<Message>;
}

export interface SubscribeOptions {
  signal?: AbortSignal;
  /** How many messages may wait for the consumer; 1,000 unless told. */
  queueMax?: number;
}

/** The consumer was too slow: messages are lost to it, and it has to subscribe and load anew. */
export class TopicOverflowError extends Error {
  override readonly name = "TopicOverflowError";

  constructor(
    readonly topic: string,
    readonly queueMax: number,
  ) {
    super(`More than ${queueMax} messages of the topic ${topic} were waiting; its subscriber is too slow.`);
  }
}

/**
 * The connection over which other processes' messages come was lost, or isn't there: some may be missing. Whoever
 * listens has to subscribe and load anew; a client is told so.
 */
export class TopicsInterrupted extends PublicError {
  constructor() {
    super("SERVICE_UNAVAILABLE", "Live updates were interrupted, and some may be missing. Subscribe and load again.");
  }
}
