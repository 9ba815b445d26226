import { queryCallers } from "./query-callers";
import { chatCallers } from "./chat-callers";
import type { Outcome, Plan } from "./plan";

// The callers, in a process of their own, so that the measured one has its event loop to itself.

/** One caller: does it once. */
export type Call = (round: number) => Promise<void>;

process.once("message", (plan: Plan) => {
  run(plan)
    .then((outcome) => process.send!({ outcome }))
    .catch((error: unknown) => process.send!({ error: error instanceof Error ? error.stack : String(error) }))
    .finally(() => process.disconnect());
});

async function run(plan: Plan): Promise<Outcome> {
  const { callers, close } = await (plan.kind === "query" ? queryCallers(plan) : chatCallers(plan));
  try {
    const begin = performance.now();
    const counted = begin + plan.warmUpMs;
    const end = counted + plan.ms;
    const latencies: number[] = [];
    await Promise.all(
      callers.map(async (call, n) => {
        // Spread over the interval: people don't press a key in step.
        let due = begin + ((plan.everyMs ?? 0) * n) / callers.length;
        for (let round = 0; ; round++) {
          await until(due);
          const from = performance.now();
          if (from >= end) return;
          await call(round);
          if (from >= counted) latencies.push(performance.now() - from);
          due += plan.everyMs ?? 0;
        }
      }),
    );
    return { latencies, ms: performance.now() - counted };
  } finally {
    await close();
  }
}

async function until(due: number): Promise<void> {
  const left = due - performance.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}
