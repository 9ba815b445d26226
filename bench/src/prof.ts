import { start, atrium, keepOffMeasuredCore } from "/tmp/wt/int/bench/src/gateway/contestants";
import { startSubgraphs } from "/tmp/wt/int/bench/src/gateway/subgraphs";
import { asFastAsItAnswers } from "/tmp/wt/int/bench/src/gateway/callers";
import { threeHops, sixteenFetches } from "/tmp/wt/int/bench/src/gateway/shop";
(async () => {
  keepOffMeasuredCore(process.pid);
  const subgraphs = await startSubgraphs(); const { sdl } = subgraphs;
  const c = { ...atrium, command: (o: any) => { const a = [...atrium.command(o)!]; if (process.env.PROF) a.splice(1, 0, "--cpu-prof", "--cpu-prof-dir=/tmp/prof"); return a; } };
  const r = (await start(c as any, sdl))!;
  const q = process.env.Q === "16" ? sixteenFetches : threeHops;
  await asFastAsItAnswers(r, q, 3000);
  for (let i = 0; i < 3; i++) { const o = await asFastAsItAnswers(r, q, 3000);
  console.log(o.requests * 1000 / o.processorMs); }
  await r.stop(); subgraphs.stop();
})();
