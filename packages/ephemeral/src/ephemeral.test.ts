import { provisionDatabase } from "@atrium/database";
import { testAdminUrl } from "@atrium/database/testing";
import pg from "pg";
import { postgresEphemeral, type PostgresEphemeral, type RateLimit } from ".";

const database = `test_${process.pid}_ephemeral`;
const logged: unknown[] = [];
const log = { error: (...all: unknown[]) => void logged.push(all) };
let admin: pg.Client;
let urls: { ownerUrl: string; appUrl: string };
let owner: pg.Client;
/** Two processes on one database. */
let store: PostgresEphemeral;
let other: PostgresEphemeral;

beforeAll(async () => {
  const adminUrl = await testAdminUrl();
  admin = new pg.Client(adminUrl);
  await admin.connect();
  urls = await provisionDatabase(adminUrl, "ephemeral", database);
  [store, other] = await Promise.all([postgresEphemeral({ ...urls, log }), postgresEphemeral({ ...urls, log })]);
  owner = new pg.Client(urls.ownerUrl);
  await owner.connect();
});

afterAll(async () => {
  await Promise.all([store.close(), other.close(), owner.end()]);
  await admin.query(`drop database ${database}`);
  await admin.end();
  expect(logged).toEqual([]);
});

const rows = async (table: string) => Number((await owner.query(`select count(*) from ${table}`)).rows[0].count);
/** Lets `seconds` pass for everything that is stored. */
async function pass(seconds: number): Promise<void> {
  await owner.query("update ephemeral_value set expires_at = expires_at - make_interval(secs => $1)", [seconds]);
  await owner.query(
    `update ephemeral_limit set window_ends_at = window_ends_at - make_interval(secs => $1),
       refused_until = refused_until - make_interval(secs => $1),
       exceeded_is_forgotten_at = exceeded_is_forgotten_at - make_interval(secs => $1)`,
    [seconds],
  );
}

describe("values", () => {
  test("a value is got by every process until it expires, then by none", async () => {
    await store.set("nonce:1", { address: "0xab", words: ["naïve", "\0", "\ud83d\ude00"] }, 300);
    expect(await other.get("nonce:1")).toEqual({ address: "0xab", words: ["naïve", "\0", "😀"] });
    await pass(299);
    expect(await store.get("nonce:1")).not.toBeNull();
    await pass(1);
    expect(await store.get("nonce:1")).toBeNull();
    expect(await store.take("nonce:1")).toBeNull();
  });

  test("setting replaces the value and its expiry, also of one that has expired", async () => {
    await store.set("draft", 1, 10);
    await pass(11);
    await store.set("draft", 2, 10);
    expect(await store.get("draft")).toBe(2);
    await store.set("draft", 3, 1_000);
    await pass(100);
    expect(await store.get("draft")).toBe(3);
  });

  test("what was never set or was deleted is null, and so is a stored null", async () => {
    await store.set("gone", 1, 10);
    await store.delete("gone");
    await store.delete("gone");
    expect(await store.get("gone")).toBeNull();
    expect(await store.take("never")).toBeNull();
    await store.set("null", null, 10);
    expect(await store.get("null")).toBeNull();
  });

  test("of a hundred takers in two processes exactly one gets each value", async () => {
    const keys = Array.from({ length: 20 }, (_, index) => `state:${index}`);
    await Promise.all(keys.map((key) => store.set(key, key, 60)));
    const taken = await Promise.all(
      Array.from({ length: 100 }, (_, index) => (index % 2 ? store : other)).flatMap((taker) =>
        keys.map((key) => taker.take<string>(key)),
      ),
    );
    expect(taken.filter((value) => value !== null).sort()).toEqual([...keys].sort());
  });

  test.each([
    ["an empty key", () => store.get("")],
    ["a key with a NUL", () => store.take("a\0b")],
    ["a key of 501 characters", () => store.set("k".repeat(501), 1, 1)],
    ["a value that isn't JSON", () => store.set("key", undefined, 1)],
    ["no time to live", () => store.set("key", 1, 0)],
    ["an endless time to live", () => store.set("key", 1, Infinity)],
    ["a time to live that is no number", () => store.set("key", 1, NaN)],
    ["a limit without points", () => store.consume({ name: "none", points: 0, windowSeconds: 1 }, "key")],
    [
      "a delay that shrinks",
      () => store.consume({ ...login, delay: { firstSeconds: 1, factor: 0.5, secondsMax: 2 } }, "key"),
    ],
  ])("%s is refused, and nothing is written", async (_, call) => {
    const before = [await rows("ephemeral_value"), await rows("ephemeral_limit")];
    await expect(call()).rejects.toThrow(TypeError);
    expect([await rows("ephemeral_value"), await rows("ephemeral_limit")]).toEqual(before);
  });
});

