import { timingSafeEqual, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import type { AccessSource } from "./access-source";
import { localBudget } from "./admission/budget";
import { createCharge } from "./admission/charge";
import { createCostModel } from "./admission/cost";
import { openPersistedOperations, type PersistedOptions } from "./admission/persisted";
import { startApollo } from "./apollo";
import { createAuthentication } from "./authentication";
import { createEngine } from "./execution/create-engine";
import { ownExecutor, stockExecutor } from "./executor";
import { createPermit } from "./authorization/permit";
import { createDocuments } from "./graph/documents";
import { openGraph } from "./graph/open-graph";
import { houseDenial, houseErrors, houseTransport, isServiceAway } from "./house-transport";
import { createObserver } from "./observing/observe";
import { guarded } from "./subgraphs/guards";
import type { Cors } from "./http/cors";
import { createFront } from "./http/front";
import { createOperationGate, withDefaults, type LimitOverrides } from "./limits";
import { unusedConnectionsOf } from "./http/unused-connections";
import { createMetrics } from "./metrics";
import { mergeMetrics } from "./metrics-text";
import { nodeClient, nodeSubgraph } from "./node";
import { readinessOf } from "./readiness";
import { requestContext, type RequestContext } from "./request-context";
import { openSockets } from "./sockets";
import type { SubgraphClient } from "./subgraph-client";
import { createSubscriptions } from "./subscriptions";
import { withHub } from "./subscriptions/hub";
import { loadSupergraph } from "./supergraph";
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
// What a list is taken to hold that doesn't say.
const listSizeAssumed = 10;

/**
 * Services are asked again at once after they were away, and their replicas in turn (`connectSubgraph` sees to both), so a
 * breaker and retries of the gateway's own would only stand in the way.
 */
const houseGuards = { timeoutMs: 30_000, retriesMax: 0, breakerFetchesMin: Infinity };

/** The one endpoint: everything that clients reach is behind this port. */
export async function startGateway(o: GatewayOptions): Promise<RunningGateway> {
  const { log, trustedProxies = 0, cors = { origins: [], localhost: false } } = o;
  const introspection = o.introspection !== false;
  const suggestions = introspection && o.introspection !== "permitted";
  const limits = withDefaults(o.limits);
  const subgraphs = new Map(o.subgraphs.map((client) => [client.name, client]));
  const metrics = createMetrics({ processMetrics: o.processMetrics });
  const observer = createObserver({ metrics, slowOperationMs: o.slowOperationMs });
  const graph = await openGraph(o.supergraph ?? readFileSync(supergraphFile, "utf8"), { observer });
  const names = graph.subgraphs.map(({ name }) => name);
  if (names.includes(nodeSubgraph))
    subgraphs.set(nodeSubgraph, nodeClient(graph.subgraphSchema(nodeSubgraph), subgraphs));
  const missing = names.filter((name) => !subgraphs.has(name));
  if (missing.length > 0) {
    await graph.close();
    throw new Error(`The supergraph needs services that aren't here: ${missing.join(", ")}.`);
  }

  const gate = createOperationGate(limits.operation);
  const authentication = createAuthentication({ source: o.accessSource, ...(o.tokens ?? defaultTokens), log });
  const transports = new Map(
    names.map((name) => [name, guarded(houseTransport(subgraphs.get(name)!, authentication), houseGuards, observer)]),
  );
  const engine = withHub(
    createEngine<RequestContext>({ graph, transports, ...houseErrors, describeDenial: houseDenial, observer }),
    {
      // Each subscriber's rights are asked for each event, so nobody shares here (docs/decisions/0016).
      sharingKey: () => null,
      lasting: (request, signal) => requestContext({ ...request, signal }),
      queuedMax: limits.socket.eventsMax,
      awayMaxMs: limits.socket.serviceAwayMaxMs,
      isStillAway: isServiceAway,
      describeFault: houseErrors.describeFault,
    },
  );
  const rights = {
    schema: graph.apiSchema,
    supergraphSchema: graph.supergraphSchema,
    describeDenial: houseDenial,
    filtersIntrospection: o.introspection === "permitted",
  };
  const permit = createPermit(rights);
  const documents = createDocuments({ schema: graph.apiSchema, introspection, suggestions });
  const { costMax = Infinity, costPerMinuteMax } = o.demand ?? {};
  const charge = createCharge<RequestContext>({
    model: createCostModel(graph.apiSchema, graph.supergraphSchema, { listSize: listSizeAssumed }),
    mode: costMax === Infinity && costPerMinuteMax === undefined ? "MEASURE" : "ENFORCE",
    costMax,
    budget: costPerMinuteMax === undefined ? undefined : localBudget(costPerMinuteMax),
    isAsked: ({ exposeCost }) => exposeCost === true,
  });
  const execute =
    o.executor === "stock"
      ? stockExecutor({
          supergraph: loadSupergraph(graph.sdl),
          subgraphs,
          // It has no shape of what the client asked for beside what was planned.
          permit: createPermit({ ...rights, refuseWhole: true }),
          authentication,
          metrics,
        })
      : ownExecutor({ engine, permit, documents, charge });
  const operations = openPersistedOperations({
    automatic: true,
    unknown: "ALLOW",
    watchMs: operationsWatchMs,
    ...o.operations,
    log,
  });
  const apollo = await startApollo({ graph, execute, gate, introspection, suggestions, operations, metrics, log });
  const subscribe = createSubscriptions({ engine, permit, documents, charge, metrics });
  let isStopping = false;

  const shared = { apollo, authentication, gate, limits, trustedProxies, cors, metrics, log };
  const sockets = openSockets({
    ...shared,
    operations,
    schema: graph.apiSchema,
    subscribe,
    introspection,
    suggestions,
  });
  const server = createServer(
    createFront({
      ...shared,
      subgraphs,
      explorer: o.explorer ?? introspection,
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
    await sockets.stop();
    operations.close();
    await apollo.stop();
    await graph.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const host = o.host === "0.0.0.0" || o.host === "::" ? "localhost" : o.host.includes(":") ? `[${o.host}]` : o.host;

  let stopped: Promise<void> | undefined;
  const stop = async () => {
    isStopping = true;
    const closed = new Promise((resolve) => server.close(resolve));
    await sockets.stop();
    server.closeIdleConnections();
    closeUnused();
    const cut = setTimeout(() => server.closeAllConnections(), o.drainMs ?? 10_000);
    await closed;
    clearTimeout(cut);
    operations.close();
    await apollo.stop();
    await graph.close();
  };
  return { url: `http://${host}:${port}`, port, stop: () => (stopped ??= stop()) };
}

/**
 * Some clients offer HTTP/2 with every first request (Java's, `curl --http2`), and may be answered in HTTP/1.1. Node
 * stops parsing at the offer, so the connection begins anew with the same request, less the offer.
 */
function withoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const offer = ["upgrade", "connection", "http2-settings"];
  const { rawHeaders } = request;
  const lines = [`${request.method} ${request.url} HTTP/1.1`];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (!offer.includes(rawHeaders[i]!.toLowerCase())) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("connection", socket);
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
