import { isDeepStrictEqual } from "node:util";
import { median, milliseconds, percentile, rounded } from "../statistics";
import type { Figure, Measure } from "../table";
import { answerOf, asFastAsItAnswers, atRate, type Outcome } from "./callers";
import { startCollector } from "./collector";
import {
  atrium,
  atriumHouse,
  atriumUnshared,
  hiveGateway,
  hiveRouter,
  installPeers,
  keepOffMeasuredCore,
  start,
  stock,
  type Contestant,
} from "./contestants";
import { sixteenFetches, threeHops } from "./shop";
import { startSubgraphs, type Subgraphs } from "./subgraphs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const warmUpMs = 4_000;
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 6_000);

const operations = { "3 hops": threeHops, "16 fetches": sixteenFetches };
type OperationName = keyof typeof operations;

/** Ours beside the stock gateway, Hive's in JavaScript and Hive's in Rust: the same supergraph, subgraphs and callers. */
export const gateway: Measure = async (say) => {
  await installPeers(say);
  keepOffMeasuredCore(process.pid);
  const collector = await startCollector();
  const subgraphs = await startSubgraphs();
  const { sdl } = subgraphs;
  const house = atriumHouse(subgraphs, collector.url);
  const perProcessorSecond = new Map<string, Record<OperationName, number[]>>();
  const figures: Figure[] = [];
  try {
    const contestants = [stock, hiveGateway, hiveRouter, atrium, atriumUnshared, house];
    const expected = new Map<OperationName, unknown>();
    // Round by round, all of them: what the machine does beside it meets everybody.
    for (let round = 0; round < rounds; round++)
      for (const contestant of contestants) {
        const running = await start(contestant, sdl);
        if (!running) continue;
        try {
          for (const [name, query] of Object.entries(operations) as [OperationName, string][]) {
            // Its limits refuse the other one.
            if (contestant === house && name !== "3 hops") continue;
            const answer = await answerOf(running, query);
            if (!expected.has(name)) expected.set(name, answer);
            else if (!isDeepStrictEqual(answer, expected.get(name)))
              throw new Error(`${contestant.name} answers "${name}" otherwise than the first.`);
            await asFastAsItAnswers(running, query, warmUpMs);
            const outcome = await asFastAsItAnswers(running, query, roundMs);
            const known = perProcessorSecond.get(contestant.name) ?? { "3 hops": [], "16 fetches": [] };
            perProcessorSecond.set(contestant.name, known);
            known[name].push(requestsPerProcessorSecond(outcome));
            say(`${contestant.name}, ${name}: ${rounded(known[name].at(-1)!)} requests a second of processor time`);
          }
        } finally {
          await running.stop();
        }
      }
    for (const name of Object.keys(operations) as OperationName[])
      for (const contestant of contestants)
        if (contestant !== house) figures.push(figureOf(name, contestant, perProcessorSecond));
    for (const [other, atLeast] of [
      [stock, 6],
      [hiveGateway, 4],
    ] as const)
      figures.push(figureOfHouse(house, other, atLeast, perProcessorSecond));
    figures.push(await atHalfLoad(subgraphs, median(perProcessorSecond.get(atrium.name)!["3 hops"])));
    return figures;
  } finally {
    subgraphs.stop();
    collector.server.close();
  }
};

const requestsPerProcessorSecond = ({ requests, processorMs }: Outcome) => (requests * 1_000) / processorMs;

/** How much more than ours the others need; the targets are ours over theirs. */
const targets: Record<OperationName, Record<string, number>> = {
  "3 hops": { [stock.name]: 8, [hiveGateway.name]: 5, [hiveRouter.name]: 0.6 },
  "16 fetches": { [stock.name]: 8, [hiveRouter.name]: 0.35 },
};

function figureOf(
  name: OperationName,
  contestant: Contestant,
  all: ReadonlyMap<string, Record<OperationName, number[]>>,
): Figure {
  const what = `${name}: ${contestant.name}, requests per second of processor time`;
  const theirs = all.get(contestant.name)?.[name];
  if (!theirs) return { what, value: "not here (HIVE_ROUTER)" };
  const value = rounded(median(theirs));
  const ours = all.get(atrium.name)![name];
  if (contestant === atrium) return { what, value };
  const ratio = median(ours.map((each, round) => each / theirs[round]!));
  const target = targets[name][contestant.name];
  return {
    what,
    value: `${value} (ours: ${ratio.toFixed(2)} times as many)`,
    ...(target !== undefined && { reach: { target: `≥ ${target}×`, met: ratio >= target } }),
  };
}

function figureOfHouse(
  house: Contestant,
  other: Contestant,
  atLeast: number,
  all: ReadonlyMap<string, Record<OperationName, number[]>>,
): Figure {
  const [ours, theirs] = [house, other].map(({ name }) => all.get(name)!["3 hops"]) as [number[], number[]];
  const ratio = median(ours.map((each, round) => each / theirs[round]!));
  return {
    what: `3 hops: ${house.name}, beside ${other.name}`,
    value: `${rounded(median(ours))} (${ratio.toFixed(2)} times as many)`,
    reach: { target: `≥ ${atLeast}×`, met: ratio >= atLeast },
  };
}

const halfLoadRounds = 5;
const halfLoadMs = 5_000;
const oneFetch = "{ topProducts(first: 5) { upc name price } }";

/**
 * What the gateway adds to the slowest percentile when half of its core is busy: its latency, less that of the same callers
 * at the same rate before a subgraph, round by round. Three fetches' own time stays in it.
 */
async function atHalfLoad({ sdl, services }: Subgraphs, requestsPerSecond: number): Promise<Figure> {
  const running = (await start(atrium, sdl))!;
  const straight = { ...running, url: `${services["products"]}/graphql` };
  const everyMs = 2_000 / requestsPerSecond;
  const through: number[][] = [];
  const added: number[] = [];
  try {
    await asFastAsItAnswers(running, threeHops, warmUpMs);
    await asFastAsItAnswers(straight, oneFetch, warmUpMs / 4);
    for (let round = 0; round < halfLoadRounds; round++) {
      const own = (await atRate(straight, oneFetch, { ms: halfLoadMs, everyMs })).latencies;
      const { latencies } = await atRate(running, threeHops, { ms: halfLoadMs, everyMs });
      through.push(latencies);
      added.push(percentile(latencies, 0.99) - percentile(own, 0.99));
    }
    const p99 = median(through.map((each) => percentile(each, 0.99)));
    return {
      what: "3 hops at half of what its core can do: p99 that the gateway and its three fetches add",
      value: `${milliseconds(median(added))} (whole: p50 ${milliseconds(median(through.map(median)))}, p99 ${milliseconds(p99)})`,
      reach: { target: "< 5 ms", met: median(added) < 5 },
    };
  } finally {
    await running.stop();
  }
}
