import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { removeEmbeddedPostgres } from "@atrium/database";
import { GraphQLClient } from "./graphql-client";

const root = path.resolve(__dirname, "../../..");
const entry = path.join(root, "infra/embedded/dist/main.js");

export interface AtriumOptions {
  /** Where it keeps its data; a new temporary folder, removed by `stop`, when none is given. */
  dataDirectory?: string;
  /** Settings on top of the defaults: a free port, no demonstration data, the current environment. */
  env?: Record<string, string>;
  /** How long the start may take. */
  timeoutMs?: number;
}

/** The whole product, running as a process of its own on a free port. */
export interface Atrium {
  /** `http://localhost:PORT` */
  origin: string;
  url: string;
  dataDirectory: string;
  process: ChildProcess;
  /** Everything that it has printed. */
  output(): string;
  /** What it has logged as faults of its own since this was last asked. */
  newFaults(): string[];
  client(token?: string | null): GraphQLClient;
  /** Ends it as Ctrl-C does and waits for that; returns the exit code. */
  stop(): Promise<number | null>;
  /** Ends it with nothing getting to clean up; the database's server too, unless it is spared. */
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
  await removeEmbeddedPostgres(path.join(folder, "postgres"));
  rmSync(folder, { recursive: true, force: true });
}

/** Starts the embedded shape from its build and resolves once it is ready; rejects with its output when it isn't. */
export async function startAtrium({
  dataDirectory,
  env = {},
  timeoutMs = 60_000,
}: AtriumOptions = {}): Promise<Atrium> {
  const folder = dataDirectory ?? mkdtempSync(path.join(tmpdir(), "atrium-"));
  const child = spawn(process.execPath, ["--enable-source-maps", entry], {
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
      child.kill("SIGKILL");
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
  let faultsSeen = 0;
  const clients: GraphQLClient[] = [];
  const closeClients = () => Promise.all(clients.map((client) => client.close()));
  return {
    origin,
    url: `${origin}/graphql`,
    dataDirectory: folder,
    process: child,
    output: () => output,
    newFaults: () => {
      const faults = output.split("\n").filter((line) => /^\{"level":[56]0,/.test(line));
      const fresh = faults.slice(faultsSeen);
      faultsSeen = faults.length;
      return fresh;
    },
    client: (token = null) => {
      const client = new GraphQLClient(`${origin}/graphql`, token);
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
      child.kill("SIGKILL");
      if (sparing !== "database") killDatabase(folder);
      await exited;
      await closeClients();
    },
  };
}

// Jest says that it is a test; the product would then run otherwise than it does for people.
function environment(): NodeJS.ProcessEnv {
  const { NODE_ENV: _, ...rest } = process.env;
  return rest;
}

function killDatabase(folder: string): void {
  const [pid] = readFileSync(path.join(folder, "postgres/data/postmaster.pid"), "utf8").split("\n");
  process.kill(Number(pid), "SIGKILL");
}
