import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrate, openDatabase, provisionDatabase, startEmbeddedPostgres, type Handle } from "@atrium/database";
import { eventsBase } from "@atrium/events";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "../../services/knowledge/src/generated/prisma/client";
import { root } from "./house";
import { median, perSecond } from "./statistics";
import { atLeast, type Measure } from "./table";

const rowCount = 100_000;
const tenantCount = 1_000;
const callers = 16;
// Short and many: what else the machine does changes from second to second.
const roundMs = 400;
const rounds = 31;
const pageSize = 20;

const silent = { info() {}, warn() {}, error() {} };

/**
 * A page of a real list, the documents of a knowledge base, at random tenants: under row-level security as the services
 * ask it, and by a superuser whom no policy holds. Same tables, same query, connections of the same kind (statements
 * prepared and named, as many of them, the same session settings); the rounds alternate, so that what else the machine
 * does falls on both.
 */
export const rowLevelSecurity: Measure = async (say) => {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-bench-"));
  chmodSync(directory, 0o755); // run by root, the server is another user's
  const server = await startEmbeddedPostgres({ directory: path.join(directory, "postgres"), log: silent });
  try {
    const urls = await provisionDatabase(server.adminUrl, "knowledge");
    const migrations = path.join(root, "services/knowledge/prisma/migrations");
    await migrate({ ...urls, directory: migrations, base: [eventsBase] });
    const adminUrl = Object.assign(new URL(server.adminUrl), { pathname: new URL(urls.appUrl).pathname }).toString();
    say(`writing ${rowCount.toLocaleString("en")} rows of ${tenantCount.toLocaleString("en")} tenants`);
    await fill(adminUrl);

    const database = openDatabase({
      url: urls.appUrl,
      createClient: (adapter) => new PrismaClient({ adapter }),
      poolMax: callers,
    });
    const open = openWithoutPolicies(adminUrl);
    try {
      const list = (client: Pick<Handle<PrismaClient>, "document">, n: number) =>
        client.document.findMany({
          where: { organizationId: `org_${n}`, knowledgeBaseId: `kb_${n}` },
          orderBy: { id: "desc" },
          take: pageSize,
        });
      const text = `select * from document where organization_id = $1 and knowledge_base_id = $2 order by id desc limit ${pageSize}`;
      const valuesOf = (n: number) => [`org_${n}`, `kb_${n}`];
      const tenantOf = (n: number) => ({ organizationId: `org_${n}`, workspaceId: `wsp_${n}`, userId: "usr_1" });

      say("a page of a list through Prisma, with and without policies");
      const models = await compare(
        (n) => list(database.as(tenantOf(n)), n),
        (n) => list(open.client, n),
      );
      say("a page of a list by SQL, with and without policies");
      const sql = await compare(
        (n) => database.as(tenantOf(n)).sql(text, valuesOf(n)),
        async (n) => (await open.pool.query({ text, values: valuesOf(n) })).rows,
      );
      const size = `${pageSize} of ${rowCount.toLocaleString("en")} rows, ${callers} callers`;
      return [
        { what: `list under RLS ÷ without, Prisma, ${size}`, ...figureOf(models) },
        { what: `list under RLS ÷ without, plain SQL, ${size}`, ...figureOf(sql) },
      ];
    } finally {
      await database.close();
      await open.close();
    }
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
};

interface Comparison {
  withPolicies: number[];
  without: number[];
}

type List = (tenant: number) => Promise<readonly unknown[]>;

/** Lists per round of each, round by round in turn. */
async function compare(withPolicies: List, without: List): Promise<Comparison> {
  const counted: Comparison = { withPolicies: [], without: [] };
  for (let round = -3; round < rounds; round++) {
    // The first rounds warm up; and none of the two is always the first.
    const order = [["withPolicies", withPolicies] as const, ["without", without] as const];
    for (const [name, list] of round % 2 === 0 ? order : order.reverse()) {
      const count = await listsIn(roundMs, list);
      if (round >= 0) counted[name].push(count);
    }
  }
  return counted;
}

async function listsIn(ms: number, list: List): Promise<number> {
  const end = performance.now() + ms;
  let count = 0;
  const caller = async () => {
    while (performance.now() < end) {
      const rows = await list(Math.floor(Math.random() * tenantCount));
      if (rows.length !== pageSize) throw new Error(`${rows.length} rows in place of ${pageSize}.`);
      count++;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return count;
}

function figureOf({ withPolicies, without }: Comparison) {
  const ratio = median(withPolicies.map((count, round) => count / without[round]!));
  const rates = `${perSecond(median(withPolicies), roundMs)} ÷ ${perSecond(median(without), roundMs)}`;
  return { value: `${ratio.toFixed(2)} (${rates}, median of ${rounds} ratios)`, reach: atLeast(0.9, "", ratio) };
}

function openWithoutPolicies(connectionString: string) {
  const pool = new NamingPool({ connectionString, max: callers, options: "-c timezone=UTC" });
  const client = new PrismaClient({ adapter: new PrismaPg(pool) });
  return { pool, client, close: () => client.$disconnect().then(() => pool.end()) };
}

/** Prepares each statement once per connection, as the services' pool does. */
class NamingPool extends pg.Pool {
  override query = ((statement: pg.QueryConfig) =>
    super.query({ ...statement, name: nameOf(statement.text) })) as unknown as pg.Pool["query"];
}

const names = new Map<string, string>();
function nameOf(text: string): string {
  let name = names.get(text);
  if (!name) names.set(text, (name = createHash("sha1").update(text).digest("hex")));
  return name;
}

async function fill(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`
      insert into knowledge_base (id, organization_id, workspace_id, name, split_method, size_tokens, overlap_tokens)
      select 'kb_' || n, 'org_' || n, 'wsp_' || n, 'Handbook', 'HEADING', 320, 40
      from generate_series(0, ${tenantCount - 1}) as n`);
    await client.query(`
      insert into document (id, organization_id, workspace_id, knowledge_base_id, title, filename, content_type,
                            size_bytes, sha256, blob_key, state, passage_count)
      select 'doc_' || lpad(n::text, 8, '0'), 'org_' || t, 'wsp_' || t, 'kb_' || t, 'Report ' || n, n || '.pdf',
             'application/pdf', 90000, md5(n::text), 'blobs/' || n, 'INGESTED', 12
      from (select n, n % ${tenantCount} as t from generate_series(1, ${rowCount}) as n) as numbered`);
    await client.query("vacuum analyze");
  } finally {
    await client.end();
  }
}
