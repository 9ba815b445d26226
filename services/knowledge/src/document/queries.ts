import { PublicError } from "@atrium/errors";
import type { Context, Tx } from "../context";
import { mayRead, requireReader } from "../knowledge-base/policy";
import { knowledgeBasesToRead } from "../knowledge-base/queries";
import type { Document, Ingestion, Passage } from "./document";
import {
  changesSince,
  countByState,
  findDocuments,
  findPassages,
  findPassagesWithRevisions,
  listDocuments,
  listPassages,
  pageToIndex,
  type DocumentFilter,
  type IndexedPassage,
  type TitledPassage,
} from "./store";

export type { TitledPassage };

/** The documents of the actor's workspace, newest first. */
export async function documents(
  ctx: Context,
  filter: DocumentFilter,
  page: { limit: number; after: string | null },
): Promise<Document[]> {
  const { workspaceId } = requireReader(ctx.actor);
  if (filter.knowledgeBaseId) await knowledgeBasesToRead(ctx, [filter.knowledgeBaseId]);
  return listDocuments(ctx.db, workspaceId, filter, page);
}

/** Those of the documents that the actor may read. */
export async function documentsByIds({ actor, db }: Context, ids: readonly string[]): Promise<Document[]> {
  if (!mayRead(actor) || actor.kind === "ANONYMOUS" || !actor.workspaceId) return [];
  return findDocuments(db, actor.workspaceId, ids);
}

/** One document of the actor's workspace. */
export async function document(ctx: Context, id: string): Promise<Document> {
  requireReader(ctx.actor);
  const [found] = await documentsByIds(ctx, [id]);
  if (!found) throw new PublicError("NOT_FOUND", `No document ${id} in this workspace.`);
  return found;
}

/** A document's passages in reading order. */
export async function passagesOf(
  { actor, db }: Context,
  documentId: string,
  page: { limit: number; after: number | null },
): Promise<Passage[]> {
  return listPassages(db, requireReader(actor).workspaceId, documentId, page);
}

export interface IngestionCounts {
  queued: number;
  ingesting: number;
  ingested: number;
  failed: number;
}

/** How many documents of a base are at which point. */
export async function ingestionCounts(ctx: Context, knowledgeBaseId: string): Promise<IngestionCounts> {
  await knowledgeBasesToRead(ctx, [knowledgeBaseId]);
  const [counts] = await ingestionCountsOf(ctx, [knowledgeBaseId]);
  return counts!;
}

/** The same of several bases that the actor has read, in the order of their ids. */
export async function ingestionCountsOf(
  { actor, db }: Context,
  knowledgeBaseIds: readonly string[],
): Promise<IngestionCounts[]> {
  const rows = await countByState(db, requireReader(actor).workspaceId, knowledgeBaseIds);
  return knowledgeBaseIds.map((id) => {
    const of = (state: Ingestion["state"]) =>
      rows.find((row) => row.knowledgeBaseId === id && row.state === state)?.count ?? 0;
    return { queued: of("QUEUED"), ingesting: of("INGESTING"), ingested: of("INGESTED"), failed: of("FAILED") };
  });
}

/** The passages with these ids that may be found, by id, each with its document's title. */
export async function passagesToShow(
  tx: Tx,
  workspaceId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, TitledPassage>> {
  const passages = await findPassages(tx, workspaceId, ids);
  return new Map(passages.map((passage) => [passage.id, passage]));
}

/** The same, with the revisions of the bases that are there, as they were at one moment. */
export async function passagesWithRevisions(
  tx: Tx,
  workspaceId: string,
  knowledgeBaseIds: readonly string[],
  ids: readonly string[],
): Promise<{ passages: ReadonlyMap<string, TitledPassage>; revisions: ReadonlyMap<string, number> }> {
  const { passages, revisions } = await findPassagesWithRevisions(tx, workspaceId, knowledgeBaseIds, ids);
  return { passages: new Map(passages.map((passage) => [passage.id, passage])), revisions };
}

/** Of documents that may have many passages, and of many documents that have few, so many documents at once. */
const documentsPerRound = 100;
const passagesPerPage = 1_000;

/** The passages of documents as an index needs them, page by page. */
export async function* passagesToIndex(
  tx: Tx,
  workspaceId: string,
  documentIds: readonly string[],
): AsyncGenerator<IndexedPassage> {
  for (let from = 0; from < documentIds.length; from += documentsPerRound) {
    const ids = documentIds.slice(from, from + documentsPerRound);
    for (let after: IndexedPassage | null = null; ;) {
      const page: IndexedPassage[] = await pageToIndex(tx, workspaceId, ids, { limit: passagesPerPage, after });
      yield* page;
      if (page.length < passagesPerPage) break;
      after = page.at(-1)!;
    }
  }
}

/** What has changed in a base since a revision: documents as they are now, and the ids of those removed. */
export const changedDocuments = changesSince;

/** The file of a document that the handle may see; null where there is none. */
export async function fileOf(
  tx: Tx,
  workspaceId: string,
  documentId: string,
): Promise<Pick<Document, "filename" | "blobKey"> | null> {
  const [found] = await findDocuments(tx, workspaceId, [documentId]);
  return found ?? null;
}
