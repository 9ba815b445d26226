import { start, atrium, stock, keepOffMeasuredCore } from "/tmp/wt/int/bench/src/gateway/contestants";
import { startSubgraphs } from "/tmp/wt/int/bench/src/gateway/subgraphs";
import { asFastAsItAnswers, answerOf } from "/tmp/wt/int/bench/src/gateway/callers";
import { threeHops, sixteenFetches } from "/tmp/wt/int/bench/src/gateway/shop";
(async () => {
  keepOffMeasuredCore(process.pid);
  const subgraphs = await startSubgraphs(); const { sdl } = subgraphs;
  for (const c of [atrium]) {
    const r = (await start(c, sdl))!;
    console.log(c.name, r.startedInMs);
    for (const q of [threeHops, sixteenFetches]) {
      console.log(JSON.stringify(await answerOf(r, q)).length);
      await asFastAsItAnswers(r, q, 3000);
      const o = await asFastAsItAnswers(r, q, 4000);
      console.log(o.requests * 1000 / o.processorMs, o.requests * 1000 / o.ms);
    }
    await r.stop();
  }
  subgraphs.stop();
})();
