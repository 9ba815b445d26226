import { execFile, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { withFileLock } from "@atrium/database/local";

const run = promisify(execFile);
const home = path.join(__dirname, "..");
const cache = path.join(home, "../../.cache/kafka");

/** No broker can be started here. The message says what to do. */
export class KafkaUnavailable extends Error {
  override readonly name = "KafkaUnavailable";
}

const debian = "apt-get install -y --no-install-recommends openjdk-17-jre-headless maven";

const version = /kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(
  readFileSync(path.join(home, "pom.xml"), "utf8"),
)![1]!;

const libraries = path.join(cache, version);

/** Why no broker can be started on this machine, in one line that says how to change that; null when one can. */
export function whatIsMissing(): string | null {
  const java = javaVersion();
  const maven = existsSync(libraries) || spawnSync("mvn", ["-v"]).status === 0;
  if (java >= 17 && maven) return null;
  const lacking = [java < 17 && "Java 17 or newer", !maven && "Maven"].filter(Boolean).join(" and ");
  return `${lacking} is missing: ${debian} (or name a broker that is there: KAFKA_BROKERS=host:port)`;
}

/**
 * The folder with everything that a broker is made of, outside the tracked files; fetched by Maven the first time.
 * Two callers at once take turns.
 */
export async function fetchKafka(): Promise<string> {
  if (process.env.CI && process.getuid?.() === 0 && whatIsMissing()) await installTools();
  const missing = whatIsMissing();
  if (missing) throw new KafkaUnavailable(missing);
  if (existsSync(libraries)) return libraries;
  await mkdir(cache, { recursive: true });
  return withFileLock(path.join(cache, "fetch.lock"), async () => {
    if (existsSync(libraries)) return libraries;
    const fresh = `${libraries}.new`;
    await rm(fresh, { recursive: true, force: true });
    try {
      await run("mvn", [
        "--batch-mode",
        "--quiet",
        `--file=${path.join(home, "pom.xml")}`,
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        `-DoutputDirectory=${fresh}`,
      ]);
    } catch (error) {
      const { stdout = "", message } = error as { stdout?: string; message: string };
      throw new KafkaUnavailable(`Maven couldn't fetch Kafka ${version}: ${(stdout || message).trim().slice(0, 500)}`);
    }
    if ((await readdir(fresh)).length === 0) throw new KafkaUnavailable(`Maven fetched nothing of Kafka ${version}.`);
    await rename(fresh, libraries);
    return libraries;
  });
}

// Continuous integration never skips: what is missing is installed there.
async function installTools(): Promise<void> {
  try {
    await run("apt-get", ["update"]);
    await run("sh", ["-c", `DEBIAN_FRONTEND=noninteractive ${debian}`]);
  } catch (error) {
    throw new KafkaUnavailable(`Java and Maven can't be installed here: ${(error as Error).message.slice(0, 500)}`);
  }
}

function javaVersion(): number {
  const { stderr } = spawnSync("java", ["-version"], { encoding: "utf8" });
  return Number(/version "(\d+)/.exec(stderr ?? "")?.[1] ?? 0);
}
