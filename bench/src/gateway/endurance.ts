import { fork } from "node:child_process";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { residentBytes } from "../process-tree";
import { median, milliseconds, percentile, rounded, seconds } from "../statistics";
import { below, type Figure, type Measure } from "../table";
import { bigSupergraph } from "./big";
import { asFastAsItAnswers, probesDuring } from "./callers";
import { atrium, atriumForMany, keepOffMeasuredCore, start, type RunningContestant } from "./contestants";
import { threeHops } from "./shop";
import { startSubgraphs, type Subgraphs } from "./subgraphs";
import type { SubscribersPlan } from "./subscribers-process";

const idleSockets = 10_000;
const subscribers = 5_000;
const events = 20;
const soakMs = Number(process.env.BENCH_SOAK_MS ?? 600_000);
const newOperations = 300;
const longOperations = 50;

/** What the gateway costs when much is asked of it at once, or for long. */
export const gatewayEndurance: Measure = async (say) => {
  keepOffMeasuredCore(process.pid);
  const subgraphs = await startSubgraphs();
  const figures: Figure[] = [];
  const withGateway = async (work: (gateway: RunningContestant) => Promise<Figure[]>) => {
    const gateway = (await start(atriumForMany, subgraphs.sdl))!;
    try {
      figures.push(...(await work(gateway)));
    } finally {
      await gateway.stop();
    }
  };
  try {
    say("a supergraph of a thousand types");
    figures.push(await startOfBig());
    say(`${newOperations} new operations`);
    await withGateway(async (gateway) => [await whilePlanning(gateway)]);
    for (const [kind, text] of Object.entries(longTexts))
      await withGateway(async (gateway) => [await whileReading(gateway, kind, text)]);
    say(`${idleSockets} idle sockets`);
    await withGateway(async (gateway) => [await idle(gateway)]);
    say(`${subscribers} subscribers`);
    await withGateway((gateway) => subscribed(gateway, subgraphs));
    say(`${soakMs / 60_000} minutes of requests`);
    await withGateway(async (gateway) => [await soak(gateway)]);
    return figures;
  } finally {
    subgraphs.stop();
  }
};

async function startOfBig(): Promise<Figure> {
  const sdl = bigSupergraph(1_000, "http://127.0.0.1:9/graphql");
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const gateway = (await start(atrium, sdl))!;
    times.push(gateway.startedInMs);
    await gateway.stop();
  }
  return {
    what: "start to the first answer, a supergraph of 1,000 types",
    value: seconds(median(times)),
    reach: below(2, "s", median(times) / 1_000),
  };
}

/** A small operation that is known, asked again and again while others are sent that have to be planned. */
async function whilePlanning(gateway: RunningContestant): Promise<Figure> {
  await asFastAsItAnswers(gateway, threeHops, 2_000);
  const latencies = await probesDuring(gateway, "{ __typename }", newOperations, (n) =>
    threeHops.replace("upc name", `upc label${n}: name other${n}: price`),
  );
  const worst = Math.max(...latencies);
  return {
    what: `a known operation beside ${newOperations} new ones that are planned: the longest wait`,
    value: `${milliseconds(worst)} (p50 ${milliseconds(median(latencies))}, p99 ${milliseconds(percentile(latencies, 0.99))})`,
    reach: below(20, "ms", worst),
  };
}

/** Texts near the limits, of kinds that are dear to read. */
const longTexts: Record<string, (n: number) => string> = {
  "of 1,500 equal fields": (n) => threeHops.replace("upc name", `upc label${n}: name ${"name ".repeat(1_500)}`),
  "of 900 fragments": (n) => {
    const fragments = Array.from({ length: 900 }, (_, i) => i);
    const spreads = fragments.map((i) => `...F${i}`).join(" ");
    const defined = fragments.map((i) => `fragment F${i} on Product { name }`).join(" ");
    return `${threeHops.replace("upc name", `upc label${n}: name ${spreads}`)} ${defined}`;
  },
};

