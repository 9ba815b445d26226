import { ColumnTypeEnum, bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import { PrismaPg } from "@prisma/adapter-pg";
import type * as schemaEngine from "@prisma/schema-engine-wasm/schema_engine_bg";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { withConnection } from "../admin";
import type { BaseScript } from "../base-sql";
import { testDatabase } from ".";

export interface SchemaReviewOptions {
  /** The workspace's `prisma` folder. */
  prisma: string;
  base?: readonly BaseScript[];
}

export interface SchemaReview {
  /** The SQL that is missing in `migrations` for what `schema.prisma` says; empty when they agree. */
  missing: string;
  /** Tables without row-level security, or with it and no policy, or not forced upon their owner. */
  unprotected: string[];
}

/** Runs the migrations on a test database and compares what is there with the schema, as `prisma migrate diff` would. */
export async function reviewSchema({ prisma, base = [] }: SchemaReviewOptions): Promise<SchemaReview> {
  const empty = mkdtempSync(path.join(tmpdir(), "atrium-"));
  const bare = await testDatabase("schema", empty, { base });
  const full = await testDatabase("schema", path.join(prisma, "migrations"), { base });
  try {
    // What other packages made is none of the schema's business.
    const foreign = await contentsOf(bare.ownerUrl);
    const { unprotected } = await contentsOf(full.ownerUrl);
    return {
      missing: await difference(full.ownerUrl, readFileSync(path.join(prisma, "schema.prisma"), "utf8"), foreign),
      unprotected: unprotected.filter((table) => !foreign.tables.includes(table)),
    };
  } finally {
    await Promise.all([bare.drop(), full.drop()]);
    rmSync(empty, { recursive: true });
  }
}

interface Contents {
  tables: string[];
  enums: string[];
  unprotected: string[];
}

const contentsOf = (url: string): Promise<Contents> =>
  withConnection(url, async (client) => {
    const { rows } = await client.query<{ name: string; kind: "table" | "enum"; protected: boolean }>(`
      select relname as name, 'table' as kind, relrowsecurity and relforcerowsecurity
        and exists (select from pg_policy where polrelid = pg_class.oid) as protected
      from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
      union all
      select typname, 'enum', true from pg_type where typnamespace = 'public'::regnamespace and typtype = 'e'`);
    const names = (wanted: (row: (typeof rows)[0]) => boolean) => rows.filter(wanted).map(({ name }) => name);
    return {
      tables: names(({ kind }) => kind === "table"),
      enums: names(({ kind }) => kind === "enum"),
      unprotected: names((row) => !row.protected),
    };
  });

async function difference(url: string, content: string, foreign: Contents): Promise<string> {
  const pool = new EnginePool({ connectionString: url });
  const external = (names: string[]) => names.map((name) => `public.${name}`);
  const files = [{ path: "schema.prisma", content }];
  try {
    const { SchemaEngine } = createRequire(__filename)("../../tools/schema-engine.cjs") as typeof schemaEngine;
    const factory = bindMigrationAwareSqlAdapterFactory(new EngineAdapter(pool));
    const engine = await SchemaEngine.new({ datamodels: [["schema.prisma", content]] }, () => {}, factory);
    const { stdout } = await engine.diff({
      from: { tag: "schemaDatasource", files, configDir: "." },
      to: { tag: "schemaDatamodel", files },
      script: true,
      exitCode: null,
      filters: { externalTables: external(foreign.tables), externalEnums: external(foreign.enums) },
    });
    return stdout?.trim() === "-- This is an empty migration." ? "" : (stdout ?? "");
  } finally {
    await pool.end();
  }
}

// The engine asks the catalogue for columns of type "char" (18), which the adapter refuses. They pass it as
// `character`, and get their type afterwards.
const charType = 18;

class EnginePool extends pg.Pool {
  readonly charColumns = new WeakMap<object, number[]>();
  readonly #query = pg.Pool.prototype.query as (statement: pg.QueryConfig) => Promise<pg.QueryResult>;

  override query = (async (statement: pg.QueryConfig) => {
    const result = await this.#query.call(this, statement);
    const charFields = result.fields.filter((field) => field.dataTypeID === charType);
    this.charColumns.set(
      result.rows,
      charFields.map((field) => result.fields.indexOf(field)),
    );
    for (const field of charFields) field.dataTypeID = pg.types.builtins.BPCHAR;
    return result;
  }) as pg.Pool["query"];
}

class EngineAdapter extends PrismaPg {
  constructor(private readonly pool: EnginePool) {
    super(pool);
  }

  override async connect() {
    const adapter = await super.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      for (const column of this.pool.charColumns.get(result.rows) ?? [])
        result.columnTypes[column] = ColumnTypeEnum.Character;
      return result;
    };
    return adapter;
  }
}
