import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { appendEvent, exportCompleted } from "@atrium/events";
import { enqueue } from "@atrium/jobs";
import { categories as categoryTexts, legalBases, partsPrefix, seal, unseal, unwrapKey } from "@atrium/personal-data";
import type { Context } from "../context";
import { archiveKey, archivePrefix, type DataExport, type ExportedNoun } from "./data-export";
import { findExport, findWrappedKey, listParts, lockExport, markUnreadable, saveFailed, saveReady } from "./store";

type Assembling = Pick<Context, "database" | "blobs" | "keys" | "now" | "settings" | "log">;

/** One file of the archive, and where its text comes from. */
interface Entry {
  file: string;
  service: string;
  noun: ExportedNoun;
}

const archiveBytesMax = 16 * 1024 ** 3;

/**
 * Puts the parts together into one file, sealed like them, and says that it can be fetched. Run again, it makes the
 * same file anew.
 */
export async function assembleExport(
  { database, blobs, keys, now, settings, log }: Assembling,
  { exportId }: { exportId: string },
  signal: AbortSignal,
): Promise<void> {
  const service = database.asService();
  const dataExport = await findExport(service, exportId);
  const wrappedKey = dataExport?.status === "ASSEMBLING" ? await findWrappedKey(service, exportId) : null;
  if (!dataExport || !wrappedKey) return;
  const key = unwrapKey(wrappedKey, keys.secret, exportId);
  const open = async function* ({ blobKey }: ExportedNoun) {
    yield* unseal(await blobs.read(blobKey), key, blobKey);
  };

  const parts = await listParts(service, exportId);
  const missing = parts.filter(({ status }) => status === "MISSING").map(({ service: name }) => name);
  const entries: Entry[] = [];
  for (const part of parts.filter(({ status }) => status === "ARRIVED")) {
    // An archive can't take back what it has begun with, so what is in it is read beforehand.
    if (await isReadable(part.nouns, open, signal))
      for (const noun of part.nouns)
        entries.push({ file: `${part.service}/${noun.noun}.json`, service: part.service, noun });
    else {
      log.error({ exportId, service: part.service }, "A part of a person's export can't be read.");
      missing.push(part.service);
    }
  }
  missing.sort();

  const completedAt = now();
  const manifest = manifestOf(dataExport, entries, missing, completedAt);
  const plain = dataExport.format === "ZIP" ? zipOf(manifest, entries, open) : jsonOf(manifest, entries, open);
  const counted = counting(plain);
  await blobs.write(archiveKey(exportId), seal(counted.bytes, key, archiveKey(exportId)), {
    sizeMax: archiveBytesMax,
    signal,
  });

  const availableUntil = new Date(completedAt.getTime() + settings.PRIVACY_EXPORT_DAYS * 24 * 3600_000);
  await service.transaction(async (tx) => {
    const locked = await lockExport(tx, exportId);
    if (locked?.status !== "ASSEMBLING") return;
    const { userId } = locked;
    await markUnreadable(tx, exportId, missing);
    await saveReady(tx, { ...locked, completedAt, availableUntil, ...counted.facts() });
    const prefixes = parts.map(({ service: name }) => partsPrefix(exportId, name));
    await enqueue(tx, "deleteExportFiles", { prefixes });
    await appendEvent(tx, exportCompleted({ exportId, userId, missing }), { userId });
  });
}

/** Says that an export couldn't be put together, however often that was tried. */
export async function giveUpExport(
  { database }: Pick<Context, "database">,
  { exportId }: { exportId: string },
): Promise<void> {
  await database.asService().transaction(async (tx) => {
    await saveFailed(tx, exportId);
    await enqueue(tx, "deleteExportFiles", { prefixes: [archivePrefix(exportId)] });
  });
}

type Open = (noun: ExportedNoun) => AsyncIterable<Uint8Array>;

async function isReadable(nouns: readonly ExportedNoun[], open: Open, signal: AbortSignal): Promise<boolean> {
  for (const noun of nouns) {
    const hash = createHash("sha256");
    try {
      for await (const chunk of open(noun)) hash.update(chunk);
    } catch {
      signal.throwIfAborted();
      return false;
    }
    if (hash.digest("hex") !== noun.sha256) return false;
  }
  return true;
}

function manifestOf(dataExport: DataExport, entries: readonly Entry[], missing: readonly string[], at: Date): string {
  const { id, userId, requestedAt, format, categories } = dataExport;
  const manifest = {
    exportId: id,
    userId,
    requestedAt,
    assembledAt: at,
    format,
    categories: Object.fromEntries(
      categories.map((category) => [category, categoryTexts[category as keyof typeof categoryTexts]]),
    ),
    files: entries.map(
      ({ file, service, noun: { noun, holds, category, legalBasis, records, sizeBytes, sha256 } }) => ({
        file,
        service,
        noun,
        holds,
        category,
        legalBasis: legalBases[legalBasis as keyof typeof legalBases] ?? legalBasis,
        records,
        sizeBytes,
        sha256,
      }),
    ),
    missing: missing.map((service) => ({
      service,
      reason: "The service didn't answer, though it was asked repeatedly.",
    })),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

async function* zipOf(manifest: string, entries: readonly Entry[], open: Open): AsyncGenerator<Buffer, void> {
  // Loaded when it is needed: exports are rare.
  const { ZipFile } = await import("yazl");
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on("error", (error: Error) => output.destroy(error));
  zip.addBuffer(Buffer.from(manifest), "manifest.json");
  for (const { file, noun } of entries)
    zip.addReadStreamLazy(file, {}, (callback) => callback(null, Readable.from(open(noun))));
  zip.end();
  yield* output as AsyncIterable<Buffer>;
}

async function* jsonOf(manifest: string, entries: readonly Entry[], open: Open): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(`{\n"manifest": ${manifest.trimEnd()},\n"data": {`);
  for (const [place, { file, noun }] of entries.entries()) {
    yield Buffer.from(`${place === 0 ? "" : ","}\n${JSON.stringify(file)}: `);
    yield* open(noun);
  }
  yield Buffer.from("}\n}\n");
}

/** The same bytes, and what there is to say of them once they have been read. */
function counting(source: AsyncIterable<Uint8Array>) {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  async function* read() {
    for await (const chunk of source) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      yield chunk;
    }
  }
  return { bytes: read(), facts: () => ({ sizeBytes, sha256: hash.digest("hex") }) };
}
