import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { collectDefaultMetrics } from "prom-client";
import { z } from "zod";
import { openPlatform, sharedSettings, type OpenPlatform } from "./distributed-platform";
import { createLog } from "./log";
import { describeFault } from "./masking";
import type { RunningSubgraph } from "./operation";
import type { Platform } from "./platform";
import { checked } from "./readiness";
import { parseSettings, SettingsError } from "./settings";
import { startTelemetry } from "./telemetry";

/** The settings of every process that runs one subgraph. */
export const processSettings = z.object({
  ...sharedSettings.shape,
  ATRIUM_SECRET: z
    .string()
    .min(32)
    .describe("The installation's secret, the same in every process. At least 32 characters."),
  PUBLIC_URL: z.url().default("http://localhost:4000").describe("Where clients reach the gateway."),
  HOST: z.string().default("0.0.0.0").describe("The address to listen on."),
  PORT: z.coerce.number().int().min(0).max(65_535).default(4001).describe("The port to listen on."),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("How much is logged."),
  METRICS_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe("What Prometheus sends as its bearer token; without one, /metrics is closed."),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional().describe("Where traces are sent; without one, none are made."),
});

// Kubernetes kills after 30 s; what hasn't ended by then is cut off by us, with a word in the log.
const shutdownMaxMs = 25_000;

type Start = (platform: Platform) => Promise<RunningSubgraph>;

/** Runs one subgraph as a process of its own, until it is told to stop: SIGTERM or SIGINT. */
export function runAlone(name: string, start: Start): void {
  const log = createLog(name);
  serveAlone(name, start, { env: process.env, log }).then(
    ({ stop }) => {
      const end = (signal: NodeJS.Signals) => {
        log.info({ signal }, "Stopping.");
        setTimeout(() => {
          log.error("Stopping took too long; ending at once.");
          process.exit(1);
        }, shutdownMaxMs).unref();
        stop().then(
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
    },
    (error: unknown) => {
      if (error instanceof SettingsError) process.stderr.write(`${error.message}\n`);
      else log.fatal({ fault: describeFault(error) }, "The service could not start.");
      process.exit(1);
    },
  );
}

const orphanedMaxMs = 5_000;

/**
 * For a process that another one has started and keeps a channel to: tells it that we are ready, and ends when it is
 * gone, however it went.
 */
export function underParent(end: () => void): void {
  if (!process.send) return;
  process.once("disconnect", () => {
    setTimeout(() => process.exit(1), orphanedMaxMs).unref();
    end();
  });
  // Gone before we were ready: nobody is told, and nobody would end us.
  if (process.connected) process.send("ready");
  else process.exit(1);
}

/** `runAlone` without the process around it: no signals, no exit. */
export async function serveAlone(
  name: string,
  start: Start,
  { env, log }: { env: NodeJS.ProcessEnv; log: Logger },
): Promise<{ url: string; stop(): Promise<void> }> {
  const settings = parseSettings(processSettings, env);
  const stopTelemetry = await startTelemetry(name, env);
  const { ATRIUM_SECRET: secret, PUBLIC_URL } = settings;
  const opened = await openPlatform(settings, { name, secret, publicUrl: PUBLIC_URL.replace(/\/$/, ""), env, log });
  const subgraph = await start(opened.platform).catch(async (error: unknown) => {
    await opened.close();
    throw error;
  });
  collectDefaultMetrics({ register: subgraph.registry });
  const everything = readinessWith(subgraph, opened.readiness, log);
  const server = createServer((request, response) => {
    if (request.url === "/ready") void everything(response);
    else subgraph.handle(request, response);
  });
  // Longer than the gateway keeps an idle connection, so that it is never closed under a request of the gateway's.
  server.keepAliveTimeout = 60_000;
  const stop = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await subgraph.stop();
    server.closeAllConnections();
    await closed;
    await opened.close();
    await stopTelemetry();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(settings.PORT, settings.HOST, resolve);
    });
  } catch (error) {
    await stop();
    throw (error as NodeJS.ErrnoException).code === "EADDRINUSE"
      ? new SettingsError([`PORT: ${settings.PORT} is in use by another program.`])
      : error;
  }
  const { port } = server.address() as AddressInfo;
  log.info({ host: settings.HOST, port }, "Ready.");
  return { url: `http://127.0.0.1:${port}`, stop };
}

/** Answers with what the subgraph needs, and what every process does. */
function readinessWith(subgraph: RunningSubgraph, readiness: OpenPlatform["readiness"], log: Logger) {
  return async (response: ServerResponse) => {
    const checks = Object.entries(readiness).map(async ([thing, check]) => [thing, await checked(check, log)] as const);
    const answer = { ...Object.fromEntries(await Promise.all(checks)), ...(await subgraph.ready()) };
    const status = Object.values(answer).every(({ ok }) => ok) ? 200 : 503;
    response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(answer));
  };
}
