import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { localBudget } from "../admission/budget";
import { openPersistedOperations } from "../admission/persisted";
import { unusedConnectionsOf } from "../http/unused-connections";
import { withoutUpgrade } from "../http/without-upgrade";
import { createMetrics, type Metrics } from "../metrics";
import { createObserver } from "../observing/observe";
import type { Config } from "./config";
import { ConfigError } from "./config-file";
import { answerGraphQL, type BareFront } from "./front";
import { isVisit, plainRoutes, sendExplorer } from "./routes";
import { openServing, type Admission, type Serving } from "./serving";
import { openBareSockets } from "./sockets";
import { countSubscribers } from "../subscriptions/subscribers";
import { supergraphSource, type SupergraphSource } from "./source";
import { nobody, openTokens } from "./tokens";
import { startTracing } from "./tracing";
import { strangersIn } from "./transports";

export interface RunningBareGateway {
  port: number;
  url: string;
  metrics: Metrics;
  /** Lets running requests end, then closes everything. */
  stop(): Promise<void>;
}

const drainMs = 10_000;
const idleCheckMs = 50;

/** The gateway on a stranger's supergraph, with nothing of Atrium but itself. */
export async function serveSupergraph(o: {
  /** A file, an address, or what hands it over. */
  supergraph: string | SupergraphSource;
  config: Config;
  watch: boolean;
  log: Logger;
  metrics?: Metrics;
  /** The text of /metrics, where this process isn't the only one that has some. */
  metricsText?(): Promise<string>;
}): Promise<RunningBareGateway> {
  const { supergraph, config, log, metrics = createMetrics() } = o;
  const source = typeof supergraph === "string" ? supergraphSource(supergraph, config.watchMs) : supergraph;
  const { telemetry } = config;
  const isObserved =
    telemetry.metrics || telemetry.slowOperationMs !== undefined || telemetry.otlpEndpoint !== undefined;
  const observer = isObserved ? createObserver({ metrics, slowOperationMs: telemetry.slowOperationMs }) : {};
  const [tracing, tokens, sdl] = await Promise.all([
    startTracing(telemetry),
    config.authentication && openTokens(config.authentication, log),
    source.read(),
  ]);
  const persisted = openPersistedOperations({ ...config.persistedOperations, watchMs: config.watchMs, log });
  const costPerMinuteMax = config.demandControl?.costPerMinuteMax;
  const admission: Admission = {
    textOf: persisted.textOf,
    ...(costPerMinuteMax !== undefined && { budget: localBudget(costPerMinuteMax) }),
  };
  const closeShared = () => {
    tokens?.close();
    persisted.close();
    return tracing?.stop();
  };
  let serving: Serving;
  try {
    serving = await openServing(sdl, config, observer, admission);
    const strangers = strangersIn(config, serving.subgraphs);
    if (strangers.length > 0) {
      await serving.retire();
      throw new ConfigError(
        `The configuration names subgraphs that the supergraph doesn't have: ${strangers.join(", ")}.`,
      );
    }
  } catch (error) {
    await closeShared();
    throw error;
  }
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
  const subscribers = countSubscribers({ perCaller: config.subscriptions.perCaller, metrics });
  const shared: Omit<BareFront, "path"> = {
    config,
    serving: () => serving,
    callerOf: tokens ? (authorization) => tokens.callerOf(authorization) : () => nobody,
    subscribers,
    tracing,
    log,
  };
  // Which paths there are is the configuration's: a new supergraph has the same.
  const fronts = new Map([...serving.at.keys()].map((path): [string, BareFront] => [path, { ...shared, path }]));
  const explores = config.explorer ?? config.introspection === true;
  const routes = plainRoutes({
    config,
    state: () => ({ ready: !isStopping, supergraph: serving.graphId, subgraphs: serving.subgraphs }),
    metricsText: o.metricsText ?? (() => metrics.registry.metrics()),
    metricsType: metrics.registry.contentType,
    log,
  });
  const server = createServer((request, response) => {
    const path = pathOf(request.url!);
    if (isStopping) response.setHeader("connection", "close");
    const graphql = fronts.get(path);
    if (!graphql) return void routes(path, request, response);
    if (explores && isVisit(request)) return sendExplorer(request, response);
    void answerGraphQL(graphql, request, response);
  });
  const sockets = openBareSockets({ ...shared, metrics });
  server.on("upgrade", (request, socket, head) => {
    if (request.headers.upgrade?.toLowerCase() === "websocket") sockets.handleUpgrade(request, socket, head);
    else withoutUpgrade(server, request, socket, head);
  });
  const closeUnused = unusedConnectionsOf(server);
  server.headersTimeout = 15_000;
  server.keepAliveTimeout = 65_000;
  server.requestTimeout = 60_000;

  try {
    await listen(server, config);
  } catch (error) {
    ended.abort();
    await Promise.all([serving.retire(), sockets.stop(), closeShared()]);
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
    subscribers.cutAll();
    await sockets.stop();
    closeUnused();
    // A connection that was busy is idle once its request has been answered.
    const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs);
    const cut = setTimeout(() => server.closeAllConnections(), drainMs);
    await closed;
    clearTimeout(cut);
    clearInterval(idle);
    await Promise.all([serving.retire(), ...retiring, closeShared()]);
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
