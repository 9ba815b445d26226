import { appendEvent, appendEvents, documentFailed, documentIngested } from "@atrium/events";
import type { Context, Tx } from "../context";
import { ParseFailure } from "../ingestion/failures";
import type { ParsePassages, PassagePart } from "../ingestion/parse";
import { reviseKnowledgeBase } from "../knowledge-base/commands";
import { announceChange, announceProgress } from "./progress";
import {
  beginReadings,
  deleteUnfound,
  insertPassages,
  saveFailure,
  saveFound,
  saveProgress,
  type ReadFacts,
  type Reading,
} from "./readings";
import { settlingOf } from "./settling";

/** What an ingestion needs; a job has no actor. */
export type IngestContext = Pick<Context, "database" | "blobs" | "topics" | "indexes" | "now"> & {
  db: Tx;
  parsePassages: ParsePassages;
};

/** A newer reading has begun, or the document was deleted: this one has nothing left to do. */
class Overtaken extends Error {}

// One reading process is at work while what another has read is taken from it; more would keep others waiting.
const readAtOnce = 2;

/**
 * Reads documents' files, and makes their passages findable in place of those of the readings before. Safe to run again
 * at any point, and beside another run: each is a reading of its own, of which the newest ends the others. The documents
 * are of one base, and each ends by itself: says, in their order, which have to be tried again.
 *
 * A file that is at fault ends its document as FAILED with a reason; that isn't tried again.
 */
export async function ingestDocuments(
  ctx: IngestContext,
  documents: readonly { documentId: string; signal: AbortSignal }[],
): Promise<PromiseSettledResult<void>[]> {
  const { db } = ctx;
  const ids = documents.map(({ documentId }) => documentId);
  const readings = new Map(
    (await beginReadings(db, db.tenant.workspaceId!, ids)).map((reading) => [reading.documentId, reading]),
  );
  announceProgress(ctx, db, [...readings.values()].map(idsOf));
  const settling = settlingOf<Read>(readings.size, (read) => settle(ctx, read));
  const lanes: Promise<unknown>[] = Array.from({ length: readAtOnce }, () => Promise.resolve());
  let next = 0;
  return Promise.allSettled(
    documents.map(async ({ documentId, signal }) => {
      const reading = readings.get(documentId);
      if (!reading) return;
      const lane = next++ % readAtOnce;
      const read = lanes[lane]!.then(() => readPassages(ctx, reading, signal));
      lanes[lane] = read.catch(() => {});
      try {
        await settling.settle(read);
      } catch (error) {
        if (error instanceof Overtaken) return;
        if (!(error instanceof ParseFailure)) throw error;
        await fail(ctx, reading, error);
      }
    }),
  );
}

/** What is said of a document whose ingestion broke off again and again for reasons that aren't the file's. */
export async function giveUpDocument(ctx: IngestContext, { documentId }: { documentId: string }): Promise<void> {
  const [reading] = await beginReadings(ctx.db, ctx.db.tenant.workspaceId!, [documentId]);
  if (!reading) return;
  const message = "The file could not be read, though we tried several times. Ask for it to be read again later.";
  await fail(ctx, reading, { code: "GIVEN_UP", message });
}

const idsOf = ({ documentId: id, ...ids }: Reading) => ({ id, ...ids });

interface Read {
  reading: Reading;
  startedAt: Date;
  /** The last part, whose passages aren't stored yet: most documents have no other. */
  last: PassagePart;
  passageCount: number;
}

/** Reads the file and stores its passages, all but those of the last part. */
async function readPassages(ctx: IngestContext, reading: Reading, signal: AbortSignal): Promise<Read> {
  const { db, blobs, parsePassages } = ctx;
  const { filename, splitting: split } = reading;
  const startedAt = ctx.now();
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
  return { reading, startedAt, last: last!, passageCount };

  async function savePart({ passages }: PassagePart): Promise<void> {
    await db.transaction(async (tx) => {
      if (!(await saveProgress(tx, reading, passageCount))) throw new Overtaken();
      await insertPassages(tx, [{ reading, passages }]);
      announceProgress(ctx, tx, [idsOf(reading)]);
    });
  }
}

/** Stores the rest of readings of one base, and swaps what was found of their documents for them. */
async function settle(ctx: IngestContext, read: readonly Read[]): Promise<void> {
  const { workspaceId, knowledgeBaseId } = read[0]!.reading;
  await ctx.db.transaction(async (tx) => {
    const now = ctx.now();
    // The base first, then the documents: one order everywhere, so that two changes can't wait for each other.
    const revision = await reviseKnowledgeBase(tx, workspaceId, knowledgeBaseId);
    if (revision === null) throw new Overtaken();
    const facts = read.map((each) => ({ reading: each.reading, facts: factsOf(each) }));
    const newest = await saveFound(tx, workspaceId, facts, { revision, now });
    if (newest.size === 0) throw new Overtaken();
    const found = read.filter(({ reading }) => newest.has(reading.documentId));
    const readings = found.map(({ reading }) => reading);
    // Before a document's first reading there was none that could have left passages.
    await deleteUnfound(
      tx,
      readings.filter(({ generation }) => generation > 1),
    );
    await insertPassages(
      tx,
      found.map(({ reading, last: { passages } }) => ({ reading, passages })),
    );
    const events = found.map(({ reading: { documentId, sizeBytes }, passageCount, startedAt }) => {
      const durationMs = now.getTime() - startedAt.getTime();
      return documentIngested({ documentId, knowledgeBaseId, passageCount, sizeBytes, durationMs });
    });
    await appendEvents(tx, events);
    announceChange(ctx, tx, readings.map(idsOf));
  });
}

function factsOf({ last, passageCount }: Read): ReadFacts {
  const { format, pageCount, title } = last.facts;
  const characterCount = last.start + last.text.length;
  return { format, pageCount, title: title?.slice(0, 300) || null, passageCount, characterCount };
}

/** Ends a reading that can't succeed, with a reason for people. */
async function fail(ctx: IngestContext, reading: Reading, { code, message }: { code: string; message: string }) {
  const { documentId, knowledgeBaseId } = reading;
  await ctx.db.transaction(async (tx) => {
    if (!(await saveFailure(tx, reading, { code, message, now: ctx.now() }))) return;
    await deleteUnfound(tx, [reading]);
    await appendEvent(tx, documentFailed({ documentId, knowledgeBaseId, reason: code }));
    announceProgress(ctx, tx, [idsOf(reading)]);
  });
}