/** The same beside long new texts. */
async function whileReading(gateway: RunningContestant, kind: string, text: (n: number) => string): Promise<Figure> {
  await asFastAsItAnswers(gateway, threeHops, 2_000);
  // The first ones are read by code that isn't compiled yet.
  await probesDuring(gateway, "{ __typename }", longOperations, (n) => text(n));
  const latencies = await probesDuring(gateway, "{ __typename }", longOperations, (n) => text(longOperations + n));
  const worst = Math.max(...latencies);
  return {
    what: `a known operation beside ${longOperations} new ones ${kind}: the longest wait`,
    value: `${milliseconds(worst)} (p50 ${milliseconds(median(latencies))}, p99 ${milliseconds(percentile(latencies, 0.99))})`,
    reach: below(20, "ms", worst),
  };
}

async function idle(gateway: RunningContestant): Promise<Figure> {
  const sockets = startSubscribers();
  try {
    await sockets.ask({ open: { url: gateway.url, sockets: idleSockets } });
    await delay(5_000);
    const megabytes = residentBytes(gateway.processId).bytes / 2 ** 20;
    return {
      what: `memory with ${rounded(idleSockets)} idle sockets`,
      value: `${rounded(megabytes)} MB`,
      reach: below(600, "MB", megabytes),
    };
  } finally {
    sockets.stop();
  }
}

async function subscribed(gateway: RunningContestant, subgraphs: Subgraphs): Promise<Figure[]> {
  const sockets = startSubscribers();
  try {
    const query = "subscription { reviewAdded { id body author { id name username } } }";
    const before = await subgraphs.counts();
    await sockets.ask({ open: { url: gateway.url, sockets: subscribers, query } });
    await delay(2_000);
    const all: number[] = [];
    const last: number[] = [];
    for (let event = 1; event <= events; event++) {
      const heard = await sockets.expect(event);
      const publishedAt = performance.timeOrigin + performance.now();
      subgraphs.publish(event);
      const latencies = (await heard()).map((at) => at - publishedAt);
      all.push(...latencies);
      last.push(Math.max(...latencies));
      await delay(500);
    }
    const after = await subgraphs.counts();
    const upstreams = after.subscriptions - before.subscriptions;
    const joins = (after.fetches.accounts! - before.fetches.accounts!) / events;
    return [
      {
        what: `event with a join → ${rounded(subscribers)} subscribers`,
        value: `p50 ${milliseconds(median(all))}, p95 ${milliseconds(percentile(all, 0.95))}; the last socket ${milliseconds(median(last))}`,
        reach: below(250, "ms p95", percentile(all, 0.95)),
      },
      {
        what: "subscriptions at the subgraph, and joins an event",
        value: `${upstreams}, ${joins}`,
        reach: { target: "1, 1", met: upstreams === 1 && joins === 1 },
      },
    ];
  } finally {
    sockets.stop();
  }
}

/** Memory after the first minute beside memory at the end. */
async function soak(gateway: RunningContestant): Promise<Figure> {
  const settled = Math.min(60_000, soakMs / 4);
  await asFastAsItAnswers(gateway, threeHops, settled);
  const begin = residentBytes(gateway.processId).bytes / 2 ** 20;
  let requests = 0;
  for (let left = soakMs - settled; left > 0; left -= 15_000)
    ({ requests } = await asFastAsItAnswers(gateway, threeHops, Math.min(left, 15_000)));
  const end = residentBytes(gateway.processId).bytes / 2 ** 20;
  return {
    what: `memory after ${seconds(settled)} and after ${seconds(soakMs)} of requests`,
    value: `${rounded(begin)} MB, ${rounded(end)} MB (${rounded(requests)} in the last 15 s)`,
    reach: { target: "flat (≤ 1.1×)", met: end <= begin * 1.1 },
  };
}

function startSubscribers() {
  const child = fork(path.join(__dirname, "subscribers-process.ts"), { execArgv: process.execArgv });
  const said = <Outcome>(): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      child.once("message", ({ outcome, error }: { outcome?: Outcome; error?: string }) =>
        error ? reject(new Error(error)) : resolve(outcome!),
      );
      child.once("exit", (code) => reject(new Error(`The subscribers ended with ${code}.`)));
    });
  return {
    ask(message: { open: SubscribersPlan }): Promise<number> {
      const answer = said<number>();
      child.send(message);
      return answer;
    },
    /** Resolves when they listen for this number, with a way to wait until all have heard it. */
    async expect(number: number): Promise<() => Promise<number[]>> {
      const listening = said<"listening">();
      child.send({ expect: number });
      await listening;
      const heard = said<number[]>();
      return () => heard;
    },
    stop: () => child.kill(),
  };
}
