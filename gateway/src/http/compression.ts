import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);

// Below this, compression costs more than it saves.
const sizeMin = 1_024;

/** The text compressed as the client takes it; null where it doesn't, or where it isn't worth it. */
export async function compressed(
  header: string | string[] | undefined,
  text: string | Buffer,
): Promise<{ encoding: "br" | "gzip"; body: Buffer } | null> {
  if (header === undefined || text.length < sizeMin) return null;
  const encoding = acceptedEncoding(String(header));
  if (encoding === null) return null;
  const body =
    encoding === "gzip"
      ? await gzipped(text, { level: 5 })
      : // Brotli's own default, 11, is for files that are compressed once.
        await brotli(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
  return { encoding, body };
}

function acceptedEncoding(header: string): "br" | "gzip" | null {
  const taken = new Set<string>();
  for (const entry of header.toLowerCase().split(",")) {
    const [name, ...parameters] = entry.trim().split(/\s*;\s*/);
    if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) taken.add(name!);
  }
  return taken.has("br") ? "br" : taken.has("gzip") ? "gzip" : null;
}
