import type pg from "pg";

/** Commits when `work` resolves, else rolls back. */
export async function inTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    client.release();
    return result;
  } catch (error) {
    // The connection may be the cause; closing it rolls back too.
    client.release(true);
    throw error;
  }
}
