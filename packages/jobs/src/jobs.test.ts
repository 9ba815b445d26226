import { openDatabase, type Database } from "@atrium/database";
import { testDatabase, type TestDatabase } from "@atrium/database/testing";
import { context, propagation, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace-node";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import {
  cancelJob,
  enqueue,
  enqueueAll,
  prepareJobs,
  runJobs,
  type GivenUpJob,
  type Job,
  type RunJobsOptions,
  type RunningJobs,
  type Task,
} from ".";
import { PrismaClient } from "./generated/prisma/client";
import { closeUp } from "./sweep";

type TestJob = Job<PrismaClient>;

const acme = { organizationId: "org_acme", workspaceId: "wsp_1", userId: "usr_ada" };
const other = { organizationId: "org_other", workspaceId: "wsp_2", userId: "usr_bob" };

let home: TestDatabase;
let database: Database<PrismaClient>;
let owner: pg.Pool;
const runners: RunningJobs[] = [];
const logged: { level: string; message: string; details: Record<string, unknown> }[] = [];
const logAs = (level: string) => (details: object, message: string) =>
  void logged.push({ level, message, details: { ...details } });
const log = { info: logAs("info"), warn: logAs("warn"), error: logAs("error") };

beforeAll(async () => {
  home = await testDatabase("errands", path.join(__dirname, "../prisma/migrations"));
  await Promise.all([prepareJobs(home), prepareJobs(home)]);
  await prepareJobs(home);
  database = openDatabase({ url: home.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
  owner = new pg.Pool({ connectionString: home.ownerUrl });
  // Dropping the database may meet a connection that is just ending.
  owner.on("error", () => {});
});

afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop()));
  await waitFor(async () => (await connections()) === 0);
  await owner.query("truncate graphile_worker._private_jobs, jobs.given_up, effect");
  logged.length = 0;
});

afterAll(async () => {
  await database?.close();
  await owner?.end();
  await home?.drop();
});

type Options = Partial<RunJobsOptions<PrismaClient>>;
async function run(tasks: Record<string, Task<PrismaClient>>, options: Options = {}): Promise<RunningJobs> {
  const runner = await runJobs({ ownerUrl: home.ownerUrl, database, tasks, log, ...options });
  runners.push(runner);
  return runner;
}

async function connections(): Promise<number> {
  const { rows } = await owner.query(
    "select count(*)::integer as count from pg_stat_activity where datname = current_database() and application_name like 'atrium jobs%'",
  );
  return rows[0].count;
}

const jobRows = async () => (await owner.query("select * from graphile_worker._private_jobs order by id")).rows;
const hurry = () => owner.query("update graphile_worker._private_jobs set run_at = now() where locked_at is null");
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function waitFor(condition: () => unknown, timeoutMs = 10_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await condition()); await pause(20))
    if (Date.now() > deadline) throw new Error(`Nothing came of it in ${timeoutMs} ms: ${condition}`);
}

/** Adds one to the effect `id`, in the job's transaction. */
const addEffect = (id: string, { db, tenant }: TestJob) =>
  db.sql(
    `insert into effect (organization_id, id, times) values ($1, $2, 1)
     on conflict (id) do update set times = effect.times + 1`,
    [tenant.organizationId, id],
  );
const effects = async () =>
  Object.fromEntries((await owner.query("select id, times from effect")).rows.map(({ id, times }) => [id, times]));
const aborted = ({ signal }: TestJob) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

// The owner is bound by row-level security as well; this test database isn't anybody's.
beforeAll(() => owner.query("alter table effect no force row level security"));

