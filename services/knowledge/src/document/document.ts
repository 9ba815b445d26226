import { ok, refuse, type Result } from "@atrium/errors";

export type MetadataValue = string | number | boolean | null | (string | number | boolean)[];

/** Where the newest reading of a document stands. */
export type Ingestion =
  | { state: "QUEUED" }
  | { state: "INGESTING"; passageCount: number }
  | { state: "INGESTED"; passageCount: number; characterCount: number }
  | { state: "FAILED"; code: string; message: string };

/** The reading of a document that searches find; while it is read again, that is still the one before. */
export interface FoundReading {
  generation: number;
  since: Date;
}

/** A file of a knowledge base. */
export interface Document {
  id: string;
  organizationId: string;
  workspaceId: string;
  knowledgeBaseId: string;
  title: string;
  /** Whether a person chose the title; the file's own then doesn't replace it. */
  titleGiven: boolean;
  filename: string;
  contentType: string;
  sizeBytes: number;
  sha256: string;
  blobKey: string;
  format: string | null;
  pageCount: number | null;
  metadata: Record<string, MetadataValue>;
  /** A disabled document isn't found; it stays as it is. */
  enabled: boolean;
  ingestion: Ingestion;
  /** Null until the first reading has ended well. */
  found: FoundReading | null;
  /** Grows with every reading that begins. */
  generation: number;
  createdById: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A piece of a document that is found and cited by itself. `text` is the document's canonical text from start to end. */
export interface Passage {
  id: string;
  documentId: string;
  knowledgeBaseId: string;
  ordinal: number;
  text: string;
  start: number;
  end: number;
  tokenCount: number;
  firstPage: number | null;
  lastPage: number | null;
  sheet: string | null;
  headingPath: string[];
}

export const AddDocumentsRefusal = {
  NO_SUCH_UPLOAD: "There is no such upload in this workspace, or its time is over.",
  NOT_UPLOADED: "The upload's file hasn't arrived yet; PUT it to the upload's address first.",
  ALREADY_USED: "The upload has become a document already.",
} as const;
export type AddDocumentsRefusal = keyof typeof AddDocumentsRefusal;

export const ReindexDocumentRefusal = {
  UNDER_WAY: "The document is being ingested already.",
} as const;
export type ReindexDocumentRefusal = keyof typeof ReindexDocumentRefusal;

/** Decides the document with another reading asked for. What is found stays, until that has ended well. */
export function reindex(document: Document, now: Date): Result<Document, ReindexDocumentRefusal> {
  if (isUnderWay(document.ingestion)) return refuse("UNDER_WAY");
  return ok({ ...document, ingestion: { state: "QUEUED" as const }, updatedAt: now });
}

export const isUnderWay = ({ state }: Ingestion): boolean => state === "QUEUED" || state === "INGESTING";

/** What a document is called that nobody has named: its file's name without an ending. */
export const titleOf = (filename: string): string => filename.replace(/\.[A-Za-z0-9]{1,8}$/, "") || filename;
