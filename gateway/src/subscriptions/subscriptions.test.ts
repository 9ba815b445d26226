import DataLoader from "dataloader";
import { setTimeout as delay } from "node:timers/promises";
import { askedSince } from "./asked-since";
import { EventQueue, SlowConsumer } from "./event-queue";

const nothing = () => {};

describe("a listener's events", () => {
  test("are handed out in order, whether they come before or after they are asked for", async () => {
    const queue = new EventQueue<{ n: number }>(10, nothing);
    queue.push({ n: 1 });
    queue.push({ n: 2 });
    expect([await queue.next(), await queue.next()]).toMatchObject([{ value: { n: 1 } }, { value: { n: 2 } }]);
    const third = queue.next();
    queue.push({ n: 3 });
    expect(await third).toEqual({ done: false, value: { n: 3 } });
  });

  test("that wait are still handed out when the source ends, or fails", async () => {
    const [ended, failed] = [new EventQueue<{ n: number }>(10, nothing), new EventQueue<{ n: number }>(10, nothing)];
    for (const queue of [ended, failed]) queue.push({ n: 1 });
    ended.end();
    failed.fail(new Error("lost"));
    for (const queue of [ended, failed]) expect((await queue.next()).value).toEqual({ n: 1 });
    expect(await ended.next()).toEqual({ done: true, value: undefined });
    await expect(failed.next()).rejects.toThrow("lost");
    expect(await failed.next()).toEqual({ done: true, value: undefined });
  });

  test("are dropped when one too many waits: a gap would look whole", async () => {
    let ends = 0;
    const queue = new EventQueue<{ n: number }>(2, () => void ends++);
    for (const n of [1, 2, 3, 4]) queue.push({ n });
    await expect(queue.next()).rejects.toThrow(SlowConsumer);
    expect(await queue.next()).toEqual({ done: true, value: undefined });
    await queue.return();
    expect(ends).toBe(1);
  });

  test("end for who waits for the next, when the listener leaves", async () => {
    let ends = 0;
    const queue = new EventQueue<object>(2, () => void ends++);
    const next = queue.next();
    await queue.return();
    expect(await next).toEqual({ done: true, value: undefined });
    queue.push({});
    expect(await queue.next()).toEqual({ done: true, value: undefined });
    expect(ends).toBe(1);
  });
});

describe("what is asked since a moment", () => {
  /** A question that says when it began, and takes a while. */
  function asking() {
    const begun: number[] = [];
    const since = askedSince(async () => {
      const at = performance.now();
      begun.push(at);
      await delay(20);
      return at;
    });
    return { begun, since };
  }

  test("is never from before it", async () => {
    const { since } = asking();
    await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        await delay(n * 3);
        const moment = performance.now();
        expect(await since(moment)).toBeGreaterThan(moment);
      }),
    );
  });

  test("is shared by those who come while another is asked", async () => {
    const { begun, since } = asking();
    const first = since(performance.now());
    await delay(5);
    const later = await Promise.all(Array.from({ length: 30 }, () => since(performance.now())));
    await first;
    expect(begun).toHaveLength(2);
    expect(new Set(later)).toEqual(new Set([begun[1]]));
  });

  test("holds for what came before it, however late that is asked about", async () => {
    const { begun, since } = asking();
    const moment = performance.now();
    await since(performance.now());
    await since(moment);
    expect(begun).toHaveLength(1);
  });

  test("is asked by thousands within one tick, so that their questions can go out as one", async () => {
    const batches: number[] = [];
    const loader = new DataLoader<number, number>(
      async (keys) => {
        batches.push(keys.length);
        await delay(5);
        return keys;
      },
      { cache: false },
    );
    const callers = Array.from({ length: 2_000 }, (_, n) => askedSince(() => loader.load(n)));
    for (let event = 1; event <= 3; event++) {
      const answers = await Promise.all(callers.map((since) => since(performance.now())));
      expect(answers).toEqual(callers.map((_, n) => n));
      expect(batches).toEqual(Array(event).fill(callers.length));
    }
  });

  test("that fails fails for those who asked, and is asked again for the next", async () => {
    let tries = 0;
    const since = askedSince(async () => {
      if (++tries === 1) throw new Error("away");
      return tries;
    });
    const now = performance.now();
    const [first, second] = await Promise.allSettled([since(now), since(now)]);
    expect([first.status, second.status, tries]).toEqual(["rejected", "rejected", 1]);
    expect(await since(performance.now())).toBe(2);
  });
});
