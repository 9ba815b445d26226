import { crc32, inflateRawSync } from "node:zlib";
import { fromBufferPromise, type Entry } from "yauzl";
import { ParseFailure } from "../failures";
import { megabytes, type Limits } from "../limits";

/** The parts of an Office file, by name. Nothing is written anywhere, and nothing unpacks past the limits. */
export interface Archive {
  readonly names: readonly string[];
  has(name: string): boolean;
  /** The part unpacked, or null when there is none of that name. */
  read(name: string): Promise<Uint8Array | null>;
}

type ArchiveLimits = Pick<Limits, "archiveEntries" | "expandedBytes" | "expansionRatio" | "expansionFreeBytes">;

/**
 * Opens a ZIP archive after judging it as a whole: how many entries, how large they claim to become, whether a name
 * leads out of it. The claims aren't trusted either: each entry unpacks into what it claims and not a byte more.
 */
export async function openArchive(bytes: Uint8Array, limits: ArchiveLimits): Promise<Archive> {
  const entries = new Map<string, Entry>();
  let expanded = 0;
  const zip = await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)).catch(damaged);
  if (zip.entryCount > limits.archiveEntries) throw tooManyEntries(limits);
  try {
    for await (const entry of zip.eachEntry()) {
      if (entries.size >= limits.archiveEntries) throw tooManyEntries(limits);
      if (entry.isEncrypted()) throw new ParseFailure("ENCRYPTED");
      expanded += entry.uncompressedSize;
      if (expanded > limits.expandedBytes) throw tooLarge(limits);
      entries.set(entry.fileName, entry);
    }
  } catch (fault) {
    throw fault instanceof ParseFailure ? fault : damaged(fault);
  }
  if (expanded > limits.expansionFreeBytes && expanded / bytes.length > limits.expansionRatio) {
    const times = Math.round(expanded / bytes.length).toLocaleString("en");
    throw new ParseFailure(
      "TOO_LARGE",
      `The file unpacks to ${times} times its size (${megabytes(expanded)}), which no ordinary document does. Save it anew and upload it again.`,
    );
  }

  // Entries may overlap, so the same bytes could be unpacked any number of times under different names.
  let budget = limits.expandedBytes;
  return {
    names: [...entries.keys()],
    has: (name) => entries.has(name),
    async read(name) {
      const entry = entries.get(name);
      if (!entry) return null;
      if (entry.uncompressedSize > budget) throw tooLarge(limits);
      budget -= entry.uncompressedSize;
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true }).catch(damaged);
      const packed = bytes.subarray(fileDataStart, fileDataStart + entry.compressedSize);
      const content = unpacked(entry, packed);
      if (content.length !== entry.uncompressedSize || crc32(content) !== entry.crc32)
        throw damaged(`${name}: checksum`);
      return content;
    },
  };
}

function unpacked(entry: Entry, packed: Uint8Array): Uint8Array {
  if (entry.compressionMethod === 0) return packed;
  if (entry.compressionMethod !== 8) {
    throw new ParseFailure(
      "UNSUPPORTED",
      "The file is packed in a way that can't be unpacked. Save it anew and upload it again.",
    );
  }
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(entry.uncompressedSize, 1) });
  } catch (fault) {
    throw damaged(fault);
  }
}

function tooLarge({ expandedBytes }: ArchiveLimits): ParseFailure {
  return new ParseFailure(
    "TOO_LARGE",
    `The file unpacks to more than ${megabytes(expandedBytes)}. Split it and upload the parts.`,
  );
}

function tooManyEntries({ archiveEntries }: ArchiveLimits): ParseFailure {
  const limit = archiveEntries.toLocaleString("en");
  return new ParseFailure(
    "TOO_LARGE",
    `The file is an archive of more than ${limit} parts. Split it and upload the parts.`,
  );
}

function damaged(cause: unknown): never {
  throw new ParseFailure("CORRUPT", undefined, { cause });
}
