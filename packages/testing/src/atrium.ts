import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { removeEmbeddedPostgres } from "@atrium/database";
import { GraphQLClient } from "./graphql-client";
import { allProcesses, killAll, processesOf, type RunningProcess } from "./processes";

const root = path.resolve(__dirname, "../../..");

/** In one process, or in one for each service and the gateway. */
export type Shape = "embedded" | "distributed";

/** The shape of this run of the suites: the one of `ATRIUM_SHAPE`. */
export const shapeOfThisRun = (): Shape => (process.env["ATRIUM_SHAPE"] === "distributed" ? "distributed" : "embedded");

export interface AtriumOptions {
  /** That of this run unless told. */
  shape?: Shape;
  /** On the command line. */
  args?: readonly string[];
  /** Where it keeps its data; a new temporary folder, removed by `stop`, when none is given. */
  dataDirectory?: string;
  /** Settings on top of the defaults: a free port, no demonstration data, the current environment. */
  env?: Record<string, string>;
  /** How long the start may take. */
  timeoutMs?: number;
}

/** The whole product, running outside this process on a free port. */
export interface Atrium {
  shape: Shape;
  /** `http://localhost:PORT` */
  origin: string;
  url: string;
  dataDirectory: string;
  /** The one process, or the one that keeps the others running. */
  process: ChildProcess;
  /** Every process of it, its servers too, as they are now. */
  processes(): RunningProcess[];
  /** Everything that it has printed. */
  output(): string;
  /** What it has logged as faults of its own since this was last asked. */
  newFaults(): string[];
  /** Of its one endpoint, or of another gateway's. */
  client(token?: string | null, url?: string): GraphQLClient;
  /** Ends it as Ctrl-C does and waits for that; returns the exit code. */
  stop(): Promise<number | null>;
  /** Ends all of it with nothing getting to clean up; the database's server (and every other) too, unless spared. */
  kill(options?: { sparing?: "database" }): Promise<void>;
}

/** A folder for one installation's data that outlives its process. */
export interface DataDirectory {
  path: string;
  /** Ends the database that a killed process may have left, and deletes everything. */
  remove(): Promise<void>;
}

/** A new folder for the data of an installation that is started more than once. */
export function temporaryData(): DataDirectory {
  const folder = mkdtempSync(path.join(tmpdir(), "atrium-"));
  return { path: folder, remove: () => removeData(folder) };
}

async function removeData(folder: string): Promise<void> {
  // What a killed process has left, which nobody starts again.
  if (existsSync(path.join(folder, "kafka"))) killAll(processesAt(folder));
  await removeEmbeddedPostgres(path.join(folder, "postgres"));
  rmSync(folder, { recursive: true, force: true });
}

/** Starts the product from its build and resolves once it is ready; rejects with its output when it isn't. */
export async function startAtrium({
  shape = shapeOfThisRun(),
  args = [],
  dataDirectory,
  env = {},
  timeoutMs = shape === "embedded" ? 60_000 : 120_000,
}: AtriumOptions = {}): Promise<Atrium> {
  const entry = path.join(root, "infra", shape, "dist/main.js");
  const folder = dataDirectory ?? mkdtempSync(path.join(tmpdir(), "atrium-"));
  const child = spawn(process.execPath, ["--enable-source-maps", entry, ...args], {
    cwd: root,
    env: { ...environment(), PORT: "0", HOST: "127.0.0.1", ATRIUM_DEMO: "off", ATRIUM_DATA: folder, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const exited = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const origin = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => fail(`didn't get ready within ${timeoutMs} ms`), timeoutMs);
    const fail = (why: string) => {
      clearTimeout(timer);
      killAll(processesOf(child.pid!));
      reject(new Error(`Atrium ${why}:\n${output}`));
    };
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const ready = /Ready: (http:\/\/\S+)\/graphql/.exec(output);
      if (!ready) return;
      clearTimeout(timer);
      resolve(ready[1]!);
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    // Once all that it said has been read, too.
    child.on("close", (code) => fail(`ended with exit code ${code}`));
  });
  // A server that was taken over isn't a child of its own.
  const processes = () => {
    const own = processesOf(child.pid!);
    return [...own, ...processesAt(folder).filter(({ pid }) => own.every((each) => each.pid !== pid))];
  };
  let faultsSeen = 0;
  const clients: GraphQLClient[] = [];
  const closeClients = () => Promise.all(clients.map((client) => client.close()));
  return {
    shape,
    origin,
    url: `${origin}/graphql`,
    dataDirectory: folder,
    process: child,
    processes,
    output: () => output,
    newFaults: () => {
      const faults = output.split("\n").filter((line) => /^\{"level":[56]0,/.test(line));
      const fresh = faults.slice(faultsSeen);
      faultsSeen = faults.length;
      return fresh;
    },
    client: (token = null, url = `${origin}/graphql`) => {
      const client = new GraphQLClient(url, token);
      clients.push(client);
      return client;
    },
    stop: async () => {
      await closeClients();
      child.kill("SIGINT");
      const code = await exited;
      if (!dataDirectory) await removeData(folder);
      return code;
    },
    kill: async ({ sparing } = {}) => {
      const running = processes();
      killAll(sparing === "database" ? running.filter(({ command }) => !servers.test(command)) : running);
      await exited;
      await closeClients();
    },
  };
}

function processesAt(folder: string): RunningProcess[] {
  const file = path.join(folder, "postgres/data/postmaster.pid");
  const postmaster = existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : 0;
  return allProcesses().filter(({ pid, command }) => pid === postmaster || command.includes(folder));
}

const servers = /postgres|redis-server|kafka/;

// Jest says that it is a test; the product would then run otherwise than it does for people.
function environment(): NodeJS.ProcessEnv {
  const { NODE_ENV: _, ATRIUM_SHAPE: __, ...rest } = process.env;
  return rest;
}
