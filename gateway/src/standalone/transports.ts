import type { Observer } from "../observing/observer";
import { eventSource } from "../subgraphs/event-source";
import { guarded } from "../subgraphs/guards";
import { httpTransport } from "../subgraphs/http-transport";
import { createSharedFetches, type SharedFetches } from "../subgraphs/shared-fetches";
import { socketSource } from "../subgraphs/socket-source";
import type { SubgraphFault, SubgraphRequest, SubgraphTransport } from "../subgraphs/transport";
import type { BareRequest } from "./bare-request";
import type { Config } from "./config";
import { ConfigError } from "./config-file";
import { compileHeaderRules } from "./header-rules";
import { publicSecondsIn } from "./response-cache";

export type Transports = ReadonlyMap<string, SubgraphTransport<BareRequest>>;

/** Where each subgraph is: where the configuration says, or the supergraph. Throws `ConfigError` where neither does. */
export function addressesOf(
  subgraphs: readonly { name: string; url: string }[],
  config: Config,
): ReadonlyMap<string, string> {
  const addresses = new Map(subgraphs.map(({ name, url }) => [name, config.subgraphs[name]?.url ?? url] as const));
  const faults = [...addresses].flatMap(([name, url]) => (isAddress(url) ? [] : [`  subgraphs.${name}.url: "${url}"`]));
  if (faults.length > 0)
    throw new ConfigError(
      `Subgraphs have no address in the supergraph, and none in the configuration:\n${faults.join("\n")}`,
    );
  return addresses;
}

const isAddress = (url: string): boolean => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);

/** Those that the configuration names and the supergraph doesn't know. */
export const strangersIn = ({ subgraphs }: Config, known: readonly string[]): string[] =>
  Object.keys(subgraphs).filter((name) => !known.includes(name));

/** The ways to the subgraphs, each by its own rules and guards. Throws `ConfigError` where one has no address. */
export function openTransports(
  subgraphs: readonly { name: string; url: string }[],
  config: Config,
  observer: Observer,
): Transports {
  const sharing = config.traffic.sharedFetches ? createSharedFetches() : undefined;
  const addresses = [...addressesOf(subgraphs, config)];
  return new Map(addresses.map(([name, url]) => [name, transportOf(name, url, config, observer, sharing)]));
}

function transportOf(
  name: string,
  address: string,
  config: Config,
  observer: Observer,
  sharing: SharedFetches | undefined,
): SubgraphTransport<BareRequest> {
  const own = config.subgraphs[name];
  const headersFor = compileHeaderRules([...config.headers, ...(own?.headers ?? [])]);
  const { timeoutMs, connections, concurrency, waiting, retries, answerBytes } = config.traffic;
  const told = headersFor && (({ request }: SubgraphRequest<BareRequest>) => headersFor(request.headers));
  const bySse = own?.subscriptionProtocol === "sse";
  const events = (bySse ? eventSource : socketSource)<BareRequest>({
    name,
    url: own?.subscriptionUrl ?? (bySse ? address : address.replace(/^http/, "ws")),
    headersFor: told,
    eventBytesMax: answerBytes,
  });
  const transport = httpTransport<BareRequest>({
    name,
    url: address,
    connections,
    answerBytesMax: answerBytes,
    headersFor: told,
    ...(config.responseCache.enabled && {
      onAnswered: (headers, { kind, request }) =>
        request.policy.restrict(kind === "query" ? publicSecondsIn(headers) : 0),
    }),
    subscribe: events.subscribe,
    onClose: events.close,
  });
  const limits = {
    timeoutMs: own?.timeoutMs ?? timeoutMs,
    concurrencyMax: concurrency,
    waitingMax: waiting,
    retriesMax: retries,
  };
  const careful = guarded(transport, limits, observer);
  if (!sharing) return careful;
  return sharing.over(careful, {
    toldOf: headersFor ? ({ headers }) => JSON.stringify(headersFor(headers)) : () => "",
    // What the subgraph allows is heard by whoever asked it first.
    onJoined: ({ policy }, first) => policy.restrict(first.policy.publicSeconds),
  });
}

const saidOf: Record<SubgraphFault["reason"], string> = {
  TIMEOUT: "took too long",
  UNREACHABLE: "doesn't answer",
  OVERLOADED: "has too much to do",
  BREAKER_OPEN: "doesn't answer",
  HTTP_STATUS: "failed",
  NOT_GRAPHQL: "gave an answer that can't be read",
  TOO_LARGE: "gave an answer that is too large",
  ABORTED: "was given up",
};

/** What clients are told of a fetch without an answer: never an address. */
export const faultTold = ({ reason, subgraph, status }: SubgraphFault) => ({
  message: `The subgraph "${subgraph}" ${saidOf[reason]}.`,
  extensions: {
    code: "DOWNSTREAM_SERVICE_ERROR",
    reason,
    serviceName: subgraph,
    ...(status !== undefined && { status }),
  },
});
