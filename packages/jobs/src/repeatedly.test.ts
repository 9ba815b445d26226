import { repeatedly } from "./repeatedly";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("it goes on after a failure, one round at a time, and stops when the round that runs is over", async () => {
  const failures: unknown[] = [];
  let rounds = 0;
  let running = 0;
  let mostAtOnce = 0;
  const work = repeatedly({
    everyMs: 1,
    async work() {
      mostAtOnce = Math.max(mostAtOnce, ++running);
      await pause(5);
      running--;
      if (++rounds === 2) throw new Error("not this time");
    },
    onFailure: (error) => failures.push(error),
  });
  while (rounds < 4) await pause(2);
  await work.stop();
  const roundsAtStop = rounds;
  expect({ running, mostAtOnce, failures: failures.map(String) }).toEqual({
    running: 0,
    mostAtOnce: 1,
    failures: ["Error: not this time"],
  });
  await pause(20);
  expect(rounds).toBe(roundsAtStop);
});
