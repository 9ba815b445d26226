import { SettingsError } from "@atrium/subgraph";
import { timingSafeEqual, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import type { AccessSource } from "./access-source";
import { localBudget } from "./admission/budget";
import { openPersistedOperations, type PersistedOptions } from "./admission/persisted";
import { createAuthentication } from "./authentication";
import { contractOf, tagsIn, type ContractRules } from "./graph/contracts";
import type { Graph } from "./graph/graph";
import { openGraph, SupergraphError } from "./graph/open-graph";
import { subgraphSchemaIn } from "./graph/read-supergraph";
import { houseTransport } from "./house-transport";
import { createObserver } from "./observing/observe";
import { guarded } from "./subgraphs/guards";
import { createSharedFetches } from "./subgraphs/shared-fetches";
import type { Cors } from "./http/cors";
import { createFront } from "./http/front";
import { withoutUpgrade } from "./http/without-upgrade";
import { createOperationGate, withDefaults, type LimitOverrides } from "./limits";
import { unusedConnectionsOf } from "./http/unused-connections";
import { createMetrics } from "./metrics";
import { mergeMetrics } from "./metrics-text";
import { nodeClient, nodeSubgraph } from "./node";
import { readinessOf } from "./readiness";
import { serveGraph, type ServedGraph } from "./served-graph";
import { openSockets } from "./sockets";
import type { SubgraphClient } from "./subgraph-client";
import { openStreams } from "./streams";
import { countSubscribers } from "./subscriptions/subscribers";
import { supergraphFile } from "./supergraph-file";

export interface GatewayOptions {
  subgraphs: readonly SubgraphClient[];
  accessSource: AccessSource;
  /** 0 takes a free one. */
  port: number;
  host: string;
  log: Logger;
  /** The supergraph's SDL; the committed one unless told. */
  supergraph?: string;
  /** Who runs the plans: our own executor, or `@apollo/gateway`'s. */
  executor?: "own" | "stock";
  tokens?: { issuer: string; audience: string };
  /** Whether clients may read the schema, and have it suggest names; or only read what they may use. */
  introspection?: boolean | "permitted";
  /** Whether a browser gets the explorer at /graphql. */
  explorer?: boolean;
  cors?: Cors;
  /** How many proxies of our own stand between clients and this process. */
  trustedProxies?: number;
  /** What /metrics needs as a bearer token; open unless set. */
  metricsToken?: string;
  /** Node's own figures, once per process: off where something else in the process offers them. */
  processMetrics?: boolean;
  limits?: LimitOverrides;
  /** Operations that take longer get a line in the log. */
  slowOperationMs?: number;
  /** The operations that clients are known to send, and what becomes of others. */
  operations?: Pick<PersistedOptions, "manifest" | "unknown">;
  /** Parts of the graph by its `@tag`s, each at a path of its own beside /graphql. */
  contracts?: readonly (ContractRules & { path: string })[];
  /** What one operation may cost as it is estimated, and one caller's within a minute; any unless told. */
  demand?: { costMax?: number; costPerMinuteMax?: number };
  /** How long `stop` waits for running requests. */
  drainMs?: number;
}

export interface RunningGateway {
  url: string;
  port: number;
  /** Lets running requests end, closes sockets with 1001, then the port. The subgraphs go on. */
  stop(): Promise<void>;
}

export const defaultTokens = { issuer: "atrium", audience: "atrium-api" };

const operationsWatchMs = 2_000;

/**
 * Services are asked again at once after they were away, and their replicas in turn (`connectSubgraph` sees to both), so a
 * breaker and retries of the gateway's own would only stand in the way.
 */
const houseGuards = { timeoutMs: 30_000, retriesMax: 0, breakerFetchesMin: Infinity };

/** The one endpoint: everything that clients reach is behind this port. */
export async function startGateway(o: GatewayOptions): Promise<RunningGateway> {
  const { log, trustedProxies = 0, cors = { origins: [], localhost: false } } = o;
  const { introspection = true, executor = "own", contracts = [] } = o;
  if (executor === "stock" && contracts.length > 0)
    throw new SettingsError(["CONTRACTS: the stock executor has none; it tells of the whole schema."]);
  const limits = withDefaults(o.limits);
  const subgraphs = new Map(o.subgraphs.map((client) => [client.name, client]));
  const metrics = createMetrics({ processMetrics: o.processMetrics });
  const observer = createObserver({ metrics, slowOperationMs: o.slowOperationMs });
  const graph = await openGraph(o.supergraph ?? readFileSync(supergraphFile, "utf8"), { observer });
  const names = graph.subgraphs.map(({ name }) => name);
  if (names.includes(nodeSubgraph))
    subgraphs.set(nodeSubgraph, nodeClient(subgraphSchemaIn(graph.sdl, nodeSubgraph), subgraphs));
  const missing = names.filter((name) => !subgraphs.has(name));
  if (missing.length > 0) {
    await graph.close();
    throw new Error(`The supergraph needs services that aren't here: ${missing.join(", ")}.`);
  }

  const gate = createOperationGate(limits.operation);
  const authentication = createAuthentication({ source: o.accessSource, ...(o.tokens ?? defaultTokens), log });
  const sharing = createSharedFetches({ withinTurns: true });
  const transports = new Map(
    names.map((name) => {
      const transport = guarded(houseTransport(subgraphs.get(name)!, authentication), houseGuards, observer);
      return [name, sharing.over(transport, { toldOf: (request) => request.toldOfCaller })];
    }),
  );
  const { costMax = Infinity, costPerMinuteMax } = o.demand ?? {};
  const operations = openPersistedOperations({
    automatic: true,
    unknown: "ALLOW",
    watchMs: operationsWatchMs,
    ...o.operations,
    log,
  });
  const at = new Map<string, ServedGraph>();
  const closeAll = async () => {
    operations.close();
    await Promise.all([...at.values()].map(({ apollo }) => apollo.stop()));
    await graph.close();
  };
  try {
    const parts = {
      executor,
      transports,
      subgraphs,
      authentication,
      gate,
      limits,
      operations,
      demand: { costMax, budget: costPerMinuteMax === undefined ? undefined : localBudget(costPerMinuteMax) },
      introspection,
      observer,
      metrics,
      log,
    };
    at.set("/graphql", await serveGraph({ graph, ...parts }));
    for (const { path, ...rules } of contracts)
      at.set(path, await serveGraph({ graph: contractAt(path, graph, rules), ...parts }));
  } catch (error) {
    await closeAll();
    throw error;
  }
  let isStopping = false;

  const subscribers = countSubscribers({ perCaller: limits.stream.perCallerMax, metrics });
  const streams = openStreams({ authentication, limits, trustedProxies, subscribers });
  const shared = { at, authentication, gate, limits, trustedProxies, cors, metrics, log };
  const sockets = openSockets({
    ...shared,
    operations,
  });
  const server = createServer(
    createFront({
      ...shared,
      streams,
      subgraphs,
      explorer: o.explorer ?? introspection !== false,
      version: packageVersion(),
      metricsText: async () => {
        const texts = o.subgraphs.map((client) => client.metrics?.() ?? "");
        return mergeMetrics(await Promise.all([metrics.registry.metrics(), ...texts]));
      },
      mayReadMetrics: bearerCheck(o.metricsToken),
      readiness: readinessOf(o.subgraphs, () => isStopping),
      isStopping: () => isStopping,
    }),
  );
  setPatience(server);
  const closeUnused = unusedConnectionsOf(server);
  server.on("request", (_, response) =>
    response.once("finish", () => {
      // A connection that was busy when `stop` closed the idle ones is idle now.
      if (isStopping) setImmediate(() => server.closeIdleConnections());
    }),
  );
  server.on("upgrade", (request, socket, head) => {
    if (request.headers.upgrade?.toLowerCase() === "websocket") sockets.handleUpgrade(request, socket, head);
    else withoutUpgrade(server, request, socket, head);
  });
  try {
    await listen(server, o.port, o.host);
  } catch (error) {
    streams.stop();
    await sockets.stop();
    await closeAll();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const host = o.host === "0.0.0.0" || o.host === "::" ? "localhost" : o.host.includes(":") ? `[${o.host}]` : o.host;

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    isStopping = true;
    const closed = new Promise((resolve) => server.close(resolve));
    streams.stop();
    await sockets.stop();
    server.closeIdleConnections();
    closeUnused();
    const cut = setTimeout(() => server.closeAllConnections(), o.drainMs ?? 10_000);
    await closed;
    clearTimeout(cut);
    await closeAll();
  };
  return { url: `http://${host}:${port}`, port, stop: () => (stopped ??= stop()) };
}

/** A contract of the house's own graph. A tag that nothing has is a slip, and would leave out nothing: it is refused. */
function contractAt(path: string, graph: Graph, rules: ContractRules): Graph {
  const known = tagsIn(graph.supergraphSchema);
  const unknown = [...rules.include, ...rules.exclude].filter((tag) => !known.has(tag));
  if (unknown.length > 0) throw new SettingsError([`CONTRACTS: nothing at ${path} is tagged ${unknown.join(", ")}.`]);
  try {
    return contractOf(graph, rules);
  } catch (error) {
    throw error instanceof SupergraphError ? new SettingsError([`CONTRACTS: ${path}: ${error.message}`]) : error;
  }
}

/** Time enough for a slow line, none for a client that only holds the door open. */
function setPatience(server: Server): void {
  server.headersTimeout = 15_000;
  // Uploads take as long as they take; a body for /graphql has a limit of its own.
  server.requestTimeout = 3_600_000;
  // Silence of a socket in either direction.
  server.timeout = 120_000;
  // Longer than load balancers keep theirs, so that none is closed under a request.
  server.keepAliveTimeout = 65_000;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function bearerCheck(token: string | undefined): (authorization: string | undefined) => boolean {
  if (token === undefined) return () => true;
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return (authorization) => timingSafeEqual(digest(authorization ?? ""), expected);
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(`${__dirname}/../package.json`, "utf8")) as { version: string };
  return version;
}
