import { createHash, randomBytes } from "node:crypto";
import { newId } from "@atrium/ids";

/** A file on its way into the workspace: announced, then stored, then used for a document. */
export interface Upload {
  id: string;
  organizationId: string;
  workspaceId: string;
  filename: string;
  contentType: string;
  sizeBytes: number;
  /** SHA-256 of the token in its address. */
  tokenHash: string;
  createdById: string | null;
  createdAt: Date;
  expiresAt: Date;
  /** Null until its bytes have arrived. */
  stored: StoredFile | null;
  usedAt: Date | null;
}

export interface StoredFile {
  blobKey: string;
  sha256: string;
  /** What the content turned out to be; null where only reading all of it tells. */
  format: string | null;
  storedAt: Date;
}

const lifetimeMs = 15 * 60 * 1000;

/** The hash under which an upload is found by the token in its address. */
export const hashOfToken = (token: string): string => createHash("sha256").update(token).digest("hex");

/** An upload that waits for its bytes for fifteen minutes, and the token that its address holds. */
export function announce(
  file: Pick<Upload, "organizationId" | "workspaceId" | "filename" | "contentType" | "sizeBytes" | "createdById">,
  now: Date,
): { upload: Upload; token: string } {
  const token = randomBytes(32).toString("base64url");
  const upload: Upload = {
    ...file,
    id: newId("upl"),
    tokenHash: hashOfToken(token),
    createdAt: now,
    expiresAt: new Date(now.getTime() + lifetimeMs),
    stored: null,
    usedAt: null,
  };
  return { upload, token };
}

/** What a content type may turn out to hold; text formats can't be told apart by their bytes alone. */
const formatsOf: Record<string, readonly string[]> = {
  "application/pdf": ["PDF"],
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ["DOCX"],
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": ["PPTX"],
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ["XLSX"],
  "text/rtf": ["RTF"],
  "application/rtf": ["RTF"],
  "text/html": ["HTML"],
  "application/xhtml+xml": ["HTML"],
  "message/rfc822": ["EML"],
  "application/json": ["JSON"],
  "application/x-ndjson": ["JSON"],
  "text/csv": ["CSV", "TXT"],
  "text/markdown": ["MARKDOWN", "TXT", "HTML"],
  "text/plain": ["TXT", "MARKDOWN", "CSV", "JSON", "EML", "HTML"],
};

/** Whether files of this content type are taken at all. `application/octet-stream` leaves it to the content. */
export const isKnownContentType = (contentType: string): boolean =>
  contentType === "application/octet-stream" || Object.hasOwn(formatsOf, contentType);

export const knownContentTypes = Object.keys(formatsOf);

/** Whether a file that turned out to be of `format` may have been announced as `contentType`. */
export const matches = (contentType: string, format: string): boolean =>
  contentType === "application/octet-stream" || (formatsOf[contentType]?.includes(format) ?? false);
