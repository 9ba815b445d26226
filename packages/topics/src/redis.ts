import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { connectRedis, databaseOf, whenReady } from "@atrium/redis";
import { Listeners, textOf } from "./listeners";
import { TopicsInterrupted, type Topics } from "./topics";

export interface RedisTopicsOptions {
  /** `redis://` or, with TLS, `rediss://`. */
  url: string;
  /** Processes of the same name hear each other: the replicas of a service. */
  name: string;
  log: { info(details: object, message: string): void; warn(details: object, message: string): void };
}

export interface RedisTopics extends Topics {
  /** For metrics and leak checks. */
  stats(): { topics: number; subscribers: number };
  /** Rejects while messages of other processes don't come. */
  ready(): Promise<void>;
  /** Sends what was published, and ends every iterator; later subscriptions end at once. */
  close(): Promise<void>;
}

const firstConnectionMs = 5_000;
const pingEveryMs = 5_000;
const retryMs = 500;
const refusalMs = 250;

/**
 * Topics among the replicas of a service. Each hears all that the others publish, over one connection, so that a
 * subscription holds from the moment it is made: there is nothing to ask Redis for first.
 *
 * A process' own messages reach its own subscribers at once. Those of others may be missing when a connection breaks, on
 * either side: then every subscriber that may miss one is ended with `TopicsInterrupted`.
 */
export async function redisTopics({ url, name, log }: RedisTopicsOptions): Promise<RedisTopics> {
  const listeners = new Listeners();
  const channel = `atrium:${databaseOf(url)}:topics:${name}`;
  const ourselves = randomUUID();
  const publisher = connectRedis({ url, name: `atrium ${name} topics publisher`, log });
  const subscriber = connectRedis({
    url,
    name: `atrium ${name} topics`,
    log,
    options: { autoResubscribe: false },
  });
  let hearing = false;
  let closed = false;
  /** Messages that nobody else got; they have to be told that something is missing. */
  let unsent = false;
  let telling: Promise<void> | undefined;

  const interrupted = () => listeners.fail(() => new TopicsInterrupted());

  const reconnect = () => {
    if (!closed) subscriber.disconnect(true);
  };

  subscriber.on("ready", () => {
    subscriber.subscribe(channel).then(
      () => (hearing = true),
      // The connection broke again; the next one begins anew.
      () => reconnect(),
    );
  });
  subscriber.on("close", () => {
    if (!hearing) return;
    hearing = false;
    interrupted();
  });
  subscriber.on("message", (_, message: string) => {
    const [sender, topic] = message.split("\n", 2);
    if (sender === ourselves) return;
    if (!topic) return interrupted();
    listeners.deliver(topic, message.slice(sender!.length + topic.length + 2));
  });
  // A line that went dead without a word is noticed by its silence.
  const pings = setInterval(() => {
    if (hearing) subscriber.ping().catch(reconnect);
  }, pingEveryMs).unref();

  const send = (topic: string, text: string) => publisher.publish(channel, `${ourselves}\n${topic}\n${text}`);

  /** Tells the others, as soon as they can be reached, that they have missed something. */
  function tellWhatIsMissing(): void {
    telling ??= tell().finally(() => {
      telling = undefined;
      if (unsent && !closed) tellWhatIsMissing();
    });
  }

  async function tell(): Promise<void> {
    while (unsent && !closed) {
      try {
        await whenReady(publisher);
        // Before it is sent: what fails meanwhile is told by another round.
        unsent = false;
        await send("", "");
      } catch {
        unsent = true;
        await wait(retryMs, undefined, { ref: false });
      }
    }
  }

  await until(() => hearing, firstConnectionMs);

  return {
    publish(topic, message) {
      const text = textOf(topic, message);
      listeners.deliver(topic, text);
      send(topic, text).catch((error: Error) => {
        if (closed) return;
        if (!unsent) log.warn({ err: error, topics: name }, "a message of a topic didn't get to the other processes");
        unsent = true;
        tellWhatIsMissing();
      });
    },

    subscribe(topic, options) {
      const subscription = listeners.subscribe<never>(topic, options);
      // Not at once: whoever subscribes again whenever it is told so would leave this process no time to connect.
      if (!hearing && !closed) setTimeout(() => subscription.fail(new TopicsInterrupted()), refusalMs).unref();
      return subscription;
    },

    stats: () => listeners.stats(),

    async ready() {
      if (!hearing) throw new TopicsInterrupted();
      await publisher.ping();
    },

    async close() {
      closed = true;
      clearInterval(pings);
      listeners.close();
      // Answered after everything that was sent before it.
      await publisher.quit().catch(() => {});
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}

async function until(holds: () => boolean, withinMs: number): Promise<void> {
  for (const deadline = Date.now() + withinMs; !holds() && Date.now() < deadline;) await wait(10);
}
