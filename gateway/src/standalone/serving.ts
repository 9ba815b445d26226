import type { GraphQLSchema } from "graphql";
import { createDocuments, type Documents } from "../graph/documents";
import { contractOf } from "../graph/contracts";
import type { Graph } from "../graph/graph";
import { openGraph } from "../graph/open-graph";
import { parserWithin } from "../admission/shape";
import { createPermit } from "../authorization/permit";
import type { Budget } from "../admission/budget";
import { createCharge } from "../admission/charge";
import { createCostModel } from "../admission/cost";
import { createEndpoint, type Endpoint, type Steps } from "../endpoint";
import { createEngine } from "../execution/create-engine";
import type { Observer } from "../observing/observer";
import { withHub } from "../subscriptions/hub";
import type { BareRequest } from "./bare-request";
import type { Config } from "./config";
import { withResponseCache, type SharingKey } from "./response-cache";
import { nobody } from "./tokens";
import { faultTold, openTransports, type Transports } from "./transports";

/** One supergraph with all that serves it. It lives until it is retired and the last request on it has ended. */
export interface Serving {
  /** What is served at each path: the whole graph at the configured one, its contracts at theirs. */
  at: ReadonlyMap<string, ServedGraph>;
  /** Whether nothing is known of the caller that could change the answer. */
  isAnybodys(request: BareRequest): boolean;
  /** The client's headers that an answer can depend on. */
  variesBy: readonly string[];
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

/** What goes on from one supergraph to the next, and is the same at every path. */
export interface Admission {
  textOf: Steps<BareRequest>["textOf"];
  budget?: Budget;
}

/** Reads a supergraph and makes what serves it. Rejects with `SupergraphError` or a fault of the configuration. */
export async function openServing(
  sdl: string,
  config: Config,
  observer: Observer,
  admission: Admission,
): Promise<Serving> {
  const { waiting, waitingPerCaller, planningMs, cacheBytes } = config.planner;
  const graph = await openGraph(sdl, {
    limits: { waitingMax: waiting, waitingPerCallerMax: waitingPerCaller, planningMs, cacheBytesMax: cacheBytes },
    observer,
  });
  const sharingKey = sharingKeyOf(config);
  const nobodysKey = sharingKey({ headers: {}, claimsKey: nobody.claimsKey });
  let transports: Transports = new Map();
  const at = new Map<string, ServedGraph>();
  const close = () => Promise.all([graph.close(), ...[...transports.values()].map((transport) => transport.close())]);
  try {
    transports = openTransports(graph.subgraphs, config, observer);
    for (const { path, ...rules } of [{ path: config.path }, ...config.contracts]) {
      const served = "include" in rules ? contractOf(graph, rules) : graph;
      at.set(path, servedGraph({ graph: served, transports, config, observer, admission, sharingKey }));
    }
  } catch (error) {
    await close();
    throw error;
  }

  let running = 0;
  let isRetired = false;
  let ended = () => {};
  const idle = new Promise<void>((resolve) => (ended = resolve));
  return {
    at,
    isAnybodys: (request) => sharingKey(request) === nobodysKey,
    variesBy: variesBy(config),
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
      await close();
    },
  };
}

/** The steps of one endpoint: of the whole graph, or of a contract, which has its own schema and shares all the rest. */
function servedGraph({
  graph,
  transports,
  config,
  observer,
  admission: { textOf, budget },
  sharingKey,
}: {
  graph: Graph;
  transports: Transports;
  config: Config;
  observer: Observer;
  admission: Admission;
  sharingKey: SharingKey;
}): ServedGraph {
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
  const { enabled, ...kept } = config.responseCache;
  const engine = withHub<BareRequest>(enabled ? withResponseCache(plain, { ...kept, sharingKey }) : plain, {
    queuedMax: config.subscriptions.queued,
    awayMaxMs: config.subscriptions.awayMs,
    sharingKey,
    lasting: (request, signal) => request.lasting(signal),
    describeFault: faultTold,
  });
  const { characters, tokens, nesting, depth, aliases, fields, rootFields, directives, operations } = config.limits;
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
      operationsMax: operations,
    }),
  });
  const { demandControl } = config;
  const charge: Steps<BareRequest>["charge"] = demandControl
    ? createCharge<BareRequest>({
        ...demandControl,
        budget,
        model: createCostModel(graph.apiSchema, graph.supergraphSchema, demandControl),
        isAsked: ({ headers }) => headers["expose-cost"] === "true",
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

const variesBy = (config: Config): string[] => [
  ...new Set([
    ...headersTold(config),
    ...(config.authentication ? ["authorization"] : []),
    ...(config.exposePlan ? ["apollo-expose-query-plan"] : []),
    ...(config.demandControl ? ["expose-cost"] : []),
  ]),
];

/** The client's headers that a rule passes on. */
const headersTold = ({ headers, subgraphs }: Config): string[] =>
  [...headers, ...Object.values(subgraphs).flatMap((own) => own.headers)].flatMap((rule) =>
    "propagate" in rule ? [rule.propagate.toLowerCase()] : [],
  );

/**
 * Subgraphs know of callers what the header rules tell them and nothing else; what a caller may see of the graph is
 * decided by their claims.
 */
function sharingKeyOf(config: Config): SharingKey {
  const told = headersTold(config);
  return ({ headers, claimsKey }) => JSON.stringify([claimsKey, told.map((name) => headers[name] ?? null)]);
}
