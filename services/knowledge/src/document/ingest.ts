import { appendEvent, documentFailed, documentIngested } from "@atrium/events";
import type { Context, Tx } from "../context";
import { ParseFailure } from "../ingestion/failures";
import type { ParsePassages, PassagePart } from "../ingestion/parse";
import { reviseKnowledgeBase } from "../knowledge-base/commands";
import { splittingOf } from "../knowledge-base/queries";
import type { Document, Ingestion } from "./document";
import { announceChange, announceProgress } from "./progress";
import { deletePassages, findDocuments, insertPassages, lockDocument, saveDocument, saveProgress } from "./store";

/** What an ingestion needs; a job has no actor. */
export type IngestContext = Pick<Context, "database" | "blobs" | "topics" | "indexes" | "now"> & {
  db: Tx;
  parsePassages: ParsePassages;
};

/** A newer ingestion was asked for, or the document was deleted: this one has nothing left to do. */
class Overtaken extends Error {}

/**
 * Reads a document's file, and makes its passages findable. Safe to run again at any point: what an attempt that broke
 * off has left is removed first, and passages are found only once the document says that it is ingested.
 *
 * A file that is at fault ends the document as FAILED with a reason; anything else is thrown, to be tried again.
 */
export async function ingestDocument(
  ctx: IngestContext,
  { documentId }: { documentId: string },
  signal: AbortSignal,
): Promise<void> {
  const { db, now } = ctx;
  const workspaceId = db.tenant.workspaceId!;
  const [document] = await findDocuments(db, workspaceId, [documentId]);
  if (!document || document.ingestion.state === "INGESTED" || document.ingestion.state === "FAILED") return;
  const startedAt = now();
  try {
    const read = await readPassages(ctx, document, signal);
    const ingestion = { state: "INGESTED" as const, ingestedAt: now(), ...read.counts };
    await settle(ctx, document, ingestion, read.facts, async (tx) => {
      const { passageCount } = read.counts;
      const { knowledgeBaseId, sizeBytes } = document;
      const durationMs = now().getTime() - startedAt.getTime();
      await appendEvent(tx, documentIngested({ documentId, knowledgeBaseId, passageCount, sizeBytes, durationMs }));
    });
  } catch (error) {
    if (error instanceof Overtaken) return;
    if (!(error instanceof ParseFailure)) throw error;
    await failDocument(ctx, document, error);
  }
}

/** Ends an ingestion that can't succeed, with a reason for people. */
export async function failDocument(
  ctx: IngestContext,
  document: Document,
  { code, message }: { code: string; message: string },
): Promise<void> {
  const { id: documentId, knowledgeBaseId } = document;
  await settle(ctx, document, { state: "FAILED", code, message }, {}, async (tx) => {
    await deletePassages(tx, document.workspaceId, documentId);
    await appendEvent(tx, documentFailed({ documentId, knowledgeBaseId, reason: code }));
  });
}

/** What is said of a document whose ingestion broke off again and again for reasons that aren't the file's. */
export async function giveUpDocument(ctx: IngestContext, { documentId }: { documentId: string }): Promise<void> {
  const [document] = await findDocuments(ctx.db, ctx.db.tenant.workspaceId!, [documentId]);
  if (!document || document.ingestion.state === "INGESTED" || document.ingestion.state === "FAILED") return;
  const message = "The file could not be read, though we tried several times. Ask for it to be read again later.";
  await failDocument(ctx, document, { code: "GIVEN_UP", message });
}

type Facts = Partial<Pick<Document, "format" | "pageCount" | "title">>;

async function readPassages(
  ctx: IngestContext,
  document: Document,
  signal: AbortSignal,
): Promise<{ counts: { passageCount: number; characterCount: number }; facts: Facts }> {
  const { db, blobs, parsePassages } = ctx;
  const { workspaceId, id: documentId } = document;
  const split = await splittingOf(db, workspaceId, document.knowledgeBaseId);
  if (!split) throw new Overtaken();
  await db.transaction(async (tx) => {
    if (!(await saveProgress(tx, document, { passageCount: 0 }))) throw new Overtaken();
    await deletePassages(tx, workspaceId, documentId);
    announceProgress(ctx, tx, [document]);
  });

  const counts = { passageCount: 0, characterCount: 0 };
  let facts: PassagePart["facts"] | null = null;
  const content = await blobs.read(document.blobKey);
  try {
    for await (const part of parsePassages({ filename: document.filename, content }, { split, signal })) {
      counts.passageCount += part.passages.length;
      counts.characterCount = part.start + part.text.length;
      facts = part.facts;
      await db.transaction(async (tx) => {
        if (!(await saveProgress(tx, document, counts))) throw new Overtaken();
        await insertPassages(tx, document, part.passages);
        announceProgress(ctx, tx, [document]);
      });
    }
  } finally {
    // Nobody may have begun to read it.
    content.destroy();
  }
  return {
    counts,
    facts: {
      ...(facts && { format: facts.format, pageCount: facts.pageCount }),
      ...(facts?.title && !document.titleGiven && { title: facts.title.slice(0, 300) }),
    },
  };
}

/** Ends this ingestion, unless another was asked for meanwhile or the document is gone. */
async function settle(
  ctx: IngestContext,
  { workspaceId, knowledgeBaseId, id, generation }: Document,
  ingestion: Ingestion,
  facts: Facts,
  announce: (tx: Tx) => Promise<void>,
): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const revision = await reviseKnowledgeBase(tx, workspaceId, knowledgeBaseId);
    const document = revision === null ? null : await lockDocument(tx, workspaceId, id);
    if (revision === null || document?.generation !== generation) return;
    if (document.ingestion.state === "INGESTED" || document.ingestion.state === "FAILED") return;
    const title = document.titleGiven ? document.title : (facts.title ?? document.title);
    const settled = { ...document, ...facts, title, ingestion, updatedAt: ctx.now() };
    await saveDocument(tx, settled, revision);
    await announce(tx);
    announceChange(ctx, tx, settled);
  });
}
