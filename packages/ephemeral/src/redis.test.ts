import { connectRedis, type Redis } from "@atrium/redis";
import { describeWithRedis, testRedis, type TestRedis } from "@atrium/redis/testing";
import { redisEphemeral } from ".";
import { conformance, login } from "./testing/conformance";

const log = { info: () => {}, warn: () => {} };

describeWithRedis("in Redis", () => {
  let redis: TestRedis;
  let client: Redis;
  beforeAll(async () => {
    redis = await testRedis();
    client = connectRedis({ url: redis.url, name: "test", log, options: { enableOfflineQueue: true } });
  });
  afterAll(async () => {
    client.disconnect();
    await redis.remove();
  });

  const momentFields = ["window_ends", "refused_until", "forgotten"];

  async function pass(seconds: number): Promise<void> {
    for (const key of await client.keys("atrium:*")) {
      const left = (await client.pttl(key)) - seconds * 1_000;
      if (left <= 0) {
        await client.del(key);
        continue;
      }
      await client.pexpire(key, left);
      if (!key.startsWith("atrium:limit:")) continue;
      for (const field of momentFields)
        if (await client.hexists(key, field)) await client.hincrby(key, field, -seconds * 1_000);
    }
  }

  conformance({
    open: () => redisEphemeral({ url: redis.url, log }),
    pass,
    count: async () => [(await client.keys("atrium:value:*")).length, (await client.keys("atrium:limit:*")).length],
    async exceed({ name }, key, times) {
      await client.hset(`atrium:limit:${name}:${key}`, "exceeded", times);
    },
    async breakConnections() {
      await client.call("client", "kill", "type", "normal", "skipme", "yes");
    },
    refuse: () => redis.stop(),
    admit: () => redis.start(),
  });

  test("a limit whose time is over leaves nothing behind", async () => {
    await client.flushdb();
    const store = await redisEphemeral({ url: redis.url, log });
    await store.consume({ ...login, windowSeconds: 0.2 }, "short");
    expect(await client.pttl("atrium:limit:login:short")).toBeGreaterThan(0);
    for (const deadline = Date.now() + 5_000; (await client.dbsize()) > 0 && Date.now() < deadline;)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await client.dbsize()).toBe(0);
    await store.close();
  });

  test("a restart of Redis keeps what it holds, and an operation waits for it", async () => {
    const store = await redisEphemeral({ url: redis.url, log });
    await store.set("nonce", { address: "0xab" }, 300);
    await redis.stop();
    const waiting = store.take("nonce");
    await redis.start();
    expect(await waiting).toEqual({ address: "0xab" });
    expect(await store.take("nonce")).toBeNull();
    await store.close();
  });
});