describe("enqueuing", () => {
  test("a job runs in the name of whoever enqueued it, once its transaction commits", async () => {
    const seen: unknown[] = [];
    await run({
      async greet(payload: { name: string }, job: TestJob) {
        seen.push({ payload, tenant: job.tenant, attempt: job.attempt, attemptsMax: job.attemptsMax });
        await job.db.effect.create({ data: { organizationId: "org_acme", id: payload.name, times: 1 } });
        seen.push(await database.as(other).effect.count(), await job.db.effect.count());
      },
    });
    await database.as(acme).transaction(async (tx) => {
      await enqueue(tx, "greet", { name: "Ada" });
      await pause(300);
      expect(seen).toEqual([]);
    });
    await waitFor(() => seen.length === 3);
    expect(seen).toEqual([{ payload: { name: "Ada" }, tenant: acme, attempt: 1, attemptsMax: 10 }, 0, 1]);
  });

  test("it starts within a fraction of a second", async () => {
    let started = 0;
    await run({ now: async () => void (started = Date.now()) });
    const enqueued = Date.now();
    await enqueue(database.as(acme), "now", {});
    await waitFor(() => started > 0);
    expect(started - enqueued).toBeLessThan(500);
  });

  test("a job of a transaction that rolls back never exists", async () => {
    const attempt = database.as(acme).transaction(async (tx) => {
      await enqueue(tx, "greet", {}, { key: "k" });
      throw new Error("changed my mind");
    });
    await expect(attempt).rejects.toThrow("changed my mind");
    expect(await jobRows()).toEqual([]);
  });

  test("the service's own jobs run as the service", async () => {
    const seen: unknown[] = [];
    await database.as(acme).effect.create({ data: { organizationId: "org_acme", id: "theirs", times: 1 } });
    await run({ count: async (_: unknown, { db }: TestJob) => void seen.push(await db.effect.count()) });
    await enqueue(database.asService(), "count", {});
    await waitFor(() => seen.length === 1);
    expect(seen).toEqual([1]);
  });

  test("nobody can't enqueue, and the service's role can't reach the worker's tables", async () => {
    await expect(enqueue(database.as({}), "greet", {})).rejects.toThrow("belongs to a tenant or to the service");
    for (const statement of [
      "select * from graphile_worker._private_jobs",
      "select graphile_worker.add_job('greet')",
      "select * from jobs.given_up",
      "select jobs.name_of_tenant('x')",
    ])
      await expect(database.as(acme).sql(statement)).rejects.toThrow("permission denied");
    expect(await jobRows()).toEqual([]);
  });

  test.each([
    ["a payload that isn't JSON", undefined, {}],
    ["a payload that is a document", "x".repeat(70_000), {}],
    ["an empty key", {}, { key: "" }],
    ["a key without end", {}, { key: "k".repeat(201) }],
    ["a queue with a NUL", {}, { queue: "a\0b" }],
    ["no attempts", {}, { maxAttempts: 0 }],
    ["an invalid time", {}, { runAt: new Date(NaN) }],
  ])("%s is refused", async (_, payload, options) => {
    await expect(enqueue(database.as(acme), "greet", payload, options)).rejects.toThrow(TypeError);
    expect(await jobRows()).toEqual([]);
  });

  test("a job for later waits until then", async () => {
    const ran: unknown[] = [];
    const runner = await run({ later: async () => void ran.push(1) });
    await enqueue(database.as(acme), "later", {}, { runAt: new Date(Date.now() + 3_600_000) });
    expect(await runner.stats()).toMatchObject({ due: 0, scheduled: 1, running: 0 });
    expect(ran).toEqual([]);
    await hurry();
    await waitFor(() => ran.length === 1);
  });
});

