import { eventually } from "../ledger";
import type { Fault } from "./faults";
import { roles, tally, type Tally, type World } from "./world";

/** What was killed, how much had been handled by then, and how long it took until more was. */
export interface Row {
  what: string;
  handledBefore: number;
  secondsUntilMore: number;
}

const enoughMore = 20;
const withinMs = 90_000;

/** Under load: one fault after the other, each once things go on; then everything has to have had its effect. */
export async function runChaos(
  world: World,
  faults: readonly Fault[],
  onRow: (row: Row) => void = () => {},
): Promise<Tally> {
  const handled = async (): Promise<number> => {
    const [row] = await world.reports.database
      .asService()
      .sql<{ n: number }>("select count(*)::integer as n from effect");
    return row!.n;
  };
  const more = (than: number) =>
    eventually(
      () => handled().catch(() => 0),
      (count) => count > than + enoughMore,
      withinMs,
    );

  for (const role of roles) world.start(role);
  await more(0);
  for (const { what, happens } of faults) {
    const handledBefore = await handled();
    await happens(world);
    const from = performance.now();
    await more(await handled().catch(() => handledBefore)).catch((error: Error) => {
      throw new Error(`Nothing went on after this was killed: ${what}. ${error.message}`);
    });
    onRow({ what, handledBefore, secondsUntilMore: (performance.now() - from) / 1_000 });
  }
  world.kill("writer");
  return tally(world, withinMs);
}
