import { connectRedis } from "@atrium/redis";
import { describeWithRedis, testRedis, type TestRedis } from "@atrium/redis/testing";
import { redisTopics, TopicsInterrupted, type RedisTopics } from ".";

const log = { info: () => {}, warn: () => {} };

describeWithRedis("topics of several processes", () => {
  let redis: TestRedis;
  const opened: RedisTopics[] = [];
  beforeAll(async () => {
    redis = await testRedis();
  });
  afterAll(() => redis.remove());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((topics) => topics.close()));
  });

  /** As another process has it: nothing is shared but Redis. */
  async function open(name = "chat"): Promise<RedisTopics> {
    const topics = await redisTopics({ url: redis.url, name, log });
    opened.push(topics);
    return topics;
  }
  const both = () => Promise.all([open(), open()]);

  test("what one publishes every other hears, in order, whatever characters it holds", async () => {
    const [here, there] = await both();
    const messages = ["one\ntwo", "\u2028\u2029\r\n", "naïve 😀", { nested: [null, 1.5, ""] }, ""];
    const iterator = there.subscribe("conversation: 1");
    for (const message of messages) here.publish("conversation: 1", message);
    for (const message of messages) expect((await iterator.next()).value).toEqual(message);
  });

  test("a subscription holds from the moment it is made, without a moment in which messages are lost", async () => {
    const [here, there] = await both();
    for (let round = 0; round < 50; round++) {
      const iterator = there.subscribe<number>(`topic:${round}`);
      here.publish(`topic:${round}`, round);
      expect((await iterator.next()).value).toBe(round);
      await iterator.return!();
    }
  });

  test("another service's topics of the same name aren't heard", async () => {
    const [chat, knowledge] = [await open("chat"), await open("knowledge")];
    const heard = chat.subscribe("topic");
    knowledge.publish("topic", "not for chat");
    const [other] = [await open("chat")];
    other.publish("topic", "for chat");
    expect((await heard.next()).value).toBe("for chat");
  });

  test("when Redis is gone every subscriber is told so, also one that comes meanwhile, and later ones hear again", async () => {
    const [here, there] = await both();
    const waiting = there.subscribe("topic").next();
    const behind = there.subscribe("topic");
    here.publish("topic", 1);
    expect((await waiting).value).toBe(1);
    const next = there.subscribe("topic").next();
    await redis.stop();
    await expect(next).rejects.toThrow(TopicsInterrupted);
    await expect(behind.next()).rejects.toMatchObject({ extensions: { code: "SERVICE_UNAVAILABLE" } });
    expect(await behind.next()).toEqual({ done: true, value: undefined });
    await expect(there.subscribe("topic").next()).rejects.toThrow(TopicsInterrupted);
    await expect(there.ready()).rejects.toThrow(TopicsInterrupted);
    expect(() => here.publish("topic", "while it is away")).not.toThrow();
    expect(there.stats()).toEqual({ topics: 0, subscribers: 0 });

    await redis.start();
    await eventually(() => Promise.all([here.ready(), there.ready()]));
    const again = there.subscribe("topic");
    // Whoever subscribes before the loss is told of may be asked to do so once more.
    const heard = again.next().catch(() => there.subscribe("topic").next());
    await eventually(async () => {
      here.publish("topic", "back");
      await Promise.race([heard, new Promise((_, reject) => setTimeout(reject, 50))]);
    });
    expect((await heard).value).toBe("back");
  });

  test("whoever subscribes again whenever it is interrupted leaves the process time to connect", async () => {
    const there = await open();
    await redis.stop();
    let interruptions = 0;
    const heard = (async () => {
      for (;;)
        try {
          for await (const message of there.subscribe("topic")) return message;
        } catch {
          interruptions++;
        }
    })();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(interruptions).toBeLessThan(10);
    await redis.start();
    await eventually(() => there.ready());
    there.publish("topic", "back");
    await eventually(async () => {
      there.publish("topic", "back");
      await Promise.race([heard, new Promise((_, reject) => setTimeout(reject, 50))]);
    });
    expect(await heard).toBe("back");
  });

  test("when only the publisher's connection breaks, those who missed its message are told", async () => {
    const [here, there] = await both();
    const admin = connectRedis({ url: redis.url, name: "test", log, options: { enableOfflineQueue: true } });
    const next = there.subscribe("topic").next();
    const clients = String(await admin.call("client", "list")).split("\n");
    const publishers = clients.filter((line) => line.includes("name=atrium-chat-topics-publisher"));
    for (const line of publishers) await admin.call("client", "kill", "id", /id=(\d+)/.exec(line)![1]!);
    // It doesn't know yet, or is connecting anew.
    here.publish("topic", "perhaps lost");
    const outcome = await next.then(
      ({ value }) => value,
      (error: unknown) => error,
    );
    if (outcome !== "perhaps lost") expect(outcome).toBeInstanceOf(TopicsInterrupted);
    await admin.quit();
  });

  test("a Redis that takes bytes and answers nothing is noticed, though no connection breaks", async () => {
    const there = await open();
    const next = there.subscribe("topic").next();
    process.kill(redis.pid, "SIGSTOP");
    try {
      await expect(next).rejects.toThrow(TopicsInterrupted);
    } finally {
      process.kill(redis.pid, "SIGCONT");
    }
    await eventually(() => there.ready());
  }, 40_000);

  test("without Redis at the start, it is there when Redis is", async () => {
    await redis.stop();
    const opening = open();
    await redis.start();
    const topics = await opening;
    await eventually(() => topics.ready());
    const heard = topics.subscribe("topic").next();
    topics.publish("topic", 1);
    expect((await heard).value).toBe(1);
  });
});

/** Until it holds: connections come back by themselves. */
async function eventually(check: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 50)))
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
}
