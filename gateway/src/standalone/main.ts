#!/usr/bin/env -S node --max-semi-space-size=32
// What a request allocates is garbage when it is answered: with room for more of it, little is copied while it lives.
/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports -- require() loads a module later and finds its source as well as
   its compiled form; import() would need the file's extension, which differs between the two. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import pino from "pino";
import { readConfig, type Config } from "./config";
import { ConfigError } from "./config-file";
import { started } from "./starting";

const usage = `atrium-gateway: a GraphQL Federation gateway for any supergraph

  atrium-gateway --supergraph FILE|URL [--port N] [--host ADDRESS] [--config FILE] [--watch] [--workers N]
  atrium-gateway compose SCHEMA… | --config supergraph.yaml [--output FILE]
  atrium-gateway validate --supergraph FILE|URL [--config FILE]

  --supergraph  the composed supergraph's schema: a file, or an address that serves it
  --port        the port to listen on (4000; 0 takes a free one)
  --host        the address to listen on (127.0.0.1)
  --config      a configuration in YAML or JSON: authentication, headers, limits, …
  --watch       take over a changed supergraph without a restart
  --workers     the processes that serve, on one port; "auto" takes one for each core

compose writes the supergraph of subgraphs' schemas: of files that are named as their subgraphs are (accounts.graphql,
or accounts=schema.graphql), or of what a supergraph.yaml in rover's form lists. validate says whether a supergraph and
a configuration can be served.
`;

// A command loads what it needs: a worker's parent has no use for a planner.
const load = {
  commands: () => require("./commands") as typeof import("./commands"),
  serve: () => require("./serve") as typeof import("./serve"),
  workers: () => require("./workers") as typeof import("./workers"),
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      supergraph: { type: "string" },
      port: { type: "string" },
      host: { type: "string" },
      config: { type: "string" },
      output: { type: "string" },
      workers: { type: "string", default: "1" },
      watch: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  const [command, ...rest] = positionals;
  if (command === "compose") {
    const { compose } = load.commands();
    const { config, output } = values;
    return compose({ config, files: rest, output, say: writeTo(process.stdout), warn: writeTo(process.stderr) });
  }
  if ((command !== undefined && command !== "validate") || rest.length > 0)
    throw new ConfigError(`There is no command "${[...positionals].join(" ")}".\n\n${usage}`);
  const { supergraph } = values;
  if (supergraph === undefined)
    throw new ConfigError(`--supergraph says which supergraph to ${command ?? "serve"}.\n\n${usage}`);
  const config = readConfig(values.config);
  if (command === "validate") {
    const { validate } = load.commands();
    return validate({ supergraph, config, say: writeTo(process.stdout) });
  }
  if (values.port !== undefined) config.port = wholeNumber("port", values.port, 0, 65_535);
  if (values.host !== undefined) config.host = values.host;
  const count = values.workers === "auto" ? availableParallelism() : wholeNumber("workers", values.workers, 1, 256);
  await serve({ supergraph, config, watch: values.watch, count });
}

async function serve(o: { supergraph: string; config: Config; watch: boolean; count: number }): Promise<void> {
  const log = pino({ level: o.config.telemetry.logLevel, base: null });
  const gateway =
    o.count === 1
      ? await started(() => load.serve().serveSupergraph({ ...o, log }))
      : await load.workers().serveByWorkers({ ...o, log });
  log.info({ url: gateway.url, workers: o.count }, "Ready.");
  let isStopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      // Whoever asks twice means it.
      if (isStopping) process.exit(1);
      isStopping = true;
      log.info({ signal }, "Stopping.");
      gateway.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, "Stopping failed.");
          process.exit(1);
        },
      );
    });
}

function wholeNumber(option: string, text: string, min: number, max: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < min || number > max)
    throw new ConfigError(`--${option}: "${text}" is no whole number from ${min} to ${max}.`);
  return number;
}

const writeTo = (stream: NodeJS.WriteStream) => (text: string) => void stream.write(text);

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  const isTaken = /\bEADDRINUSE\b/.test(message);
  process.stderr.write(`${isTaken ? `The port is taken by another program: ${message}` : message}\n`);
  process.exitCode = 1;
  // A thread or a worker that has begun doesn't hold the process.
  setImmediate(() => process.exit(1));
});
