import { getEventListeners } from "node:events";
import { describeWithRedis, testRedis, type TestRedis } from "@atrium/redis/testing";
import { TopicOverflowError, inProcessTopics, redisTopics, type InProcessTopics, type RedisTopics } from ".";

type AnyTopics = InProcessTopics | RedisTopics;

const log = { info: () => {}, warn: () => {} };

describe("in one process", () => conformance({ open: async () => inProcessTopics() }));

describeWithRedis("over Redis", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await testRedis();
  });
  afterAll(() => redis.remove());
  conformance({ open: () => redisTopics({ url: redis.url, name: "conformance", log }) });
});

/** What every kind of topics promises. */
function conformance({ open }: { open(): Promise<AnyTopics> }): void {
  let topics: AnyTopics;
  beforeEach(async () => {
    topics = await open();
  });
  afterEach(async () => {
    await topics.close();
    expect(topics.stats()).toEqual({ topics: 0, subscribers: 0 });
  });

  describe("delivery", () => {
    test("every subscriber gets every message of its topic, in order, from the moment it subscribed", async () => {
      topics.publish("conversation:1", "before");
      const [one, two, other] = [
        topics.subscribe("conversation:1"),
        topics.subscribe("conversation:1"),
        topics.subscribe("conversation:2"),
      ];
      for (const number of numbers(5)) topics.publish("conversation:1", number);
      topics.publish("conversation:2", "elsewhere");
      expect(await collect(one, 5)).toEqual(numbers(5));
      expect(await collect(two, 5)).toEqual(numbers(5));
      expect(await collect(other, 1)).toEqual(["elsewhere"]);
    });

    test("a consumer that waits gets the message when it comes, and several waits are served in turn", async () => {
      const iterator = topics.subscribe("topic");
      const waits = [iterator.next(), iterator.next(), iterator.next()];
      for (const number of numbers(3)) topics.publish("topic", number);
      expect((await Promise.all(waits)).map((result) => result.value)).toEqual([0, 1, 2]);
    });

    test("no subscriber sees what another one did to its message, nor what the publisher does later", async () => {
      const iterators = [
        topics.subscribe<{ words: string[] }>("topic"),
        topics.subscribe<{ words: string[] }>("topic"),
      ];
      const message = { words: ["one"] };
      topics.publish("topic", message);
      message.words.push("two");
      const [first] = await collect(iterators[0]!, 1);
      first!.words.push("three");
      expect(await collect(iterators[1]!, 1)).toEqual([{ words: ["one"] }]);
    });

    test.each([
      ["nothing", undefined],
      ["a function", () => 1],
      [
        "a circle",
        (() => {
          const circle: { self?: unknown } = {};
          circle.self = circle;
          return circle;
        })(),
      ],
      ["a big integer", 1n],
    ])("%s isn't a message, and the publisher is told even when nobody listens", (_, message) => {
      expect(() => topics.publish("topic", message)).toThrow(TypeError);
    });
  });

  describe("a slow consumer", () => {
    test("is told that it lost messages: its iterator throws once, then has ended", async () => {
      const iterator = topics.subscribe("topic", { queueMax: 3 });
      for (const number of numbers(4)) topics.publish("topic", number);
      await expect(iterator.next()).rejects.toThrow(TopicOverflowError);
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });

    test("may have exactly as many messages waiting as it asked for", async () => {
      const iterator = topics.subscribe("topic", { queueMax: 3 });
      for (const number of numbers(3)) topics.publish("topic", number);
      expect(await collect(iterator, 3)).toEqual([0, 1, 2]);
    });

    test("harms neither the publisher nor the other subscribers", async () => {
      topics.subscribe("topic", { queueMax: 0 });
      const quick = topics.subscribe("topic", { queueMax: 100 });
      expect(() => numbers(100).forEach((number) => topics.publish("topic", number))).not.toThrow();
      expect(await collect(quick, 100)).toEqual(numbers(100));
    });

    test("that was forgotten holds no place and no memory once its queue is full", () => {
      topics.subscribe("topic", { queueMax: 10 });
      for (const number of numbers(11)) topics.publish("topic", number);
      expect(topics.stats()).toEqual({ topics: 0, subscribers: 0 });
    });
  });

  describe("the end", () => {
    test("leaving the loop unsubscribes", async () => {
      const iterator = topics.subscribe("topic");
      topics.publish("topic", 1);
      await collect(iterator, 1);
      expect(topics.stats().subscribers).toBe(0);
    });

    test("an error in the loop's body unsubscribes", async () => {
      const iterator = topics.subscribe("topic");
      topics.publish("topic", 1);
      const consumer = (async () => {
        for await (const _ of iterator) throw new Error("the consumer's own fault");
      })();
      await expect(consumer).rejects.toThrow("the consumer's own fault");
      expect(topics.stats().subscribers).toBe(0);
    });

    test("aborting ends a waiting consumer and one with messages left, and leaves no listener on the signal", async () => {
      const controller = new AbortController();
      const waiting = topics.subscribe("waiting", { signal: controller.signal });
      const behind = topics.subscribe("behind", { signal: controller.signal });
      const next = waiting.next();
      topics.publish("behind", 1);
      controller.abort();
      expect(await next).toEqual({ done: true, value: undefined });
      expect(await behind.next()).toEqual({ done: true, value: undefined });
      expect(topics.stats().subscribers).toBe(0);
      expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    });

    test("a signal that outlives a thousand subscriptions keeps none of their listeners", async () => {
      const { signal } = new AbortController();
      for (const number of numbers(1_000)) await topics.subscribe(`topic:${number}`, { signal }).return!();
      for (const number of numbers(10)) {
        topics.subscribe("overflow", { signal, queueMax: 0 });
        topics.publish("overflow", number);
      }
      expect(getEventListeners(signal, "abort")).toEqual([]);
      expect(topics.stats()).toEqual({ topics: 0, subscribers: 0 });
    });

    test("a signal that has aborted already never subscribes", async () => {
      const iterator = topics.subscribe("topic", { signal: AbortSignal.abort() });
      expect(topics.stats().subscribers).toBe(0);
      expect(await iterator.next()).toEqual({ done: true, value: undefined });
    });

    test("closing ends everyone, and whoever comes later ends at once", async () => {
      const next = topics.subscribe("topic").next();
      await topics.close();
      expect(await next).toEqual({ done: true, value: undefined });
      expect(await topics.subscribe("topic").next()).toEqual({ done: true, value: undefined });
    });
  });
}

async function collect<Message>(iterator: AsyncIterable<Message>, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of iterator) if (messages.push(message) === count) break;
  return messages;
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
