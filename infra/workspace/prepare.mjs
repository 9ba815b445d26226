// Everything that has to exist before the product or its tests can run: the right Node, the dependencies, the build.
// Each step is skipped when nothing that it reads has changed since it last succeeded.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const cache = path.join(root, ".cache");
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

/** A failure that one sentence explains; printed without a stack. */
export class Unprepared extends Error {}

/** Installs, generates and builds what is missing; `write` gets a line per step. */
export async function prepare({ write = (text) => process.stdout.write(text) } = {}) {
  requireNode();
  mkdirSync(cache, { recursive: true });
  await once("install", installInputs(), () => timed(write, "Installing the dependencies", install));
  await once("build", buildInputs(), () => timed(write, "Building", build));
}

function requireNode() {
  const wanted = manifest.engines.node.replace(">=", "").split(".").map(Number);
  const given = process.versions.node.split(".").map(Number);
  const older = given.findIndex((part, i) => part !== wanted[i]);
  if (older !== -1 && given[older] < (wanted[older] ?? 0))
    throw new Unprepared(
      `Atrium needs Node ${wanted.join(".")} or newer, and this is ${process.versions.node}. ` +
        "Install a newer one, or run: npx -y node@22 infra/workspace/start.mjs",
    );
}

const install = () => pnpm("install", "--frozen-lockfile", "--prefer-offline");
// Through pnpm, because turbo looks for it on the path.
const build = () => pnpm("exec", "turbo", "run", "build", "--output-logs=errors-only");

/** Runs pnpm in the version that the workspace names; it comes by npx, so that a machine with Node alone is enough. */
function pnpm(...args) {
  const [npx, shell] = process.platform === "win32" ? ["npx.cmd", true] : ["npx", false];
  const env = {
    ...process.env,
    npm_config_yes: "true",
    npm_config_update_notifier: "false",
    TURBO_TELEMETRY_DISABLED: "1",
  };
  return run(npx, ["--yes", manifest.packageManager, ...args], { env, shell });
}

function* installInputs() {
  yield path.join(root, "pnpm-lock.yaml");
  yield path.join(root, "pnpm-workspace.yaml");
  for (const workspace of workspaces()) yield path.join(workspace, "package.json");
}

function* buildInputs() {
  yield path.join(root, "tsconfig.base.json");
  yield path.join(root, "pnpm-lock.yaml");
  yield path.join(root, "infra/workspace/build.mjs");
  for (const workspace of workspaces()) {
    yield path.join(workspace, "package.json");
    for (const folder of ["src", "prisma"]) yield* files(path.join(workspace, folder));
  }
}

/** Every workspace's folder. */
export function workspaces() {
  const single = ["gateway", "e2e", "bench"].map((folder) => path.join(root, folder));
  const grouped = ["packages", "services", "infra"].flatMap((group) =>
    existsSync(path.join(root, group))
      ? readdirSync(path.join(root, group)).map((name) => path.join(root, group, name))
      : [],
  );
  return [...grouped, ...single].filter((folder) => existsSync(path.join(folder, "package.json")));
}

function* files(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === "generated") continue;
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* files(full);
    else yield full;
  }
}

async function once(step, inputs, work) {
  const hash = createHash("sha256").update(process.platform).update(process.arch);
  for (const file of inputs) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file}\0${size}\0${mtimeMs}\n`);
  }
  const fingerprint = hash.digest("hex");
  const record = path.join(cache, `${step}.done`);
  if (existsSync(record) && readFileSync(record, "utf8") === fingerprint && existsSync(path.join(root, "node_modules")))
    return;
  await work();
  writeFileSync(record, fingerprint);
}

async function timed(write, what, work) {
  const start = performance.now();
  write(`• ${what} … `);
  try {
    await work();
    write(`${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  } catch (error) {
    write("\n");
    throw error;
  }
}

/** Runs a command to its end; its output is shown only when it fails. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options });
    const output = [];
    child.stdout?.on("data", (chunk) => output.push(chunk));
    child.stderr?.on("data", (chunk) => output.push(chunk));
    child.on("error", (error) => reject(new Unprepared(`${command} can't be started: ${error.message}`)));
    child.on("close", (code) => {
      const text = Buffer.concat(output).toString();
      if (code === 0) resolve(text);
      else
        reject(
          new Unprepared(
            `${text.trimEnd()}\n\n${explain(text) ?? `${path.basename(command)} ${args.join(" ")} failed (exit code ${code}).`}`,
          ),
        );
    });
  });
}

function explain(output) {
  if (/ENOSPC|no space left/i.test(output)) return "The disk is full. Free some space and run the same command again.";
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN/.test(output))
    return "The npm registry doesn't answer. Check the network (or the proxy settings of npm) and run the same command again.";
  if (/EACCES|EPERM/.test(output))
    return `This user may not write to ${root}. Change the folder's owner, or clone it into a folder of your own.`;
  return null;
}

/** The script of a locally installed command; the package's name, and the command's where it is another. */
export function bin(name, called = name) {
  const folder = path.join(root, "node_modules", name);
  const { bin: entry } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  return path.join(folder, typeof entry === "string" ? entry : entry[called]);
}

/** Runs `main`, and turns a failure that one sentence explains into that sentence. */
export async function command(main) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Unprepared ? `\n${error.message}` : error);
    process.exit(1);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await command(() => prepare());
