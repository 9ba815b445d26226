import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort, withFileLock } from "@atrium/database/local";
import { Redis } from "ioredis";

/** A Redis on 127.0.0.1 that belongs to whoever started it. */
export interface RedisServer {
  url: string;
  port: number;
  pid: number;
  /** Resolves when the process has ended, for whatever reason. */
  ended: Promise<void>;
  /** Lets it write what it holds, and ends it. */
  stop(): Promise<void>;
}

/** Redis can't be started, for a reason that the message tells, with what to do about it. */
export class RedisServerError extends Error {
  override readonly name = "RedisServerError";
}

const startMaxMs = 20_000;
const stopMaxMs = 5_000;

const debian = "apt-get install -y --no-install-recommends redis-server";

/** Why no Redis can be started on this machine, in one line that says how to change that; null when one can. */
export function whatIsMissing(): string | null {
  if (isInstalled()) return null;
  return `redis-server is missing: ${debian} (or name one that is there: REDIS_URL=redis://host:6379)`;
}

const isInstalled = () => spawnSync("redis-server", ["--version"]).status === 0;

/** Starts a Redis that keeps its data and its password in `directory`, which nobody else may be using. */
export async function startRedis({
  directory,
  port,
  outlivingCtrlC = false,
}: {
  directory: string;
  port?: number;
  /** Ctrl-C in a terminal reaches all that was started from it; whoever says this ends it by `stop`. */
  outlivingCtrlC?: boolean;
}): Promise<RedisServer> {
  if (process.env["CI"] && process.getuid?.() === 0 && !isInstalled()) await install();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  await endLeftServer(directory);
  const kept = addressIn(directory);
  const password = kept?.password ?? randomBytes(24).toString("base64url");
  const address = { port: port ?? (await freePort()), password };
  writeFileSync(fileIn(directory), JSON.stringify(address), { mode: 0o600 });
  const url = urlOf(address);

  // The settings come by standard input: arguments are seen by everybody on the machine.
  const child = spawn("redis-server", ["-"], {
    cwd: directory,
    stdio: ["pipe", "pipe", "pipe"],
    detached: outlivingCtrlC,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
  child.stdin.on("error", () => {});
  child.stdin.end(configuration(address, directory));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new RedisServerError(whatIsMissing() ?? error.message)
          : new RedisServerError(`redis-server can't be started: ${error.message}`),
      ),
    );
    child.once("close", () => reject(new RedisServerError(`redis-server ended at once:\n${output.trim()}`)));
  });
  failed.catch(() => {});
  try {
    await Promise.race([answers(url), failed]);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return { url, port: address.port, pid: child.pid!, ended, stop: () => end(child, ended) };
}

/** Continuous integration has all suites run. */
async function install(): Promise<void> {
  await withFileLock(path.join(tmpdir(), "atrium-redis-install.lock"), async () => {
    if (isInstalled()) return;
    const run = promisify(execFile);
    // Somebody else may be installing something at this moment.
    const patient = ["-o", "DPkg::Lock::Timeout=300"];
    await run("apt-get", [...patient, "update"]);
    // Not started as a service of the machine.
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
    await run("apt-get", [...patient, ...debian.split(" ").slice(1)], { env });
  });
}

const configuration = ({ port, password }: Address, directory: string) =>
  [
    "bind 127.0.0.1",
    `port ${port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(directory)}`,
    "daemonize no",
    "loglevel warning",
    "appendonly yes",
    'save ""',
    "maxmemory-policy noeviction",
    "",
  ].join("\n");

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill("SIGTERM");
  const cut = setTimeout(() => child.kill("SIGKILL"), stopMaxMs);
  await ended;
  clearTimeout(cut);
}

interface Address {
  port: number;
  password: string;
}

const fileIn = (directory: string) => path.join(directory, "address.json");
const urlOf = ({ port, password }: Address) => `redis://:${password}@127.0.0.1:${port}`;

function addressIn(directory: string): Address | null {
  try {
    return JSON.parse(readFileSync(fileIn(directory), "utf8")) as Address;
  } catch {
    return null;
  }
}

/** Ends what a killed process has left on the directory. Only our own server takes our password. */
async function endLeftServer(directory: string): Promise<void> {
  const address = addressIn(directory);
  if (!address) return;
  const redis = client(urlOf(address));
  try {
    await redis.connect();
    await redis.shutdown().catch(() => {});
    // It answers no more before it has written everything; the port is free when it can't be connected to.
    for (const deadline = Date.now() + stopMaxMs; Date.now() < deadline; await wait(20))
      if (!(await takes(address))) return;
  } catch {
    // Nobody is there.
  } finally {
    redis.disconnect();
  }
}

async function takes(address: Address): Promise<boolean> {
  const redis = client(urlOf(address));
  try {
    await redis.connect();
    return true;
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

async function answers(url: string): Promise<void> {
  for (const deadline = Date.now() + startMaxMs; Date.now() < deadline; await wait(20)) {
    const redis = client(url);
    try {
      // Also waits until it has read what it had kept.
      await redis.connect();
      return;
    } catch {
      // Not yet.
    } finally {
      redis.disconnect();
    }
  }
  throw new RedisServerError(`redis-server didn't get ready within ${startMaxMs / 1000} s.`);
}

function client(url: string): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
  });
  redis.on("error", () => {});
  return redis;
}
