import { PrismaPg } from "@prisma/adapter-pg";
import { makeHandle, type Handle, type RawClient } from "./handle";
import { silent, type Log } from "./log";
import type { Tenant } from "./tenant";
import { TenantPool } from "./tenant-pool";

/** One Prisma client over one pool; every handle is bound to a tenant. */
export interface Database<Client = unknown> {
  as(tenant: Tenant): Handle<Client>;
  /** For a service's own work across tenants: passes only policies that say `is_service()`. */
  asService(tenant?: Tenant): Handle<Client>;
  readonly pool: TenantPool;
  /** Resolves when the database answers. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface OpenDatabaseOptions<Client> {
  /** Of the `_app` role, which owns nothing. */
  url: string;
  /** `(adapter) => new PrismaClient({ adapter })`, of the service's generated client. */
  createClient(adapter: PrismaPg): Client;
  poolMax?: number;
  statementTimeoutMs?: number;
  log?: Log;
}

export function openDatabase<Client>(options: OpenDatabaseOptions<Client>): Database<Client> {
  const { url, createClient, poolMax = 10, statementTimeoutMs = 30_000, log = silent } = options;
  const pool = new TenantPool({
    url,
    max: poolMax,
    statementTimeoutMs,
    lockTimeoutMs: 10_000,
    idleInTransactionTimeoutMs: 60_000,
    connectionTimeoutMs: 10_000,
    log,
  });
  const client = createClient(new PrismaPg(pool));
  // The shape that every generated client has; its own type is the service's.
  const source = { client: client as RawClient, pool, log };
  let closed: Promise<void> | undefined;
  const close = async () => {
    await source.client.$disconnect();
    await pool.end();
  };
  const nobody = makeHandle(source, {}, false);
  return {
    as: (tenant) => makeHandle(source, tenant, false),
    asService: (tenant = {}) => makeHandle(source, tenant, true),
    pool,
    ready: async () => void (await nobody.sql("select 1")),
    close: () => (closed ??= close()),
  };
}
