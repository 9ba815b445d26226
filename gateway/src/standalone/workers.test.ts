import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { eventually } from "../testing/world";
import { Shop } from "./testing/shop";

let directory: string;
let shop: Shop;
let child: ChildProcess;
let log: Record<string, unknown>[];
beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "atrium-gateway-"));
  shop = await new Shop().start();
});
afterEach(() => child.kill("SIGKILL"));
afterAll(async () => {
  await shop.stop();
  rmSync(directory, { recursive: true });
});

const supergraph = () => path.join(directory, "supergraph.graphql");
const config = () => path.join(directory, "config.yaml");
const said = (text: string) => log.filter(({ msg }) => String(msg).includes(text));
const startMs = 20_000;

/** Whole, as a deployment does: half of a text would be refused in words of its own. */
function replace(text: string): void {
  writeFileSync(`${supergraph()}.new`, text);
  renameSync(`${supergraph()}.new`, supergraph());
}

async function start(o: { sdl?: string } = {}): Promise<string> {
  writeFileSync(supergraph(), o.sdl ?? shop.sdl);
  writeFileSync(config(), "port: 0\nwatchMs: 50\n");
  log = [];
  child = spawn(
    process.execPath,
    [
      ...["--require", require.resolve("tsx/cjs"), "--conditions=@atrium/source", path.join(__dirname, "main.ts")],
      ...["--supergraph", supergraph(), "--config", config(), "--workers", "2", "--watch"],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const take = (chunk: Buffer) => {
    for (const line of String(chunk).split("\n").filter(Boolean))
      log.push(line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : { msg: line });
  };
  child.stdout!.on("data", take);
  child.stderr!.on("data", take);
  await eventually(() => said("Ready").length > 0 || child.exitCode !== null, startMs);
  return String(said("Ready")[0]?.["url"]);
}

const ask = async (url: string, query = "{ products(first: 1) { name } }") => {
  // A connection of its own each: workers are given connections in turn.
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", connection: "close" },
    body: JSON.stringify({ query }),
  });
  return (await response.json()) as { data?: unknown; errors?: unknown };
};

test(
  "workers share one port, their metrics are added up, and a dead one is replaced; all stop together",
  async () => {
    const url = await start();
    for (let n = 0; n < 8; n++) expect(await ask(url)).toEqual({ data: { products: [{ name: "Product 0" }] } });
    const metrics = async () => (await fetch(url.replace("/graphql", "/metrics"))).text();
    expect(await metrics()).toMatch(/atrium_gateway_operation_seconds_count\{[^}]*outcome="ok"\} 8\n/);

    const workers = await workersOf(child.pid!);
    expect(workers).toHaveLength(2);
    process.kill(workers[0]!, "SIGKILL");
    await eventually(() => said("A worker ended").length === 1);
    expect((await ask(url)).data).toBeDefined();
    await eventually(async () => (await workersOf(child.pid!)).length === 2, startMs);

    child.kill("SIGTERM");
    await eventually(() => child.exitCode !== null, startMs);
    expect([child.exitCode, (await Promise.all(workers.map(isRunning))).some(Boolean)]).toEqual([0, false]);
  },
  3 * startMs,
);

test(
  "a worker that hangs is taken for dead, and replaced",
  async () => {
    const url = await start();
    const [hung] = await workersOf(child.pid!);
    process.kill(hung!, "SIGSTOP");
    await eventually(() => said("A worker ended").length === 1, 2 * startMs);
    await eventually(async () => (await workersOf(child.pid!)).length === 2, startMs);
    for (let n = 0; n < 4; n++) expect((await ask(url)).data).toBeDefined();
  },
  4 * startMs,
);

test(
  "all take over a new supergraph, all refuse a broken one, and it is said once",
  async () => {
    const url = await start();
    replace("type Query { broken");
    await eventually(() => said("is refused").length > 0);
    for (let n = 0; n < 4; n++) expect((await ask(url)).errors).toBeUndefined();
    const title = "{ products(first: 1) { title } }";
    expect((await ask(url, title)).errors).toBeDefined();
    replace(
      shop.supergraph({
        products: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
        type Query { products(first: Int = 3): [Product!]! } type Product @key(fields: "id") { id: ID! name: String! title: String }`,
      }),
    );
    const taken = async () => (await Promise.all([1, 2, 3, 4].map(() => ask(url, title)))).map(({ data }) => data);
    await eventually(async () => (await taken()).every((data) => data !== undefined), startMs);
    expect(said("is refused")).toHaveLength(1);
  },
  3 * startMs,
);

test(
  "a supergraph that no worker can serve is said once, and nothing is left running",
  async () => {
    await start({ sdl: "type Query { a: Int }" });
    await eventually(() => child.exitCode !== null, startMs);
    expect([child.exitCode, said("This is no supergraph").length]).toEqual([1, 1]);
  },
  2 * startMs,
);

/** The workers of a process, which has other children as well: what compiles the sources. */
function workersOf(processId: number): Promise<number[]> {
  return new Promise((resolve, reject) =>
    execFile("ps", ["-A", "-o", "pid=,ppid=,args="], (error, out) => {
      if (error) return reject(error);
      const processes = out.split("\n").map((line) => line.trim().split(/\s+/));
      const workers = processes.filter(
        ([, parent, ...words]) => parent === String(processId) && words.join(" ").includes("standalone/worker."),
      );
      resolve(workers.map(([id]) => Number(id)));
    }),
  );
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}
