import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, closeSync, existsSync, openSync, readFileSync, realpathSync, statSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { withConnection } from "../admin";
import type { Log } from "../log";
import { EmbeddedPostgresError, findBinaries } from "./binaries";
import { explainFailure, explainSystemError } from "./explain";
import { withFileLock } from "./file-lock";
import { identityForPostgres, linkData, placeForData, reachableBinaries, type Identity } from "./placement";
import { freePort } from "./port";
import { isAlive, workingDirectoryOf } from "./process";

export interface Server {
  adminUrl: string;
  port: number;
  pid: number;
  /** Whether it was already running. */
  reused: boolean;
}

export interface ServerOptions {
  directory: string;
  log: Log;
  /** Off for tests alone: a crash of the machine then loses the data. */
  durable?: boolean;
  /** Instead of the installed ones. */
  binaries?: string;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 30_000;
const pollMs = 15;
const portAttempts = 5;
const logSizeMax = 10 * 1024 * 1024;

// Given on the command line, so that a data directory of an earlier version runs with today's settings.
const settings = {
  listen_addresses: "127.0.0.1",
  // A socket's path may not be longer than 107 bytes, and a checkout's may.
  unix_socket_directories: "",
  shared_buffers: "64MB",
  max_connections: "200",
  // Backs away from /dev/shm, which containers keep at 64 MB; one query on one core is what a back office needs.
  max_parallel_workers_per_gather: "0",
  io_method: "sync",
  max_wal_size: "512MB",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  log_min_messages: "warning",
};
const perishable = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_wal_size: "2GB",
  wal_level: "minimal",
  max_wal_senders: "0",
};

/** Starts PostgreSQL on `directory`, making its data on the first start, or finds it already running there. */
export async function launch({ directory, log, durable = true, binaries }: ServerOptions): Promise<Server> {
  try {
    await mkdir(directory, { recursive: true });
    return await withFileLock(path.join(directory, "start.lock"), async () => {
      const password = await readOrMakePassword(directory);
      const running = await findRunning(directory, password);
      if (running) return running;
      const identity = identityForPostgres(dataOf(directory));
      const programs = binaries ?? reachableBinaries(findBinaries(), identity);
      const installation = { directory, binaries: programs, identity, password, durable };
      await initialise(installation, log);
      return await start(installation);
    });
  } catch (error) {
    throw explainSystemError(error, directory) ?? error;
  }
}

/** The administrator's address of the server that runs on `directory`; null while none does. */
export function runningAddress(directory: string): string | null {
  const postmaster = readPostmaster(directory);
  if (!postmaster?.ready || !isPostgres(postmaster.pid, directory)) return null;
  return urlOf(postmaster.port, readFileSync(path.join(directory, "password"), "utf8"));
}

/** Asks for a fast shutdown and waits until the data is safely closed. Nothing happens when it doesn't run. */
export async function shutDown(directory: string): Promise<void> {
  const postmaster = readPostmaster(directory);
  if (!postmaster || !isPostgres(postmaster.pid, directory)) return;
  process.kill(postmaster.pid, "SIGINT");
  for (const deadline = Date.now() + stopTimeoutMs; Date.now() < deadline; await wait(pollMs))
    if (!isPostgres(postmaster.pid, directory)) return;
  throw new EmbeddedPostgresError(
    `PostgreSQL (process ${postmaster.pid}) didn't stop within ${stopTimeoutMs / 1000} s.`,
  );
}

/** Ends the server of `directory` and deletes its data. */
export async function erase(directory: string): Promise<void> {
  await shutDown(directory);
  await rm(dataOf(directory), { recursive: true, force: true });
  await rm(directory, { recursive: true, force: true });
}

// The real folder: `data` may be a link (see placement), and PostgreSQL's working directory tells it by its real name.
function dataOf(directory: string): string {
  const data = path.join(directory, "data");
  return existsSync(data) ? realpathSync(data) : data;
}
const pidFileOf = (directory: string) => path.join(dataOf(directory), "postmaster.pid");
const logOf = (directory: string) => path.join(directory, "server.log");
const urlOf = (port: number, password: string) =>
  `postgresql://postgres:${password}@127.0.0.1:${port}/postgres?sslmode=disable`;

async function readOrMakePassword(directory: string): Promise<string> {
  const file = path.join(directory, "password");
  if (existsSync(file)) return readFile(file, "utf8");
  if (existsSync(path.join(dataOf(directory), "PG_VERSION")))
    throw new EmbeddedPostgresError(
      `${file} is missing, and without it ${directory} can't be opened; put it back or run "npm run reset".`,
    );
  const password = randomBytes(24).toString("base64url");
  // Written aside and renamed: a crash leaves the whole password or none.
  await writeFile(`${file}.new`, password, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return password;
}

interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
}

// Lines of postmaster.pid: process, data directory, start, port, socket directory, address, shared memory, status.
function readPostmaster(directory: string): Postmaster | null {
  try {
    const lines = readFileSync(pidFileOf(directory), "utf8").split("\n");
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === "ready" };
  } catch {
    return null;
  }
}

// After a restart of the machine the same process id may be anybody's.
function isPostgres(pid: number, directory: string): boolean {
  if (!isAlive(pid)) return false;
  const workingDirectory = workingDirectoryOf(pid);
  return workingDirectory === null || workingDirectory === dataOf(directory);
}

