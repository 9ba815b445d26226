import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createCollector } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { testAdminUrl } from "@atrium/database/testing";
import type { ExecutionResult } from "graphql";
import { connectSubgraph, type RemoteSubgraph } from ".";
import { ada, secret } from "./testing/library";

const repository = path.resolve(__dirname, "../../..");
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

function run(env: NodeJS.ProcessEnv): ChildProcess {
  const { PATH, HOME } = process.env;
  const main = path.join(__dirname, "testing/alone.ts");
  const args = ["--conditions", "@atrium/source", "--import", "tsx", main];
  child = spawn(process.execPath, args, {
    cwd: repository,
    env: { PATH, HOME, ...env },
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

test("a process serves its subgraph until it is told to stop, and ends cleanly in the middle of things", async () => {
  const alone = run({
    ATRIUM_SECRET: secret,
    PORT: "0",
    HOST: "127.0.0.1",
    DATABASE_ADMIN_URL: await testAdminUrl(),
    BLOBS_DIRECTORY: directory,
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
    ATRIUM_SECRET: secret,
    PORT: "0",
    HOST: "127.0.0.1",
    DATABASE_ADMIN_URL: await testAdminUrl(),
    BLOBS_DIRECTORY: directory,
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

test("a process that lacks its settings names each of them and ends with 1", async () => {
  const alone = run({ PORT: "a lot", LOG_LEVEL: "loud", SERVICE_URLS: "chat=localhost" });
  const [written, [exitCode]] = await Promise.all([text(alone.stderr!), once(alone, "exit")]);
  expect(exitCode).toBe(1);
  for (const name of ["ATRIUM_SECRET is missing", "PORT:", "LOG_LEVEL:", "SERVICE_URLS:"])
    expect(written).toContain(name);
});

test("a process whose port is taken says so and ends with 1", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  const alone = run({
    ATRIUM_SECRET: secret,
    PORT: String(port),
    HOST: "127.0.0.1",
    DATABASE_ADMIN_URL: await testAdminUrl(),
    BLOBS_DIRECTORY: directory,
  });
  const [written, [exitCode]] = await Promise.all([text(alone.stderr!), once(alone, "exit")]);
  taken.close();
  expect(exitCode).toBe(1);
  expect(written).toContain(`PORT: ${port} is in use by another program.`);
});
