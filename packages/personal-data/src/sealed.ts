import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

// Files are sealed in pieces, so that they can be opened while they are read and nothing unchecked is ever handed on:
// each piece is AES-256-GCM of its own, under a nonce of its number and whether it is the last. Left out, doubled,
// exchanged or cut off, a piece doesn't open.

const pieceBytes = 64 * 1024;
const tagBytes = 16;
const saltBytes = 16;

/** Encrypts what `source` yields. `boundTo` (the file's key) must be given again to open it. */
export async function* seal(
  source: AsyncIterable<Uint8Array>,
  key: Buffer,
  boundTo: string,
): AsyncGenerator<Buffer, void> {
  const salt = randomBytes(saltBytes);
  const fileKey = keyOf(key, salt);
  yield salt;
  let number = 0;
  for await (const { piece, last } of pieces(source, pieceBytes)) {
    const cipher = createCipheriv("aes-256-gcm", fileKey, nonceOf(number++, last)).setAAD(Buffer.from(boundTo));
    const sealed = [cipher.update(piece), cipher.final()];
    yield Buffer.concat([...sealed, cipher.getAuthTag()]);
  }
}

/** Decrypts what `seal` made. Throws as soon as a piece isn't what was sealed. */
export async function* unseal(
  source: AsyncIterable<Uint8Array>,
  key: Buffer,
  boundTo: string,
): AsyncGenerator<Buffer, void> {
  let fileKey: Buffer | undefined;
  let number = 0;
  for await (const { piece, last } of pieces(source, pieceBytes + tagBytes, saltBytes)) {
    if (!fileKey) {
      fileKey = keyOf(key, piece);
      continue;
    }
    if (piece.length < tagBytes) throw new Error("A sealed file ends too early.");
    const decipher = createDecipheriv("aes-256-gcm", fileKey, nonceOf(number++, last), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(boundTo)).setAuthTag(piece.subarray(-tagBytes));
    yield Buffer.concat([decipher.update(piece.subarray(0, -tagBytes)), decipher.final()]);
  }
  if (number === 0) throw new Error("A sealed file ends too early.");
}

/** A key for the keys of exports (HKDF-SHA256, RFC 5869, of the installation's secret). */
const wrappingKeyOf = (secret: string) =>
  Buffer.from(hkdfSync("sha256", secret, "atrium", "personal-data:export-keys", 32));

/** An export's key as it rests and travels. It opens with the installation's secret, for this export alone. */
export function wrapKey(key: Buffer, secret: string, exportId: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", wrappingKeyOf(secret), nonce).setAAD(Buffer.from(exportId));
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
}

export function unwrapKey(wrapped: Uint8Array, secret: string, exportId: string): Buffer {
  const bytes = Buffer.from(wrapped);
  const decipher = createDecipheriv("aes-256-gcm", wrappingKeyOf(secret), bytes.subarray(0, 12), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(exportId)).setAuthTag(bytes.subarray(-tagBytes));
  return Buffer.concat([decipher.update(bytes.subarray(12, -tagBytes)), decipher.final()]);
}

// A salt of its own for each file, so that counting nonces from zero never repeats one under the same key.
const keyOf = (key: Buffer, salt: Buffer) => Buffer.from(hkdfSync("sha256", key, salt, "atrium sealed file", 32));

function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** The bytes in pieces of `size` (the first of `firstSize`, where given), the last one shorter, and perhaps empty. */
async function* pieces(source: AsyncIterable<Uint8Array>, size: number, firstSize = 0) {
  let waiting: Buffer[] = [];
  let length = 0;
  let wanted = firstSize || size;
  for await (const chunk of source) {
    waiting.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    length += chunk.length;
    if (length <= wanted) continue;
    let joined = Buffer.concat(waiting);
    // One byte more than a piece: only what follows tells that it isn't the last.
    for (; joined.length > wanted; wanted = size) {
      yield { piece: joined.subarray(0, wanted), last: false };
      joined = joined.subarray(wanted);
    }
    waiting = [joined];
    length = joined.length;
  }
  yield { piece: Buffer.concat(waiting), last: true };
}