/** The server that a killed process left behind, or that another one started. */
async function findRunning(directory: string, password: string): Promise<Server | null> {
  const left = readPostmaster(directory);
  if (!left) return null;
  if (!isPostgres(left.pid, directory)) {
    // PostgreSQL itself recognises a file whose process is dead, but not one whose process id is somebody else's now.
    if (isAlive(left.pid)) await rm(pidFileOf(directory), { force: true });
    return null;
  }
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline; await wait(pollMs)) {
    const postmaster = readPostmaster(directory);
    if (!postmaster || !isPostgres(postmaster.pid, directory)) return null;
    if (!postmaster.ready) continue;
    const { pid, port } = postmaster;
    const adminUrl = urlOf(port, password);
    try {
      await withConnection(adminUrl, (admin) => admin.query("select 1"));
    } catch (error) {
      // One that was just killed closes its port a moment before it is gone, and one that stops says so. Look again.
      if (error instanceof pg.DatabaseError && !error.code?.startsWith("57P")) throw error;
      continue;
    }
    return { adminUrl, port, pid, reused: true };
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL (process ${left.pid}) is running on ${directory} but doesn't become ready; end that process and start again.`,
  );
}

interface Installation {
  directory: string;
  binaries: string;
  identity: Identity | undefined;
  password: string;
  durable: boolean;
}

// Made aside and renamed: a crash leaves a whole database or none.
async function initialise(o: Installation, log: Log): Promise<void> {
  if (existsSync(path.join(dataOf(o.directory), "PG_VERSION"))) return;
  log.info({ directory: o.directory }, "making the embedded database");
  const place = placeForData(o.directory, o.identity);
  const fresh = `${place}.new`;
  const passwordFile = `${place}.password`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, o.password, { mode: 0o600 });
  for (const owned of [fresh, passwordFile]) if (o.identity) chownSync(owned, o.identity.uid, o.identity.gid);
  try {
    await run(path.join(o.binaries, "bin", "initdb"), o, [
      `--pgdata=${fresh}`,
      "--username=postgres",
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      // Sorts by code point and knows the letters of all scripts, on every machine alike.
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--no-instructions",
      ...(o.durable ? [] : ["--no-sync"]),
    ]);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(fresh, place).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOTEMPTY") throw error;
    throw new EmbeddedPostgresError(`${place} holds something that isn't a database; move it away and start again.`);
  });
  linkData(o.directory, place);
}

async function start(o: Installation): Promise<Server> {
  const portFile = path.join(o.directory, "port");
  let port = Number(await readFile(portFile, "utf8").catch(() => "0")) || (await freePort());
  for (let attempt = 1; ; attempt++) {
    const failure = await tryStart(o, port);
    if (!failure) break;
    if (attempt === portAttempts || !failure.retry) throw failure.error;
    if (failure.retry === "OTHER_PORT") port = await freePort();
    else await wait(500);
  }
  await writeFile(portFile, String(port));
  const adminUrl = urlOf(port, o.password);
  await withConnection(adminUrl, (admin) => admin.query("select 1"));
  return { adminUrl, port, pid: readPostmaster(o.directory)!.pid, reused: false };
}

interface StartFailure {
  error: Error;
  retry?: "OTHER_PORT" | "LATER";
}

async function tryStart(o: Installation, port: number): Promise<StartFailure | null> {
  const chosen = { ...settings, ...(o.durable ? {} : perishable), port: String(port) };
  const flags = Object.entries(chosen).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const logFile = logOf(o.directory);
  const tooLong = existsSync(logFile) && statSync(logFile).size > logSizeMax;
  const output = openSync(logFile, tooLong ? "w" : "a", 0o600);
  const logStart = statSync(logFile).size;
  // Its own process group, and no pipe to us: neither Ctrl-C nor our death may take it down in the middle of a write.
  const child = spawn(path.join(o.binaries, "bin", "postgres"), ["-D", dataOf(o.directory), ...flags], {
    ...o.identity,
    env: environment(),
    cwd: dataOf(o.directory),
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  child.unref();
  const ended = endOf(child);
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline;) {
    const end = await Promise.race([ended, wait(pollMs, null)]);
    if (end) {
      const said = readFileSync(logFile).subarray(logStart).toString("utf8");
      return { error: end.error ?? explainFailure(said, o.directory), retry: retryAfter(said) };
    }
    const postmaster = readPostmaster(o.directory);
    if (postmaster?.pid === child.pid && postmaster?.ready) return null;
  }
  child.kill("SIGQUIT");
  return {
    error: new EmbeddedPostgresError(`PostgreSQL wasn't ready within ${startTimeoutMs / 1000} s; see ${logFile}.`),
  };
}

function retryAfter(said: string): StartFailure["retry"] {
  if (/could not bind|could not create any TCP\/IP sockets/.test(said)) return "OTHER_PORT";
  // Its predecessor was killed, and the predecessor's children are about to notice.
  return /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(said) ? "LATER" : undefined;
}

function endOf(child: ChildProcess): Promise<{ error?: Error }> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("exit", () => resolve({}));
  });
}

async function run(command: string, o: Installation, flags: string[]): Promise<void> {
  const child = spawn(command, flags, {
    ...o.identity,
    env: environment(),
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw explainFailure(said, o.directory);
}

// What a developer's shell says about another PostgreSQL doesn't concern this one.
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: "C", TZ: "UTC" };
}
