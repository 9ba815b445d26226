import type { GraphQLSchema } from "graphql";
import { createDocuments, type Documents } from "../graph/documents";
import { contractOf } from "../graph/contracts";
import type { Graph } from "../graph/graph";
import { openGraph } from "../graph/open-graph";
import { parserWithin } from "../admission/shape";
import { createPermit } from "../authorization/permit";
import { createCharge } from "../admission/charge";
import { createCostModel } from "../admission/cost";
import { createEndpoint, type Endpoint, type Steps } from "../endpoint";
import { createEngine } from "../execution/create-engine";
import type { Observer } from "../observing/observer";
import { guarded } from "../subgraphs/guards";
import { httpTransport } from "../subgraphs/http-transport";
import { createSharedFetches, type SharedFetches } from "../subgraphs/shared-fetches";
import { socketSource } from "../subgraphs/socket-source";
import type { SubgraphFault, SubgraphTransport } from "../subgraphs/transport";
import { withHub } from "../subscriptions/hub";
import type { Config } from "./config";
import type { BareRequest } from "./front";
import { compileHeaderRules } from "./header-rules";

/** One supergraph with all that serves it. It lives until it is retired and the last request on it has ended. */
export interface Serving {
  /** What is served at each path: the whole graph at the configured one, its contracts at theirs. */
  at: ReadonlyMap<string, ServedGraph>;
  graphId: string;
  subgraphs: readonly string[];
  /** Counts a request in; the returned function counts it out. */
  enter(): () => void;
  /** No new requests come: everything is closed when those that run have ended. */
  retire(): Promise<void>;
}

export interface ServedGraph {
  endpoint: Endpoint<BareRequest>;
  /** What clients see. */
  schema: GraphQLSchema;
  operationOf: Documents["operationOf"];
}

/** Reads a supergraph and makes what serves it. Rejects with `SupergraphError` or a fault of the configuration. */
export async function openServing(
  sdl: string,
  config: Config,
  observer: Observer,
  textOf: Steps<BareRequest>["textOf"],
): Promise<Serving> {
  const { waiting, waitingPerCaller, planningMs, cacheBytes } = config.planner;
  const graph = await openGraph(sdl, {
    limits: { waitingMax: waiting, waitingPerCallerMax: waitingPerCaller, planningMs, cacheBytesMax: cacheBytes },
    observer,
  });
  const sharing = config.traffic.sharedFetches ? createSharedFetches() : undefined;
  const transports = new Map(
    graph.subgraphs.map((each) => [each.name, transportOf(each, config, observer, sharing)] as const),
  );
  const at = new Map([[config.path, servedGraph(graph, transports, config, observer, textOf)]]);
  try {
    for (const { path, ...rules } of config.contracts)
      at.set(path, servedGraph(contractOf(graph, rules), transports, config, observer, textOf));
  } catch (error) {
    await Promise.all([graph.close(), ...[...transports.values()].map((transport) => transport.close())]);
    throw error;
  }

  let running = 0;
  let isRetired = false;
  let ended = () => {};
  const idle = new Promise<void>((resolve) => (ended = resolve));
  return {
    at,
    graphId: graph.id,
    subgraphs: graph.subgraphs.map(({ name }) => name),
    enter() {
      running++;
      let isIn = true;
      return () => {
        if (!isIn) return;
        isIn = false;
        if (--running === 0 && isRetired) ended();
      };
    },
    async retire() {
      isRetired = true;
      if (running === 0) ended();
      await idle;
      await Promise.all([graph.close(), ...[...transports.values()].map((transport) => transport.close())]);
    },
  };
}

