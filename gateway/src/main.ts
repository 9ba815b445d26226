// The gateway as a process of its own, before services that are processes too.
import { createLog, describeFault, parseSettings, SettingsError, startTelemetry, underParent } from "@atrium/subgraph";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Logger } from "pino";
import { accessSourceOver } from "./access-source";
import { startGateway, type RunningGateway } from "./gateway";
import { subgraphsIn } from "./graph/open-graph";
import { httpClient } from "./http-client";
import { nodeSubgraph } from "./node";
import { gatewaySettings } from "./settings";
import type { SubgraphClient } from "./subgraph-client";
import { supergraphFile } from "./supergraph-file";

// Kubernetes kills after 30 s; what hasn't ended by then is cut off by us, with a word in the log.
const shutdownMaxMs = 25_000;

/** The gateway without the process around it: no signals, no exit. */
export async function serveGateway({ env, log }: { env: NodeJS.ProcessEnv; log: Logger }): Promise<RunningGateway> {
  const settings = parseSettings(gatewaySettings, env);
  const { ATRIUM_SECRET: secret, SERVICE_URLS } = settings;
  const supergraph = readFileSync(supergraphFile, "utf8");
  const names = subgraphsIn(supergraph).map(({ name }) => name);
  const missing = [...new Set([...names, "identity", "tenancy"])].filter(
    (name) => name !== nodeSubgraph && !SERVICE_URLS.has(name),
  );
  if (missing.length > 0) throw new SettingsError([`SERVICE_URLS doesn't say where these are: ${missing.join(", ")}`]);

  const clients = new Map<string, SubgraphClient>();
  for (const [name, url] of SERVICE_URLS)
    if (name !== "gateway") clients.set(name, httpClient({ name, url, secret, log }));
  const stopTelemetry = await startTelemetry("gateway", env, {
    carriesContext: false,
    sampling: settings.TRACES_SAMPLED,
  });
  const closeAll = async () => {
    await Promise.all([...clients.values()].map((client) => client.close()));
    await stopTelemetry();
  };
  try {
    const gateway = await startGateway({
      subgraphs: [...clients.values()],
      accessSource: accessSourceOver({ identity: clients.get("identity")!, tenancy: clients.get("tenancy")! }),
      supergraph,
      port: settings.PORT,
      host: settings.HOST,
      log,
      tokens: { issuer: settings.TOKEN_ISSUER, audience: settings.TOKEN_AUDIENCE },
      executor: settings.GATEWAY_EXECUTOR,
      slowOperationMs: settings.SLOW_OPERATION_MS,
      operations: { manifest: settings.OPERATIONS_MANIFEST, unknown: settings.UNKNOWN_OPERATIONS },
      demand: { costMax: settings.COST_MAX, costPerMinuteMax: settings.COST_PER_MINUTE_MAX },
      contracts: settings.CONTRACTS,
      introspection: settings.INTROSPECTION,
      explorer: settings.EXPLORER,
      cors: settings.CORS_ORIGINS,
      trustedProxies: settings.TRUSTED_PROXIES,
      // Whoever reaches the API reaches this path too: without a token of its own nobody reads it.
      metricsToken: settings.METRICS_TOKEN ?? randomBytes(32).toString("hex"),
    });
    log.info({ host: settings.HOST, port: gateway.port }, "Ready.");
    return { ...gateway, stop: () => gateway.stop().then(closeAll) };
  } catch (error) {
    await closeAll();
    throw (error as NodeJS.ErrnoException).code === "EADDRINUSE"
      ? new SettingsError([`PORT: ${settings.PORT} is in use by another program.`])
      : error;
  }
}

async function main(): Promise<void> {
  const log = createLog("gateway");
  try {
    const gateway = await serveGateway({ env: process.env, log });
    const end = (signal: NodeJS.Signals) => {
      log.info({ signal }, "Stopping.");
      setTimeout(() => {
        log.error("Stopping took too long; ending at once.");
        process.exit(1);
      }, shutdownMaxMs).unref();
      gateway.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ fault: describeFault(error) }, "Stopping failed.");
          process.exit(1);
        },
      );
    };
    process.once("SIGTERM", end);
    process.once("SIGINT", end);
    underParent(() => end("SIGHUP"));
  } catch (error) {
    if (error instanceof SettingsError) process.stderr.write(`${error.message}\n`);
    else log.fatal({ fault: describeFault(error) }, "The gateway could not start.");
    process.exit(1);
  }
}

if (require.main === module) void main();
