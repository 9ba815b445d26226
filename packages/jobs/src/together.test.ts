import { openDatabase, type Database } from "@atrium/database";
import { testDatabase, type TestDatabase } from "@atrium/database/testing";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { cancelJob, enqueue, prepareJobs, runJobs, type Job, type RunJobsOptions, type RunningJobs } from ".";
import { PrismaClient } from "./generated/prisma/client";

type TestJob = Job<PrismaClient> & { payload: string };

const acme = { organizationId: "org_acme", workspaceId: "wsp_1", userId: "usr_ada" };
const colleague = { ...acme, userId: "usr_bea" };
const other = { organizationId: "org_other", workspaceId: "wsp_2", userId: "usr_bob" };

let home: TestDatabase;
let database: Database<PrismaClient>;
let owner: pg.Pool;
const runners: RunningJobs[] = [];
const children: ChildProcess[] = [];
const log = { info() {}, warn() {}, error() {} };

beforeAll(async () => {
  home = await testDatabase("errands", path.join(__dirname, "../prisma/migrations"));
  await prepareJobs(home);
  database = openDatabase({ url: home.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
  owner = new pg.Pool({ connectionString: home.ownerUrl });
  // Dropping the database may meet a connection that is just ending.
  owner.on("error", () => {});
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  await owner.query("truncate graphile_worker._private_jobs, jobs.given_up");
});

afterAll(async () => {
  await database?.close();
  await owner?.end();
  await home?.drop();
});

const done = async (jobs: readonly TestJob[]) => Promise.allSettled(jobs.map(async () => {}));

async function run(
  together: (jobs: readonly TestJob[]) => Promise<readonly PromiseSettledResult<unknown>[]>,
  options: Partial<RunJobsOptions<PrismaClient>> = {},
): Promise<RunningJobs> {
  const tasks = { read: { together }, slowTogether: { together } };
  const runner = await runJobs({ ownerUrl: home.ownerUrl, database, tasks, log, concurrency: 1, ...options });
  runners.push(runner);
  return runner;
}

const read = (tenant: object, payload: string, name = "a", jobsMax = 3) =>
  enqueue(database.as(tenant), "read", payload, { key: payload, together: { name, jobsMax } });

const jobRows = async () => (await owner.query("select * from graphile_worker._private_jobs order by id")).rows;
const hurry = () => owner.query("update graphile_worker._private_jobs set run_at = now() where locked_at is null");

async function waitFor(condition: () => unknown, timeoutMs = 10_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await condition()); await new Promise((wake) => setTimeout(wake, 20)))
    if (Date.now() > deadline) throw new Error(`Nothing came of it in ${timeoutMs} ms: ${condition}`);
}
const noneLeft = () => waitFor(async () => (await jobRows()).length === 0);

/** What each turn performs. */
function turnsOf() {
  const turns: string[][] = [];
  const together = async (jobs: readonly TestJob[]) => {
    turns.push(jobs.map(({ payload }) => payload));
    return done(jobs);
  };
  return { turns, together };
}

test("jobs of one name and one person are performed together, in their order and no more than they say", async () => {
  for (const n of [1, 2, 3, 4, 5]) await read(acme, `acme ${n}`);
  await read(acme, "of another name", "b");
  await read(colleague, "colleague 1");
  await read(other, "other 1");
  await read(other, "other 2");
  await enqueue(database.as(acme), "read", "alone");
  await enqueue(database.as(acme), "read", "later", {
    together: { name: "a", jobsMax: 3 },
    runAt: new Date(Date.now() + 600_000),
  });
  const { turns, together } = turnsOf();
  await run(together);
  await waitFor(async () => (await jobRows()).length === 1);
  expect(turns.toSorted()).toEqual([
    ["acme 1", "acme 2", "acme 3"],
    ["acme 4", "acme 5"],
    ["alone"],
    ["colleague 1"],
    ["of another name"],
    ["other 1", "other 2"],
  ]);
});

test("one tenant's many take a turn of so many, and then it is another's", async () => {
  for (let n = 10; n < 40; n++) await read(acme, `acme ${n}`);
  await read(other, "other");
  const { turns, together } = turnsOf();
  await run(together);
  await noneLeft();
  expect(turns.flat()).toHaveLength(31);
  expect(turns.findIndex((turn) => turn.includes("other"))).toBeLessThanOrEqual(1);
});

test("one that fails is tried again, and alone; the others are done", async () => {
  for (const n of [1, 2, 3]) await read(acme, `acme ${n}`);
  const turns: string[][] = [];
  await run(async (jobs) => {
    turns.push(jobs.map(({ payload, attempt }) => `${payload}, attempt ${attempt}`));
    return Promise.allSettled(
      jobs.map(async ({ payload, attempt }) => {
        if (payload === "acme 2" && attempt === 1) throw new Error("It rains.");
      }),
    );
  });
  await waitFor(async () => (await jobRows()).length === 1 && (await jobRows())[0].locked_at === null);
  const [row] = await jobRows();
  expect(row).toMatchObject({ attempts: 1, last_error: "It rains." });
  expect(row.run_at.getTime()).toBeGreaterThan(Date.now() + 500);
  await read(acme, "acme 4");
  await noneLeft().catch(() => {});
  await hurry();
  await noneLeft();
  expect(turns[0]).toEqual(["acme 1, attempt 1", "acme 2, attempt 1", "acme 3, attempt 1"]);
  expect(turns.slice(1).toSorted()).toEqual([["acme 2, attempt 2"], ["acme 4, attempt 1"]]);
}, 20_000);