describe("several in one statement", () => {
  const together = { name: "a", jobsMax: 5 };

  test("they exist once the transaction commits, all of them or none", async () => {
    const seen: unknown[] = [];
    await run({ note: async (payload: unknown, { tenant }: TestJob) => void seen.push([payload, tenant]) });
    const rolledBack = database.as(acme).transaction(async (tx) => {
      await enqueueAll(tx, "note", [{ payload: 1 }, { payload: 2 }]);
      throw new Error("no");
    });
    await expect(rolledBack).rejects.toThrow("no");
    await enqueueAll(database.as(other), "note", [{ payload: 3, key: "k" }, { payload: null }]);
    await enqueueAll(database.as(other), "note", []);
    await waitFor(() => seen.length === 2);
    expect(new Set(seen)).toEqual(
      new Set([
        [3, other],
        [null, other],
      ]),
    );
  });

  test("one that can't be enqueued keeps the others from it", async () => {
    const jobs = [{ payload: 1 }, { payload: 2, queue: "q", together }];
    await expect(enqueueAll(database.as(acme), "note", jobs)).rejects.toThrow("Jobs of a queue run one at a time");
    expect(await jobRows()).toEqual([]);
  });

  test("they are what they would be one by one: their places, queues, times and attempts", async () => {
    const jobs = [
      { payload: "plain" },
      { payload: "queued", queue: "q", maxAttempts: 3 },
      { payload: "later", runAt: new Date(Date.now() + 60_000) },
      { payload: "keyed", key: "k", together },
      { payload: "queued again", queue: "q" },
      { payload: "queued elsewhere", queue: "r" },
    ];
    const rowsOf = async (enqueueThem: () => Promise<unknown>) => {
      for (let n = 0; n < 4; n++) await enqueue(database.as(acme), "erase", n, { queue: "q" });
      await enqueueThem();
      const rows = (await jobRows()).slice(4).map(({ job_queue_id, payload, priority, run_at, max_attempts, key }) => ({
        ...{ job_queue_id, payload, priority, max_attempts, key },
        isLater: run_at > Date.now(),
      }));
      await owner.query("truncate graphile_worker._private_jobs");
      return rows.sort((a, b) => a.priority - b.priority);
    };
    const atOnce = await rowsOf(() => enqueueAll(database.as(acme), "read", jobs));
    const oneByOne = await rowsOf(async () => {
      for (const { payload, ...options } of jobs) await enqueue(database.as(acme), "read", payload, options);
    });
    expect(atOnce).toEqual(oneByOne);
    expect(atOnce.map(({ payload }) => payload.data)).toEqual(jobs.map(({ payload }) => payload));
  });

  test("a key's waiting job is replaced, a running one superseded, and of two of one key the last counts", async () => {
    const begun: unknown[] = [];
    let end!: () => void;
    await enqueue(database.as(acme), "note", "waits", { key: "waiting", runAt: new Date(Date.now() + 60_000) });
    await run({
      async note(payload: unknown) {
        begun.push(payload);
        if (payload === "runs") await new Promise<void>((resolve) => (end = resolve));
      },
    });
    await enqueue(database.as(acme), "note", "runs", { key: "running" });
    await waitFor(() => begun.length === 1);
    await enqueueAll(database.as(acme), "note", [
      { payload: 1, key: "running" },
      { payload: 2, key: "waiting" },
      { payload: 3, key: "new" },
      { payload: 4, key: "new" },
    ]);
    await waitFor(() => begun.length === 4);
    end();
    await waitFor(async () => (await jobRows()).length === 0);
    expect(new Set(begun)).toEqual(new Set(["runs", 1, 2, 4]));
    expect(begun).toHaveLength(4);
  });

  test("calls with the same keys in another order don't wait for each other both", async () => {
    const jobs = Array.from({ length: 300 }, (_, n) => ({ payload: n, key: `k${n}` }));
    // The worker's own locks on what it hasn't known yet would keep the calls apart.
    await enqueue(database.as(acme), "note", 0);
    for (let round = 0; round < 5; round++) {
      await owner.query("truncate graphile_worker._private_jobs");
      const orders = [jobs, jobs.toReversed(), jobs, jobs.toReversed()];
      await Promise.all(orders.map((each) => enqueueAll(database.as(acme), "note", each)));
      expect(await jobRows()).toHaveLength(300);
    }
  });

  test("a process of the version before still enqueues, one at a time", async () => {
    const before = "values (jobs.enqueue($1, $2::json, $3, $4, $5, $6, $7, $8, $9))";
    await database.as(acme).sql(before, ["note", '{"a": 1}', "k", null, null, 7, null, "a", 3]);
    const [row] = await jobRows();
    await enqueue(
      database.as(acme),
      "note",
      { a: 1 },
      { key: "k2", maxAttempts: 7, together: { name: "a", jobsMax: 3 } },
    );
    const [, now] = await jobRows();
    const { payload, max_attempts } = row;
    expect({ payload: { ...payload, key: "org_acme/k2" }, max_attempts }).toEqual({
      payload: now.payload,
      max_attempts: 7,
    });
  });
});

