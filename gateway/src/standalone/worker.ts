// One of several processes that serve on one port: it is told what to serve, and when to stop, by the first (workers.ts).
import cluster from "node:cluster";
import pino, { type Logger } from "pino";
import { AggregatorRegistry } from "prom-client";
import { createMetrics } from "../metrics";
import { serveSupergraph, type RunningBareGateway } from "./serve";
import { started } from "./starting";
import { aliveEveryMs, type ToFirst, type ToWorker } from "./workers";

let gateway: RunningBareGateway | undefined;
let takeText: (text: string) => Promise<void> = async () => {};
let lastMetricsId = 0;
const metricsAsked = new Map<number, (text: string | null) => void>();

const tell = (message: ToFirst): void => void process.send!(message);

async function serve({ config, text, watch }: Extract<ToWorker, { kind: "serve" }>): Promise<void> {
  const log: Logger = pino({ level: config.telemetry.logLevel, base: { worker: cluster.worker!.id } });
  const metrics = createMetrics();
  AggregatorRegistry.setRegistries([metrics.registry]);
  new AggregatorRegistry();
  const supergraph = {
    read: async () => text,
    watch: async (onText: (text: string) => Promise<void>) => {
      takeText = onText;
    },
  };
  const o = { supergraph, config, watch, log, metrics, metricsText: metricsOfAll };
  gateway = await started(() => serveSupergraph(o));
  tell({ kind: "ready", url: gateway.url });
}

async function metricsOfAll(): Promise<string> {
  const id = ++lastMetricsId;
  const text = await new Promise<string | null>((resolve) => {
    metricsAsked.set(id, resolve);
    tell({ kind: "metrics", id });
  });
  metricsAsked.delete(id);
  if (text === null) throw new Error("The workers' metrics couldn't be added up.");
  return text;
}

async function stop(): Promise<void> {
  await gateway?.stop();
  process.exit(0);
}

process.on("message", (message: ToWorker) => {
  if (message.kind === "serve")
    serve(message).catch((error: unknown) => {
      tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
    });
  else if (message.kind === "supergraph")
    takeText(message.text).then(
      () => tell({ kind: "taken", text: message.text }),
      (error: unknown) => tell({ kind: "refused", text: message.text, message: (error as Error).message }),
    );
  else if (message.kind === "metrics") metricsAsked.get(message.id)?.(message.text);
  else if (message.kind === "stop") void stop();
});
setInterval(() => process.connected && tell({ kind: "alive" }), aliveEveryMs).unref();
process.once("disconnect", () => void stop());
// A terminal sends these to all processes at once; the first one says when to stop.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
