import { folderBlobs } from "@atrium/blobs";
import { provisionDatabase, startEmbeddedPostgres } from "@atrium/database";
import { postgresEphemeral } from "@atrium/ephemeral";
import { causedBy, embeddedTransport } from "@atrium/events";
import { accessSourceOver, inProcessClient, startGateway, type SubgraphClient } from "@atrium/gateway";
import { createLog, startTelemetry, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { inProcessTopics } from "@atrium/topics";
import { GraphQLError } from "graphql";
import path from "node:path";
import { closing, type Closing } from "./closing";
import { openInstallation } from "./installation";
import { portTaken, reservePort } from "./port";
import { silent, type Progress } from "./progress";
import { StartRefused } from "./refusals";
import type { Running } from "./run";
import { services } from "./services";
import { readSettings, type EmbeddedSettings } from "./settings";

/** The whole product, running in this process. */
export interface Embedded extends Running {
  settings: EmbeddedSettings;
  /** Ends requests, subscriptions, jobs and events, then the database, in this order. */
  stop(): Promise<void>;
}

/** Starts everything on the data of `env.ATRIUM_DATA`; when it can't, stops again what it had started, and throws. */
export async function startEmbedded({
  env,
  progress = silent,
  close = closing(),
}: {
  env: NodeJS.ProcessEnv;
  progress?: Progress;
  /** Gets to know what has to be closed, while it is being opened. */
  close?: Closing;
}): Promise<Embedded> {
  try {
    return { ...(await start(env, progress, close)), stop: close.now };
  } catch (error) {
    // The first failure tells the cause.
    await close.now().catch(() => {});
    throw error;
  }
}

async function start(env: NodeJS.ProcessEnv, progress: Progress, close: Closing): Promise<Omit<Embedded, "stop">> {
  const settings = readSettings(env);
  const log = createLog("atrium", { LOG_LEVEL: settings.LOG_LEVEL });
  const installation = openInstallation(settings.ATRIUM_DATA);
  close.later(() => installation.release());
  const { directory, secret } = installation;

  const endpoint = await reservePort(settings.PORT, settings.HOST);
  close.later(() => endpoint.release());
  const origin = `http://${endpoint.name}:${endpoint.port}`;
  close.later(await startTelemetry("atrium", env));

  const postgres = await progress.step("Starting the database", () =>
    startEmbeddedPostgres({ directory: path.join(directory, "postgres"), log }),
  );
  close.later(() => postgres.stop());

  const { running, clients } = await progress.step(`Starting ${listOf(Object.keys(services))}`, async () => {
    const database = (service: string) => provisionDatabase(postgres.adminUrl, service);
    const ephemeral = await postgresEphemeral({ ...(await database("ephemeral")), log });
    close.later(() => ephemeral.close());
    const topics = inProcessTopics();
    close.later(() => topics.close());
    const blobs = await folderBlobs(path.join(directory, "blobs"));
    const transport = embeddedTransport({ groups: Object.keys(services) });
    const publicUrl = settings.PUBLIC_URL?.replace(/\/$/, "") ?? origin;
    return startServices(
      { shape: "embedded", secret, env, log, publicUrl, database, transport, topics, blobs, ephemeral },
      close,
    );
  });

  const gateway = await progress.step("Opening the endpoint", async () => {
    const supergraph = await supergraphOf(running);
    const { identity, tenancy } = Object.fromEntries(clients.map((client) => [client.name, client]));
    await endpoint.release();
    return startGateway({
      subgraphs: clients,
      accessSource: accessSourceOver({ identity: identity!, tenancy: tenancy! }),
      supergraph,
      port: endpoint.port,
      host: endpoint.host,
      cors: { origins: [], localhost: true },
      operations: { manifest: settings.OPERATIONS_MANIFEST, unknown: settings.UNKNOWN_OPERATIONS },
      demand: { costMax: settings.COST_MAX, costPerMinuteMax: settings.COST_PER_MINUTE_MAX },
      contracts: settings.CONTRACTS,
      metricsToken: settings.METRICS_TOKEN,
      log,
    }).catch((error: NodeJS.ErrnoException) => {
      throw error.code === "EADDRINUSE" ? new StartRefused(portTaken(endpoint.port)) : error;
    });
  });
  close.later(() => gateway.stop());
  const here = `http://${endpoint.address}:${endpoint.port}`;
  return { url: `${origin}/graphql`, origin: here, installation, settings };
}

type Shared = Omit<Platform, "call" | "callInternal">;

/** Starts all services at once. One that asks another before that is up waits for it. */
async function startServices(
  shared: Shared,
  close: Closing,
): Promise<{ running: RunningSubgraph[]; clients: SubgraphClient[] }> {
  const starting = new Map<string, Promise<RunningSubgraph>>();
  const serviceOf = async (name: string) => {
    const service = await starting.get(name);
    if (!service) throw new Error(`There is no service "${name}".`);
    return service;
  };
  const platform: Platform = {
    ...shared,
    async call(name, request) {
      const service = await serviceOf(name).catch(() => null);
      return service ? service.execute(request) : unavailable(name);
    },
    async callInternal(name, operation, input) {
      const { internal } = await serviceOf(name);
      const call = Object.hasOwn(internal, operation) ? internal[operation] : undefined;
      if (!call) throw new Error(`The service "${name}" has no internal operation "${operation}".`);
      // As over HTTP: what is caused by one service's request isn't by another's.
      return causedBy(undefined, () => call(input));
    },
  };
  for (const [name, startService] of Object.entries(services)) starting.set(name, startService(platform));
  const outcomes = await Promise.allSettled(starting.values());
  const running = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  close.later(() => stopAll(running));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
  return { running, clients: running.map((subgraph) => inProcessClient(subgraph, { secret: shared.secret })) };
}

async function stopAll(running: readonly RunningSubgraph[]): Promise<void> {
  const outcomes = await Promise.allSettled(running.map((subgraph) => subgraph.stop()));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}

const unavailable = (service: string) => ({
  errors: [
    new GraphQLError(`The service ${service} doesn't answer.`, {
      extensions: { code: "SERVICE_UNAVAILABLE", service },
    }),
  ],
});

/** The committed supergraph; while the sources run as they are, what they compose to at this moment. */
async function supergraphOf(running: readonly RunningSubgraph[]): Promise<string | undefined> {
  if (!__filename.endsWith(".ts")) return undefined;
  const { composeSupergraph } = await import("@atrium/gateway/composition");
  return composeSupergraph(running.map(({ name, sdl }) => ({ name, sdl }))).supergraph;
}

const listOf = (names: readonly string[]) => new Intl.ListFormat("en-GB").format(names);
