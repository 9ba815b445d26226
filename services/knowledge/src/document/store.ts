import type { Tx } from "../context";
import type { Document as Row } from "../generated/prisma/client";
import type { Document, Ingestion, MetadataValue, Passage } from "./document";

type Columns = Omit<Row, "sizeBytes" | "revision"> & { sizeBytes: bigint | number };

const toDocument = (row: Columns): Document => ({
  id: row.id,
  organizationId: row.organizationId,
  workspaceId: row.workspaceId,
  knowledgeBaseId: row.knowledgeBaseId,
  title: row.title,
  titleGiven: row.titleGiven,
  filename: row.filename,
  contentType: row.contentType,
  sizeBytes: Number(row.sizeBytes),
  sha256: row.sha256,
  blobKey: row.blobKey,
  format: row.format,
  pageCount: row.pageCount,
  metadata: row.metadata as Record<string, MetadataValue>,
  enabled: row.enabled,
  ingestion: toIngestion(row),
  found: row.foundGeneration === null ? null : { generation: row.foundGeneration, since: row.ingestedAt! },
  generation: row.generation,
  createdById: row.createdById,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});

function toIngestion(row: Columns): Ingestion {
  switch (row.state) {
    case "QUEUED":
      return { state: "QUEUED" };
    case "INGESTING":
      return { state: "INGESTING", passageCount: row.passageCount };
    case "INGESTED":
      return { state: "INGESTED", passageCount: row.passageCount, characterCount: row.characterCount };
    default:
      return { state: "FAILED", code: row.failureCode!, message: row.failureMessage! };
  }
}

const columnsOf = ({ ingestion, found }: Pick<Document, "ingestion" | "found">) => ({
  state: ingestion.state,
  failureCode: ingestion.state === "FAILED" ? ingestion.code : null,
  failureMessage: ingestion.state === "FAILED" ? ingestion.message : null,
  passageCount: "passageCount" in ingestion ? ingestion.passageCount : 0,
  characterCount: ingestion.state === "INGESTED" ? ingestion.characterCount : 0,
  foundGeneration: found?.generation ?? null,
  ingestedAt: found?.since ?? null,
});

// In SQL, since people add them by the hundred: Prisma takes longer to plan that than PostgreSQL takes to do it.
export const insertDocuments = (tx: Tx, documents: readonly Document[]) =>
  tx.sql(
    `insert into document (id, organization_id, workspace_id, knowledge_base_id, title, title_given, filename,
            content_type, size_bytes, sha256, blob_key, format, page_count, metadata, enabled, state, generation,
            found_generation, failure_code, failure_message, passage_count, character_count, created_by_id, created_at,
            updated_at, ingested_at)
     select d.id, d."organizationId", d."workspaceId", d."knowledgeBaseId", d.title, d."titleGiven", d.filename,
            d."contentType", d."sizeBytes", d.sha256, d."blobKey", d.format, d."pageCount", d.metadata, d.enabled, d.state,
            d.generation, d."foundGeneration", d."failureCode", d."failureMessage", d."passageCount", d."characterCount",
            d."createdById", d."createdAt", d."updatedAt", d."ingestedAt"
       from jsonb_to_recordset($1::jsonb) as d (id text, "organizationId" text, "workspaceId" text,
            "knowledgeBaseId" text, title text, "titleGiven" boolean, filename text, "contentType" text,
            "sizeBytes" bigint, sha256 text, "blobKey" text, format text, "pageCount" int, metadata jsonb, enabled boolean,
            state text, generation int, "foundGeneration" int, "failureCode" text, "failureMessage" text,
            "passageCount" int, "characterCount" int, "createdById" text, "createdAt" timestamptz,
            "updatedAt" timestamptz, "ingestedAt" timestamptz)`,
    [JSON.stringify(documents.map((document) => ({ ...document, ...columnsOf(document) })))],
  );

const documentColumns = `d.id, d.organization_id as "organizationId", d.workspace_id as "workspaceId",
  d.knowledge_base_id as "knowledgeBaseId", d.title, d.title_given as "titleGiven", d.filename,
  d.content_type as "contentType", d.size_bytes as "sizeBytes", d.sha256, d.blob_key as "blobKey", d.format,
  d.page_count as "pageCount", d.metadata, d.enabled, d.state, d.generation, d.failure_code as "failureCode",
  d.failure_message as "failureMessage", d.passage_count as "passageCount", d.character_count as "characterCount",
  d.created_by_id as "createdById", d.created_at as "createdAt", d.updated_at as "updatedAt",
  d.ingested_at as "ingestedAt", d.found_generation as "foundGeneration"`;

