import type { QueryPlan } from "@apollo/query-planner";
import { LRUCache } from "lru-cache";
import { print } from "graphql";
import path from "node:path";
import { Worker } from "node:worker_threads";
import type { Observer } from "../observing/observer";
import { PlanningFailed, PlanningRefused, type PlanOptions } from "./graph";
import type { Operation } from "./operation";

export interface PlannerSetup {
  sdl: string;
  evaluatedPlansMax: number;
}

export interface PlannerQuestion {
  text: string;
  operationName: string | undefined;
  overrides: [string, boolean][];
}

/** A plan as JSON text, or why there is none. Before that: what clients see, then that the thread is ready. */
export interface PlannerAnswer {
  plan?: string;
  error?: string;
  apiSdl?: string;
  isReady?: true;
}

export interface PlannerLimits {
  /** Of all operations that wait to be planned. */
  waitingMax: number;
  /** Of one caller's, so that a flood of new operations is its sender's own. */
  waitingPerCallerMax: number;
  /** How long one planning may take, once begun, before it is given up for good. */
  planningMs: number;
  /** What the kept plans may take, as JSON text. */
  cacheBytesMax: number;
  /** The alternatives that the planner weighs; its own default takes seconds. */
  evaluatedPlansMax: number;
  /** The thread's heap. A planning that outgrows it is refused as one that takes too long is. */
  memoryMbMax: number;
}

export const defaultPlannerLimits: PlannerLimits = {
  waitingMax: 500,
  waitingPerCallerMax: 50,
  planningMs: 3_000,
  cacheBytesMax: 32 * 1024 * 1024,
  evaluatedPlansMax: 1_000,
  memoryMbMax: 512,
};

interface Planning {
  key: string;
  operation: Operation;
  overrides: [string, boolean][];
  callerKey: string;
  waiters: number;
  promise: Promise<QueryPlan>;
  settle: { resolve(plan: QueryPlan): void; reject(error: Error): void };
}

export interface Planner {
  /**
   * The schema that clients see, as text: reading a supergraph costs so much that only one thread does it. Rejects when it
   * can't be read.
   */
  apiSdl: Promise<string>;
  /** Resolves when the thread takes operations. Rejects when there is no planning by this supergraph. */
  ready: Promise<void>;
  plan(operation: Operation, o: PlanOptions): Promise<QueryPlan> | QueryPlan;
  close(): Promise<void>;
}

// What took too long is refused at once the next time; so many are remembered.
const refusedMax = 10_000;
// A thread that doesn't start is started again after this long, and each time after twice as long.
const restartPauseMs = 100;
const restartPauseMaxMs = 10_000;

/**
 * Plans operations in a thread, one at a time and each once, callers in turn. What is planned is kept; what waits is
 * bounded, and so is the time that one operation may take: its thread is ended and another takes its place.
 */
