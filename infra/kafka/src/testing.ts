import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { isAlive, withFileLock } from "@atrium/database/local";
import { startKafka, type RunningKafka } from "./broker";
import { whatIsMissing } from "./fetch";

// Beside the test PostgreSQL, and like it: shared by all test processes of the checkout, ended when none is left.
const directory = path.join(__dirname, "../../../.cache/test-kafka");
const keeperScript = path.join(__dirname, "../../../packages/database/tools/keeper.cjs");

let broker: Promise<string> | undefined;
let prefixes = 0;

/** `host:port` of the broker that all tests of this run share: the one of `KAFKA_BROKERS`, or one of our own. */
export function testBroker(): Promise<string> {
  return (broker ??= process.env.KAFKA_BROKERS ? Promise.resolve(process.env.KAFKA_BROKERS) : join());
}

/** A beginning for the names of topics and groups that nobody else uses. */
export const testPrefix = (): string => `test-${process.pid}-${Date.now().toString(36)}-${++prefixes}.`;

/**
 * `describe` for suites that need a broker. Where none can be had they are skipped, and one line says how to get one;
 * in continuous integration they always run.
 */
export function describeWithKafka(): jest.Describe {
  const why = process.env.KAFKA_BROKERS || process.env.CI ? null : whatIsMissing();
  if (!why) return describe;
  process.stderr.write(`Skipped, because there is no Kafka: ${why}\n`);
  return describe.skip;
}

async function join(): Promise<string> {
  const holders = path.join(directory, "holders");
  await mkdir(holders, { recursive: true });
  await writeFile(path.join(holders, String(process.pid)), "");
  return withFileLock(path.join(directory, "join.lock"), async () => {
    const running = await startOrAfresh();
    await ensureKeeper(running.pid);
    return running.brokers;
  });
}

async function startOrAfresh(): Promise<RunningKafka> {
  const left = await startKafka({ directory, settings: testSettings }).catch(() => null);
  if (left?.reused) return left;
  // Nothing of an earlier run is worth its room: hundreds of topics would make the next start slow.
  await left?.stop();
  for (const part of ["data", "broker.json"]) await rm(path.join(directory, part), { recursive: true, force: true });
  return startKafka({ directory, settings: testSettings });
}

const testSettings = { "log.retention.bytes": 500_000_000, "log.segment.bytes": 50_000_000 };

async function ensureKeeper(pid: number): Promise<void> {
  const keeper = await readFile(path.join(directory, "keeper.pid"), "utf8").catch(() => "");
  if (isAlive(Number(keeper))) return;
  const child = spawn(process.execPath, [keeperScript, directory, String(pid)], { detached: true, stdio: "ignore" });
  child.unref();
  await writeFile(path.join(directory, "keeper.pid"), String(child.pid));
}