// In SQL, since every answer asks for the documents that it cites.
export const findDocuments = async (tx: Tx, workspaceId: string, ids: readonly string[]): Promise<Document[]> =>
  (
    await tx.sql<Columns>(
      `select ${documentColumns} from document d join knowledge_base b on b.id = d.knowledge_base_id
        where d.workspace_id = $1 and d.id = any ($2::text[]) and b.deleted_at is null`,
      [workspaceId, ids],
    )
  ).map(toDocument);

export interface DocumentFilter {
  knowledgeBaseId?: string | null;
  state?: Ingestion["state"] | null;
  enabled?: boolean | null;
}

/** A workspace's documents, newest first. */
export const listDocuments = async (
  tx: Tx,
  workspaceId: string,
  { knowledgeBaseId, state, enabled }: DocumentFilter,
  { limit, after }: { limit: number; after: string | null },
): Promise<Document[]> =>
  (
    await tx.document.findMany({
      where: {
        workspaceId,
        knowledgeBase: { deletedAt: null },
        ...(knowledgeBaseId && { knowledgeBaseId }),
        ...(state && { state }),
        ...(enabled !== null && enabled !== undefined && { enabled }),
        ...(after && { id: { lt: after } }),
      },
      orderBy: { id: "desc" },
      take: limit,
    })
  ).map(toDocument);

/** Locks the document until `tx` ends. Null outside this workspace. */
export async function lockDocument(tx: Tx, workspaceId: string, id: string): Promise<Document | null> {
  const locked = await tx.sql("select id from document where workspace_id = $1 and id = $2 for update", [
    workspaceId,
    id,
  ]);
  return locked.length > 0 ? ((await findDocuments(tx, workspaceId, [id]))[0] ?? null) : null;
}

/** Saves what people change of a document, as part of the base's revision. */
export const saveDocument = (tx: Tx, { workspaceId, id, ...document }: Document, revision: number) =>
  tx.document.updateMany({
    where: { workspaceId, id },
    data: {
      title: document.title,
      titleGiven: document.titleGiven,
      metadata: document.metadata,
      enabled: document.enabled,
      updatedAt: document.updatedAt,
      revision,
    },
  });

/** Saves where a document's newest reading stands. What is found doesn't change, and so neither does the revision. */
export const saveIngestion = (tx: Tx, { workspaceId, id, updatedAt, ...document }: Document) =>
  tx.document.updateMany({ where: { workspaceId, id }, data: { updatedAt, ...columnsOf(document) } });

/** Removes a document with its passages, and leaves its id for indexes of older revisions. */
export async function deleteDocumentRow(
  tx: Tx,
  { organizationId, workspaceId, knowledgeBaseId, id }: Document,
  revision: number,
): Promise<void> {
  await tx.document.deleteMany({ where: { workspaceId, id } });
  await tx.documentRemoval.create({ data: { documentId: id, organizationId, workspaceId, knowledgeBaseId, revision } });
}

/** Removes documents of a base that is being erased; returns their ids and files. */
export async function deleteSomeDocuments(
  tx: Tx,
  workspaceId: string,
  knowledgeBaseId: string,
  limit: number,
): Promise<{ id: string; blobKey: string; sizeBytes: number }[]> {
  return tx.sql(
    `delete from document where id in (
       select id from document where workspace_id = $1 and knowledge_base_id = $2 order by id limit $3 for update)
     returning id, blob_key as "blobKey", size_bytes as "sizeBytes"`,
    [workspaceId, knowledgeBaseId, limit],
  );
}

/** How many documents of bases are in each state. */
export const countByState = (
  tx: Tx,
  workspaceId: string,
  knowledgeBaseIds: readonly string[],
): Promise<{ knowledgeBaseId: string; state: Ingestion["state"]; count: number }[]> =>
  tx.sql(
    `select knowledge_base_id as "knowledgeBaseId", state, count(*) as count from document
      where workspace_id = $1 and knowledge_base_id = any ($2::text[]) group by knowledge_base_id, state`,
    [workspaceId, knowledgeBaseIds],
  );

const passageColumns = `p.id, p.document_id as "documentId", p.knowledge_base_id as "knowledgeBaseId", p.ordinal, p.text,
  p.start_offset as start, p.end_offset as "end", p.token_count as "tokenCount", p.first_page as "firstPage",
  p.last_page as "lastPage", p.sheet, p.heading_path as "headingPath"`;

/** A passage with its document's title. */
export type TitledPassage = Passage & { title: string };

