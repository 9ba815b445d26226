import { closing, type Closing } from "@atrium/embedded/closing";
import { openInstallation } from "@atrium/embedded/installation";
import { reservePort } from "@atrium/embedded/port";
import { silent, type Progress } from "@atrium/embedded/progress";
import { StartRefused } from "@atrium/embedded/refusals";
import type { Running } from "@atrium/embedded/run";
import { services } from "@atrium/embedded/services";
import { root } from "@atrium/embedded/settings";
import { createLog } from "@atrium/subgraph";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Logger } from "pino";
import { startChild } from "./child";
import { keepRunning } from "./keep-running";
import { ownPort } from "./ports";
import { gateway } from "./replicas";
import { openServers, type Servers } from "./servers";
import { readSettings, type DistributedSettings } from "./settings";
import { makeWill } from "./will";

interface StartOptions {
  env: NodeJS.ProcessEnv;
  replicas: ReadonlyMap<string, number>;
  progress?: Progress;
  /** Gets to know what has to be closed, while it is being opened. */
  close?: Closing;
}

const readyMaxMs = 60_000;

/**
 * Starts the gateway and every service as processes of their own, on the data of `env.ATRIUM_DATA`, and keeps them
 * running. When it can't, it stops again what it had started, and throws.
 */
export async function startDistributed(options: StartOptions): Promise<Running> {
  const { close = closing() } = options;
  try {
    return { ...(await start({ ...options, close })), stop: close.now };
  } catch (error) {
    // The first failure tells the cause.
    await close.now().catch(() => {});
    throw error;
  }
}

async function start({
  env,
  replicas,
  progress = silent,
  close,
}: StartOptions & { close: Closing }): Promise<Omit<Running, "stop">> {
  const settings = readSettings(env);
  const log = createLog("atrium", { LOG_LEVEL: settings.LOG_LEVEL });
  const installation = openInstallation(settings.ATRIUM_DATA);
  close.later(() => installation.release());
  const endpoint = await reservePort(settings.PORT, settings.HOST);
  close.later(() => endpoint.release());
  const origin = `http://${endpoint.name}:${endpoint.port}`;
  const will = makeWill(installation.directory);
  close.later(() => will.revoke());

  const servers = await progress.step("Starting PostgreSQL, Redis and Kafka", () =>
    openServers({ settings, log, will, close }),
  );

  const addresses = await serviceAddresses(replicas);
  const shared: NodeJS.ProcessEnv = {
    ...env,
    NODE_ENV: "production",
    ATRIUM_SECRET: installation.secret,
    PUBLIC_URL: settings.PUBLIC_URL?.replace(/\/$/, "") ?? origin,
    LOG_LEVEL: settings.LOG_LEVEL,
    REDIS_URL: servers.redisUrl,
    KAFKA_BROKERS: servers.kafkaBrokers,
    BLOBS_DIRECTORY: path.join(installation.directory, "blobs"),
    SERVICE_URLS: addresses.map(({ name, port }) => `${name}=http://127.0.0.1:${port}`).join(","),
    HOST: "127.0.0.1",
    // A service has its own database, and no business with the server as a whole.
    DATABASE_ADMIN_URL: undefined,
  };
  await progress.step(`Starting ${described(replicas)}`, () =>
    startServices({ addresses, shared, servers, log, close }),
  );

  const here = `http://${endpoint.address}:${endpoint.port}`;
  const further = await progress.step("Opening the endpoint", async () => {
    await endpoint.release();
    const others = await Promise.all(Array.from({ length: replicas.get(gateway)! - 1 }, ownPort));
    const starting = [endpoint.port, ...others].map((port) =>
      startGateway({ port, host: endpoint.host, shared, settings, log, close }),
    );
    const failed = (await Promise.allSettled(starting)).find((outcome) => outcome.status === "rejected");
    if (failed) throw failed.reason;
    await untilReady(here);
    return others;
  });
  const notes = further.map((port) => `A further gateway: http://${endpoint.name}:${port}/graphql`);
  return { url: `${origin}/graphql`, origin: here, installation, settings, notes };
}

interface ServiceAddress {
  name: string;
  /** Of several of one service: the second is `knowledge 2`. */
  title: string;
  port: number;
}

async function serviceAddresses(replicas: ReadonlyMap<string, number>): Promise<ServiceAddress[]> {
  const wanted = Object.keys(services).flatMap((name) =>
    Array.from({ length: replicas.get(name)! }, (_, i) => ({ name, title: i === 0 ? name : `${name} ${i + 1}` })),
  );
  return Promise.all(wanted.map(async (each) => ({ ...each, port: await ownPort() })));
}

interface Shared {
  shared: NodeJS.ProcessEnv;
  log: Logger;
  close: Closing;
}

/** Starts all services at once. One that asks another before that is up asks again. */
async function startServices({
  addresses,
  shared,
  servers,
  log,
  close,
}: Shared & { addresses: readonly ServiceAddress[]; servers: Servers }): Promise<void> {
  const starting = addresses.map(async ({ name, title, port }) => {
    const { ownerUrl, appUrl } = await servers.database(name);
    const env = { ...shared, PORT: String(port), DATABASE_OWNER_URL: ownerUrl, DATABASE_APP_URL: appUrl };
    const file = path.join(root, "services", name, "dist/main.js");
    return keepRunning({ name: title, log, start: () => startChild(`service ${title}`, file, env) });
  });
  const outcomes = await Promise.allSettled(starting);
  close.later(() =>
    Promise.all(outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value.stop() : undefined))),
  );
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}

async function startGateway({
  port,
  host,
  shared,
  settings,
  log,
  close,
}: Shared & { port: number; host: string; settings: DistributedSettings }): Promise<void> {
  // As `npm start` has it: for whoever develops on this machine.
  const development = { INTROSPECTION: "on", EXPLORER: "on", CORS_ORIGINS: "localhost" };
  const env = { ...development, ...shared, HOST: host, PORT: String(port), METRICS_TOKEN: settings.METRICS_TOKEN };
  const file = path.join(root, "gateway/dist/main.js");
  const kept = await keepRunning({ name: gateway, log, start: () => startChild(gateway, file, env) });
  close.later(() => kept.stop());
}

async function untilReady(origin: string): Promise<void> {
  let said = "";
  for (const deadline = Date.now() + readyMaxMs; Date.now() < deadline; await wait(50)) {
    const response = await fetch(`${origin}/ready`).catch(() => null);
    if (response?.status === 200) return;
    said = (await response?.text()) ?? "it doesn't answer";
  }
  throw new StartRefused(`Not everything got ready within ${readyMaxMs / 1000} s: ${said}`);
}

function described(replicas: ReadonlyMap<string, number>): string {
  const names = Object.keys(services).map((name) =>
    replicas.get(name) === 1 ? name : `${name} (${replicas.get(name)})`,
  );
  return new Intl.ListFormat("en-GB").format(names);
}
