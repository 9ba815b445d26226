import { randomUUID } from "node:crypto";
import { PublicError } from "@atrium/errors";
import type { Context, Tx } from "../context";
import { deleteFilesLater } from "../files";
import { ParseFailure } from "../ingestion/failures";
import { detectFormat, needsWholeFile } from "../ingestion/formats";
import { requireWriter } from "../knowledge-base/policy";
import {
  beginTransfer,
  deleteExpired,
  deleteUploads,
  findByTokenHash,
  forgetTransfer,
  insertUpload,
  saveStored,
} from "./store";
import { announce, hashOfToken, isKnownContentType, knownContentTypes, matches, type Upload } from "./upload";

/** An announced upload, and where its bytes go. */
export interface AnnouncedUpload extends Upload {
  url: string;
}

/** Announces a file. Its bytes are to be PUT to `url` within fifteen minutes. */
export async function createUpload(
  { actor, db, limits, publicUrl, now }: Context,
  file: { filename: string; contentType: string; sizeBytes: number },
): Promise<AnnouncedUpload> {
  const { organizationId, workspaceId, userId } = requireWriter(actor);
  if (file.sizeBytes > limits.uploadBytesMax)
    throw new PublicError("PAYLOAD_TOO_LARGE", `A file may have ${limits.uploadBytesMax} bytes at the most.`, {
      field: "input.sizeBytes",
    });
  if (!isKnownContentType(file.contentType))
    throw new PublicError(
      "BAD_USER_INPUT",
      `input.contentType is none that can be read. Known are: ${knownContentTypes.join(", ")}.`,
      { field: "input.contentType" },
    );
  const { upload, token } = announce({ ...file, organizationId, workspaceId, createdById: userId }, now());
  await insertUpload(db, upload);
  return { ...upload, url: `${publicUrl}/uploads/${token}` };
}

const sniffedBytes = 64 * 1024;
const transfersMax = 20;

/**
 * Stores the bytes of an announced upload. Whoever has the token may send them, once: too many, too few, or of another
 * kind than announced are refused and nothing is kept, so that the same address can be tried again.
 */
export async function receiveUpload(
  { database, blobs, now, log }: Context,
  {
    token,
    body,
    declaredBytes,
    signal,
  }: { token: string; body: AsyncIterable<Uint8Array>; declaredBytes: number | null; signal: AbortSignal },
): Promise<Upload> {
  const upload = await findByTokenHash(database.asService(), hashOfToken(token));
  if (!upload || upload.expiresAt <= now())
    throw new PublicError("NOT_FOUND", "This upload address isn't valid, or not any more.");
  const hasItsFile = new PublicError("CONFLICT", "This upload has its file already.");
  if (upload.stored) throw hasItsFile;
  if (declaredBytes !== null && declaredBytes !== upload.sizeBytes) throw wrongSize(upload, declaredBytes);

  const { organizationId, workspaceId, id } = upload;
  const inside = database.as({ organizationId, workspaceId, userId: upload.createdById });
  const blobKey = `${organizationId}/${workspaceId}/${id}/${randomUUID()}`;
  if (!(await beginTransfer(inside, upload, blobKey, transfersMax)))
    throw new PublicError("CONFLICT", "This upload has its file already, or too many transfers of it were begun.");
  try {
    const head = new Head(sniffedBytes);
    const { sizeBytes, sha256 } = await blobs.write(blobKey, head.of(body), { sizeMax: upload.sizeBytes, signal });
    if (sizeBytes !== upload.sizeBytes) throw wrongSize(upload, sizeBytes);
    const stored = { blobKey, sha256, format: formatOf(head.bytes, upload), storedAt: now() };
    if (!(await saveStored(inside, upload, stored))) throw hasItsFile;
    return { ...upload, stored };
  } catch (error) {
    await discard().catch((fault: unknown) => log.warn({ err: fault, uploadId: id }, "A file is left to pruning."));
    throw error;
  }

  async function discard() {
    await blobs.delete(blobKey);
    await forgetTransfer(inside, upload!, blobKey);
  }
}

/** Forgets uploads whose time is over, and their files unless a document has them. */
export async function pruneUploads(service: Tx, now: Date): Promise<void> {
  const batch = 100;
  // An hour's grace: a transfer may still be under way when the address expires.
  const before = new Date(now.getTime() - 60 * 60 * 1000);
  for (let count = batch; count === batch;)
    count = await service.transaction(async (tx) => {
      const expired = await deleteExpired(tx, before, batch);
      await deleteFilesLater(tx, expired.orphans);
      return expired.count;
    });
}

const officeFormats = ["DOCX", "PPTX", "XLSX"];

/** What the file is; null for an archive of which more than the head must be seen: its ingestion tells. */
function formatOf(head: Uint8Array, { filename, contentType, sizeBytes }: Upload): string | null {
  if (sizeBytes > head.length && needsWholeFile(head)) {
    if (officeFormats.some((format) => matches(contentType, format))) return null;
    throw wrongKind(contentType, "an office document or an archive");
  }
  let format: string;
  try {
    format = detectFormat(head, filename);
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    throw new PublicError("BAD_USER_INPUT", error.message, { field: "body" });
  }
  if (!matches(contentType, format)) throw wrongKind(contentType, format);
  return format;
}

const wrongKind = (contentType: string, content: string) =>
  new PublicError("BAD_USER_INPUT", `The file was announced as ${contentType}, and its content is ${content}.`, {
    field: "body",
  });

const wrongSize = ({ sizeBytes }: Upload, got: number) =>
  new PublicError("BAD_USER_INPUT", `The file was announced with ${sizeBytes} bytes, and ${got} came.`, {
    field: "body",
  });

/** Remembers the first bytes of a stream that passes through. */
class Head {
  private readonly chunks: Uint8Array[] = [];
  private length = 0;

  constructor(private readonly max: number) {}

  async *of(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      if (this.length < this.max) {
        const kept = chunk.subarray(0, this.max - this.length);
        this.chunks.push(Buffer.from(kept));
        this.length += kept.length;
      }
      yield chunk;
    }
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.chunks);
  }
}

/** A workspace is gone: so are its uploads, and the files that no document has. `db` is bound to the workspace. */
export async function forgetUploads({ db }: Pick<Context, "db">): Promise<void> {
  await db.transaction(async (tx) => deleteFilesLater(tx, await deleteUploads(tx, tx.tenant.workspaceId!)));
}