describe("failing", () => {
  test("a job that fails is tried again after a pause that grows", async () => {
    const attempts: number[] = [];
    const runner = await run({
      async shaky(_: unknown, { attempt }: TestJob) {
        attempts.push(attempt);
        if (attempt < 3) throw new Error(`attempt ${attempt} failed`);
      },
    });
    await enqueue(database.as(acme), "shaky", {});
    for (const [failed, pauseSeconds] of [
      [1, Math.E],
      [2, Math.E ** 2],
    ] as const) {
      await waitFor(async () => (await runner.stats()).retrying === 1);
      const [row] = await jobRows();
      expect(row).toMatchObject({ attempts: failed, last_error: `attempt ${failed} failed`, locked_by: null });
      expect((row.run_at.getTime() - Date.now()) / 1_000).toBeCloseTo(pauseSeconds, -0.5);
      await hurry();
      await waitFor(() => attempts.length === failed + 1);
    }
    await waitFor(async () => (await jobRows()).length === 0);
    expect(attempts).toEqual([1, 2, 3]);
    expect(logged.map(({ level, details }) => [level, details.task, details.attempt])).toEqual([
      ["warn", "shaky", 1],
      ["warn", "shaky", 2],
    ]);
  });

  test("a job whose last attempt fails is given up and reported, soon and once, by one of several processes", async () => {
    const reported: GivenUpJob<PrismaClient>[] = [];
    const options = { onGivenUp: async (job: GivenUpJob<PrismaClient>) => void reported.push(job) };
    const tasks = { hopeless: () => Promise.reject(new Error("no such file")) };
    const [runner] = [await run(tasks, options), await run(tasks, options)];
    await enqueue(database.as(acme), "hopeless", { documentId: "doc_1" }, { maxAttempts: 1, key: "doc_1" });
    await waitFor(() => reported.length > 0, 3_000);
    expect(reported[0]).toMatchObject({
      task: "hopeless",
      payload: { documentId: "doc_1" },
      attempts: 1,
      error: "no such file",
      tenant: acme,
    });
    expect(reported[0]!.db.tenant).toEqual(acme);
    expect(await runner.stats()).toMatchObject({ due: 0, running: 0, retrying: 0, givenUp: 1 });
    await pause(500);
    expect(reported).toHaveLength(1);
    expect(logged.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
      "a job was given up",
    ]);
  });

  test("a report that fails is made again later, and holds up no other", async () => {
    const reported: unknown[] = [];
    let broken = true;
    await run(
      { hopeless: () => Promise.reject(new Error("no")) },
      {
        async onGivenUp({ payload }) {
          if (broken && payload === 1) throw new Error("mail server down");
          reported.push(payload);
        },
      },
    );
    for (const payload of [1, 2]) await enqueue(database.as(acme), "hopeless", payload, { maxAttempts: 1 });
    await waitFor(() => reported.length === 1);
    expect(reported).toEqual([2]);
    broken = false;
    await owner.query("update jobs.given_up set report_at = now()");
    await waitFor(() => reported.length === 2);
  });

  test("jobs for an unknown task wait, and the log says so", async () => {
    await enqueue(database.as(acme), "mispelt", {});
    await run({ misspelt: async () => {} });
    await waitFor(() => logged.length > 0);
    expect(logged).toEqual([
      { level: "error", message: "jobs wait for a task that this service doesn't know", details: { task: "mispelt" } },
    ]);
    expect(await jobRows()).toHaveLength(1);
  });
});

describe("keys", () => {
  test("enqueued again while it waits, a job is replaced; another tenant's key is another key", async () => {
    const seen: unknown[] = [];
    for (const payload of [1, 2, 3]) await enqueue(database.as(acme), "note", payload, { key: "k" });
    await enqueue(database.as(other), "note", 4, { key: "k" });
    await enqueue(database.asService(), "note", 5, { key: "k" });
    await run({ note: async (payload: unknown) => void seen.push(payload) });
    await waitFor(() => seen.length === 3);
    expect(seen.sort()).toEqual([3, 4, 5]);
    await waitFor(async () => (await jobRows()).length === 0);
  });

  test("enqueued again while it runs, a job runs once more, and the superseded run is neither repeated nor given up", async () => {
    const begun: unknown[] = [];
    let fail!: (error: Error) => void;
    await run(
      {
        async note(payload: unknown) {
          begun.push(payload);
          if (payload === "first") await new Promise((_, reject) => (fail = reject));
        },
      },
      { onGivenUp: async (job) => void begun.push(job) },
    );
    await enqueue(database.as(acme), "note", "first", { key: "k" });
    await waitFor(() => begun.length === 1);
    await enqueue(database.as(acme), "note", "second", { key: "k" });
    await waitFor(() => begun.length === 2);
    fail(new Error("out of date"));
    await waitFor(async () => (await jobRows()).length === 0);
    await pause(400);
    expect(begun).toEqual(["first", "second"]);
    expect((await owner.query("select from jobs.given_up")).rowCount).toBe(0);
  });
});

