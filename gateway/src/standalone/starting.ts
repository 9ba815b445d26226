import { setFlagsFromString } from "node:v8";

// What isn't done by then runs long enough for optimized code to pay.
const longestMs = 2_000;
// Later ones compile in three stages: there code that was hot while the last was off never gets to it.
const canDoWithout = Number(process.versions.node.split(".")[0]) < 24;

/**
 * Starts something without V8's optimizing compiler. Reading a supergraph runs a lot of code a little: half as much time
 * again would go into optimizing it, on one core all of it before the first request. What serves requests gets hot anew.
 */
export async function started<Running>(start: () => Promise<Running>): Promise<Running> {
  if (!canDoWithout) return start();
  const optimize = () => setFlagsFromString("--opt");
  const late = setTimeout(optimize, longestMs);
  setFlagsFromString("--no-opt");
  try {
    return await start();
  } finally {
    clearTimeout(late);
    optimize();
  }
}
