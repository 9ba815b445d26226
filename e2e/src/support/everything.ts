import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { runningEmbeddedPostgres } from "@atrium/database";
import pg from "pg";

/** One place where an installation stores something, as text. */
export interface StoredText {
  place: string;
  text: string;
}

async function withDatabase<T>(dataDirectory: string, name: string, work: (client: pg.Client) => Promise<T>) {
  const address = runningEmbeddedPostgres(path.join(dataDirectory, "postgres"));
  if (!address) throw new Error(`No database runs on ${dataDirectory}.`);
  const client = new pg.Client(Object.assign(new URL(address), { pathname: `/${name}` }).href);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Rows of one database, as its administrator sees them: all. */
export const rowsOf = <Row extends object>(
  dataDirectory: string,
  database: string,
  sql: string,
  values: unknown[] = [],
) => withDatabase(dataDirectory, database, async (client) => (await client.query<Row>(sql, values)).rows);

/** Every row of every table of every database, and every file: what a dump of the installation holds. */
export async function everythingStored(dataDirectory: string): Promise<StoredText[]> {
  const databases = await rowsOf<{ name: string }>(
    dataDirectory,
    "postgres",
    "select datname as name from pg_database where datname like 'atrium%'",
  );
  const stored: StoredText[] = [];
  for (const { name } of databases) {
    await withDatabase(dataDirectory, name, async (client) => {
      const tables = await client.query<{ table: string }>(
        `select format('%I.%I', n.nspname, c.relname) as table from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')`,
      );
      for (const { table } of tables.rows) {
        const { rows } = await client.query<{ text: string }>(`select t::text as text from ${table} t`);
        for (const { text } of rows) stored.push({ place: `${name} ${table}`, text });
      }
    });
  }
  const blobs = path.join(dataDirectory, "blobs");
  for (const entry of readdirSync(blobs, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    stored.push({ place: `file ${path.relative(blobs, file)}`, text: readFileSync(file, "latin1") });
  }
  return stored;
}

/** Where any of these texts stands, whatever its case. */
export const placesOf = (stored: readonly StoredText[], marks: readonly string[]): string[] => [
  ...new Set(
    stored.flatMap(({ place, text }) =>
      marks.filter((mark) => text.toLowerCase().includes(mark.toLowerCase())).map((mark) => `${place}: ${mark}`),
    ),
  ),
];
