import { existsSync, readdirSync, readFileSync } from "node:fs";
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

/** Every row of every table of every database, every file and every topic: what a dump of the installation holds. */
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
  return [
    ...stored,
    ...filesOf(path.join(dataDirectory, "blobs"), "file"),
    // Of the distributed shape: what topics hold (the rest is indexes of it), and what is kept for a while.
    ...filesOf(path.join(dataDirectory, "kafka"), "topic", (name) => name.endsWith(".log")),
    ...filesOf(path.join(dataDirectory, "redis"), "redis"),
  ];
}

function filesOf(folder: string, kind: string, isWanted = (_name: string) => true): StoredText[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile() || !isWanted(entry.name)) return [];
    const file = path.join(entry.parentPath, entry.name);
    return [{ place: `${kind} ${path.relative(folder, file)}`, text: readFileSync(file, "latin1") }];
  });
}

/** Where any of these texts stands, whatever its case. */
export const placesOf = (stored: readonly StoredText[], marks: readonly string[]): string[] => [
  ...new Set(
    stored.flatMap(({ place, text }) =>
      marks.filter((mark) => text.toLowerCase().includes(mark.toLowerCase())).map((mark) => `${place}: ${mark}`),
    ),
  ),
];
