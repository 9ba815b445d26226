import cluster, { type Worker } from "node:cluster";
import path from "node:path";
import type { Logger } from "pino";
import { AggregatorRegistry } from "prom-client";
import type { Config } from "./config";
import { supergraphSource } from "./source";

/** What the first process tells its workers. */
export type ToWorker =
  | { kind: "serve"; config: Config; text: string; watch: boolean }
  | { kind: "supergraph"; text: string }
  | { kind: "metrics"; id: number; text: string | null }
  | { kind: "stop" };

/** What a worker tells the first process. */
export type ToFirst =
  | { kind: "ready"; url: string }
  | { kind: "failed"; message: string }
  | { kind: "taken"; text: string }
  | { kind: "refused"; text: string; message: string }
  | { kind: "metrics"; id: number }
  | { kind: "alive" };

/** How often a worker says that it is alive. */
export const aliveEveryMs = 1_000;
// One that blocks for so long is given connections and answers none.
const missedMax = 15;

const stopMaxMs = 20_000;
const firstPauseMs = 500;
const pauseMaxMs = 30_000;
// A worker that lived for so long wasn't broken from the start.
const steadyMs = 10_000;

/**
 * Serves by several processes on one port. This one serves nothing: it reads the supergraph for all, starts a worker anew
 * when it dies or says nothing for a while, and adds up their metrics. Rejects when the workers can't start.
 */
export async function serveByWorkers(o: {
  count: number;
  supergraph: string;
  config: Config;
  watch: boolean;
  log: Logger;
}): Promise<{ url: string; stop(): Promise<void> }> {
  const { count, config, watch, log } = o;
  const source = supergraphSource(o.supergraph, config.watchMs);
  // The last one that was taken: what a worker begins with that takes a dead one's place.
  let good = await source.read();
  let refusedText: string | undefined;
  let isStopping = false;
  let restarts = 0;
  const ended = new AbortController();
  const aggregator = new AggregatorRegistry();
  const extension = path.extname(__filename);
  cluster.setupPrimary({ exec: path.join(__dirname, `worker${extension}`), args: [] });

  function start(): Promise<string> {
    const worker = cluster.fork();
    const startedAt = performance.now();
    const tell = (message: ToWorker) => worker.send(message);
    // Looks are counted rather than time: after a sleep of the whole machine nobody is late.
    let missed = 0;
    const looks = setInterval(() => {
      if (++missed > missedMax) worker.process.kill("SIGKILL");
    }, aliveEveryMs);
    return new Promise((resolve, reject) => {
      tell({ kind: "serve", config, text: good, watch });
      worker.on("message", (message: ToFirst) => {
        missed = 0;
        if (message.kind === "ready") resolve(message.url);
        else if (message.kind === "failed") reject(new Error(message.message));
        else if (message.kind === "taken") {
          if (message.text !== good) log.info({ workers: count }, "A new supergraph is served.");
          good = message.text;
        } else if (message.kind === "refused" && message.text !== refusedText) {
          refusedText = message.text;
          log.error({ fault: message.message }, "The new supergraph is refused; the old one is served.");
        } else if (message.kind === "metrics")
          aggregator.clusterMetrics().then(
            (text) => worker.isConnected() && tell({ kind: "metrics", id: message.id, text }),
            () => worker.isConnected() && tell({ kind: "metrics", id: message.id, text: null }),
          );
      });
      worker.once("exit", (code, signal) => {
        clearInterval(looks);
        reject(new Error(`A worker ended before it was ready (${signal ?? code}).`));
        if (isStopping) return;
        restarts = performance.now() - startedAt > steadyMs ? 0 : restarts + 1;
        const pauseMs = restarts === 0 ? 0 : Math.min(pauseMaxMs, firstPauseMs * 2 ** (restarts - 1));
        log.error({ code, signal, pauseMs }, "A worker ended; another takes its place.");
        setTimeout(() => {
          if (!isStopping) start().catch((error: unknown) => log.error({ err: error }, "A worker couldn't start."));
        }, pauseMs);
      });
    });
  }

  async function stop(): Promise<void> {
    isStopping = true;
    ended.abort();
    await Promise.all(workersNow().map(stopWorker));
  }

  let url: string;
  try {
    [url] = (await Promise.all(Array.from({ length: count }, start))) as [string];
  } catch (error) {
    await stop();
    throw error;
  }
  const tellAll = (text: string) => {
    for (const worker of workersNow()) worker.send({ kind: "supergraph", text } satisfies ToWorker);
  };
  if (watch)
    void source.watch(
      async (text) => tellAll(text),
      (error) => log.error({ fault: (error as Error).message }, "The supergraph can't be read; the old one is served."),
      ended.signal,
    );
  return { url, stop };
}

const workersNow = (): Worker[] => Object.values(cluster.workers ?? {}).filter((each) => each !== undefined);

function stopWorker(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => worker.process.kill("SIGKILL"), stopMaxMs);
    worker.once("exit", () => {
      clearTimeout(cut);
      resolve();
    });
    if (worker.isConnected()) worker.send({ kind: "stop" } satisfies ToWorker);
  });
}
