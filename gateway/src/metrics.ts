import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { tally, timings } from "./observing/tallies";

// Names come from clients: past so many distinct ones, and past such a length, they are counted together.
const operationNamesMax = 200;
const clientNamesMax = 100;
const operationNameLengthMax = 64;

const seconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export type Metrics = ReturnType<typeof createMetrics>;

/** The gateway's own measurements, in a registry of its own so that several gateways fit in one process. */
export function createMetrics({ processMetrics = true }: { processMetrics?: boolean } = {}) {
  const registry = new Registry();
  const registers = [registry];
  if (processMetrics) collectDefaultMetrics({ register: registry });

  const requestAnswered = tally({
    name: "atrium_gateway_http_requests_total",
    help: "Answered HTTP requests by route and status.",
    labelNames: ["route", "method", "status"],
    registers,
  });
  const operationTook = timings({
    name: "atrium_gateway_operation_seconds",
    help: "GraphQL operations by name, type and outcome (ok, errors, refused), and how long they took.",
    labelNames: ["operation", "type", "outcome"],
    seconds,
    registers,
  });
  const fetchTook = timings({
    name: "atrium_gateway_fetch_seconds",
    help: "Calls to subgraphs by outcome (ok, errors, or why there was no answer), retries included.",
    labelNames: ["subgraph", "outcome"],
    seconds,
    registers,
  });
  const sockets = new Gauge({
    name: "atrium_gateway_sockets",
    help: "Open WebSockets.",
    registers,
  });
  const socketsClosed = new Counter({
    name: "atrium_gateway_sockets_closed_total",
    help: "Closed WebSockets by close code.",
    labelNames: ["code"],
    registers,
  });
  const subscriptions = new Gauge({
    name: "atrium_gateway_subscriptions",
    help: "Running subscriptions.",
    registers,
  });
  const events = new Counter({
    name: "atrium_gateway_subscription_events_total",
    help: "Events sent to subscribers.",
    registers,
  });

  const planAsked = tally({
    name: "atrium_gateway_plans_total",
    help: "Plans that operations asked for, by where they came from (cache, planner).",
    labelNames: ["source"],
    registers,
  });
  const planning = new Histogram({
    name: "atrium_gateway_planning_seconds",
    help: "Plannings by outcome (planned, refused, failed), their wait for a planner included.",
    labelNames: ["outcome"],
    buckets: seconds,
    registers,
  });
  const retries = new Counter({
    name: "atrium_gateway_fetch_retries_total",
    help: "Fetches that were sent again, by subgraph and why.",
    labelNames: ["subgraph", "reason"],
    registers,
  });
  const breakers = new Gauge({
    name: "atrium_gateway_breaker_state",
    help: "Circuit breakers by subgraph: 0 closed, 1 half open, 2 open.",
    labelNames: ["subgraph"],
    registers,
  });
  const clientAsked = tally({
    name: "atrium_gateway_client_operations_total",
    help: "Operations by the client's own name and version.",
    labelNames: ["client", "version"],
    registers,
  });

  const operationLabel = boundedLabel(operationNamesMax);
  const clientLabel = boundedLabel(clientNamesMax);
  const versionLabel = boundedLabel(clientNamesMax);

  return {
    registry,
    sockets,
    subscriptions,
    events,
    socketClosed: (code: number) => socketsClosed.inc({ code: String(code) }),
    requestAnswered: (route: string, method: string, status: number) => requestAnswered(route, method, String(status)),
    operationEnded(name: string | null | undefined, type: string, outcome: "ok" | "errors" | "refused", took: number) {
      // A refused operation's name was never checked: it doesn't take one of the places.
      const operation = outcome === "refused" ? "refused" : operationLabel(name);
      operationTook(took, operation, type, outcome);
    },
    fetchStarted(subgraph: string) {
      const startedAt = performance.now();
      return (outcome: "ok" | "errors" | "unavailable") =>
        fetchTook((performance.now() - startedAt) / 1000, subgraph, outcome);
    },
    fetchEnded: (subgraph: string, outcome: string, tookMs: number) => fetchTook(tookMs / 1000, subgraph, outcome),
    planFromCache: () => planAsked("cache"),
    planned(outcome: "planned" | "refused" | "failed", tookMs: number) {
      planAsked("planner");
      planning.observe({ outcome }, tookMs / 1000);
    },
    retried: (subgraph: string, reason: string) => retries.inc({ subgraph, reason }),
    breakerChanged: (subgraph: string, state: keyof typeof breakerStates) =>
      breakers.set({ subgraph }, breakerStates[state]),
    clientAsked: (name: string | undefined, version: string | undefined) =>
      clientAsked(clientLabel(name), versionLabel(version)),
  };
}

const breakerStates = { CLOSED: 0, HALF_OPEN: 1, OPEN: 2 };

function boundedLabel(distinctMax: number) {
  const known = new Set<string>();
  return (name: string | null | undefined): string => {
    if (!name) return "anonymous";
    if (known.has(name)) return name;
    if (name.length > operationNameLengthMax || known.size >= distinctMax) return "other";
    known.add(name);
    return name;
  };
}