test("when all of it fails, each is tried again alone", async () => {
  for (const n of [1, 2, 3]) await read(acme, `acme ${n}`);
  const sizes: number[] = [];
  await run(async (jobs) => {
    sizes.push(jobs.length);
    if (jobs.length > 1) throw new Error("One of them is poison.");
    return done(jobs);
  });
  await waitFor(async () => {
    await hurry();
    return (await jobRows()).length === 0;
  });
  expect(sizes).toEqual([3, 1, 1, 1]);
});

test("one that is cancelled has its signal aborted and isn't tried again; the others go on", async () => {
  for (const n of [1, 2, 3]) await read(acme, `acme ${n}`);
  const aborted: string[] = [];
  let begun = false;
  let end = () => {};
  const rest = new Promise<void>((resolve) => (end = resolve));
  const reported: unknown[] = [];
  await run(
    async (jobs) => {
      begun = true;
      return Promise.allSettled(
        jobs.map(async ({ payload, signal }) => {
          const cancelled = new Promise<never>((_, reject) =>
            signal.addEventListener("abort", () => {
              aborted.push(payload);
              reject(signal.reason);
            }),
          );
          await Promise.race([rest, cancelled]);
        }),
      );
    },
    { onGivenUp: async ({ payload }) => void reported.push(payload) },
  );
  await waitFor(() => begun);
  expect(await cancelJob(database.as(acme), "acme 2")).toBe(true);
  await waitFor(() => aborted.length > 0);
  end();
  await noneLeft();
  expect(aborted).toEqual(["acme 2"]);
  expect(reported).toEqual([]);
});

test("those that a shutdown interrupts begin anew at the next start, together, and without a lost attempt", async () => {
  for (const n of [1, 2, 3]) await read(acme, `acme ${n}`);
  let begun = 0;
  const first = await run(async (jobs) => {
    begun = jobs.length;
    return Promise.allSettled(
      jobs.map(
        ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      ),
    );
  });
  await waitFor(() => begun === 3);
  await first.stop();
  expect((await jobRows()).map(({ attempts, locked_at }) => [attempts, locked_at])).toEqual(Array(3).fill([0, null]));
  const { turns, together } = turnsOf();
  await run(together);
  await noneLeft();
  expect(turns.map((turn) => turn.toSorted())).toEqual([["acme 1", "acme 2", "acme 3"]]);
});

test("those of a process that was killed run again at the next start, each once, and alone", async () => {
  const script = path.join(__dirname, "testing/slow-worker.ts");
  const loader = ["--conditions=@atrium/source", "--import", require.resolve("tsx")];
  const child = spawn(process.execPath, [...loader, script, home.ownerUrl, home.appUrl, "1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe("ready");
  await database.as(acme).transaction(async (tx) => {
    for (const n of [1, 2, 3]) await enqueue(tx, "slowTogether", `${n}`, { together: { name: "a", jobsMax: 3 } });
  });
  expect((await lines.next()).value).toBe("begun, 3 together");
  child.kill("SIGKILL");
  await once(child, "exit");
  const attempts: string[] = [];
  await run(async (jobs) => {
    attempts.push(jobs.map(({ payload, attempt }) => `${payload}, attempt ${attempt}`).join());
    return done(jobs);
  });
  await noneLeft();
  expect(attempts.toSorted()).toEqual(["1, attempt 2", "2, attempt 2", "3, attempt 2"]);
});

test("when connections break while jobs are performed together, all of them are aborted and run again", async () => {
  for (const n of [1, 2, 3]) await read(acme, `acme ${n}`);
  let turns = 0;
  const again: string[] = [];
  await run(async (jobs) => {
    if (turns++ > 0) {
      again.push(...jobs.map(({ payload }) => payload));
      return done(jobs);
    }
    const untilAborted = ({ signal }: TestJob) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    return Promise.allSettled(jobs.map(untilAborted));
  });
  await waitFor(() => turns === 1);
  await owner.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'atrium jobs%' and datname = current_database()",
  );
  await noneLeft();
  expect(again.toSorted()).toEqual(["acme 1", "acme 2", "acme 3"]);
});

test("how many are performed together has a limit, and those of a queue aren't", async () => {
  await expect(read(acme, "too many", "a", 101)).rejects.toThrow("together.jobsMax is 1 to 100, not 101.");
  const queued = enqueue(database.as(acme), "read", 1, { queue: "q", together: { name: "a", jobsMax: 2 } });
  await expect(queued).rejects.toThrow("one at a time");
  expect(await jobRows()).toEqual([]);
});
