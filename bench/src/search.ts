import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrate, openDatabase, provisionDatabase, startEmbeddedPostgres } from "@atrium/database";
import { eventsBase } from "@atrium/events";
import pg from "pg";
import type { Context } from "../../services/knowledge/src/context";
import { PrismaClient } from "../../services/knowledge/src/generated/prisma/client";
import { searchPassages } from "../../services/knowledge/src/retrieval";
import { openIndexes } from "../../services/knowledge/src/search/indexes";
import { searchKnowledge } from "../../services/knowledge/src/search/queries";
import { databaseSource } from "../../services/knowledge/src/search/source";
import { abstracts, searchQuestions } from "./cranfield";
import { root } from "./house";
import { percentile, rounded, seconds, spread } from "./statistics";
import { below, type Measure } from "./table";

const passageCount = 100_000;
const passagesPerDocument = 50;
const sentencesPerPassage = 6;
const rounds = 3;
const limitMs = 50;

const silent = { info() {}, warn() {}, error() {} };
const place = { organizationId: "org_bench", workspaceId: "wsp_bench" };
const base = "kb_bench";

/** A hundred thousand passages in PostgreSQL, found by questions: through the index, and through the use case. */
export const search: Measure = async (say) => {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-bench-"));
  chmodSync(directory, 0o755); // run by root, the server is another user's
  const server = await startEmbeddedPostgres({ directory: path.join(directory, "postgres"), log: silent });
  try {
    const urls = await provisionDatabase(server.adminUrl, "knowledge");
    const migrations = path.join(root, "services/knowledge/prisma/migrations");
    await migrate({ ...urls, directory: migrations, base: [eventsBase] });
    say(`writing ${rounded(passageCount)} passages`);
    await fill(Object.assign(new URL(server.adminUrl), { pathname: new URL(urls.appUrl).pathname }).toString());

    const database = openDatabase({ url: urls.appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
    const indexes = openIndexes(databaseSource, { bytesMax: 2 ** 31, log: silent });
    try {
      say("building the index");
      const db = database.as({ ...place, userId: "usr_bench" });
      const begun = performance.now();
      const index = await indexes.upTo(db, { id: base, workspaceId: place.workspaceId, revision: 1 });
      const builtMs = performance.now() - begun;
      await index.maintain();
      const { bytes, latent } = index.statistics;

      // As much of a context as a search looks at.
      const actor: Context["actor"] = {
        ...{ kind: "USER", userId: "usr_bench", sessionId: "ses_bench", permissions: ["knowledge:read"] },
        ...place,
      };
      const ctx = { actor, db, indexes } as Context;
      const questions = searchQuestions().map(({ text }) => text);
      const timed = async (find: (question: string) => unknown) => {
        const latencies: number[] = [];
        const processor: number[] = [];
        for (let round = -1; round < rounds; round++)
          for (const question of questions) {
            const from = performance.now();
            const worked = process.cpuUsage();
            await find(question);
            const { user, system } = process.cpuUsage(worked);
            if (round < 0) continue;
            latencies.push(performance.now() - from);
            processor.push((user + system) / 1_000);
          }
        return { latencies, processor };
      };
      say("searching the index");
      const direct = await timed((question) => searchPassages([index], question, { limit: 10 }));
      say("searching through the use case");
      const asked = { knowledgeBaseIds: [base], first: 10, mode: "HYBRID", rerank: true, explain: false } as const;
      const whole = await timed(async (query) => {
        const hits = await searchKnowledge(ctx, { ...asked, query });
        for (const hit of hits) hit.highlights();
        if (hits.length !== 10) throw new Error(`${hits.length} hits in place of 10.`);
      });
      const figureOf = (what: string, { latencies, processor }: Awaited<ReturnType<typeof timed>>) => ({
        what: `hybrid search of ${rounded(passageCount)} passages, ${what}`,
        value: `${spread(latencies)} (of processor ${spread(processor)})`,
        reach: below(limitMs, "ms p95", percentile(latencies, 0.95)),
      });
      return [
        figureOf("the index", direct),
        figureOf("searchKnowledge with PostgreSQL", whole),
        {
          what: `the index of these passages, built from PostgreSQL`,
          value: `${seconds(builtMs)}, ${rounded(bytes / 2 ** 20)} MB, ${latent?.dimensions ?? 0} latent dimensions`,
        },
      ];
    } finally {
      await indexes.close();
      await database.close();
    }
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
};

// Real sentences, mixed anew: real words with their real frequencies, and passages that differ.
function* passages(): Generator<string> {
  const sentences = abstracts().flatMap(({ text }) => text.split(/(?<= \.) /));
  let state = 1;
  const random = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
  for (let n = 0; n < passageCount; n++)
    yield (
      Array.from({ length: sentencesPerPassage }, () => sentences[random(sentences.length)]!).join(" ") +
      ` Report R-${n}.`
    );
}

async function fill(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { organizationId, workspaceId } = place;
    await client.query(
      `insert into knowledge_base (id, organization_id, workspace_id, name, split_method, size_tokens, overlap_tokens, revision)
       values ($1, $2, $3, 'Reports', 'HEADING', 320, 40, 1)`,
      [base, organizationId, workspaceId],
    );
    await client.query(
      `insert into document (id, organization_id, workspace_id, knowledge_base_id, title, filename, content_type,
                             size_bytes, sha256, blob_key, state, passage_count, revision, found_generation, ingested_at)
       select 'doc_' || n, $2, $3, $1, 'Report ' || n, n || '.txt', 'text/plain', 40000, md5(n::text), 'blobs/' || n,
              'INGESTED', $4, 1, 1, now()
         from generate_series(0, $5::int - 1) as n`,
      [base, organizationId, workspaceId, passagesPerDocument, passageCount / passagesPerDocument],
    );
    let batch: string[] = [];
    let written = 0;
    const write = async () => {
      await client.query(
        `insert into passage (id, organization_id, workspace_id, knowledge_base_id, document_id, ordinal, text,
                              start_offset, end_offset, token_count, heading_path, generation)
         select 'psg_' || ($4 + n), $2, $3, $1, 'doc_' || (($4 + n) / $5), ($4 + n) % $5, t, 0, length(t), 150, '{}', 1
           from unnest($6::text[]) with ordinality as given (t, place), lateral (select place::int - 1 as n) as numbered`,
        [base, organizationId, workspaceId, written, passagesPerDocument, batch],
      );
      written += batch.length;
      batch = [];
    };
    for (const text of passages()) if (batch.push(text) === 5_000) await write();
    if (batch.length > 0) await write();
    await client.query("vacuum analyze");
  } finally {
    await client.end();
  }
}
