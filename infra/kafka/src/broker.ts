import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort, isAlive, withFileLock } from "@atrium/database/local";
import { fetchKafka, KafkaUnavailable } from "./fetch";
import {
  assertPlain,
  certificateOf,
  makeCertificate,
  scramUsers,
  securedProperties,
  type Credentials,
} from "./secured";

const run = promisify(execFile);

export interface KafkaOptions {
  /** Where its data, its settings and its log are; made where it is missing. */
  directory: string;
  /** The port that clients reach it on; otherwise the one it had before, or a free one. */
  port?: number;
  /** Where the data are, if elsewhere. */
  dataDirectory?: string;
  /** Further broker settings, by their names in `server.properties`. */
  settings?: Readonly<Record<string, string | number>>;
  heapMegabytes?: number;
  /** Reached by TLS and with these alone, from the first start on the folder on; otherwise by anybody on this machine. */
  secured?: Credentials;
}

export interface RunningKafka {
  /** `127.0.0.1:port`, as `KAFKA_BROKERS` takes it. */
  brokers: string;
  port: number;
  pid: number;
  /** Whether it was already running: a killed process leaves its broker behind, and the next one takes it over. */
  reused: boolean;
  /** The PEM file that a secured one is trusted by: `KAFKA_TLS_CA_FILE`. */
  certificateFile?: string;
  /** Asks it to end, waits until it has closed its data; the data stay. */
  stop(): Promise<void>;
}

interface BrokerRecord {
  pid: number;
  port: number;
}

const startTimeoutMs = 90_000;
const stopTimeoutMs = 30_000;
const pollMs = 25;
const readyLine = "Kafka Server started";

/**
 * A broker of one node (KRaft: without ZooKeeper) on `directory`, listening on 127.0.0.1 alone. Started again on a
 * directory, it has its topics, and its port where that is still free. Throws `KafkaUnavailable`, which says what to
 * do, where it can't be started.
 */
export async function startKafka(options: KafkaOptions): Promise<RunningKafka> {
  const directory = path.resolve(options.directory);
  const libraries = await fetchKafka();
  await mkdir(directory, { recursive: true });
  return withFileLock(path.join(directory, "start.lock"), async () => {
    const left = await readRecord(directory);
    if (left && isBroker(left.pid, directory) && (await becomesReady(left.pid, directory)))
      return asRunning(options, left, true);
    const port = options.port ?? (left && (await isFree(left.port)) ? left.port : await freePort());
    await format({ ...options, directory, port }, libraries);
    const pid = await launch({ ...options, directory }, libraries);
    const record = { pid, port };
    await writeFile(path.join(directory, "broker.json"), JSON.stringify(record));
    if (await becomesReady(pid, directory)) return asRunning(options, record, false);
    const said = readFileSync(logOf(directory), "utf8").slice(-2_000).trim();
    throw new KafkaUnavailable(`Kafka didn't start on ${directory}:\n${said}\n(all of it: ${logOf(directory)})`);
  });
}

const logOf = (directory: string) => path.join(directory, "broker.log");
const propertiesOf = (directory: string) => path.join(directory, "server.properties");

function asRunning(options: KafkaOptions, { pid, port }: BrokerRecord, reused: boolean): RunningKafka {
  const directory = path.resolve(options.directory);
  const certificateFile = options.secured && certificateOf(directory);
  const stop = async () => {
    if (!isBroker(pid, directory)) return;
    process.kill(pid, "SIGTERM");
    for (const deadline = Date.now() + stopTimeoutMs; Date.now() < deadline; await wait(pollMs))
      if (!isBroker(pid, directory)) return;
    process.kill(pid, "SIGKILL");
  };
  return { brokers: `127.0.0.1:${port}`, port, pid, reused, certificateFile, stop };
}

async function format(
  { directory, dataDirectory, settings = {}, port, secured }: KafkaOptions & { directory: string; port: number },
  libraries: string,
): Promise<void> {
  const data = dataDirectory ?? path.join(directory, "data");
  const controllerPort = await freePort();
  const protocol = secured ? "SASL_SSL" : "PLAINTEXT";
  if (secured) assertPlain(secured);
  if (secured && !existsSync(certificateOf(directory))) await makeCertificate(directory);
  const properties = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    listeners: `${protocol}://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `${protocol}://127.0.0.1:${port}`,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": `CONTROLLER:PLAINTEXT,${protocol}:${protocol}`,
    ...(secured && securedProperties(directory, secured)),
    "log.dirs": data,
    "auto.create.topics.enable": false,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    // Each partition sets room aside for its indexes; 10 MB each would be most of a small installation.
    "log.index.size.max.bytes": 1_048_576,
    "log.cleaner.dedupe.buffer.size": 4_194_304,
    ...settings,
  };
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(propertiesOf(directory), lines.join(""), { mode: 0o600 });
  if (existsSync(path.join(data, "meta.properties"))) return;
  // Not one that begins with a dash: it would be taken for an option.
  const cluster = `A${randomBytes(16).toString("base64url").slice(1)}`;
  await run("java", [
    ...["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", path.join(libraries, "*")],
    ...["kafka.tools.StorageTool", "format", "-t", cluster, "-c", propertiesOf(directory), "--ignore-formatted"],
    ...(secured ? scramUsers(secured) : []),
  ]).catch((error: { stderr?: string; message: string }) => {
    throw new KafkaUnavailable(`Kafka couldn't prepare ${data}: ${(error.stderr || error.message).slice(-1_000)}`);
  });
}

async function launch(
  { directory, heapMegabytes = 512 }: KafkaOptions & { directory: string },
  libraries: string,
): Promise<number> {
  const log = logOf(directory);
  // What an earlier start has said would be taken for this one's.
  await rm(log, { force: true });
  const output = openSync(log, "a", 0o600);
  // Its own process group, and no pipe to us: neither Ctrl-C nor our death may take it down before its clients.
  const child = spawn(
    "java",
    [
      `-Xmx${heapMegabytes}m`,
      // On a small machine the garbage collector's and the second compiler's threads take more than they give.
      ...["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
      ...["KafkaRaftServer", "BrokerServer"].map((name) => `-Dorg.slf4j.simpleLogger.log.kafka.server.${name}=info`),
      ...["-cp", path.join(libraries, "*"), "kafka.Kafka", propertiesOf(directory)],
    ],
    { cwd: directory, detached: true, stdio: ["ignore", output, output] },
  );
  closeSync(output);
  child.unref();
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return child.pid!;
}

async function becomesReady(pid: number, directory: string): Promise<boolean> {
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline; await wait(pollMs)) {
    if (!isBroker(pid, directory)) return false;
    const log = logOf(directory);
    if (existsSync(log) && statSync(log).size > 0 && readFileSync(log, "utf8").includes(readyLine)) return true;
  }
  return false;
}

async function readRecord(directory: string): Promise<BrokerRecord | null> {
  try {
    return JSON.parse(await readFile(path.join(directory, "broker.json"), "utf8")) as BrokerRecord;
  } catch {
    return null;
  }
}

// After a restart of the machine the same process id may be anybody's.
function isBroker(pid: number, directory: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== "linux") return true;
  try {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    // Between fork and exec it still has our own.
    return commandLine === "" || commandLine.includes(propertiesOf(directory));
  } catch {
    return false;
  }
}

async function isFree(port: number): Promise<boolean> {
  const { createServer } = await import("node:net");
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
