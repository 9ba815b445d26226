import { PublicError, ok, refuse, type Result } from "@atrium/errors";
import { appendEvent, appendEvents, documentDeleted, documentUploaded } from "@atrium/events";
import { newId } from "@atrium/ids";
import { cancelJob, enqueueAll, type EnqueueOptions } from "@atrium/jobs";
import type { Context, Tx } from "../context";
import { deleteFilesLater } from "../files";
import { dropSnapshots } from "../index-snapshot/commands";
import { requireKnowledgeBase, reviseKnowledgeBase } from "../knowledge-base/commands";
import { requireEraser, requireWriter } from "../knowledge-base/policy";
import { uploadsToUse, useUploads } from "../upload/queries";
import {
  reindex,
  titleOf,
  type AddDocumentsRefusal,
  type Document,
  type MetadataValue,
  type ReindexDocumentRefusal,
} from "./document";
import { announceChange, announceProgress } from "./progress";
import {
  deleteDocumentRow,
  deleteSomeDocuments,
  findDocuments,
  insertDocuments,
  lockDocument,
  saveDocument,
  saveIngestion,
} from "./store";

/** Makes documents of stored uploads: all of them, or none. Their ingestion begins at once. */
export async function addDocuments(
  ctx: Context,
  { knowledgeBaseId, uploadIds }: { knowledgeBaseId: string; uploadIds: readonly string[] },
): Promise<Result<Document[], AddDocumentsRefusal>> {
  const { actor, db, now } = ctx;
  const { organizationId, workspaceId, userId } = requireWriter(actor);
  return db.transaction(async (tx) => {
    await requireKnowledgeBase(tx, workspaceId, knowledgeBaseId);
    const uploads = await uploadsToUse(tx, workspaceId, uploadIds);
    const at = now();
    const documents: Document[] = [];
    for (const [place, upload] of uploads.entries()) {
      const path = ["uploadIds", `${place}`];
      if (!upload) return refuse("NO_SUCH_UPLOAD", { path });
      if (upload.usedAt) return refuse("ALREADY_USED", { path });
      if (!upload.stored) return refuse("NOT_UPLOADED", { path });
      documents.push({
        id: newId("doc"),
        organizationId,
        workspaceId,
        knowledgeBaseId,
        title: titleOf(upload.filename),
        titleGiven: false,
        filename: upload.filename,
        contentType: upload.contentType,
        sizeBytes: upload.sizeBytes,
        sha256: upload.stored.sha256,
        blobKey: upload.stored.blobKey,
        format: upload.stored.format,
        pageCount: null,
        metadata: {},
        enabled: true,
        ingestion: { state: "QUEUED" },
        found: null,
        generation: 0,
        createdById: userId,
        createdAt: at,
        updatedAt: at,
      });
    }
    await useUploads(tx, workspaceId, uploadIds, at);
    await insertDocuments(tx, documents);
    await appendEvents(
      tx,
      documents.map(({ id: documentId, contentType, sizeBytes }) =>
        documentUploaded({ documentId, knowledgeBaseId, contentType, sizeBytes }),
      ),
    );
    announceProgress(ctx, tx, documents);
    return ok(documents);
  });
}

/** Enqueues the ingestion of documents that wait for it; changes nothing for those that don't. */
export async function startIngestion(
  { db }: Pick<Context, "db">,
  documents: readonly ({ documentId: string } & Omit<ToIngest, "id">)[],
): Promise<void> {
  await enqueueIngestion(
    db,
    documents.map(({ documentId, ...document }) => ({ id: documentId, ...document })),
  );
}

/** Changes a document's title, metadata, or whether it is found. */
export async function updateDocument(
  ctx: Context,
  {
    documentId,
    ...fields
  }: { documentId: string; title?: string; metadata?: Record<string, MetadataValue>; enabled?: boolean },
): Promise<Document> {
  const { actor, db, now } = ctx;
  const { workspaceId } = requireWriter(actor);
  return db.transaction(async (tx) => {
    const { document, revision } = await lockToChange(tx, workspaceId, documentId);
    const titleGiven = document.titleGiven || fields.title !== undefined;
    const updated = { ...document, ...fields, titleGiven, updatedAt: now() };
    await saveDocument(tx, updated, revision);
    announceChange(ctx, tx, [updated]);
    return updated;
  });
}

/** Reads the document's file again, with the base's splitting as it is now. Until that is done it is found as it was. */
export async function reindexDocument(
  ctx: Context,
  { documentId }: { documentId: string },
): Promise<Result<Document, ReindexDocumentRefusal>> {
  const { actor, db, now } = ctx;
  const { workspaceId } = requireWriter(actor);
  return db.transaction(async (tx) => {
    const document = await lockDocument(tx, workspaceId, documentId);
    if (!document) throw absent(documentId);
    const queued = reindex(document, now());
    if (!queued.ok) return queued;
    await saveIngestion(tx, queued.value);
    await enqueueIngestion(tx, [document]);
    announceProgress(ctx, tx, [queued.value]);
    return queued;
  });
}

/** Deletes a document with its passages and its file; it is found no more from the moment this commits. */
export async function deleteDocument(ctx: Context, { documentId }: { documentId: string }): Promise<string> {
  const { actor, db } = ctx;
  const { workspaceId } = requireEraser(actor);
  return db.transaction(async (tx) => {
    const { document, revision } = await lockToChange(tx, workspaceId, documentId);
    await cancelJob(tx, `ingest:${documentId}`);
    await deleteDocumentRow(tx, document, revision);
    await dropSnapshots(tx, workspaceId, document.knowledgeBaseId);
    await deleteFilesLater(tx, [document.blobKey]);
    const { knowledgeBaseId, sizeBytes } = document;
    await appendEvent(tx, documentDeleted({ documentId, knowledgeBaseId, sizeBytes }));
    announceChange(ctx, tx, [document]);
    return documentId;
  });
}

/** Locks the base, then the document: one order everywhere, so that two changes can't wait for each other. */
export async function lockToChange(
  tx: Tx,
  workspaceId: string,
  documentId: string,
): Promise<{ document: Document; revision: number }> {
  const [found] = await findDocuments(tx, workspaceId, [documentId]);
  const revision = found ? await reviseKnowledgeBase(tx, workspaceId, found.knowledgeBaseId) : null;
  const document = revision === null ? null : await lockDocument(tx, workspaceId, documentId);
  if (revision === null || !document) throw absent(documentId);
  return { document, revision };
}

const absent = (documentId: string) => new PublicError("NOT_FOUND", `No document ${documentId} in this workspace.`);

type ToIngest = Pick<Document, "id" | "knowledgeBaseId" | "contentType" | "sizeBytes">;

const enqueueIngestion = (tx: Tx, documents: readonly ToIngest[]) =>
  enqueueAll(
    tx,
    "ingestDocument",
    documents.map((document) => ({
      payload: { documentId: document.id },
      key: `ingest:${document.id}`,
      together: companyOf(document),
    })),
  );

const KB = 1024;

/** Small files of a base are read in one turn, as many as take about as long together as one that is big. */
function companyOf({ knowledgeBaseId, contentType, sizeBytes }: ToIngest): EnqueueOptions["together"] {
  if (sizeBytes <= 32 * KB && /^text\/|^application\/json$/.test(contentType))
    return { name: `notes of ${knowledgeBaseId}`, jobsMax: 25 };
  if (sizeBytes <= 256 * KB) return { name: `files of ${knowledgeBaseId}`, jobsMax: 4 };
  return undefined;
}

/** Removes documents of a base that is being erased, a batch at a time. */
export const deleteSomeDocumentsOf = deleteSomeDocuments;
