import pg from "pg";
import { checkedText, checkKey, checkLimit } from "./checks";
import type { EphemeralStore } from "./ephemeral-store";
import { prepareSchema } from "./schema";

export interface PostgresEphemeralOptions {
  /** Of the role that owns the database; used while opening only, to make the tables. */
  ownerUrl: string;
  /** Of the role that reads and writes. */
  appUrl: string;
  poolMax?: number;
  log: { error(details: object, message: string): void };
}

export interface PostgresEphemeral extends EphemeralStore {
  /** Rejects when the database doesn't answer. */
  ready(): Promise<void>;
  /** Deletes what has expired, and says how much that was. Runs by itself every minute. */
  prune(): Promise<number>;
  close(): Promise<void>;
}

const pruneEveryMs = 60_000;
const pruneBatchSize = 5_000;

/** Expiring state in tables of their own database, shared by all processes that open it. */
export async function postgresEphemeral(options: PostgresEphemeralOptions): Promise<PostgresEphemeral> {
  const { ownerUrl, appUrl, poolMax = 4, log } = options;
  await prepareSchema(ownerUrl, appUrl);
  const pool = new pg.Pool({
    connectionString: appUrl,
    max: poolMax,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 10_000,
    application_name: "atrium ephemeral",
  });
  pool.on("error", (error) => log.error({ err: error }, "an idle connection to the ephemeral store broke"));

  async function query<Row extends pg.QueryResultRow>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    return (await pool.query<Row>({ name, text, values })).rows;
  }

  async function pruneTable(table: "ephemeral_value" | "ephemeral_limit"): Promise<number> {
    for (let total = 0; ;) {
      // In batches, and past what is in use: nobody waits for the pruning, and it waits for nobody.
      const { rowCount } = await pool.query(`
        delete from ${table} where ctid = any(array(
          select ctid from ${table} where expires_at < now() limit ${pruneBatchSize} for update skip locked))`);
      total += rowCount ?? 0;
      if ((rowCount ?? 0) < pruneBatchSize) return total;
    }
  }

  const prune = async () => (await pruneTable("ephemeral_value")) + (await pruneTable("ephemeral_limit"));
  let pruning: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    pruning = prune().catch((error) => log.error({ err: error }, "expired state couldn't be deleted"));
  }, pruneEveryMs).unref();

  return {
    async get<Value>(key: string) {
      checkKey(key);
      const rows = await query<{ value: string }>(
        "ephemeral_get",
        "select value from ephemeral_value where key = $1 and expires_at > now()",
        [key],
      );
      return valueOf<Value>(rows);
    },

    async set(key, value, ttlSeconds) {
      const text = checkedText(key, value, ttlSeconds);
      await query(
        "ephemeral_set",
        `insert into ephemeral_value (key, value, expires_at) values ($1, $2, now() + make_interval(secs => $3))
         on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at`,
        [key, text, ttlSeconds],
      );
    },

    async take<Value>(key: string) {
      checkKey(key);
      // The row is locked by the first to delete it; the others wait, and find it gone.
      const rows = await query<{ value: string }>(
        "ephemeral_take",
        `with taken as (delete from ephemeral_value where key = $1 returning value, expires_at)
         select value from taken where expires_at > now()`,
        [key],
      );
      return valueOf<Value>(rows);
    },

    async delete(key) {
      checkKey(key);
      await query("ephemeral_delete", "delete from ephemeral_value where key = $1", [key]);
    },

    async consume(limit, key) {
      checkKey(key);
      checkLimit(limit);
      const { name, points, windowSeconds, delay } = limit;
      const [answer] = await query<{ wait_seconds: number }>(
        "ephemeral_consume",
        "select ephemeral_consume($1, $2, $3, $4, $5, $6, $7) as wait_seconds",
        [name, key, points, windowSeconds, delay?.firstSeconds, delay?.factor, delay?.secondsMax],
      );
      const retryAfterSeconds = Math.ceil(answer!.wait_seconds);
      return { allowed: retryAfterSeconds === 0, retryAfterSeconds };
    },

    async ready() {
      await pool.query("select 1");
    },

    prune,

    async close() {
      clearInterval(timer);
      await pruning;
      await pool.end();
    },
  };
}

function valueOf<Value>([row]: { value: string }[]): Value | null {
  return row ? (JSON.parse(row.value) as Value) : null;
}