export function startPlanner(o: { sdl: string; limits: PlannerLimits; observer?: Observer }): Planner {
  const { limits, observer = {} } = o;
  const plans = new LRUCache<string, QueryPlan>({ maxSize: limits.cacheBytesMax });
  const refused = new LRUCache<string, true>({ max: refusedMax });
  const plannings = new Map<string, Planning>();
  // Each caller's own queue; callers take turns in the order in which they came.
  const waiting = new Map<string, Planning[]>();
  let waitingCount = 0;
  let running: { planning: Planning; timer: NodeJS.Timeout } | null = null;
  let isClosed = false;
  let isReady = false;
  let wasReady = false;
  let failedStarts = 0;
  let restart: NodeJS.Timeout | undefined;
  const [apiSdl, settleApiSdl] = pending<string>();
  const [ready, settleReady] = pending<void>();
  let worker = startWorker();

  function startWorker(): Worker {
    const extension = path.extname(__filename);
    const started = new Worker(path.join(__dirname, `../graph/planner-worker${extension}`), {
      workerData: { sdl: o.sdl, evaluatedPlansMax: limits.evaluatedPlansMax } satisfies PlannerSetup,
      // Run from source (tests, development), the thread needs the loader that its parent has.
      resourceLimits: { maxOldGenerationSizeMb: limits.memoryMbMax },
      execArgv: extension === ".ts" ? ["--require", require.resolve("tsx/cjs")] : [],
    });
    started.on("message", (answer: PlannerAnswer) => {
      if (started === worker) take(answer);
    });
    started.on("error", (error) => {
      if (started === worker) failed(error);
    });
    return started;
  }

  function take({ plan, error, ...begun }: PlannerAnswer): void {
    if (begun.apiSdl !== undefined) return settleApiSdl.resolve(begun.apiSdl);
    if (begun.isReady) {
      isReady = wasReady = true;
      failedStarts = 0;
      worker.unref();
      settleReady.resolve();
      return next();
    }
    const ended = running;
    running = null;
    if (ended) {
      clearTimeout(ended.timer);
      plannings.delete(ended.planning.key);
      if (plan === undefined) ended.planning.settle.reject(new PlanningFailed(error ?? "The planner gave no plan."));
      else {
        const parsed = JSON.parse(plan) as QueryPlan;
        plans.set(ended.planning.key, parsed, { size: plan.length + 1 });
        ended.planning.settle.resolve(parsed);
      }
    }
    next();
  }

  /** The thread is gone: what it worked on would end the next one as well, which goes on with the rest. */
  function failed(error: Error): void {
    if (isReady) {
      if (running) refused.set(running.planning.key, true);
      return giveUp(running ? tooSlow(running.planning.operation) : error);
    }
    // It never got ready. One that began well is started again, whatever it was that was missing.
    const gone = new Error("Operations can't be planned at the moment.", { cause: error });
    for (const planning of plannings.values()) planning.settle.reject(gone);
    plannings.clear();
    waiting.clear();
    waitingCount = 0;
    if (!wasReady) {
      settleApiSdl.reject(error);
      return settleReady.reject(error);
    }
    const pauseMs = Math.min(restartPauseMaxMs, restartPauseMs * 2 ** failedStarts++);
    restart = setTimeout(() => (worker = startWorker()), pauseMs).unref();
  }

  function giveUp(error: Error): void {
    const ended = running;
    running = null;
    isReady = false;
    void worker.terminate();
    if (!isClosed) worker = startWorker();
    if (!ended) return;
    clearTimeout(ended.timer);
    plannings.delete(ended.planning.key);
    ended.planning.settle.reject(error);
  }

  function next(): void {
    if (running || !isReady || isClosed) return;
    const [turn] = waiting;
    if (!turn) return;
    const [callerKey, queue] = turn;
    const planning = queue.shift()!;
    waitingCount--;
    waiting.delete(callerKey);
    if (queue.length > 0) waiting.set(callerKey, queue);
    const { key, operation, overrides } = planning;
    const timer = setTimeout(() => {
      refused.set(key, true);
      giveUp(tooSlow(operation));
    }, limits.planningMs);
    running = { planning, timer };
    const question: PlannerQuestion = {
      text: print(operation.document),
      operationName: operation.name,
      overrides,
    };
    // The thread keeps the process alive only while it works.
    worker.ref();
    planning.promise.finally(() => running ?? worker.unref()).catch(() => {});
    worker.postMessage(question);
  }

  function enqueue(key: string, operation: Operation, options: PlanOptions): Planning {
    const callerKey = options.callerKey ?? "";
    const queue = waiting.get(callerKey) ?? [];
    if (queue.length >= limits.waitingPerCallerMax)
      throw new PlanningRefused(
        "QUEUE_FULL",
        "Too many new operations of yours wait to be planned. Try again shortly.",
      );
    if (waitingCount >= limits.waitingMax)
      throw new PlanningRefused("QUEUE_FULL", "Too many new operations wait to be planned. Try again shortly.");
    let settle!: Planning["settle"];
    const promise = new Promise<QueryPlan>((resolve, reject) => (settle = { resolve, reject }));
    const ended = observer.planStarted?.(operation, { traceparent: options.traceparent });
    promise.then(
      () => ended?.("planned"),
      (error: unknown) => ended?.(error instanceof PlanningRefused ? "refused" : "failed"),
    );
    const overrides = [...(options.overrides ?? [])];
    const planning: Planning = { key, operation, overrides, callerKey, waiters: 0, promise, settle };
    plannings.set(key, planning);
    queue.push(planning);
    waiting.set(callerKey, queue);
    waitingCount++;
    return planning;
  }

  /** Waits for a plan, or until the caller has gone; what nobody waits for any more isn't begun. */
  function waitFor(planning: Planning, signal: AbortSignal | undefined): Promise<QueryPlan> {
    if (!signal) {
      planning.waiters = Infinity;
      return planning.promise;
    }
    planning.waiters++;
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(signal.reason as Error);
        const queue = waiting.get(planning.callerKey);
        if (--planning.waiters > 0 || !queue?.includes(planning)) return;
        queue.splice(queue.indexOf(planning), 1);
        if (queue.length === 0) waiting.delete(planning.callerKey);
        waitingCount--;
        plannings.delete(planning.key);
        planning.settle.reject(new PlanningRefused("QUEUE_FULL", "Nobody waits for this plan any more."));
      };
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave, { once: true });
      planning.promise
        .then(resolve, reject)
        .finally(() => signal.removeEventListener("abort", leave))
        .catch(() => {});
    });
  }

  return {
    apiSdl,
    ready,
    plan(operation, options) {
      const key = keyOf(operation, options.overrides);
      const known = plans.get(key);
      if (known) {
        observer.planCached?.(operation);
        return known;
      }
      if (isClosed) return Promise.reject(new Error("The planner is closed."));
      if (refused.has(key)) return Promise.reject(tooSlow(operation));
      try {
        const planning = plannings.get(key) ?? enqueue(key, operation, options);
        const plan = waitFor(planning, options.signal);
        next();
        return plan;
      } catch (error) {
        return Promise.reject(error as Error);
      }
    },
    async close() {
      isClosed = true;
      clearTimeout(restart);
      if (running) clearTimeout(running.timer);
      await worker.terminate();
      for (const planning of plannings.values()) planning.settle.reject(new Error("The planner is closed."));
      plannings.clear();
    },
  };
}

/** A promise that nobody has to look at, and what settles it. */
function pending<Value>() {
  let settle!: { resolve(value: Value): void; reject(error: Error): void };
  const promise = new Promise<Value>((resolve, reject) => (settle = { resolve, reject }));
  promise.catch(() => {});
  return [promise, settle] as const;
}

function keyOf({ key }: Operation, overrides: PlanOptions["overrides"]): string {
  if (!overrides?.size) return key;
  return `${key} ${[...overrides].map(([label, value]) => `${label}=${value ? 1 : 0}`).join(" ")}`;
}

const tooSlow = ({ name }: Operation) =>
  new PlanningRefused(
    "TOO_SLOW",
    `The operation${name ? ` "${name}"` : ""} takes too long to plan. Ask for less at once, or with fewer fragments.`,
  );
