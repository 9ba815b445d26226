import { fork, type ChildProcess } from "node:child_process";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { signedUp, type Atrium, type Caller } from "@atrium/testing";
import type { Heard, WatchersPlan } from "./dashboard-watchers";
import { colleagues, startHouse } from "./house";
import { processorMs, residentBytes } from "./process-tree";
import { recording } from "./recording";
import { median, percentile, rounded, spread } from "./statistics";
import { below, type Figure, type Measure } from "./table";

const socketsEach = 20;
const pauseMs = 4_000;

/** How long after an act all who watch a dashboard have heard of it, and how many events a second become its numbers. */
export const dashboard: Measure = async (say) => {
  const figures: Figure[] = [];
  for (const [sockets, rounds, limitMs] of [
    [500, 20, 250],
    [5_000, 10, 1_000],
  ] as const) {
    const atrium = await startHouse();
    try {
      figures.push(...(await watched(atrium, { sockets, rounds, limitMs }, say)));
    } finally {
      await atrium.stop();
    }
  }
  return [...figures, ...(await recording(say))];
};

async function watched(
  atrium: Atrium,
  { sockets, rounds, limitMs }: { sockets: number; rounds: number; limitMs: number },
  say: (text: string) => void,
): Promise<Figure[]> {
  const owner = await signedUp(atrium);
  say(`${sockets / socketsEach} people`);
  const tokens = await colleagues(atrium, owner, sockets / socketsEach);
  const watchers = startWatchers();
  try {
    say(`${sockets} sockets`);
    const begun = performance.now();
    await watchers.ask<number>({ open: { url: atrium.url, tokens, socketsEach } });
    const openingMs = performance.now() - begun;
    await delay(2_000);
    const used = processorMs(atrium.process.pid!);
    const all: number[] = [];
    const last: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const actedAt = performance.timeOrigin + performance.now();
      const heard = watchers.ask<Heard>({ expect: round });
      heard.catch(() => {});
      await createProject(owner, round);
      const latencies = (await heard).at.map((at) => at - actedAt);
      all.push(...latencies);
      last.push(Math.max(...latencies));
      await delay(pauseMs);
    }
    const processor = (processorMs(atrium.process.pid!) - used) / rounds;
    const megabytes = residentBytes(atrium.process.pid!).bytes / 2 ** 20;
    const what = `act sent → dashboard over WebSocket, ${rounded(sockets)} sockets of ${sockets / socketsEach} people`;
    return [
      {
        what,
        value: `${spread(all)}; the last socket p50 ${rounded(median(last))} ms; ${rounded(processor)} ms of processor a change, heartbeats included`,
        reach: below(limitMs, "ms p95", percentile(all, 0.95)),
      },
      {
        what: `memory of the whole process with ${rounded(sockets)} sockets, PostgreSQL left out`,
        value: `${rounded(megabytes)} MB; opened in ${rounded(openingMs / 1_000)} s`,
        ...(sockets === 5_000 && { reach: below(1_000, "MB", megabytes) }),
      },
    ];
  } finally {
    watchers.stop();
  }
}

const createProject = ({ client }: Caller, n: number) =>
  client.ask(`mutation ($input: CreateProjectInput!) { createProject(input: $input) { project { id } } }`, {
    input: { name: `Project ${n}` },
  });

function startWatchers() {
  const child: ChildProcess = fork(path.join(__dirname, "dashboard-watchers.ts"));
  const ended = new Promise<never>((_, reject) =>
    child.on("exit", (code) => reject(new Error(`The watchers ended with ${code}.`))),
  );
  ended.catch(() => {});
  return {
    ask<Outcome>(message: { open: WatchersPlan } | { expect: number }): Promise<Outcome> {
      const answer = new Promise<Outcome>((resolve, reject) =>
        child.once("message", ({ outcome, error }: { outcome?: Outcome; error?: string }) =>
          error ? reject(new Error(error)) : resolve(outcome!),
        ),
      );
      child.send(message);
      return Promise.race([answer, ended]);
    },
    stop: () => child.kill(),
  };
}
