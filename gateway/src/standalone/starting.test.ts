import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";
import { started } from "./starting";

setFlagsFromString("--allow-natives-syntax");
// src/runtime/runtime.h of V8: OptimizationStatus.
const isOptimized = runInThisContext("(work) => (%GetOptimizationStatus(work) & (1 << 4)) !== 0") as (
  work: unknown,
) => boolean;
afterAll(() => setFlagsFromString("--no-allow-natives-syntax"));

const hotLoop = () =>
  runInThisContext("(n) => { let sum = 0; for (let i = 0; i < n; i++) sum = (sum * 31 + i) | 0; return sum; }") as (
    n: number,
  ) => number;

async function getsOptimized(work: (n: number) => number, roundsMax = 500): Promise<boolean> {
  for (let round = 0; round < roundsMax && !isOptimized(work); round++) {
    for (let n = 0; n < 100; n++) work(1_000);
    await delay(1);
  }
  return isOptimized(work);
}

const compilesInThreeStages = Number(process.versions.node.split(".")[0]) >= 24;

test("while it starts nothing is optimized; what is hot afterwards is, also if it was hot before", async () => {
  const [early, late] = [hotLoop(), hotLoop()];
  const running = await started(async () => {
    expect(await getsOptimized(early, 50)).toBe(compilesInThreeStages);
    return "running";
  });
  expect(running).toBe("running");
  expect(await getsOptimized(early)).toBe(true);
  expect(await getsOptimized(late)).toBe(true);
});

test("a start that fails, or takes long, leaves the compiler on", async () => {
  await expect(started(() => Promise.reject(new Error("no supergraph")))).rejects.toThrow("no supergraph");
  expect(await getsOptimized(hotLoop())).toBe(true);
  await started(async () => {
    await delay(2_100);
    expect(await getsOptimized(hotLoop())).toBe(true);
  });
});
