import { appendEvent, documentFailed, documentIngested } from "@atrium/events";
import type { Context, Tx } from "../context";
import { ParseFailure } from "../ingestion/failures";
import type { ParsePassages, PassagePart } from "../ingestion/parse";
import { reviseKnowledgeBase } from "../knowledge-base/commands";
import { announceChange, announceProgress } from "./progress";
import {
  beginReading,
  deleteUnfound,
  insertPassages,
  saveFailure,
  saveFound,
  saveProgress,
  type Reading,
} from "./readings";

/** What an ingestion needs; a job has no actor. */
export type IngestContext = Pick<Context, "database" | "blobs" | "topics" | "indexes" | "now"> & {
  db: Tx;
  parsePassages: ParsePassages;
};

/** A newer reading has begun, or the document was deleted: this one has nothing left to do. */
class Overtaken extends Error {}

/**
 * Reads a document's file, and makes its passages findable in place of those of the reading before. Safe to run again at
 * any point, and beside another run: each is a reading of its own, of which the newest ends the others.
 *
 * A file that is at fault ends the document as FAILED with a reason; anything else is thrown, to be tried again.
 */
export async function ingestDocument(
  ctx: IngestContext,
  { documentId }: { documentId: string },
  signal: AbortSignal,
): Promise<void> {
  const startedAt = ctx.now();
  const reading = await beginReading(ctx.db, ctx.db.tenant.workspaceId!, documentId);
  if (!reading) return;
  announceProgress(ctx, ctx.db, [idsOf(reading)]);
  try {
    await settle(ctx, reading, await readPassages(ctx, reading, signal), startedAt);
  } catch (error) {
    if (error instanceof Overtaken) return;
    if (!(error instanceof ParseFailure)) throw error;
    await fail(ctx, reading, error);
  }
}

/** What is said of a document whose ingestion broke off again and again for reasons that aren't the file's. */
export async function giveUpDocument(ctx: IngestContext, { documentId }: { documentId: string }): Promise<void> {
  const reading = await beginReading(ctx.db, ctx.db.tenant.workspaceId!, documentId);
  if (!reading) return;
  const message = "The file could not be read, though we tried several times. Ask for it to be read again later.";
  await fail(ctx, reading, { code: "GIVEN_UP", message });
}

const idsOf = ({ documentId: id, ...ids }: Reading) => ({ id, ...ids });

interface Read {
  /** The last part, whose passages aren't stored yet: most documents have no other. */
  last: PassagePart;
  passageCount: number;
}

/** Reads the file and stores its passages, all but those of the last part. */
async function readPassages(ctx: IngestContext, reading: Reading, signal: AbortSignal): Promise<Read> {
  const { db, blobs, parsePassages } = ctx;
  const { filename, splitting: split } = reading;
  let passageCount = 0;
  let last: PassagePart | null = null;
  const content = await blobs.read(reading.blobKey);
  try {
    for await (const part of parsePassages({ filename, content }, { split, signal })) {
      if (last) await savePart(last);
      passageCount += part.passages.length;
      last = part;
    }
  } finally {
    // Nobody may have begun to read it.
    content.destroy();
  }
  return { last: last!, passageCount };

  async function savePart({ passages }: PassagePart): Promise<void> {
    await db.transaction(async (tx) => {
      if (!(await saveProgress(tx, reading, passageCount))) throw new Overtaken();
      await insertPassages(tx, reading, passages);
      announceProgress(ctx, tx, [idsOf(reading)]);
    });
  }
}

/** Stores the rest, and swaps what was found of the document for this reading. */
async function settle(ctx: IngestContext, reading: Reading, { last, passageCount }: Read, startedAt: Date) {
  const { documentId, workspaceId, knowledgeBaseId, sizeBytes } = reading;
  const { format, pageCount, title } = last.facts;
  const characterCount = last.start + last.text.length;
  const facts = { format, pageCount, title: title?.slice(0, 300) || null, passageCount, characterCount };
  await ctx.db.transaction(async (tx) => {
    const now = ctx.now();
    // The base first, then the document: one order everywhere, so that two changes can't wait for each other.
    const revision = await reviseKnowledgeBase(tx, workspaceId, knowledgeBaseId);
    if (revision === null || !(await saveFound(tx, reading, facts, { revision, now }))) throw new Overtaken();
    await deleteUnfound(tx, reading);
    await insertPassages(tx, reading, last.passages);
    const durationMs = now.getTime() - startedAt.getTime();
    await appendEvent(tx, documentIngested({ documentId, knowledgeBaseId, passageCount, sizeBytes, durationMs }));
    announceChange(ctx, tx, idsOf(reading));
  });
}

/** Ends a reading that can't succeed, with a reason for people. */
async function fail(ctx: IngestContext, reading: Reading, { code, message }: { code: string; message: string }) {
  const { documentId, knowledgeBaseId } = reading;
  await ctx.db.transaction(async (tx) => {
    if (!(await saveFailure(tx, reading, { code, message, now: ctx.now() }))) return;
    await deleteUnfound(tx, reading);
    await appendEvent(tx, documentFailed({ documentId, knowledgeBaseId, reason: code }));
    announceProgress(ctx, tx, [idsOf(reading)]);
  });
}
