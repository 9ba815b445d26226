import type { GraphQLSchema } from "graphql";
import { createDocuments, type Documents } from "../graph/documents";
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
import { socketSource } from "../subgraphs/socket-source";
import type { SubgraphFault, SubgraphTransport } from "../subgraphs/transport";
import { withHub } from "../subscriptions/hub";
import type { BareRequest } from "./bare-request";
import type { Config } from "./config";
import { ConfigError } from "./config-file";
import { compileHeaderRules } from "./header-rules";
import { publicSecondsIn, withResponseCache, type SharingKey } from "./response-cache";
import { nobody } from "./tokens";

/** One supergraph with all that serves it. It lives until it is retired and the last request on it has ended. */
export interface Serving {
  endpoint: Endpoint<BareRequest>;
  /** What clients see. */
  schema: GraphQLSchema;
  operationOf: Documents["operationOf"];
  /** Whether nothing is known of the caller that could change the answer. */
  isAnybodys(request: BareRequest): boolean;
  graphId: string;
  subgraphs: readonly string[];
  /** Counts a request in; the returned function counts it out. */
  enter(): () => void;
  /** No new requests come: everything is closed when those that run have ended. */
  retire(): Promise<void>;
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
  let transports: Map<string, SubgraphTransport<BareRequest>>;
  try {
    const addresses = [...addressesOf(graph.subgraphs, config)];
    transports = new Map(addresses.map(([name, url]) => [name, transportOf(name, url, config, observer)] as const));
  } catch (error) {
    await graph.close();
    throw error;
  }
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
  const sharingKey = sharingKeyOf(config);
  const nobodysKey = sharingKey({ headers: {}, claimsKey: nobody.claimsKey });
  const { enabled, ...kept } = config.responseCache;
  const engine = withHub(enabled ? withResponseCache(plain, { ...kept, sharingKey }) : plain, {
    queuedMax: config.subscriptions.queued,
    awayMaxMs: config.subscriptions.awayMs,
    sharingKey,
    lasting: (request, signal) => request.lasting(signal),
    describeFault: faultTold,
  });
  const { characters, tokens, nesting, depth, aliases, fields, rootFields, directives } = config.limits;
  const documents = createDocuments({
    schema: graph.apiSchema,
    introspection: config.introspection,
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
  const permit = createPermit({ schema: graph.apiSchema, supergraphSchema: graph.supergraphSchema });
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

  let running = 0;
  let isRetired = false;
  let ended = () => {};
  const idle = new Promise<void>((resolve) => (ended = resolve));
  return {
    endpoint,
    schema: graph.apiSchema,
    operationOf: documents.operationOf,
    isAnybodys: (request) => sharingKey(request) === nobodysKey,
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

/** Where each subgraph is: where the configuration says, or the supergraph. Throws `ConfigError` where neither does. */
export function addressesOf(
  subgraphs: readonly { name: string; url: string }[],
  config: Config,
): ReadonlyMap<string, string> {
  const addresses = new Map(subgraphs.map(({ name, url }) => [name, config.subgraphs[name]?.url ?? url] as const));
  const faults = [...addresses].flatMap(([name, url]) => (isAddress(url) ? [] : [`  subgraphs.${name}.url: "${url}"`]));
  if (faults.length > 0)
    throw new ConfigError(`Subgraphs have no address in the supergraph, and none in the configuration:\n${faults.join("\n")}`);
  return addresses;
}

const isAddress = (url: string): boolean => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

/** Those that the configuration names and the supergraph doesn't know. */
export const strangersIn = (config: Config, subgraphs: readonly { name: string }[]): string[] =>
  Object.keys(config.subgraphs).filter((name) => !subgraphs.some((each) => each.name === name));

function transportOf(
  name: string,
  address: string,
  config: Config,
  observer: Observer,
): SubgraphTransport<BareRequest> {
  const own = config.subgraphs[name];
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
    ...(config.responseCache.enabled && {
      onAnswered: (headers, { kind, request }) => request.policy.restrict(kind === "query" ? publicSecondsIn(headers) : 0),
    }),
    subscribe: socket.subscribe,
    onClose: socket.close,
  });
  const limits = {
    timeoutMs: own?.timeoutMs ?? timeoutMs,
    concurrencyMax: concurrency,
    waitingMax: waiting,
    retriesMax: retries,
  };
  return guarded(transport, limits, observer);
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
function sharingKeyOf(config: Config): SharingKey {
  const rules = [...config.headers, ...Object.values(config.subgraphs).flatMap(({ headers }) => headers)];
  const told = rules.flatMap((rule) => ("propagate" in rule ? [rule.propagate.toLowerCase()] : []));
  return ({ headers, claimsKey }) => JSON.stringify([claimsKey, told.map((name) => headers[name] ?? null)]);
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
