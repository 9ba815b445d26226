import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { readReplicas } from "./replicas";

const root = path.resolve(__dirname, "../../..");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "atrium-start-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What a start says that is refused. */
function refusal(args: string[], env: Record<string, string> = {}): string {
  const { status, stderr } = spawnSync(process.execPath, [path.join(root, "infra/distributed/dist/main.js"), ...args], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], ATRIUM_DATA: folder, PORT: "0", HOST: "127.0.0.1", ...env },
  });
  expect(status).toBe(1);
  return stderr.trim();
}

test("a machine without Redis, Java and Maven is told what to install or to set, a line each, and nothing is begun", () => {
  const lines = refusal([], { PATH: "/nowhere" }).split("\n");
  expect(lines[0]).toMatch(/^redis-server is missing: apt-get install .*redis-server \(or .*REDIS_URL=/);
  expect(lines[1]).toMatch(/^Java 17 or newer.* missing: apt-get install .*KAFKA_BROKERS=/);
  expect(lines).toHaveLength(2);
  expect(readdirSync(folder).sort()).toEqual(["installation.json"]);
});

test("a setting says that a server is there, so nothing of it is missing", () => {
  const said = refusal([], { PATH: "/nowhere", REDIS_URL: "redis://127.0.0.1:1" });
  expect(said).not.toContain("redis-server");
  expect(said).toContain("Java");
});

test("every setting that isn't usable is named, and no value is repeated", () => {
  const said = refusal([], { PORT: "harbour", REDIS_URL: "http://hush", KAFKA_BROKERS: "no port" });
  for (const name of ["PORT:", "REDIS_URL:", "KAFKA_BROKERS:"]) expect(said).toContain(name);
  expect(said).not.toContain("hush");
});

test("replicas are counted by name, and everything else has one", () => {
  const counted = (...args: string[]) => Object.fromEntries(readReplicas(args));
  const ones = { identity: 1, tenancy: 1, knowledge: 1, chat: 1, gateway: 1 };
  expect(counted()).toMatchObject(ones);
  expect(counted("--replicas", "knowledge=2,chat=3")).toMatchObject({ ...ones, knowledge: 2, chat: 3 });
  expect(counted("--replicas=gateway=2", "--replicas", "chat=2")).toMatchObject({ ...ones, gateway: 2, chat: 2 });
});

test.each([
  ["an unknown service", ["--replicas", "kitchen=2"], "kitchen=2"],
  ["no replica at all", ["--replicas", "chat=0"], "chat=0"],
  ["a thousand", ["--replicas", "chat=1000"], "chat=1000"],
  ["no number", ["--replicas", "chat"], "chat"],
  ["nothing", ["--replicas"], "--replicas"],
  ["another option", ["--fast"], "--fast"],
])("%s is refused in a sentence that says how it is written", (_, args, named) => {
  expect(refusal(args)).toMatch(
    new RegExp(`^What is "${named}"\\? Write --replicas knowledge=2,chat=3: .*gateway\\.$`),
  );
});
