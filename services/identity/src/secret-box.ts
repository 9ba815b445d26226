import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";

const nonceBytes = 12;
const tagBytes = 16;

/** A key for one purpose alone (HKDF-SHA256, RFC 5869, of the installation's secret). */
export const deriveKey = (secret: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, "atrium", `identity:${purpose}`, 32));

/** AES-256-GCM: nonce, ciphertext, tag. `boundTo` must be given again to open, so a box can't stand in for another. */
export function seal(plaintext: Buffer, key: Buffer, boundTo: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(boundTo));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Null when the key is another, the box belongs to something else, or a bit of it was changed. */
export function open(box: Uint8Array, key: Buffer, boundTo: string): Buffer | null {
  if (box.length < nonceBytes + tagBytes) return null;
  const bytes = Buffer.from(box);
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(boundTo)).setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
  } catch {
    return null;
  }
}

/** How random secrets rest. They have 256 bits, so there is nothing to guess and no need for a slow hash. */
export const hashSecret = (secret: string): Buffer => createHash("sha256").update(secret).digest();
