import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { eventually } from "./testing/world";

const root = path.resolve(__dirname, "../..");
const running: ChildProcess[] = [];
let service: Server;
let serviceUrl: string;

// Stands for every service: alive, and saying so.
beforeAll(async () => {
  service = createServer((_, response) =>
    response.writeHead(200, { "content-type": "application/json" }).end('{"database":{"ok":true}}'),
  );
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  serviceUrl = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
});
afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
});

/** The gateway as its own process, with this environment alone. */
function run(env: Record<string, string>) {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions=@atrium/source", path.join(__dirname, "main.ts")],
    {
      cwd: root,
      env: { PATH: process.env["PATH"], ...env },
    },
  );
  running.push(child);
  const printed = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (printed.out += String(data)));
  child.stderr.on("data", (data: Buffer) => (printed.err += String(data)));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, printed, exited };
}

const services = () =>
  readdirSync(path.join(root, "services"))
    .map((name) => `${name}=${serviceUrl}`)
    .join(",");
const settings = () => ({ ATRIUM_SECRET: "s".repeat(32), SERVICE_URLS: services(), HOST: "127.0.0.1", PORT: "0" });

test("it starts from its settings, answers, and ends on SIGTERM", async () => {
  const { child, printed, exited } = run({ ...settings(), CONTRACTS: "/graphql/app=!audit" });
  await eventually(() => printed.out.includes("Ready."), 25_000);
  const { port } = JSON.parse(printed.out.split("\n").find((line) => line.includes("Ready."))!) as { port: number };
  const url = `http://127.0.0.1:${port}`;
  expect(await (await fetch(`${url}/ready`)).json()).toMatchObject({
    ready: true,
    checks: { "identity.database": { ok: true } },
  });
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
  const ask = async (path: string) =>
    (
      await fetch(`${url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"query":"{ auditTrail { nodes { __typename } } }"}',
      })
    ).json();
  expect(JSON.stringify(await ask("/graphql"))).not.toContain("GRAPHQL_VALIDATION_FAILED");
  expect(JSON.stringify(await ask("/graphql/app"))).toContain("GRAPHQL_VALIDATION_FAILED");
  expect((await fetch(`${url}/graphql`, { headers: { accept: "text/html" } })).status).toBe(404);

  const taken = run({ ...settings(), PORT: String(port) });
  expect(await taken.exited).toBe(1);
  expect(taken.printed.err).toContain(`PORT: ${port} is in use by another program.`);

  child.kill("SIGTERM");
  expect(await exited).toBe(0);
}, 60_000);

test("every fault of its settings is named at once, and no value is repeated", async () => {
  const { printed, exited } = run({
    ATRIUM_SECRET: "hush",
    PORT: "ninety",
    CORS_ORIGINS: "https://a.example/path",
    INTROSPECTION: "yes",
    CONTRACTS: "/graphql/app=!audit,/health=public,/graphql/app=,/graphql/x=a+!b c",
  });
  expect(await exited).toBe(1);
  for (const name of ["ATRIUM_SECRET", "SERVICE_URLS", "PORT", "CORS_ORIGINS", "INTROSPECTION", "CONTRACTS"])
    expect(printed.err).toContain(name);
  for (const fault of ['"/health=public" is not a path', "has its tags already", '"/graphql/x=a+!b c" names no tags'])
    expect(printed.err).toContain(fault);
  expect(printed.err).not.toContain("hush");
  const missing = run({ ...settings(), SERVICE_URLS: `identity=${serviceUrl}` });
  expect(await missing.exited).toBe(1);
  expect(missing.printed.err).toMatch(/SERVICE_URLS doesn't say where these are: .*tenancy/);
}, 60_000);
