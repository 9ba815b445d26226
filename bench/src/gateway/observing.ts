import { median, rounded } from "../statistics";
import type { Figure, Measure } from "../table";
import { asFastAsItAnswers, type Outcome } from "./callers";
import { startCollector } from "./collector";
import { atriumTraced, atriumUnseen, keepOffMeasuredCore, start } from "./contestants";
import { sixteenFetches, threeHops } from "./shop";
import { startSubgraphs } from "./subgraphs";

// Many short ones: what else the machine does is then alike for both of a pair.
const rounds = Number(process.env.BENCH_ROUNDS ?? 31);
// By number: on a busy machine it takes longer until everything is compiled that will be.
const warmUpRequests = { "3 hops": 15_000, "16 fetches": 4_000 };
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 1_500);

/** What metrics and traces cost: two gateways that differ in nothing else, by turns. */
export const gatewayObserving: Measure = async (say) => {
  keepOffMeasuredCore(process.pid);
  const collector = await startCollector();
  const subgraphs = await startSubgraphs();
  const seen = (await start(atriumTraced(collector.url), subgraphs.sdl))!;
  const unseen = (await start(atriumUnseen, subgraphs.sdl))!;
  const figures: Figure[] = [];
  try {
    for (const [name, query] of [
      ["3 hops", threeHops],
      ["16 fetches", sixteenFetches],
    ] as const) {
      for (const gateway of [seen, unseen])
        for (let sent = 0; sent < warmUpRequests[name];)
          sent += (await asFastAsItAnswers(gateway, query, 1_000)).requests;
      const times: { seen: number; unseen: number }[] = [];
      for (let round = 0; round < rounds; round++) {
        // Who is measured first changes: what the machine does beside it grows and shrinks over seconds.
        const order = round % 2 === 0 ? [seen, unseen] : [unseen, seen];
        const costs = new Map<typeof seen, number>();
        for (const gateway of order)
          costs.set(gateway, processorMsOfOne(await asFastAsItAnswers(gateway, query, roundMs)));
        times.push({ seen: costs.get(seen)!, unseen: costs.get(unseen)! });
        say(`${name}: ${rounded(1_000 / costs.get(seen)!)} beside ${rounded(1_000 / costs.get(unseen)!)}`);
      }
      const lost = median(times.map((round) => 1 - round.unseen / round.seen));
      figures.push({
        what: `${name}: metrics, and traces of one request in a hundred, of the throughput`,
        value: `${(lost * 100).toFixed(1)} % (${rounded(1_000 / median(times.map((round) => round.seen)))} requests per second of processor time beside ${rounded(1_000 / median(times.map((round) => round.unseen)))})`,
        reach: { target: "< 5 %", met: lost < 0.05 },
      });
    }
    if (collector.received() === 0) throw new Error("No trace reached the collector.");
    return figures;
  } finally {
    await seen.stop();
    await unseen.stop();
    subgraphs.stop();
    collector.server.close();
  }
};

const processorMsOfOne = ({ requests, processorMs }: Outcome) => processorMs / requests;
