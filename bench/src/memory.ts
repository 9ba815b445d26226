import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startAtrium } from "@atrium/testing";
import { residentBytes } from "./process-tree";
import { median, seconds } from "./statistics";
import { below, type Measure } from "./table";

// Longer than a reading process is kept for the next file.
const idleMs = 35_000;
const rounds = 3;
const megabytes = (bytes: number) => bytes / 2 ** 20;

/** Starts of a prepared clone with demonstration data, and what the product holds when nobody asks. */
export const memory: Measure = async (say) => {
  const first: number[] = [];
  const second: number[] = [];
  const held: Record<"first" | "second", { bytes: number; processes: number }[]> = { first: [], second: [] };
  for (let round = 1; round <= rounds; round++) {
    const dataDirectory = mkdtempSync(path.join(tmpdir(), "atrium-bench-"));
    try {
      for (const [times, called] of [
        [first, "first"],
        [second, "second"],
      ] as const) {
        say(`${called} start, ${round} of ${rounds}`);
        const begun = performance.now();
        const atrium = await startAtrium({ dataDirectory, env: { ATRIUM_DEMO: "on" } });
        times.push(performance.now() - begun);
        await delay(idleMs);
        held[called].push(residentBytes(atrium.process.pid!));
        await atrium.stop();
      }
    } finally {
      rmSync(dataDirectory, { recursive: true, force: true });
    }
  }
  const idle = (called: "first" | "second") => {
    const size = megabytes(median(held[called].map(({ bytes }) => bytes)));
    const processes = Math.max(...held[called].map((each) => each.processes));
    return {
      what: `memory without PostgreSQL, idle ${idleMs / 1_000} s after the ${called} start`,
      value: `${size.toFixed(0)} MB (processes: ${processes})`,
      reach: below(400, "MB", size),
    };
  };
  return [
    {
      what: "start to ready, prepared clone, first time (database made, demonstration ingested)",
      value: seconds(median(first)),
    },
    {
      what: "start to ready, second time",
      value: seconds(median(second)),
      reach: below(6, "s", median(second) / 1_000),
    },
    idle("first"),
    idle("second"),
  ];
};
