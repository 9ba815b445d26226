import { PublicError } from "@atrium/errors";
import { createHash } from "node:crypto";
import { mkdir, open, rename, rm, rmdir, stat, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import type { BlobStore, ByteRange } from "./blob-store";
import { segmentsOf } from "./key";
import { openUnfinished } from "./unfinished";

/** Blobs as files beneath `directory`, which is made if need be. What crashed writers left behind is removed. */
export async function folderBlobs(directory: string): Promise<BlobStore> {
  const root = path.resolve(directory);
  const unfinished = await openUnfinished(root);
  const pathOf = (key: string) => path.join(root, ...segmentsOf(key));

  return {
    async write(key, source, { sizeMax, signal }) {
      const file = pathOf(key);
      const partial = unfinished.newPath();
      const hash = createHash("sha256");
      let sizeBytes = 0;

      async function* measured(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          sizeBytes += chunk.length;
          if (sizeBytes > sizeMax)
            throw new PublicError(
              "PAYLOAD_TOO_LARGE",
              `The file is bigger than the ${sizeMax} bytes that are accepted.`,
            );
          hash.update(chunk);
          yield chunk;
        }
      }

      try {
        const handle = await open(partial, "wx", 0o600);
        // `flush` waits until the bytes are on the disk: a rename that survives a power cut must not point to less.
        await pipeline(source, measured, handle.createWriteStream({ flush: true }), { signal });
        await moveInto(partial, file, key);
      } catch (error) {
        await rm(partial, { force: true });
        throw explained(error);
      }
      return { sizeBytes, sha256: hash.digest("hex") };
    },

    async read(key, range = {}) {
      // From the open file, so that a write or a delete that comes meanwhile doesn't mix two versions.
      const blob = await openBlob(pathOf(key));
      if (!blob) throw new PublicError("NOT_FOUND", "There is no such file.");
      const { handle, sizeBytes } = blob;
      try {
        const { start, end = sizeBytes - 1 } = checkedRange(range, sizeBytes);
        // Where the end is known, the stream doesn't read once more to find it.
        return handle.createReadStream({ start, end: sizeBytes === 0 ? undefined : end });
      } catch (error) {
        await handle.close();
        throw error;
      }
    },

    async stat(key) {
      const found = await stat(pathOf(key)).catch(absent);
      return found?.isFile() ? { sizeBytes: found.size, writtenAt: found.mtime } : null;
    },

    async delete(key) {
      const file = pathOf(key);
      const found = await stat(file).catch(absent);
      if (!found?.isFile()) return;
      await rm(file, { force: true });
      await syncDirectory(path.dirname(file));
      await removeEmptyFolders(path.dirname(file));
    },

    async deletePrefix(prefix) {
      const place = pathOf(prefix.endsWith("/") ? prefix.slice(0, -1) : prefix);
      const removed = unfinished.newPath();
      // In one step out of sight; should we crash while removing, the next start goes on with it.
      const moved = await rename(place, removed).then(() => true, absent);
      if (!moved) return;
      await syncDirectory(path.dirname(place));
      await rm(removed, { recursive: true, force: true });
      await removeEmptyFolders(path.dirname(place));
    },
  };

  /** Deleting removes empty folders, perhaps just after we made ours: then it is made again. */
  async function moveInto(partial: string, file: string, key: string): Promise<void> {
    for (let attemptsLeft = 10; ; attemptsLeft--) {
      try {
        const folder = path.dirname(file);
        const firstMade = await mkdir(folder, { recursive: true, mode: 0o700 });
        await rename(partial, file);
        // Every folder that got an entry, up to the one that was there before.
        for (let changed = folder; ; changed = path.dirname(changed)) {
          await syncDirectory(changed);
          if (!firstMade || changed === path.dirname(firstMade)) return;
        }
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EEXIST" || code === "ENOTDIR" || code === "EISDIR" || code === "ENOTEMPTY")
          throw new TypeError(`The key ${key} can't be used: a blob can't lie beneath another blob.`, { cause: error });
        if (code !== "ENOENT" || attemptsLeft === 0) throw error;
      }
    }
  }

  async function removeEmptyFolders(folder: string): Promise<void> {
    while (folder !== root) {
      const removed = await rmdir(folder).then(
        () => true,
        () => false,
      );
      if (!removed) return;
      folder = path.dirname(folder);
    }
  }
}

async function openBlob(file: string): Promise<{ handle: FileHandle; sizeBytes: number } | null> {
  const handle = await open(file, "r").catch(absent);
  if (!handle) return null;
  const found = await handle.stat();
  if (found.isFile()) return { handle, sizeBytes: found.size };
  await handle.close();
  return null;
}

function checkedRange({ start = 0, end }: ByteRange, sizeBytes: number): ByteRange {
  const valid =
    Number.isSafeInteger(start) && start >= 0 && (end === undefined || (Number.isSafeInteger(end) && end >= start));
  if (!valid || (start >= sizeBytes && start > 0))
    throw new RangeError(`Bytes ${start} to ${end ?? "the end"} can't be read from a file of ${sizeBytes} bytes.`);
  return { start, end };
}

/** A rename or removal is durable once its folder is. Windows can't open folders, and doesn't need to. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r").catch(absent);
  if (!handle) return;
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** For a `catch`: what isn't there is null, every other error stays one. */
function absent(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
  throw error;
}

function explained(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOSPC" && code !== "EDQUOT" && code !== "EFBIG") return error;
  return new PublicError(
    "SERVICE_UNAVAILABLE",
    "The file couldn't be stored because the storage is full; an operator has to make room.",
    { cause: error },
  );
}
