#!/usr/bin/env node
import { parseArgs } from "node:util";
import pino from "pino";
import { ConfigError, readConfig } from "./config";
import { serveSupergraph } from "./serve";
import { supergraphSource } from "./source";

const usage = `atrium-gateway: a GraphQL Federation gateway for any supergraph

  atrium-gateway --supergraph FILE|URL [--port N] [--host ADDRESS] [--config FILE] [--watch]

  --supergraph  the composed supergraph's schema: a file, or an address that serves it
  --port        the port to listen on (4000; 0 takes a free one)
  --host        the address to listen on (127.0.0.1)
  --config      a configuration in YAML or JSON: authentication, headers, limits, …
  --watch       take over a changed supergraph without a restart
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      supergraph: { type: "string" },
      port: { type: "string" },
      host: { type: "string" },
      config: { type: "string" },
      watch: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  if (!values.supergraph) throw new ConfigError(`--supergraph says which supergraph to serve.\n\n${usage}`);
  const config = readConfig(values.config);
  if (values.port !== undefined) {
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      throw new ConfigError(`--port: "${values.port}" is no port.`);
    config.port = port;
  }
  if (values.host !== undefined) config.host = values.host;
  const log = pino({ level: config.telemetry.logLevel, base: null });
  const gateway = await serveSupergraph({
    source: supergraphSource(values.supergraph, config.watchMs),
    config,
    watch: values.watch,
    log,
  });
  log.info({ url: gateway.url }, "Ready.");
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      log.info({ signal }, "Stopping.");
      void gateway.stop().then(() => process.exit(0));
    });
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