describe("many at once", () => {
  test("two processes run each of many jobs exactly once", async () => {
    const seen: number[] = [];
    const tasks = { count: async (payload: number) => void seen.push(payload) };
    await Promise.all([run(tasks), run(tasks)]);
    const numbers = Array.from({ length: 300 }, (_, index) => index);
    await database.as(acme).transaction(async (tx) => {
      for (const number of numbers) await enqueue(tx, "count", number);
    });
    await waitFor(async () => seen.length >= numbers.length && (await jobRows()).length === 0);
    expect(seen.sort((one, two) => one - two)).toEqual(numbers);
  });

  test("jobs of one queue run one at a time and in order, in whichever process; queues run beside each other", async () => {
    const running = new Map<string, number>();
    const order = new Map<string, number[]>();
    let [most, mostOfOneQueue] = [0, 0];
    const tasks = {
      async step({ queue, number }: { queue: string; number: number }) {
        running.set(queue, (running.get(queue) ?? 0) + 1);
        order.set(queue, [...(order.get(queue) ?? []), number]);
        mostOfOneQueue = Math.max(mostOfOneQueue, running.get(queue)!);
        most = Math.max(
          most,
          [...running.values()].reduce((sum, count) => sum + count),
        );
        await pause(20);
        running.set(queue, running.get(queue)! - 1);
      },
    };
    await Promise.all([run(tasks), run(tasks)]);
    const queues = ["a", "b", "c", "d"];
    for (let number = 0; number < 10; number++)
      for (const queue of queues) await enqueue(database.as(acme), "step", { queue, number }, { queue });
    await waitFor(async () => (await jobRows()).length === 0);
    expect(mostOfOneQueue).toBe(1);
    expect(most).toBeGreaterThan(1);
    for (const queue of queues) expect(order.get(queue)).toEqual(Array.from({ length: 10 }, (_, index) => index));
  });
});

describe("turns", () => {
  const many = (tenant: typeof acme, task: string, count: number, options = {}) =>
    database.as(tenant).transaction(async (tx) => {
      for (let n = 0; n < count; n++) await enqueue(tx, task, `${tenant.organizationId} ${n}`, options);
    });

  /** Runs what waits, one job at a time, and returns the payloads in that order. */
  async function orderOf(tasks: string[], onJob: (payload: string) => Promise<unknown> = async () => {}) {
    const order: string[] = [];
    const task = async (payload: string) => {
      order.push(payload);
      await onJob(payload);
    };
    await run(Object.fromEntries(tasks.map((name) => [name, task])), { concurrency: 1 });
    await waitFor(async () => (await jobRows()).length === 0, 20_000);
    return order;
  }

  test("one tenant's many jobs hold up another's few for one turn each", async () => {
    await many(acme, "read", 50);
    await many(other, "read", 3);
    const order = await orderOf(["read"]);
    expect(order).toHaveLength(53);
    expect(order.indexOf("org_other 0")).toBeLessThan(2);
    expect(order.indexOf("org_other 2")).toBeLessThan(6);
    const ofAcme = order.filter((payload) => payload.startsWith("org_acme"));
    expect(ofAcme).toEqual(Array.from({ length: 50 }, (_, n) => `org_acme ${n}`));
  });

  test("who comes while another's jobs run waits one turn, and whoever has been waiting isn't starved by a stream of them", async () => {
    await many(acme, "read", 40);
    let came = 0;
    const order = await orderOf(["read"], async () => {
      if (came < 20) await enqueue(database.as(other), "read", `org_other ${came++}`);
    });
    const places = order.flatMap((payload, place) => (payload.startsWith("org_other") ? [place] : []));
    expect(places).toHaveLength(20);
    // Nor do those who come first push back whoever waits.
    const streaks = order
      .map((payload) => (payload.startsWith("org_other") ? "o" : "a"))
      .join("")
      .match(/o+/g)!;
    expect(Math.max(...streaks.map(({ length }) => length))).toBeLessThan(4);
  });

  test("a tenant's many jobs of one task don't hold up its other tasks, and those of a queue stay in order", async () => {
    await many(acme, "read", 30);
    await enqueue(database.as(acme), "erase", "erase 1");
    await enqueue(database.as(acme), "read", "queued 1", { queue: "q" });
    await enqueue(database.as(acme), "erase", "queued 2", { queue: "q" });
    const order = await orderOf(["read", "erase"]);
    expect(order.indexOf("erase 1")).toBeLessThan(3);
    expect(order.indexOf("queued 2")).toBeGreaterThan(order.indexOf("queued 1"));
  });

  test("places that ran out of numbers are counted from the start again, in the same order", async () => {
    await many(acme, "read", 5);
    await owner.query("update graphile_worker._private_jobs set priority = priority + 32000");
    await many(other, "read", 2);
    const before = (await jobRows()).map(({ priority }) => priority);
    await owner.query("update graphile_worker._private_jobs set run_at = now()");
    await closeUp(owner);
    expect((await jobRows()).map(({ priority }) => priority)).toEqual(before.map((priority) => priority - 32000));
    expect((await orderOf(["read"])).filter((payload) => payload.startsWith("org_acme"))).toHaveLength(5);
  });
});