/** The passages with these ids, of documents that may be found. */
export const findPassages = (tx: Tx, workspaceId: string, ids: readonly string[]): Promise<TitledPassage[]> =>
  tx.sql(
    `select ${passageColumns}, d.title from passage p
       join document d on d.id = p.document_id
       join knowledge_base b on b.id = p.knowledge_base_id
      where p.workspace_id = $1 and p.id = any ($2::text[])
        and p.generation = d.found_generation and d.enabled and b.deleted_at is null`,
    [workspaceId, ids],
  );

/** The same, with the revisions of the bases that are there, as they were at one moment. */
export async function findPassagesWithRevisions(
  tx: Tx,
  workspaceId: string,
  knowledgeBaseIds: readonly string[],
  ids: readonly string[],
): Promise<{ passages: TitledPassage[]; revisions: Map<string, number> }> {
  type Row = Omit<TitledPassage, "id"> & { id: string | null; revision: number };
  const rows = await tx.sql<Row>(
    `select found.*, b.id as "knowledgeBaseId", b.revision from knowledge_base b
       left join lateral (
         select ${passageColumns}, d.title from passage p join document d on d.id = p.document_id
          where p.workspace_id = $1 and p.id = any ($3::text[]) and p.knowledge_base_id = b.id
            and p.generation = d.found_generation and d.enabled) found on true
      where b.workspace_id = $1 and b.id = any ($2::text[]) and b.deleted_at is null`,
    [workspaceId, knowledgeBaseIds, ids],
  );
  return {
    passages: rows.flatMap(({ revision: _, ...row }) => (row.id === null ? [] : [row as TitledPassage])),
    revisions: new Map(rows.map(({ knowledgeBaseId, revision }) => [knowledgeBaseId, revision])),
  };
}

/** A document's passages in reading order: those that are found, or those that there are by now of its first reading. */
export const listPassages = (
  tx: Tx,
  workspaceId: string,
  documentId: string,
  { limit, after }: { limit: number; after: number | null },
): Promise<Passage[]> =>
  tx.sql(
    `select ${passageColumns} from passage p
       join document d on d.id = p.document_id
      where p.workspace_id = $1 and p.document_id = $2 and p.generation = coalesce(d.found_generation, d.generation)
        and p.ordinal > $3 order by p.ordinal limit $4`,
    [workspaceId, documentId, after ?? -1, limit],
  );

/** What an index needs of a passage. */
export interface IndexedPassage {
  id: string;
  documentId: string;
  ordinal: number;
  text: string;
  headingPath: string[];
  page: number | null;
}

/** The found passages of documents, one document after the other in the order of their ids, each in reading order. */
export const pageToIndex = (
  tx: Tx,
  workspaceId: string,
  documentIds: readonly string[],
  { limit, after }: { limit: number; after: { documentId: string; ordinal: number } | null },
): Promise<IndexedPassage[]> =>
  tx.sql(
    `select p.id, p.document_id as "documentId", p.ordinal, p.text, p.heading_path as "headingPath",
            p.first_page as page
       from passage p join document d on d.id = p.document_id
      where p.workspace_id = $1 and p.document_id = any ($2::text[]) and p.generation = d.found_generation
        and (p.document_id, p.ordinal) > ($3, $4)
      order by p.document_id, p.ordinal limit $5`,
    [workspaceId, documentIds, after?.documentId ?? "", after?.ordinal ?? -1, limit],
  );

export interface ChangedDocument {
  id: string;
  title: string;
  /** The reading that is found; null when none is. */
  generation: number | null;
  metadata: Record<string, MetadataValue>;
  enabled: boolean;
  revision: number;
}

/** What has changed in a base since a revision, in order: documents as they are now, and the ids of those removed. */
export async function changesSince(
  tx: Tx,
  workspaceId: string,
  knowledgeBaseId: string,
  revision: number,
): Promise<{ changed: ChangedDocument[]; removed: string[] }> {
  const changed = await tx.sql<ChangedDocument>(
    `select id, title, found_generation as generation, metadata, enabled, revision from document
      where workspace_id = $1 and knowledge_base_id = $2 and revision > $3 order by revision`,
    [workspaceId, knowledgeBaseId, revision],
  );
  // Before the first revision nothing was known that could be removed.
  if (revision < 0) return { changed, removed: [] };
  const removed = await tx.sql<{ id: string }>(
    `select document_id as id from document_removal
      where workspace_id = $1 and knowledge_base_id = $2 and revision > $3`,
    [workspaceId, knowledgeBaseId, revision],
  );
  return { changed, removed: removed.map(({ id }) => id) };
}
