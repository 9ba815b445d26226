import type { Draft, ReaderInput } from "../document";
import { decodedPieces } from "../encoding";

/** Longer runs without an empty line are cut at the end of a line, else between words, else anywhere. */
const paragraphCharactersMax = 16_000;

/** Plain text: what empty lines separate are paragraphs. Reads as it comes, so any size takes the same memory. */
export async function* readTxt(input: ReaderInput): AsyncGenerator<Draft> {
  let pending = "";
  for await (const piece of decodedPieces(input.chunks())) {
    pending += piece.includes("\r") ? piece.replace(/\r\n?/g, "\n") : piece;
    let from = 0;
    for (;;) {
      const end = paragraphEnd(pending, from);
      if (end < 0) break;
      yield { kind: "PARAGRAPH", text: pending.slice(from, end) };
      from = end;
    }
    pending = pending.slice(from);
  }
  for (const text of pending.split(/\n[ \t]*\n/)) yield { kind: "PARAGRAPH", text };
}

/** Where the paragraph that begins at `from` ends, or -1 when that isn't known yet. */
function paragraphEnd(text: string, from: number): number {
  const match = /\n[ \t]*\n/.exec(text.slice(from, from + paragraphCharactersMax));
  if (match) return from + match.index + match[0].length;
  if (text.length - from <= paragraphCharactersMax) return -1;
  const latest = from + paragraphCharactersMax;
  const earliest = from + paragraphCharactersMax / 2;
  for (const boundary of ["\n", " "]) {
    const at = text.lastIndexOf(boundary, latest);
    if (at >= earliest) return at + 1;
  }
  // Never between the halves of a surrogate pair.
  return isHighSurrogate(text.charCodeAt(latest - 1)) ? latest - 1 : latest;
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