describe("traces", () => {
  afterEach(() => {
    for (const api of [trace, propagation, context]) api.disable();
  });

  test("a job is a span of the trace in which it was enqueued, and what it enqueues goes on with it", async () => {
    const exporter = new InMemorySpanExporter();
    new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
    let failed = false;
    await run({
      async first(_: unknown, { db }: TestJob) {
        if (!failed) {
          failed = true;
          setImmediate(hurry);
          throw new Error("The first attempt fails.");
        }
        await enqueue(db, "second", {});
      },
      second: async () => {},
    });
    const caller = await trace.getTracer("test").startActiveSpan("caller", async (span) => {
      await enqueue(database.as(acme), "first", {});
      span.end();
      return span.spanContext();
    });
    await waitFor(async () => {
      await hurry();
      return (await jobRows()).length === 0;
    });
    const begunAt = ({ startTime: [seconds, nanoseconds] }: ReadableSpan) => seconds * 1e9 + nanoseconds;
    // By when they began: what a job has enqueued may end before it does.
    const spans = exporter
      .getFinishedSpans()
      .filter(({ name }) => name.startsWith("job "))
      .sort((a, b) => begunAt(a) - begunAt(b));
    expect(spans.map(({ name }) => name)).toEqual(["job first", "job first", "job second"]);
    expect(new Set(spans.map((span) => span.spanContext().traceId))).toEqual(new Set([caller.traceId]));
    const parents = spans.map(({ parentSpanContext }) => parentSpanContext?.spanId);
    expect(parents).toEqual([caller.spanId, caller.spanId, spans[1]!.spanContext().spanId]);
  });
});

describe("cancelling", () => {
  test("a waiting job is deleted, when the transaction commits, and only in the tenant that cancels", async () => {
    await enqueue(database.as(acme), "note", 1, { key: "k", runAt: new Date(Date.now() + 60_000) });
    expect(await cancelJob(database.as(other), "k")).toBe(false);
    await expect(
      database.as(acme).transaction(async (tx) => {
        expect(await cancelJob(tx, "k")).toBe(true);
        throw new Error("changed my mind");
      }),
    ).rejects.toThrow("changed my mind");
    expect(await jobRows()).toHaveLength(1);
    expect(await cancelJob(database.as(acme), "k")).toBe(true);
    expect(await cancelJob(database.as(acme), "k")).toBe(false);
    expect(await jobRows()).toEqual([]);
  });

  test("a running job, and a run that it superseded, have their signals aborted, and neither is tried again or reported", async () => {
    const begun: unknown[] = [];
    const reasons: string[] = [];
    await run(
      {
        async endless(payload: unknown, job: TestJob) {
          begun.push(payload);
          await aborted(job).catch((error) => {
            reasons.push(error.message);
            throw error;
          });
        },
      },
      { onGivenUp: async (job) => void begun.push(job) },
    );
    for (const payload of [1, 2]) {
      await enqueue(database.as(acme), "endless", payload, { key: "k" });
      await waitFor(() => begun.length === payload);
    }
    expect(await cancelJob(database.as(acme), "k")).toBe(true);
    await waitFor(() => reasons.length === 2, 1_000);
    expect(reasons).toEqual(["The job was cancelled.", "The job was cancelled."]);
    await waitFor(async () => (await jobRows()).length === 0);
    expect(begun).toEqual([1, 2]);
    expect((await owner.query("select from jobs.given_up")).rowCount).toBe(0);
  });
});

