import { randomFillSync } from "node:crypto";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const form = /^[a-z]{2,8}_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/**
 * A new identifier: `prefix_` and 26 characters of Crockford's base 32 over a UUIDv7 (RFC 9562), the TypeID layout.
 * Ids of one prefix sort by the millisecond they were made in.
 */
export function newId(prefix: string, now: number = Date.now()): string {
  return `${prefix}_${base32(uuidV7Bytes(now))}`;
}

/** A UUIDv7 in its usual text form. */
export function newUuid(now: number = Date.now()): string {
  const hex = Buffer.from(uuidV7Bytes(now)).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Whether `text` could be an id with this prefix; says nothing of whether such an object exists. */
export function isId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`) && form.test(text);
}

function uuidV7Bytes(now: number): Uint8Array {
  const bytes = randomFillSync(new Uint8Array(16));
  for (let i = 5, rest = now; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
}

// 128 bits in 26 digits of 5 bits: the first digit holds 3 bits, so it is 7 at the most.
function base32(bytes: Uint8Array): string {
  let value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  for (let i = 0; i < 26; i++, value >>= 5n) text = alphabet[Number(value & 31n)] + text;
  return text;
}
