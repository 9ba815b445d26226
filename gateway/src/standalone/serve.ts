import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { localBudget } from "../admission/budget";
import { openPersistedOperations } from "../admission/persisted";
import { createMetrics, type Metrics } from "../metrics";
import { createObserver } from "../observing/observe";
import type { Config } from "./config";
import { answerGraphQL, type BareFront } from "./front";
import { openServing, type Admission, type Serving } from "./serving";
import { openBareSockets } from "./sockets";
import { supergraphSource } from "./source";
import { nobody, openTokens, type Tokens } from "./tokens";

export interface RunningBareGateway {
  port: number;
  url: string;
  metrics: Metrics;
  /** Lets running requests end, then closes everything. */
  stop(): Promise<void>;
}

const drainMs = 10_000;

/** The gateway on a stranger's supergraph, with nothing of Atrium but itself. */
export async function serveSupergraph(o: {
  supergraph: string;
  config: Config;
  watch: boolean;
  log: Logger;
}): Promise<RunningBareGateway> {
  const { config, log } = o;
  const metrics = createMetrics();
  const observer = createObserver({ metrics, slowOperationMs: config.telemetry.slowOperationMs });
  const source = supergraphSource(o.supergraph, config.watchMs);
  const [tokens, sdl] = await Promise.all([
    config.authentication && openTokens(config.authentication, log),
    source.read(),
  ]);
  const persisted = openPersistedOperations({ ...config.persistedOperations, watchMs: config.watchMs, log });
  const costPerMinuteMax = config.demandControl?.costPerMinuteMax;
  const admission: Admission = {
    textOf: persisted.textOf,
    ...(costPerMinuteMax !== undefined && { budget: localBudget(costPerMinuteMax) }),
  };
  let serving = await openServing(sdl, config, observer, admission);
  const ended = new AbortController();
  const retiring = new Set<Promise<void>>();

  async function takeOver(text: string): Promise<void> {
    const next = await openServing(text, config, observer, admission);
    const previous = serving;
    serving = next;
    log.info({ supergraph: next.graphId.slice(0, 12) }, "A new supergraph is served.");
    const retired = previous
      .retire()
      .catch((error: unknown) => log.error({ err: error }, "Closing the old supergraph failed."));
    retiring.add(retired);
    void retired.finally(() => retiring.delete(retired));
  }
  if (o.watch)
    void source.watch(
      takeOver,
      (error) =>
        log.error({ fault: (error as Error).message }, "The new supergraph is refused; the old one is served."),
      ended.signal,
    );

  let isStopping = false;
  let stopped: Promise<void> | undefined;
  const front: Omit<BareFront, "endpoint"> = {
    config,
    callerOf: tokens ? (authorization) => tokens.callerOf(authorization) : () => nobody,
    log,
  };
  // Which paths there are is the configuration's: a new supergraph has the same.
  const fronts = new Map(
    [...serving.at.keys()].map((path): [string, BareFront] => [
      path,
      { ...front, endpoint: () => ({ endpoint: serving.at.get(path)!.endpoint, release: serving.enter() }) },
    ]),
  );
  const server = createServer((request, response) => {
    const path = pathOf(request.url!);
    const graphql = fronts.get(path);
    if (graphql) return void answerGraphQL(graphql, request, response);
    if (isStopping) response.setHeader("connection", "close");
    const answer = (status: number, type: string, text: string) => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : text);
    };
    if (path === "/health") return answer(200, "application/json", '{"status":"ok"}');
    if (path === "/ready")
      return answer(
        isStopping ? 503 : 200,
        "application/json",
        JSON.stringify({ ready: !isStopping, supergraph: serving.graphId, subgraphs: serving.subgraphs }),
      );
    if (path === "/metrics" && config.telemetry.metrics)
      return void metrics.registry.metrics().then((text) => answer(200, metrics.registry.contentType, text));
    answer(404, "application/json", '{"errors":[{"message":"There is nothing at this address."}]}');
  });
  const sockets = openBareSockets({ ...front, serving: () => serving, metrics });
  server.on("upgrade", (request, socket, head) => sockets.handleUpgrade(request, socket, head));
  server.headersTimeout = 15_000;
  server.keepAliveTimeout = 65_000;
  server.requestTimeout = 60_000;

  try {
    await listen(server, config);
  } catch (error) {
    await serving.retire();
    tokens?.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}${config.path}`,
    metrics,
    stop: () => (stopped ??= stop()),
  };

  async function stop(): Promise<void> {
    isStopping = true;
    ended.abort();
    const closed = new Promise((resolve) => server.close(resolve));
    await sockets.stop();
    server.closeIdleConnections();
    const cut = setTimeout(() => server.closeAllConnections(), drainMs);
    await closed;
    clearTimeout(cut);
    tokens?.close();
    persisted.close();
    await Promise.all([serving.retire(), ...retiring]);
  }
}

const pathOf = (url: string): string => {
  const search = url.indexOf("?");
  return search === -1 ? url : url.slice(0, search);
};

const listen = (server: Server, { port, host }: Config): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });

export type { Serving, Tokens };
