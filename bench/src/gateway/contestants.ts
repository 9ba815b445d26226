import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import { root } from "../house";
import type { Subgraphs } from "./subgraphs";

const peers = path.join(root, "bench/peers");
const startMaxMs = 60_000;
// The core that the measured process has for itself; callers and subgraphs share the others.
const measuredCore = "0";

/** Leaves the measured core to the gateway: for this process and what it starts from now on. */
export const keepOffMeasuredCore = (processId: number): void =>
  void execFileSync("taskset", ["-acp", `1-${Math.max(1, availableParallelism() - 1)}`, String(processId)]);

export interface Contestant {
  name: string;
  /** The program and its arguments, for a supergraph in a file. Null where it isn't there. */
  command(o: { supergraph: string; port: number; directory: string }): readonly string[] | null;
  env?(o: { supergraph: string; port: number }): Record<string, string>;
  /** What its callers send beside the operation. */
  headers?(): Record<string, string>;
  path?: string;
}

export interface RunningContestant {
  url: string;
  processId: number;
  startedInMs: number;
  headers: Record<string, string>;
  stop(): Promise<void>;
}

export const stock: Contestant = {
  name: "stock @apollo/gateway",
  command: ({ supergraph, port }) => [process.execPath, path.join(peers, "stock.mjs"), supergraph, String(port)],
  path: "/",
};

export const hiveGateway: Contestant = {
  name: "@graphql-hive/gateway",
  command: ({ supergraph, port }) => [
    ...[process.execPath, path.join(peers, "node_modules/@graphql-hive/gateway/dist/bin.js")],
    ...["supergraph", supergraph, "--port", String(port), "--host", "127.0.0.1"],
  ],
};

/** The Rust router, where `HIVE_ROUTER` says where it is: `cargo +nightly install hive-router --locked --features graphiql`. */
export const hiveRouter: Contestant = {
  name: "hive-router (Rust)",
  command({ supergraph, port, directory }) {
    const program = process.env.HIVE_ROUTER;
    if (!program || !existsSync(program)) return null;
    writeFileSync(
      path.join(directory, "router.yaml"),
      `http: { host: 127.0.0.1, port: ${port} }\nsupergraph: { source: file, path: ${supergraph} }\nlog: { level: error }\n`,
    );
    // One thread, as it has one core.
    return [program];
  },
  env: ({ supergraph }) => ({
    ROUTER_CONFIG_FILE_PATH: path.join(path.dirname(supergraph), "router.yaml"),
    TOKIO_WORKER_THREADS: "1",
    NTEX_WORKERS: "1",
  }),
};

const program = path.join(root, "gateway/dist/standalone/main.js");

// As the program's first line has it: where it is started by its name, nobody has to say so.
const flags = ["--max-semi-space-size=32"];

export const atrium: Contestant = {
  name: "atrium-gateway",
  command: ({ supergraph, port }) => [
    ...[process.execPath, ...flags, program],
    ...["--supergraph", supergraph, "--port", String(port)],
  ],
};

/** The same where each request is answered by fetches of its own: clients that ask at once don't always ask the same. */
export const atriumUnshared: Contestant = {
  ...atrium,
  name: "atrium-gateway, without sharing fetches between clients",
  command: configured("traffic: { sharedFetches: false }"),
};

/** The same with room for thousands of sockets of one address. */
export const atriumForMany: Contestant = {
  ...atrium,
  command: configured("subscriptions: { perCaller: 100000 }"),
};

/** The same with nothing of it seen from outside. */
export const atriumUnseen: Contestant = {
  ...atrium,
  name: "atrium-gateway, without metrics and traces",
  command: configured("telemetry: { metrics: false }"),
};

/** The same with metrics, and traces for a collector: the share of requests that is traced by default. */
export const atriumTraced = (collector: string): Contestant => ({
  ...atrium,
  name: "atrium-gateway, with metrics and traces",
  command: configured(`telemetry: { otlpEndpoint: "${collector}" }`),
});

/** Atrium's own endpoint with all that it does for each request: sessions, rights, signed actors, budgets, metrics, traces. */
export const atriumHouse = ({ services, token }: Subgraphs, collector: string): Contestant => ({
  name: "Atrium's own endpoint, with authentication, limits, metrics and traces",
  command: ({ supergraph, port }) => [
    ...[process.execPath, ...flags, path.join(peers, "atrium.mjs"), supergraph, String(port)],
    JSON.stringify(services),
  ],
  env: () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector }),
  headers: () => ({ authorization: `Bearer ${token}` }),
});

function configured(yaml: string): Contestant["command"] {
  return (o) => {
    const config = path.join(o.directory, "config.yaml");
    writeFileSync(config, `${yaml}\n`);
    return [...atrium.command(o)!, "--config", config];
  };
}

/** Installs the peers when they aren't there: they are no part of the workspace. */
export async function installPeers(say: (text: string) => void): Promise<void> {
  if (existsSync(path.join(peers, "node_modules/.package-lock.json"))) return;
  say("installing the peers, once");
  const code = await ended(spawn("npm", ["ci", "--no-audit", "--no-fund"], { cwd: peers, stdio: "ignore" }));
  if (code !== 0) throw new Error("The peers couldn't be installed: npm install in bench/peers says why.");
}

/** Starts it on a core of its own and waits until it answers. Null where its program isn't there. */
export async function start(contestant: Contestant, sdl: string): Promise<RunningContestant | null> {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-bench-gateway-"));
  const supergraph = path.join(directory, "supergraph.graphql");
  writeFileSync(supergraph, sdl);
  const port = await freePort();
  const command = contestant.command({ supergraph, port, directory });
  if (!command) return null;
  const begunAt = performance.now();
  const child = spawn("taskset", ["-c", measuredCore, ...command], {
    cwd: directory,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, NODE_ENV: "production", ...contestant.env?.({ supergraph, port }) },
  });
  let complaints = "";
  child.stderr!.on("data", (chunk) => (complaints = `${complaints}${String(chunk)}`.slice(-2_000)));
  const running = {
    url: `http://127.0.0.1:${port}${contestant.path ?? "/graphql"}`,
    // taskset becomes the program that it starts.
    processId: child.pid!,
    headers: contestant.headers?.() ?? {},
    async stop() {
      child.kill("SIGTERM");
      const cut = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended(child);
      clearTimeout(cut);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  while (!(await answers(running.url, running.headers))) {
    const late = performance.now() - begunAt > startMaxMs;
    if (child.exitCode !== null || late) {
      if (late) await running.stop();
      throw new Error(`${contestant.name} doesn't answer: ${complaints || "it says nothing"}`);
    }
    await delay(20);
  }
  return { ...running, startedInMs: performance.now() - begunAt };
}

async function answers(url: string, headers: Record<string, string>): Promise<boolean> {
  try {
    const { body } = await request(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ query: "{ __typename }" }),
    });
    return ((await body.json()) as { data?: unknown }).data !== undefined;
  } catch {
    return false;
  }
}

const ended = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once("exit", (code) => resolve(code)));

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
