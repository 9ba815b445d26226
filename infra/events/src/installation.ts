import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { serviceUrls } from "@atrium/database";
import { isAlive } from "@atrium/database/local";
import {
  faultsOfKafkaSettings,
  kafkaSettings,
  kafkaTransport,
  type EventTransaction,
  type EventTransport,
} from "@atrium/events";
import pg from "pg";
import { Refused } from "./refused";

/** A service's database, as the service itself sees it. */
export interface ServiceHandle extends EventTransaction {
  transaction<T>(work: (tx: ServiceHandle) => Promise<T>): Promise<T>;
}

/** The installation that a command is about: the services' databases and, in the distributed shape, the broker. */
export interface Installation {
  /** By service. */
  services: ReadonlyMap<string, ServiceHandle>;
  transport: Required<EventTransport> | null;
  close(): Promise<void>;
}

const root = path.resolve(__dirname, "../../..");
const quiet = { info() {}, warn() {}, error() {} };

/**
 * Finds it by the settings that services have: `DATABASE_ADMIN_URL` (or `DATABASE_APP_URL`, of one service),
 * `KAFKA_BROKERS` and `ATRIUM_SECRET`; what isn't set, by what runs on the folder `ATRIUM_DATA`.
 */
export async function openInstallation(env: NodeJS.ProcessEnv): Promise<Installation> {
  const data = path.resolve(root, env.ATRIUM_DATA || ".atrium");
  const connections: pg.Client[] = [];
  const open = async (url: string) => {
    const client = new pg.Client({ connectionString: url, application_name: "atrium events command" });
    client.on("error", () => {});
    await client.connect().catch((error: Error) => {
      throw new Refused(`The database ${withoutPassword(url)} can't be reached: ${error.message}`);
    });
    connections.push(client);
    return client;
  };
  const transport = openTransport(env, data);
  const close = async () => {
    await transport?.close();
    await Promise.all(connections.map((client) => client.end().catch(() => {})));
  };
  try {
    const services = new Map<string, ServiceHandle>();
    for (const [service, url] of await databasesOf(env, data, open)) {
      const handle = await handleOn(await open(url));
      // One that its service is only making has no tables yet.
      const [tables] = await handle.sql<{ made: boolean }>("select to_regclass('inbox_group') is not null as made");
      if (tables?.made) services.set(service, handle);
    }
    if (services.size === 0) throw new Refused("There is no service on this database server yet: start Atrium first.");
    return { services, transport, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function databasesOf(
  env: NodeJS.ProcessEnv,
  data: string,
  open: (url: string) => Promise<pg.Client>,
): Promise<[string, string][]> {
  if (env.DATABASE_APP_URL && !env.DATABASE_ADMIN_URL) {
    const service = /^\/?atrium_(\w+)$/.exec(new URL(env.DATABASE_APP_URL).pathname)?.[1];
    return [[service ?? new URL(env.DATABASE_APP_URL).pathname.slice(1), env.DATABASE_APP_URL]];
  }
  const adminUrl = env.DATABASE_ADMIN_URL || runningDatabase(data);
  const admin = await open(adminUrl);
  const { rows } = await admin.query<{ datname: string }>(
    "select datname from pg_database where datname like 'atrium\\_%' order by datname",
  );
  const services = rows.map(({ datname }) => datname.slice("atrium_".length)).filter((name) => name !== "ephemeral");
  return services.map((service) => [service, serviceUrls(adminUrl, service, `atrium_${service}`).appUrl]);
}

/** The administrator's address of the PostgreSQL that runs on this folder. */
function runningDatabase(data: string): string {
  const folder = path.join(data, "postgres");
  const notRunning = new Refused(
    `No Atrium is running on ${data}. Start it (npm start), or say where it is: ATRIUM_DATA=folder, or ` +
      "DATABASE_ADMIN_URL (and KAFKA_BROKERS, ATRIUM_SECRET) as the services have them.",
  );
  try {
    const [pid, , , port] = readFileSync(path.join(folder, "data/postmaster.pid"), "utf8").split("\n");
    if (!isAlive(Number(pid))) throw notRunning;
    const password = readFileSync(path.join(folder, "password"), "utf8");
    return `postgresql://postgres:${password}@127.0.0.1:${port}/postgres?sslmode=disable`;
  } catch {
    throw notRunning;
  }
}

function openTransport(env: NodeJS.ProcessEnv, data: string): Required<EventTransport> | null {
  const brokers = env.KAFKA_BROKERS || runningBroker(data);
  if (!brokers) return null;
  const given = Object.keys(kafkaSettings.shape).map((name) => [name, env[name] || undefined]);
  const parsed = kafkaSettings.safeParse({ ...Object.fromEntries(given), KAFKA_BROKERS: brokers });
  const faults = parsed.success
    ? faultsOfKafkaSettings(parsed.data)
    : parsed.error.issues.map(({ path: [name], message }) => `${String(name)}: ${message}`);
  const secret = env.ATRIUM_SECRET || secretOf(data);
  if (!secret) faults.push("ATRIUM_SECRET is missing: the installation's secret, the same as the services have");
  if (faults.length > 0) throw new Refused(faults.join("\n"));
  return kafkaTransport({ settings: parsed.data!, secret: secret!, log: quiet });
}

const readIfThere = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : null);

function runningBroker(data: string): string | null {
  const text = readIfThere(path.join(data, "kafka/broker.json"));
  if (!text) return null;
  const { pid, port } = JSON.parse(text) as { pid: number; port: number };
  return isAlive(pid) ? `127.0.0.1:${port}` : null;
}

function secretOf(data: string): string | null {
  const text = readIfThere(path.join(data, "installation.json"));
  return text && (JSON.parse(text) as { secret: string }).secret;
}

async function handleOn(client: pg.Client): Promise<ServiceHandle> {
  await client.query("set app.scope = 'service'; set timezone = 'UTC'");
  const handle: ServiceHandle = {
    tenant: {},
    sql: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await client.query(text, [...values])).rows as Row[],
    afterCommit: (effect) => effect(),
    async transaction(work) {
      await client.query("begin");
      try {
        const result = await work(handle);
        await client.query("commit");
        return result;
      } catch (error) {
        await client.query("rollback").catch(() => {});
        throw error;
      }
    },
  };
  return handle;
}

function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = "";
  return shown.href;
}
