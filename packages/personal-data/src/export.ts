import { createHash } from "node:crypto";
import type { BlobStore } from "@atrium/blobs";
import type { Database } from "@atrium/database";
import { appendEvent, personalDataExportedOf } from "@atrium/events";
import { z } from "zod";
import type { Held } from "./held";
import { seal, unwrapKey } from "./sealed";

export interface Export {
  exportId: string;
  userId: string;
  categories: string[];
  attempt: number;
}

export interface ExportTools<Client> {
  service: string;
  held: Held<Client>;
  database: Database<Client>;
  blobs: BlobStore;
  secret: string;
  now(): Date;
  /** Asks identity; see `askEmails`. */
  emailsOf(userId: string): Promise<string[]>;
  /** Asks another service's internal operation. */
  callInternal(service: string, name: string, input: unknown, from: string): Promise<unknown>;
}

const emailsAnswer = z.object({ emails: z.array(z.array(z.string())) });

/** Whose e-mail addresses identity knows; nobody's once it has erased them. */
export const askEmails =
  ({ callInternal }: Pick<ExportTools<unknown>, "callInternal">, service: string) =>
  async (userId: string): Promise<string[]> =>
    emailsAnswer.parse(await callInternal("identity", "emailsOf", { userIds: [userId] }, service)).emails[0] ?? [];

const keyAnswer = z.object({ wrappedKey: z.string().nullable() });

// What one noun may hold of one person: more isn't a person's data but a fault.
const partBytesMax = 4 * 1024 ** 3;

/** Where a service's parts of an export lie. */
export const partsPrefix = (exportId: string, service: string) => `exports/${exportId}/${service}`;

/**
 * Collects what the service holds of a person in these categories: a sealed file for each noun, and one announcement.
 * Does nothing when the export isn't waited for any more.
 */
export async function exportPerson<Client>(
  { service, held, database, blobs, secret, now, emailsOf, callInternal }: ExportTools<Client>,
  { exportId, userId, categories, attempt }: Export,
  signal: AbortSignal,
): Promise<void> {
  const { wrappedKey } = keyAnswer.parse(await callInternal("privacy", "exportKey", { exportId }, service));
  if (wrappedKey === null) return;
  const key = unwrapKey(Buffer.from(wrappedKey, "base64url"), secret, exportId);
  const person = { userId, emails: await emailsOf(userId), db: database.asService({ userId }), now: now() };
  const parts = [];
  for (const [noun, data] of Object.entries(held)) {
    if ("holdsNothing" in data || !categories.includes(data.category)) continue;
    const blobKey = `${partsPrefix(exportId, service)}/${attempt}-${noun}`;
    const counted = new CountedJson(data.records(person));
    await blobs.write(blobKey, seal(counted, key, blobKey), { sizeMax: partBytesMax, signal });
    const { holds, category, legalBasis } = data;
    parts.push({ noun, holds, category, legalBasis, blobKey, ...counted.facts() });
  }
  const announce = personalDataExportedOf(service);
  await appendEvent(person.db, announce({ exportId, userId, attempt, parts }));
}

const chunkCharacters = 32 * 1024;

/** Records as the text of a JSON array, one on each line, with what there is to say of it once it has been read. */
class CountedJson implements AsyncIterable<Buffer> {
  private readonly hash = createHash("sha256");
  private records = 0;
  private sizeBytes = 0;

  constructor(private readonly source: AsyncIterable<object>) {}

  async *[Symbol.asyncIterator]() {
    let text = "[";
    for await (const record of this.source) {
      text += `${this.records++ === 0 ? "\n" : ",\n"}${JSON.stringify(record)}`;
      if (text.length < chunkCharacters) continue;
      yield this.count(text);
      text = "";
    }
    yield this.count(`${text}\n]\n`);
  }

  private count(text: string): Buffer {
    const bytes = Buffer.from(text);
    this.hash.update(bytes);
    this.sizeBytes += bytes.length;
    return bytes;
  }

  facts() {
    return { records: this.records, sizeBytes: this.sizeBytes, sha256: this.hash.digest("hex") };
  }
}
