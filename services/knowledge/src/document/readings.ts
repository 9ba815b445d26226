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

/** Begins a reading of a document that waits for one, or whose reading broke off. Null where there is nothing to read. */
export async function beginReading(db: Tx, workspaceId: string, documentId: string): Promise<Reading | null> {
  const [row] = await db.sql<Omit<Reading, "splitting"> & Splitting>(
    `update document d set state = 'INGESTING', generation = d.generation + 1, passage_count = 0
       from knowledge_base b
      where d.workspace_id = $1 and d.id = $2 and d.state in ('QUEUED', 'INGESTING')
        and b.id = d.knowledge_base_id and b.deleted_at is null
     returning d.id as "documentId", d.organization_id as "organizationId", d.workspace_id as "workspaceId",
               d.knowledge_base_id as "knowledgeBaseId", d.filename, d.size_bytes as "sizeBytes",
               d.blob_key as "blobKey", d.generation, b.split_method as method, b.size_tokens as "sizeTokens",
               b.overlap_tokens as "overlapTokens"`,
    [workspaceId, documentId],
  );
  if (!row) return null;
  const { method, sizeTokens, overlapTokens, ...reading } = row;
  return { ...reading, splitting: { method, sizeTokens, overlapTokens } };
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

/** Lets the passages of this reading be found from `revision` on. False, and nothing changed, when it isn't the newest. */
export async function saveFound(
  tx: Tx,
  { workspaceId, documentId, generation }: Reading,
  { format, pageCount, title, passageCount, characterCount }: ReadFacts,
  { revision, now }: { revision: number; now: Date },
): Promise<boolean> {
  const rows = await tx.sql(
    `update document set state = 'INGESTED', found_generation = generation, ingested_at = $4, updated_at = $4,
            revision = $5, format = $6, page_count = $7, title = case when title_given then title else coalesce($8, title) end,
            passage_count = $9, character_count = $10, failure_code = null, failure_message = null
     ${ifNewest} returning id`,
    [workspaceId, documentId, generation, now, revision, format, pageCount, title, passageCount, characterCount],
  );
  return rows.length > 0;
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
export const deleteUnfound = (tx: Tx, { organizationId, workspaceId, documentId }: Reading) =>
  tx.sql(
    `delete from passage p using document d
      where p.organization_id = $1 and p.workspace_id = $2 and p.document_id = $3 and d.id = p.document_id
        and p.generation is distinct from d.found_generation`,
    [organizationId, workspaceId, documentId],
  );

type PassageToInsert = Omit<Passage, "id" | "documentId" | "knowledgeBaseId" | "headingPath"> & {
  headingPath: readonly string[];
};

/** Saves passages of a reading in one statement. */
export async function insertPassages(
  tx: Tx,
  { organizationId, workspaceId, knowledgeBaseId, documentId, generation }: Reading,
  passages: readonly PassageToInsert[],
): Promise<void> {
  if (passages.length === 0) return;
  const rows = passages.map((passage) => ({ ...passage, id: newId("psg") }));
  await tx.sql(
    `insert into passage (id, organization_id, workspace_id, knowledge_base_id, document_id, generation, ordinal, text,
                          start_offset, end_offset, token_count, first_page, last_page, sheet, heading_path)
     select p.id, $1, $2, $3, $4, $5, p.ordinal, p.text, p.start, p."end", p."tokenCount", p."firstPage", p."lastPage",
            p.sheet, p."headingPath"
       from jsonb_to_recordset($6::jsonb) as p (id text, ordinal int, text text, start int, "end" int,
            "tokenCount" int, "firstPage" int, "lastPage" int, sheet text, "headingPath" text[])`,
    [organizationId, workspaceId, knowledgeBaseId, documentId, generation, JSON.stringify(rows)],
  );
}