const login: RateLimit = { name: "login", points: 3, windowSeconds: 60 };
const growing: RateLimit = {
  name: "growing",
  points: 2,
  windowSeconds: 60,
  delay: { firstSeconds: 10, factor: 3, secondsMax: 200 },
};
const allowed = { allowed: true, retryAfterSeconds: 0 };
const refusedFor = (seconds: number) => ({ allowed: false, retryAfterSeconds: seconds });
const consume = async (limit: RateLimit, key: string, times: number) => {
  const answers = [];
  for (let time = 0; time < times; time++) answers.push(await store.consume(limit, key));
  return answers;
};

describe("rate limits", () => {
  test("so many points are granted in a window, the rest is refused until its end, for each key alone", async () => {
    expect(await consume(login, "ada", 5)).toEqual([allowed, allowed, allowed, refusedFor(60), refusedFor(60)]);
    expect(await consume(login, "grace", 1)).toEqual([allowed]);
    expect(await consume({ ...login, name: "reset" }, "ada", 1)).toEqual([allowed]);
    await pass(45);
    expect(await consume(login, "ada", 1)).toEqual([refusedFor(15)]);
    await pass(16);
    expect(await consume(login, "ada", 4)).toEqual([allowed, allowed, allowed, refusedFor(60)]);
  });

  test("of many callers at once in two processes exactly as many as there are points pass", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => (index % 2 ? store : other).consume({ ...login, points: 50 }, "crowd")),
    );
    expect(answers.filter((answer) => answer.allowed)).toHaveLength(50);
  });

  test("with a delay, each refusal in a row is longer, up to the longest, and earns one point until the window ends", async () => {
    const rounds: [points: number, wait: number][] = [];
    for (let round = 0; round < 5; round++) {
      for (let points = 0; ; points++) {
        const answer = await store.consume(growing, "ada");
        if (answer.allowed) continue;
        rounds.push([points, answer.retryAfterSeconds]);
        await pass(answer.retryAfterSeconds);
        break;
      }
    }
    // The window of 60 s ends during the third wait.
    expect(rounds).toEqual([
      [2, 10],
      [1, 30],
      [1, 90],
      [2, 200],
      [2, 200],
    ]);
  });

  test("asking while refused doesn't prolong the refusal: nobody can lock somebody else out for good", async () => {
    await consume(growing, "victim", 3);
    for (let second = 1; second < 10; second++) {
      await pass(1);
      expect((await store.consume(growing, "victim")).retryAfterSeconds).toBeLessThanOrEqual(10 - second);
    }
    await pass(1);
    expect(await store.consume(growing, "victim")).toEqual(allowed);
  });

  test("the longest series keeps its longest delay, without an overflow", async () => {
    await consume(growing, "stubborn", 3);
    await owner.query("update ephemeral_limit set times_exceeded = 2000000000 where key = 'stubborn'");
    await pass(10);
    expect(await consume(growing, "stubborn", 2)).toEqual([allowed, refusedFor(200)]);
  });

  test("a quiet window makes the next wait short again", async () => {
    await consume(growing, "calm", 3);
    await pass(10 + 60);
    expect((await consume(growing, "calm", 3))[2]).toEqual(refusedFor(10));
  });
});

test("pruning deletes what has expired and nothing else, while others use it", async () => {
  await owner.query("truncate ephemeral_value, ephemeral_limit");
  await Promise.all(Array.from({ length: 50 }, (_, index) => store.set(`short:${index}`, 1, 10)));
  await store.set("long", 1, 1_000);
  await consume(login, "short", 1);
  await consume({ ...login, windowSeconds: 1_000 }, "long", 1);
  await pass(100);
  await owner.query("begin; select from ephemeral_value where key = 'short:7' for update");
  expect((await Promise.all([store.prune(), other.prune()])).reduce((sum, count) => sum + count)).toBe(50);
  await owner.query("commit");
  expect(await store.prune()).toBe(1);
  expect([await rows("ephemeral_value"), await rows("ephemeral_limit")]).toEqual([1, 1]);
});

test("the role that uses the store owns nothing and can't change the tables", async () => {
  const app = new pg.Client(urls.appUrl);
  await app.connect();
  await expect(app.query("drop table ephemeral_value")).rejects.toThrow("must be owner");
  await expect(app.query("truncate ephemeral_limit")).rejects.toThrow("permission denied");
  await expect(app.query("create table mine ()")).rejects.toThrow("permission denied");
  await app.end();
});

test("a connection that breaks is replaced, and readiness says whether the database answers", async () => {
  const broken = await postgresEphemeral({ ...urls, log });
  await broken.ready();
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'atrium ephemeral'",
    [database],
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  await broken.set("after", 1, 10);
  expect(await broken.get("after")).toBe(1);
  await admin.query(`alter database ${database} allow_connections false`);
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'atrium ephemeral'",
    [database],
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  await expect(broken.ready()).rejects.toThrow("not currently accepting connections");
  await expect(broken.consume(login, "fails closed")).rejects.toThrow();
  await admin.query(`alter database ${database} allow_connections true`);
  await broken.ready();
  await broken.close();
  expect(logged.splice(0).length).toBeGreaterThan(0);
});