/** The steps of one endpoint: of the whole graph, or of a contract, which has its own schema and shares all the rest. */
function servedGraph(
  graph: Graph,
  transports: ReadonlyMap<string, SubgraphTransport<BareRequest>>,
  config: Config,
  observer: Observer,
  textOf: Steps<BareRequest>["textOf"],
): ServedGraph {
  const plain = createEngine<BareRequest>({
    graph,
    transports,
    describeError: (error, subgraph) => ({
      ...error,
      extensions: { code: "DOWNSTREAM_SERVICE_ERROR", ...error.extensions, serviceName: subgraph },
    }),
    describeFault: faultTold,
    observer,
  });
  const engine = withHub(plain, {
    queuedMax: config.subscriptions.queued,
    awayMaxMs: config.subscriptions.awayMs,
    sharingKey: sharingKeyOf(config),
    lasting: (request, signal) => request.lasting(signal),
    describeFault: faultTold,
  });
  const { characters, tokens, nesting, depth, aliases, fields, rootFields, directives } = config.limits;
  const documents = createDocuments({
    schema: graph.apiSchema,
    introspection: config.introspection !== false,
    suggestions: config.introspection === true,
    parse: parserWithin({
      charactersMax: characters,
      tokensMax: tokens,
      nestingMax: nesting,
      depthMax: depth,
      aliasesMax: aliases,
      fieldsMax: fields,
      rootFieldsMax: rootFields,
      directivesMax: directives,
    }),
  });
  const { demandControl } = config;
  const charge: Steps<BareRequest>["charge"] = demandControl
    ? createCharge({
        ...demandControl,
        model: createCostModel(graph.apiSchema, graph.supergraphSchema, demandControl),
        isAsked: (request) => (request as BareRequest).headers["expose-cost"] === "true",
      })
    : () => (answer) => answer;
  const permit = createPermit({
    schema: graph.apiSchema,
    supergraphSchema: graph.supergraphSchema,
    refuseWhole: config.authorization.refuseWhole,
    filtersIntrospection: config.introspection === "permitted",
  });
  const endpoint = createEndpoint<BareRequest>(
    {
      ...documents,
      textOf,
      charge,
      permit,
      engine,
    },
    observer,
  );
  return { endpoint, schema: graph.apiSchema, operationOf: documents.operationOf };
}

function transportOf(
  { name, url }: { name: string; url: string },
  config: Config,
  observer: Observer,
  sharing: SharedFetches | undefined,
): SubgraphTransport<BareRequest> {
  const own = config.subgraphs[name];
  const address = own?.url ?? url;
  if (!URL.canParse(address)) throw new Error(`The subgraph "${name}" has no address: name it in the configuration.`);
  const headersFor = compileHeaderRules([...config.headers, ...(own?.headers ?? [])]);
  const socket = socketSource<BareRequest>({
    name,
    url: own?.subscriptionUrl ?? address.replace(/^http/, "ws"),
    headersFor: headersFor && (({ request }) => headersFor(request.headers)),
  });
  const { timeoutMs, connections, concurrency, waiting, retries, answerBytes } = config.traffic;
  const transport = httpTransport<BareRequest>({
    name,
    url: address,
    connections,
    answerBytesMax: answerBytes,
    headersFor: headersFor && (({ request }) => headersFor(request.headers)),
    subscribe: socket.subscribe,
    onClose: socket.close,
  });
  const limits = {
    timeoutMs: own?.timeoutMs ?? timeoutMs,
    concurrencyMax: concurrency,
    waitingMax: waiting,
    retriesMax: retries,
  };
  const careful = guarded(transport, limits, observer);
  const toldOf = headersFor ? (request: BareRequest) => JSON.stringify(headersFor(request.headers)) : () => "";
  return sharing ? sharing.over(careful, toldOf) : careful;
}

const told: Record<SubgraphFault["reason"], string> = {
  TIMEOUT: "took too long",
  UNREACHABLE: "doesn't answer",
  OVERLOADED: "has too much to do",
  BREAKER_OPEN: "doesn't answer",
  HTTP_STATUS: "failed",
  NOT_GRAPHQL: "gave an answer that can't be read",
  TOO_LARGE: "gave an answer that is too large",
  ABORTED: "was given up",
};

/**
 * Subgraphs know of callers what the header rules tell them and nothing else; what a caller may see of the graph is
 * decided by their claims.
 */
function sharingKeyOf(config: Config): (request: BareRequest) => string {
  const rules = [...config.headers, ...Object.values(config.subgraphs).flatMap(({ headers }) => headers)];
  const told = rules.flatMap((rule) => ("propagate" in rule ? [rule.propagate.toLowerCase()] : []));
  return ({ headers, claims }) =>
    JSON.stringify([claims.isAuthenticated, [...claims.scopes].sort(), told.map((name) => headers[name] ?? null)]);
}

/** What clients are told of a fetch without an answer: never an address. */
const faultTold = ({ reason, subgraph, status }: SubgraphFault) => ({
  message: `The subgraph "${subgraph}" ${told[reason]}.`,
  extensions: {
    code: "DOWNSTREAM_SERVICE_ERROR",
    reason,
    serviceName: subgraph,
    ...(status !== undefined && { status }),
  },
});
