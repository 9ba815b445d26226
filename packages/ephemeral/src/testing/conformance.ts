import type { PostgresEphemeral } from "..";
import type { EphemeralStore, RateLimit } from "../ephemeral-store";

/** One kind of store, and what tests do behind its back. */
export interface Backend {
  /** As another process on the same store. */
  open(): Promise<Opened>;
  /** Lets `seconds` pass for everything that is stored. */
  pass(seconds: number): Promise<void>;
  /** How much is stored: values, and limits. */
  count(): Promise<[values: number, limits: number]>;
  /** As if this limit had been exceeded so often in a row. */
  exceed(limit: RateLimit, key: string, times: number): Promise<void>;
  breakConnections(): Promise<void>;
  /** From now on nobody can use the store, until `admit`. */
  refuse(): Promise<void>;
  admit(): Promise<void>;
}

export type Opened = EphemeralStore & Pick<PostgresEphemeral, "ready" | "close">;

export const login: RateLimit = { name: "login", points: 3, windowSeconds: 60 };
const growing: RateLimit = {
  name: "growing",
  points: 2,
  windowSeconds: 60,
  delay: { firstSeconds: 10, factor: 3, secondsMax: 200 },
};
const allowed = { allowed: true, retryAfterSeconds: 0 };
const refusedFor = (seconds: number) => ({ allowed: false, retryAfterSeconds: seconds });
/** What every kind of store promises. */
export function conformance(backend: Backend): void {
  let store: Opened;
  let other: Opened;
  beforeAll(async () => {
    [store, other] = await Promise.all([backend.open(), backend.open()]);
  });
  afterAll(() => Promise.all([store.close(), other.close()]));

  const consume = async (limit: RateLimit, key: string, times: number) => {
    const answers = [];
    for (let time = 0; time < times; time++) answers.push(await store.consume(limit, key));
    return answers;
  };

  describe("values", () => {
    test("a value is got by every process until it expires, then by none", async () => {
      await store.set("nonce:1", { address: "0xab", words: ["naïve", "\0", "\ud83d\ude00"] }, 300);
      expect(await other.get("nonce:1")).toEqual({ address: "0xab", words: ["naïve", "\0", "😀"] });
      await backend.pass(299);
      expect(await store.get("nonce:1")).not.toBeNull();
      await backend.pass(1);
      expect(await store.get("nonce:1")).toBeNull();
      expect(await store.take("nonce:1")).toBeNull();
    });

    test("setting replaces the value and its expiry, also of one that has expired", async () => {
      await store.set("draft", 1, 10);
      await backend.pass(11);
      await store.set("draft", 2, 10);
      expect(await store.get("draft")).toBe(2);
      await store.set("draft", 3, 1_000);
      await backend.pass(100);
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
      const before = await backend.count();
      await expect(call()).rejects.toThrow(TypeError);
      expect(await backend.count()).toEqual(before);
    });
  });

  describe("rate limits", () => {
    test("so many points are granted in a window, the rest is refused until its end, for each key alone", async () => {
      expect(await consume(login, "ada", 5)).toEqual([allowed, allowed, allowed, refusedFor(60), refusedFor(60)]);
      expect(await consume(login, "grace", 1)).toEqual([allowed]);
      expect(await consume({ ...login, name: "reset" }, "ada", 1)).toEqual([allowed]);
      await backend.pass(45);
      expect(await consume(login, "ada", 1)).toEqual([refusedFor(15)]);
      await backend.pass(16);
      expect(await consume(login, "ada", 4)).toEqual([allowed, allowed, allowed, refusedFor(60)]);
    });

    test("of many callers at once in two processes exactly as many as there are points pass", async () => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          (index % 2 ? store : other).consume({ ...login, points: 50 }, "crowd"),
        ),
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
          await backend.pass(answer.retryAfterSeconds);
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
        await backend.pass(1);
        expect((await store.consume(growing, "victim")).retryAfterSeconds).toBeLessThanOrEqual(10 - second);
      }
      await backend.pass(1);
      expect(await store.consume(growing, "victim")).toEqual(allowed);
    });

    test("the longest series keeps its longest delay, without an overflow", async () => {
      await consume(growing, "stubborn", 3);
      await backend.exceed(growing, "stubborn", 2_000_000_000);
      await backend.pass(10);
      expect(await consume(growing, "stubborn", 2)).toEqual([allowed, refusedFor(200)]);
    });

    test("a quiet window makes the next wait short again", async () => {
      await consume(growing, "calm", 3);
      await backend.pass(10 + 60);
      expect((await consume(growing, "calm", 3))[2]).toEqual(refusedFor(10));
    });
  });

  test("a connection that breaks is replaced, and readiness says whether the store answers", async () => {
    const broken = await backend.open();
    await broken.ready();
    await backend.breakConnections();
    await eventually(() => broken.set("after", 1, 10));
    expect(await broken.get("after")).toBe(1);
    await backend.refuse();
    await expect(broken.ready()).rejects.toThrow();
    await expect(broken.consume(login, "fails closed")).rejects.toThrow();
    await expect(broken.take("after")).rejects.toThrow();
    await backend.admit();
    await eventually(() => broken.ready());
    await broken.close();
  });
}

/** Until it holds: a broken connection is noticed when it is used. */
async function eventually(check: () => Promise<unknown>): Promise<void> {
  for (const deadline = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 50)))
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
}
