/** The encoding that a byte order mark, or a tell-tale pattern of zero bytes, names; null when there is neither. */
export function markedEncoding(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" | null {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  // UTF-16 without a mark: in text of a Latin script every other byte is zero.
  const length = Math.min(bytes.length, 512) & ~1;
  let [even, odd] = [0, 0];
  for (let i = 0; i < length; i += 2) {
    if (bytes[i] === 0) even++;
    if (bytes[i + 1] === 0) odd++;
  }
  if (length >= 8 && odd > length / 5 && even === 0) return "utf-16le";
  if (length >= 8 && even > length / 5 && odd === 0) return "utf-16be";
  return null;
}

/** Whether the bytes are UTF-8. A character that the end cuts off doesn't count against them. */
export function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** The whole text of a file: by its mark, else by `declared` (a name such as a meta element gives), else UTF-8 or windows-1252. */
export function decoded(bytes: Uint8Array, declared?: string | null): string {
  return decode(bytes, markedEncoding(bytes) ?? known(declared) ?? (isUtf8(bytes) ? "utf-8" : "windows-1252"));
}

/** Bytes in a named encoding. */
export function decode(bytes: Uint8Array, encoding: string): string {
  return encoding === "windows-1252" ? decodeWindows1252(bytes) : new TextDecoder(encoding).decode(bytes);
}

/** What stands from 0x80 to 0x9f. Node's own decoder leaves the control characters of Latin 1 there. */
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

function decodeWindows1252(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return text.replace(/[\u0080-\u009f]/g, (character) => windows1252[character.charCodeAt(0) - 0x80]!);
}

/** The text of a file piece by piece. Whether it is UTF-8 or windows-1252 is decided where the first non-ASCII byte comes. */
export async function* decodedPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | "windows-1252" | null = null;
  let first = true;
  for await (const bytes of chunks) {
    const marked = first ? markedEncoding(bytes) : null;
    first = false;
    if (marked) decoder = new TextDecoder(marked);
    // ASCII is the same in both.
    else if (!decoder && !isAscii(bytes)) decoder = isUtf8(bytes) ? new TextDecoder("utf-8") : "windows-1252";
    yield decoder === null || decoder === "windows-1252"
      ? decodeWindows1252(bytes)
      : decoder.decode(bytes, { stream: true });
  }
  const rest = decoder !== null && decoder !== "windows-1252" ? decoder.decode() : "";
  if (rest) yield rest;
}

function known(label: string | null | undefined): string | null {
  if (!label) return null;
  try {
    return new TextDecoder(label.trim()).encoding;
  } catch {
    return null;
  }
}

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte > 0x7f) return false;
  return true;
}