describe("shutting down", () => {
  test("a running job is aborted, and begins anew at the next start, without a pause or a lost attempt", async () => {
    const attempts: number[] = [];
    let finish = false;
    const tasks = {
      async long(_: unknown, job: TestJob) {
        attempts.push(job.attempt);
        if (!finish) await aborted(job);
      },
    };
    const first = await run(tasks);
    await enqueue(database.as(acme), "long", {}, { maxAttempts: 1 });
    await waitFor(() => attempts.length === 1);
    await first.stop();
    expect(await jobRows()).toMatchObject([{ attempts: 0, locked_by: null }]);
    finish = true;
    await run(tasks);
    await waitFor(async () => (await jobRows()).length === 0, 2_000);
    expect(attempts).toEqual([1, 1]);
  });

  test("a short job that pays no heed finishes, and counts as done", async () => {
    let finished = false;
    const runner = await run({ short: () => pause(300).then(() => (finished = true)) });
    await enqueue(database.as(acme), "short", {});
    await waitFor(async () => (await runner.stats()).running === 1);
    await runner.stop();
    expect(finished).toBe(true);
    expect(await jobRows()).toEqual([]);
  });

  test("a long job that pays no heed is left behind for the next start", async () => {
    let finish!: (value?: unknown) => void;
    const runner = await run({ deaf: () => new Promise((resolve) => (finish = resolve)) }, { shutdownMaxMs: 200 });
    await enqueue(database.as(acme), "deaf", {});
    await waitFor(async () => (await runner.stats()).running === 1);
    await runner.stop();
    expect(await jobRows()).toMatchObject([{ attempts: 0, locked_by: null }]);
    finish();
    let ranAgain = false;
    await run({ deaf: async () => void (ranAgain = true) });
    await waitFor(() => ranAgain, 2_000);
  });
});

