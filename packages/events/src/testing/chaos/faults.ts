import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "../ledger";
import { roles, type Role, type World } from "./world";

export interface Fault {
  what: string;
  happens(world: World): Promise<void>;
}

const workers = ["worker 1", "worker 2"] as const;

/** Only the leader gets there. */
const killAt = (among: readonly Role[], says: string) => async (world: World) =>
  world.start(await world.killFirst(among, says));

const killBroker = async (world: World) => {
  process.kill(world.kafka.pid(), "SIGKILL");
  await wait(500);
  await world.kafka.start();
};

export const freezeBroker = (ms: number): Fault => ({
  what: `the broker, frozen for ${ms / 1_000} s`,
  async happens(world) {
    process.kill(world.kafka.pid(), "SIGSTOP");
    await wait(ms);
    process.kill(world.kafka.pid(), "SIGCONT");
  },
});

export const freezeWorker = (ms: number): Fault => ({
  what: `a worker, frozen for ${ms / 1_000} s`,
  async happens(world) {
    world.signal("worker 1", "SIGSTOP");
    await wait(ms);
    world.signal("worker 1", "SIGCONT");
  },
});

export const faults: readonly Fault[] = [
  { what: "the writer, in the middle of a transaction", happens: killAt(["writer"], "appended") },
  { what: "the relay, between publishing and deleting", happens: killAt(workers, "published") },
  { what: "a consumer, between effect and commit", happens: killAt(workers, "effect") },
  { what: "the broker", happens: killBroker },
  {
    what: "PostgreSQL",
    async happens(world) {
      const pid = world.postgresPid();
      process.kill(pid, "SIGKILL");
      await untilPostgresIsBack(world);
    },
  },
  {
    what: "clocks, put forward an hour and back two",
    async happens(world) {
      for (const _ of [1, 2]) {
        for (const role of roles) world.signal(role, "SIGUSR2");
        await wait(1_500);
      }
    },
  },
  {
    what: "everything at once",
    async happens(world) {
      for (const role of roles) world.kill(role);
      process.kill(world.postgresPid(), "SIGKILL");
      await killBroker(world);
      await untilPostgresIsBack(world);
      for (const role of roles) world.start(role);
    },
  },
];

/** It is started again by its keeper. */
const untilPostgresIsBack = (world: World) =>
  eventually(
    () =>
      world.ledger.database
        .asService()
        .sql("select 1")
        .then(
          () => true,
          () => false,
        ),
    Boolean,
    60_000,
  );
