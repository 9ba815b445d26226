import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** A figure that the service supplies: how far its events lag, how many jobs wait. Read when metrics are asked for. */
export interface ServiceGauge {
  /** Prometheus' name, with its unit: `atrium_events_waiting`. */
  name: string;
  help: string;
  read(): number | Promise<number>;
}

export type Metrics = ReturnType<typeof subgraphMetrics>;

/** One registry per subgraph, so that several live in one process. Labels are of the schema, never of a client. */
export function subgraphMetrics(subgraph: string, gauges: readonly ServiceGauge[]) {
  const registry = new Registry();
  registry.setDefaultLabels({ subgraph });
  const registers = [registry];
  const operations = new Counter({
    name: "atrium_operations_total",
    help: "Operations, by their first field and how they ended (ok, or the code of the first error).",
    labelNames: ["kind", "field", "outcome"],
    registers,
  });
  const durations = new Histogram({
    name: "atrium_operation_duration_seconds",
    help: "How long queries and mutations took.",
    labelNames: ["kind", "field"],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const errors = new Counter({
    name: "atrium_errors_total",
    help: "Errors in results and of routes, by code.",
    labelNames: ["code"],
    registers,
  });
  const running = new Gauge({ name: "atrium_operations_running", help: "Operations that run now.", registers });
  const subscriptions = new Gauge({ name: "atrium_subscriptions", help: "Subscriptions that are open.", registers });
  const events = new Counter({
    name: "atrium_subscription_events_total",
    help: "Events sent to subscribers.",
    registers,
  });
  for (const { name, help, read } of gauges)
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        // One figure that can't be read must not hide the others.
        this.set(await Promise.resolve(read()).catch(() => NaN));
      },
    });
  return { registry, operations, durations, errors, running, subscriptions, events };
}