describe("crashes", () => {
  const children: ChildProcess[] = [];
  afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

  /** A process that has begun a job, and will be at it for a minute. */
  async function slowWorker(): Promise<{ begun: Promise<string>; kill(): Promise<void> }> {
    const script = path.join(__dirname, "testing/slow-worker.ts");
    const given = [
      "--conditions=@atrium/source",
      "--import",
      require.resolve("tsx"),
      script,
      home.ownerUrl,
      home.appUrl,
    ];
    const child = spawn(process.execPath, given, { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
    return {
      begun: lines.next().then(({ value }) => value),
      async kill() {
        child.kill("SIGKILL");
        await once(child, "exit");
      },
    };
  }

  test("the job of a process that was killed runs again at the next start, at once, and once", async () => {
    const worker = await slowWorker();
    await enqueue(database.as(acme), "slow", {}, { queue: "q" });
    await enqueue(database.as(acme), "slow", {}, { queue: "q" });
    expect(await worker.begun).toBe("begun, attempt 1");
    await worker.kill();

    const attempts: number[] = [];
    const started = Date.now();
    await run({
      async slow(_: unknown, job: TestJob) {
        attempts.push(job.attempt);
        await addEffect("slow", job);
      },
    });
    await waitFor(async () => (await jobRows()).length === 0, 5_000);
    expect(Date.now() - started).toBeLessThan(3_000);
    expect(attempts).toEqual([2, 1]);
    expect(await effects()).toEqual({ slow: 2 });
  });

  test("another process that lives takes the job over within seconds, and leaves those of the living alone", async () => {
    const attempts: number[] = [];
    const [killed, living] = [await slowWorker(), await slowWorker()];
    for (let count = 0; count < 8; count++) await enqueue(database.as(acme), "slow", {});
    await Promise.all([killed.begun, living.begun]);
    await run({ slow: async (_: unknown, { attempt }: TestJob) => void attempts.push(attempt) });
    await waitFor(async () => (await jobRows()).every((row) => row.locked_by));
    await pause(500);
    const [before] = [attempts.length, (await jobRows()).length];
    const running = (await jobRows()).length;
    expect(before).toBe(8 - running);
    expect(attempts.every((attempt) => attempt === 1)).toBe(true);

    await killed.kill();
    await waitFor(() => attempts.length > before, 8_000);
    await pause(500);
    const left = await jobRows();
    expect(attempts.slice(before).every((attempt) => attempt === 2)).toBe(true);
    expect(attempts.length + left.length).toBe(8);
    expect(new Set(left.map((row) => row.locked_by)).size).toBe(1);
    expect(left.length).toBeGreaterThan(0);
  });

  test("a job that kills its process every time is given up after its attempts, and reported", async () => {
    const reported: unknown[] = [];
    const worker = await slowWorker();
    await enqueue(database.as(acme), "slow", "poison", { maxAttempts: 1 });
    await worker.begun;
    await worker.kill();
    await run(
      { slow: async () => void reported.push("ran") },
      {
        onGivenUp: async ({ payload, error }) => void reported.push({ payload, error }),
      },
    );
    await waitFor(() => reported.length === 1);
    expect(reported).toEqual([{ payload: "poison", error: null }]);
  });

  test("when its connections break, running jobs are aborted and run again, and the worker goes on by itself", async () => {
    const begun: number[] = [];
    const runner = await run({
      async long(_: unknown, job: TestJob) {
        begun.push(job.attempt);
        if (begun.length === 1) await aborted(job);
        else await addEffect("long", job);
      },
    });
    await enqueue(database.as(acme), "long", {});
    await waitFor(() => begun.length === 1);
    await owner.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'atrium jobs%' and datname = current_database()",
    );
    await expect(waitFor(() => runner.ready().then(() => false), 2_000)).rejects.toThrow(/connection/);
    await waitFor(async () => (await jobRows()).length === 0);
    expect(begun).toHaveLength(2);
    expect(await effects()).toEqual({ long: 1 });
    await runner.ready();
  });

  test("a worker that can't reach its database says so at the start", async () => {
    const url = new URL(home.ownerUrl);
    url.port = "1";
    await expect(runJobs({ ownerUrl: url.toString(), database, tasks: {}, log })).rejects.toThrow("ECONNREFUSED");
  });
});

describe("at fixed times", () => {
  const cron = [{ task: "tidy", schedule: "* * * * *", payload: { what: "all" }, catchUpSeconds: 600 }];

  test("what passed while no process ran is made up for, once, by one of several processes, as the service", async () => {
    const seen: unknown[] = [];
    const tasks = { tidy: async (payload: unknown, { tenant }: TestJob) => void seen.push({ payload, tenant }) };
    const first = await run(tasks, { cron });
    await waitFor(
      async () => (await owner.query("select from graphile_worker._private_known_crontabs")).rowCount === 1,
    );
    await first.stop();
    expect(seen).toEqual([]);
    // As if it had last run three minutes ago.
    await owner.query(
      "update graphile_worker._private_known_crontabs set known_since = now() - interval '1 hour', last_execution = date_trunc('minute', now()) - interval '3 minutes'",
    );
    await Promise.all([run(tasks, { cron }), run(tasks, { cron })]);
    await waitFor(() => seen.length >= 3);
    await pause(300);
    const none = { organizationId: null, workspaceId: null, userId: null };
    expect(seen.slice(0, 3)).toEqual(Array(3).fill({ payload: { what: "all" }, tenant: none }));
    // A minute may have begun meanwhile.
    expect(seen.length).toBeLessThanOrEqual(4);
  });

  test("a schedule that makes no sense, or is of no task, is refused at the start", async () => {
    await expect(run({ tidy: async () => {} }, { cron: [{ task: "tidy", schedule: "every day" }] })).rejects.toThrow();
    await expect(run({}, { cron })).rejects.toThrow("The cron task tidy isn't among the tasks.");
  });
});
