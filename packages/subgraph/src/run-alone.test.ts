import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createCollector } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { testAdminUrl } from "@atrium/database/testing";
import { describeWithRedis, testRedis, type TestRedis } from "@atrium/redis/testing";
import type { ExecutionResult } from "graphql";
import { connectSubgraph, type RemoteSubgraph } from ".";
import { ada, secret } from "./testing/library";

const repository = path.resolve(__dirname, "../../..");
let redis: TestRedis;
let directory: string;
let child: ChildProcess | undefined;
let remote: RemoteSubgraph | undefined;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "atrium-alone-"));
});
afterEach(async () => {
  await remote?.close();
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  rmSync(directory, { recursive: true, force: true });
});

const arguments_ = ["--conditions", "@atrium/source", "--import", "tsx", path.join(__dirname, "testing/alone.ts")];
/** Starts its arguments as a child with a channel, and does nothing else. */
const orphaning = `require("node:child_process").spawn(process.execPath, process.argv.slice(1), {
  stdio: ["ignore", "inherit", "inherit", "ipc"],
  detached: true,
}); setInterval(() => {}, 1000);`;

function plainEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME };
}

const settings = async () => ({
  ATRIUM_SECRET: secret,
  PORT: "0",
  HOST: "127.0.0.1",
  DATABASE_ADMIN_URL: await testAdminUrl(),
  REDIS_URL: redis.url,
  // Nobody is there: the library has no events.
  KAFKA_BROKERS: "127.0.0.1:1",
  BLOBS_DIRECTORY: directory,
});

async function gone(pid: number): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (Date.now() > deadline) throw new Error(`The process ${pid} lives on.`);
  }
}

function run(env: NodeJS.ProcessEnv): ChildProcess {
  child = spawn(process.execPath, arguments_, {
    cwd: repository,
    env: { ...plainEnvironment(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return child;
}

/** Lines of the log, as they come. */
async function* linesOf({ stdout }: ChildProcess): AsyncGenerator<Record<string, unknown>> {
  let rest = "";
  for await (const chunk of stdout!) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as Record<string, unknown>;
  }
}

async function until(lines: AsyncGenerator<Record<string, unknown>>, message: string) {
  for (let next = await lines.next(); !next.done; next = await lines.next())
    if (next.value.msg === message) return next.value;
  throw new Error(`The process ended without saying "${message}".`);
}

describeWithRedis("a process of its own", () => {
  beforeAll(async () => {
    redis = await testRedis();
  });
  afterAll(() => redis.remove());

  test("a process serves its subgraph until it is told to stop, and ends cleanly in the middle of things", async () => {
    const alone = run({
      ...(await settings()),
      METRICS_TOKEN: "the token of the metrics",
    });
    const lines = linesOf(alone);
    const { port } = await until(lines, "Ready.");
    const url = `http://127.0.0.1:${String(port)}`;
    remote = connectSubgraph({ name: "library", url, secret });
    expect(await remote.internal("database", {}, "gateway")).toEqual({ name: "atrium_library" });
    expect(await remote.execute({ query: '{ book(id: "a") { id } }', actor: ada, requestId: "req_1" })).toEqual({
      data: { book: { id: "a" } },
    });
    const metrics = await fetch(`${url}/metrics`, { headers: { authorization: "Bearer the token of the metrics" } });
    expect(await metrics.text()).toContain("process_resident_memory_bytes");

    const events = await remote.subscribe({
      query: 'subscription { commentAdded(bookId: "a") { text } }',
      actor: ada,
      requestId: "req_2",
    });
    if (!(Symbol.asyncIterator in events)) throw new Error("Not subscribed.");
    const last = events.next();
    alone.kill("SIGTERM");
    const { value } = (await last) as { value: ExecutionResult };
    expect(value.errors?.[0]).toMatchObject({
      message: "This service is stopping; try again.",
      extensions: { code: "SERVICE_UNAVAILABLE" },
    });
    await until(lines, "The library is closed.");
    expect(await once(alone, "exit")).toEqual([0, null]);
  });

  test("a process sends its traces, the last ones before it ends", async () => {
    const received: string[] = [];
    const collector = createCollector(async (request, response) => {
      received.push(`${request.url} ${await text(request)}`);
      response.setHeader("content-type", "application/json").end("{}");
    }).listen(0, "127.0.0.1");
    await once(collector, "listening");
    const alone = run({
      ...(await settings()),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as { port: number }).port}/`,
    });
    const { port } = await until(linesOf(alone), "Ready.");
    remote = connectSubgraph({ name: "library", url: `http://127.0.0.1:${String(port)}`, secret });
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await remote.execute({ query: '{ book(id: "a") { id } }', actor: ada, requestId: "req_1", traceparent });
    alone.kill("SIGTERM");
    await once(alone, "exit");
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
    expect(received.join()).toMatch(/^\/v1\/traces /);
    for (const part of ["query book", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", '"library"'])
      expect(received.join()).toContain(part);
  });

  test("a process whose port is taken says so and ends with 1", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const alone = run({ ...(await settings()), PORT: String(port) });
    const [written, [exitCode]] = await Promise.all([text(alone.stderr!), once(alone, "exit")]);
    taken.close();
    expect(exitCode).toBe(1);
    expect(written).toContain(`PORT: ${port} is in use by another program.`);
  });

  test("a process whose parent is gone ends, in good order", async () => {
    const parent = spawn(process.execPath, ["-e", orphaning, "--", ...arguments_], {
      cwd: repository,
      env: { ...plainEnvironment(), ...(await settings()) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    child = parent;
    const lines = linesOf(parent);
    const { pid } = await until(lines, "Ready.");
    parent.kill("SIGKILL");
    await until(lines, "The library is closed.");
    await gone(Number(pid));
  });

  test("Redis that is gone makes it not ready, by name, and that is over when Redis is back", async () => {
    const alone = run(await settings());
    const { port } = await until(linesOf(alone), "Ready.");
    const ready = async () => {
      const response = await fetch(`http://127.0.0.1:${String(port)}/ready`);
      return [response.status, await response.json()];
    };
    expect(await ready()).toEqual([
      200,
      expect.objectContaining({ redis: { ok: true }, "live updates": { ok: true }, library: { ok: true } }),
    ]);
    await redis.stop();
    expect(await ready()).toEqual([
      503,
      expect.objectContaining({ redis: { ok: false, detail: "not reachable" }, library: { ok: true } }),
    ]);
    await redis.start();
    for (const deadline = Date.now() + 15_000; (await ready())[0] !== 200;)
      if (Date.now() > deadline) throw new Error("It isn't ready again.");
  });
});

test("a process that lacks its settings names each of them and ends with 1", async () => {
  const alone = run({ PORT: "a lot", LOG_LEVEL: "loud", SERVICE_URLS: "chat=localhost" });
  const [written, [exitCode]] = await Promise.all([text(alone.stderr!), once(alone, "exit")]);
  expect(exitCode).toBe(1);
  for (const name of ["ATRIUM_SECRET is missing", "PORT:", "LOG_LEVEL:", "SERVICE_URLS:"])
    expect(written).toContain(name);
});
