import { newId } from "@atrium/ids";
import type { Tx } from "../context";
import type { Splitting } from "../knowledge-base/knowledge-base";
import type { Document, Passage } from "./document";

/** One reading of a document's file. Later ones have a greater generation, and end it. */
export interface Reading extends Pick<
  Document,
  "organizationId" | "workspaceId" | "knowledgeBaseId" | "filename" | "sizeBytes" | "blobKey" | "generation"
> {
  documentId: string;
  splitting: Splitting;
}

/**
 * Begins a reading of each document that waits for one, or whose reading broke off; in the order of their ids. Where
 * there is nothing to read there is none.
 */
export async function beginReadings(db: Tx, workspaceId: string, documentIds: readonly string[]): Promise<Reading[]> {
  const rows = await db.sql<Omit<Reading, "splitting"> & Splitting>(
    `with due as (
       select id from document where workspace_id = $1 and id = any ($2::text[]) and state in ('QUEUED', 'INGESTING')
        order by id for update)
     update document d set state = 'INGESTING', generation = d.generation + 1, passage_count = 0
       from due, knowledge_base b
      where d.id = due.id and b.id = d.knowledge_base_id and b.deleted_at is null
     returning d.id as "documentId", d.organization_id as "organizationId", d.workspace_id as "workspaceId",
               d.knowledge_base_id as "knowledgeBaseId", d.filename, d.size_bytes as "sizeBytes",
               d.blob_key as "blobKey", d.generation, b.split_method as method, b.size_tokens as "sizeTokens",
               b.overlap_tokens as "overlapTokens"`,
    [workspaceId, documentIds],
  );
  return rows
    .map(({ method, sizeTokens, overlapTokens, ...reading }) => ({
      ...reading,
      splitting: { method, sizeTokens, overlapTokens },
    }))
    .sort((a, b) => (a.documentId < b.documentId ? -1 : 1));
}

// Locks the document's row, so that no other reading ends before this transaction does.
const ifNewest = `where workspace_id = $1 and id = $2 and generation = $3 and state = 'INGESTING'`;

/** Says how far a reading is. False when it isn't the newest any more; then nothing is changed. */
export async function saveProgress(tx: Tx, reading: Reading, passageCount: number): Promise<boolean> {
  const rows = await tx.sql(`update document set passage_count = $4 ${ifNewest} returning id`, [
    reading.workspaceId,
    reading.documentId,
    reading.generation,
    passageCount,
  ]);
  return rows.length > 0;
}

export interface ReadFacts {
  format: string;
  pageCount: number | null;
  /** As the file states it; null when it states none. */
  title: string | null;
  passageCount: number;
  characterCount: number;
}

/**
 * Lets the passages of these readings be found from `revision` on. Returns the ids of the documents of which they are the
 * newest; nothing is changed of the others. The base's row is locked already.
 */
export async function saveFound(
  tx: Tx,
  workspaceId: string,
  found: readonly { reading: Reading; facts: ReadFacts }[],
  { revision, now }: { revision: number; now: Date },
): Promise<Set<string>> {
  const read = found.map(({ reading: { documentId, generation }, facts }) => ({ documentId, generation, ...facts }));
  const rows = await tx.sql<{ id: string }>(
    `with read as (
       select * from jsonb_to_recordset($2::jsonb) as r ("documentId" text, generation int, format text, "pageCount" int,
         title text, "passageCount" int, "characterCount" int)),
     newest as (
       select d.id from document d join read r on d.id = r."documentId" and d.generation = r.generation
        where d.workspace_id = $1 and d.state = 'INGESTING' order by d.id for update of d)
     update document d set state = 'INGESTED', found_generation = d.generation, ingested_at = $3, updated_at = $3,
            revision = $4, format = r.format, page_count = r."pageCount",
            title = case when d.title_given then d.title else coalesce(r.title, d.title) end,
            passage_count = r."passageCount", character_count = r."characterCount",
            failure_code = null, failure_message = null
       from newest, read r
      where d.id = newest.id and r."documentId" = d.id and r.generation = d.generation and d.state = 'INGESTING'
     returning d.id`,
    [workspaceId, JSON.stringify(read), now, revision],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Ends a reading that can't succeed. What was found before still is. False when it isn't the newest. */
export async function saveFailure(
  tx: Tx,
  { workspaceId, documentId, generation }: Reading,
  { code, message, now }: { code: string; message: string; now: Date },
): Promise<boolean> {
  const rows = await tx.sql(
    `update document set state = 'FAILED', failure_code = $4, failure_message = $5, updated_at = $6, passage_count = 0,
            character_count = 0
     ${ifNewest} returning id`,
    [workspaceId, documentId, generation, code, message, now],
  );
  return rows.length > 0;
}

/** Removes passages of readings that aren't found: of those that broke off, and of those that another has replaced. */
export async function deleteUnfound(tx: Tx, readings: readonly Reading[]): Promise<void> {
  const [first] = readings;
  if (!first) return;
  await tx.sql(
    `delete from passage p using document d
      where p.organization_id = $1 and p.workspace_id = $2 and p.document_id = any ($3::text[]) and d.id = p.document_id
        and p.generation is distinct from d.found_generation`,
    [first.organizationId, first.workspaceId, readings.map(({ documentId }) => documentId)],
  );
}

type PassageToInsert = Omit<Passage, "id" | "documentId" | "knowledgeBaseId" | "headingPath"> & {
  headingPath: readonly string[];
};

/** Saves passages of readings of one base's documents in one statement. */
export async function insertPassages(
  tx: Tx,
  read: readonly { reading: Reading; passages: readonly PassageToInsert[] }[],
): Promise<void> {
  const rows = read.flatMap(({ reading: { documentId, generation }, passages }) =>
    passages.map((passage) => ({ ...passage, id: newId("psg"), documentId, generation })),
  );
  if (rows.length === 0) return;
  const { organizationId, workspaceId, knowledgeBaseId } = read[0]!.reading;
  await tx.sql(
    `insert into passage (id, organization_id, workspace_id, knowledge_base_id, document_id, generation, ordinal, text,
                          start_offset, end_offset, token_count, first_page, last_page, sheet, heading_path)
     select p.id, $1, $2, $3, p."documentId", p.generation, p.ordinal, p.text, p.start, p."end", p."tokenCount",
            p."firstPage", p."lastPage", p.sheet, p."headingPath"
       from jsonb_to_recordset($4::jsonb) as p (id text, "documentId" text, generation int, ordinal int, text text,
            start int, "end" int, "tokenCount" int, "firstPage" int, "lastPage" int, sheet text, "headingPath" text[])`,
    [organizationId, workspaceId, knowledgeBaseId, JSON.stringify(rows)],
  );
}
