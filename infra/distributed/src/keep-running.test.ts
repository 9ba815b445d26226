import { createLog } from "@atrium/subgraph";
import { keepRunning, type Started } from "./keep-running";

const log = createLog("test", { LOG_LEVEL: "silent" });

/** A program that ends when told, and may fail to start. */
function program() {
  const ends: (() => void)[] = [];
  const state = { starts: 0, stopped: [] as number[], failing: false };
  const start = async (): Promise<Started> => {
    if (state.failing) throw new Error("won't start");
    const pid = ++state.starts;
    let end!: () => void;
    const ended = new Promise<string>((resolve) => (end = () => resolve("exit code 1")));
    ends[pid] = end;
    return {
      pid,
      ended,
      async stop() {
        state.stopped.push(pid);
        end();
      },
    };
  };
  return { state, start, end: (pid: number) => ends[pid]!() };
}

async function eventually(holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !holds(); await new Promise((resolve) => setTimeout(resolve, 10)))
    if (Date.now() > deadline) throw new Error("It doesn't come to that.");
}

test("what ends is started again, also when starting it fails in between, and whoever listens is told each time", async () => {
  const { state, start, end } = program();
  const told: number[] = [];
  const kept = await keepRunning({ name: "it", start, log, onStart: ({ pid }) => void told.push(pid) });
  end(1);
  await eventually(() => state.starts === 2);
  state.failing = true;
  end(2);
  await new Promise((resolve) => setTimeout(resolve, 300));
  state.failing = false;
  await eventually(() => state.starts === 3);
  await eventually(() => kept.pid() === 3);
  expect(told).toEqual([1, 2, 3]);
  await kept.stop();
  expect(state.stopped).toEqual([3]);
});

test("what doesn't last is started at longer and longer intervals", async () => {
  const { state, start, end } = program();
  const at: number[] = [];
  const kept = await keepRunning({ name: "it", start, log, onStart: () => void at.push(performance.now()) });
  for (const pid of [1, 2, 3]) {
    end(pid);
    await eventually(() => state.starts === pid + 1);
  }
  await eventually(() => at.length === 4);
  const pauses = at.slice(1).map((time, i) => time - at[i]!);
  for (const [i, leastMs] of [240, 490, 990].entries()) expect(pauses[i]).toBeGreaterThan(leastMs);
  await kept.stop();
});

test("stopping ends the waiting too, and nothing is started after it", async () => {
  const { state, start, end } = program();
  const kept = await keepRunning({ name: "it", start, log });
  end(1);
  await kept.stop();
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(state.starts).toBe(1);
});

test("a first start that fails is the caller's to know of", async () => {
  const { state, start } = program();
  state.failing = true;
  await expect(keepRunning({ name: "it", start, log })).rejects.toThrow("won't start");
});
