import { describeWithKafka } from "@atrium/kafka/testing";
import { faults, freezeBroker } from "./testing/chaos/faults";
import { runChaos, type Row } from "./testing/chaos/run";
import { openWorld, type World } from "./testing/chaos/world";

// The long form, with a table of what was killed and what was counted: npm run test:chaos
describeWithKafka()("under load, killed one after the other and all at once", () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  }, 120_000);
  afterAll(() => world.close(), 60_000);

  test("a writer, relays, consumers, the broker and the database leave one effect of every committed act, in order", async () => {
    const short = [...faults.slice(0, -1), freezeBroker(2_000), faults.at(-1)!];
    const rows: Row[] = [];
    const { committed, newer, ...rest } = await runChaos(world, short, (row) => rows.push(row)).catch(
      (error: Error) => {
        throw new Error(`${error.message} Before: ${JSON.stringify(rows)}`);
      },
    );
    expect(committed).toBeGreaterThan(200);
    expect(newer).toBeGreaterThan(0);
    expect(rest).toEqual({ lost: 0, doubled: 0, disordered: 0, deadLetters: 0, disorder: [] });
  }, 300_000);
});
