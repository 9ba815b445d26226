import { decoded, isUtf8, markedEncoding } from "./encoding";
import { ParseFailure } from "./failures";

export const formats = ["PDF", "DOCX", "PPTX", "XLSX", "CSV", "HTML", "MARKDOWN", "TXT", "RTF", "EML", "JSON"] as const;
export type Format = (typeof formats)[number];

/**
 * The format of a file by what is in it. The name only decides between the text formats that the same characters could
 * be in (TXT, Markdown, CSV). `bytes` is the file or its beginning; archives and old Office files need all of it.
 * Throws a `ParseFailure`: EMPTY, ENCRYPTED (a protected Office file) or UNSUPPORTED, which says what the file is.
 */
export function detectFormat(bytes: Uint8Array, filename: string): Format {
  if (bytes.length === 0) throw new ParseFailure("EMPTY", "The file is empty: it has 0 bytes.");
  if (isArchive(bytes)) return archiveFormat(bytes);
  if (isOldOffice(bytes)) throw oldOfficeFailure(bytes);
  // Some writers put a few bytes in front; readers of PDF look for it in the first kilobyte.
  if (latin1(bytes, 0, 1024).includes("%PDF-")) return "PDF";
  for (const [name, signature] of foreignSignatures) {
    if (signature.test(latin1(bytes, 0, 64))) throw unsupported(name);
  }
  return textFormat(bytes, filename);
}

/** Whether more than the beginning of the file is needed to tell its format. */
export function needsWholeFile(head: Uint8Array): boolean {
  return isArchive(head) || isOldOffice(head);
}

function isArchive(bytes: Uint8Array): boolean {
  return /^PK(\x03\x04|\x05\x06|\x07\x08)/.test(latin1(bytes, 0, 4));
}

function isOldOffice(bytes: Uint8Array): boolean {
  return latin1(bytes, 0, 8) === "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
}

/** Signatures of what people upload by mistake, so that they are told what it is. */
const foreignSignatures: readonly (readonly [string, RegExp])[] = [
  ["a PNG picture", /^\x89PNG/],
  ["a JPEG picture", /^\xff\xd8\xff/],
  ["a GIF picture", /^GIF8/],
  ["a TIFF picture", /^(II\*\0|MM\0\*)/],
  ["a WebP picture", /^RIFF.{4}WEBP/s],
  ["a sound file", /^(ID3|OggS|fLaC|RIFF.{4}WAVE)/s],
  ["a video or sound file", /^.{4}ftyp/s],
  ["a gzip archive", /^\x1f\x8b/],
  ["a 7-Zip archive", /^7z\xbc\xaf/],
  ["a RAR archive", /^Rar!/],
  ["a program", /^(MZ.{0,6}\0|\x7fELF)/s],
  ["a SQLite database", /^SQLite format 3\0/],
  ["a Parquet file", /^PAR1/],
  ["a PostScript file", /^%!PS/],
];

function archiveFormat(bytes: Uint8Array): Format {
  const names = entryNames(bytes);
  const has = (start: string) => names.some((name) => name.startsWith(start));
  if (has("word/")) return "DOCX";
  if (has("ppt/")) return "PPTX";
  if (has("xl/workbook.bin")) throw unsupported("a binary workbook (.xlsb)", "Save it as .xlsx");
  if (has("xl/")) return "XLSX";
  if (names[0] === "mimetype" && latin1(bytes, 0, 128).includes("opendocument")) {
    throw unsupported("an OpenDocument file", "Save it as DOCX, XLSX, PPTX or PDF");
  }
  if (names[0] === "mimetype" && latin1(bytes, 0, 128).includes("epub")) throw unsupported("an EPUB book");
  throw unsupported("a ZIP archive", "Unpack it and upload the files in it");
}

/** Names from the central directory, or, where the end of the file is missing, from the entries themselves. */
function entryNames(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const names: string[] = [];
  for (const [signature, nameLengthAt, nameAt] of [
    ["PK\x01\x02", 28, 46],
    ["PK\x03\x04", 26, 30],
  ] as const) {
    let at = buffer.indexOf(signature, 0, "latin1");
    while (at >= 0 && names.length < 20_000) {
      if (at + nameAt > buffer.length) break;
      const length = buffer.readUInt16LE(at + nameLengthAt);
      names.push(buffer.toString("latin1", at + nameAt, Math.min(at + nameAt + length, buffer.length)));
      at = buffer.indexOf(signature, at + 4, "latin1");
    }
    if (names.length > 0) break;
  }
  return names;
}

function oldOfficeFailure(bytes: Uint8Array): ParseFailure {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const holds = (stream: string) => buffer.includes(stream, 0, "utf16le");
  // An Office file with a password is an old-style container around the encrypted new-style file.
  if (holds("EncryptedPackage")) return new ParseFailure("ENCRYPTED");
  if (holds("WordDocument")) return unsupported("a Word document of the old kind (.doc)", "Save it as .docx");
  if (holds("Workbook") || holds("Book"))
    return unsupported("an Excel workbook of the old kind (.xls)", "Save it as .xlsx");
  if (holds("PowerPoint Document")) return unsupported("a presentation of the old kind (.ppt)", "Save it as .pptx");
  if (holds("__substg1.0_")) return unsupported("an Outlook message (.msg)", "Save it as .eml");
  return unsupported("an old Microsoft Office file", "Save it as .docx, .xlsx or .pptx");
}

function unsupported(
  what: string,
  remedy = "Upload PDF, DOCX, PPTX, XLSX, CSV, HTML, Markdown, TXT, RTF, EML or JSON",
): ParseFailure {
  return new ParseFailure("UNSUPPORTED", `The file is ${what}, which can't be read. ${remedy}.`);
}

function textFormat(bytes: Uint8Array, filename: string): Format {
  const head = bytes.subarray(0, 64 * 1024);
  if (!markedEncoding(head) && isBinary(head)) throw unsupported("of an unknown kind");
  const text = decoded(isUtf8(head) ? withoutCutOffCharacter(head) : head).replace(/^\ufeff/, "");
  const start = text.trimStart();
  if (!start) throw new ParseFailure("EMPTY", "The file has nothing but blanks in it.");
  const whole = bytes.length <= head.length;
  const extension = /\.([a-z0-9]+)$/i.exec(filename)?.[1]?.toLowerCase() ?? "";

  if (start.startsWith("{\\rtf")) return "RTF";
  if (isHtml(start)) return "HTML";
  if (/^<\?xml\b|^<svg\b/i.test(start)) throw unsupported("an XML file");
  if (isJson(start)) return "JSON";
  if (isMail(start)) return "EML";
  if (extension === "md" || extension === "markdown") return "MARKDOWN";
  if (isMarkdown(text, extension === "txt" ? 2 : 1)) return "MARKDOWN";
  if (delimiterOf(text, { whole, named: /^(csv|tsv|tab)$/.test(extension) })) return "CSV";
  return "TXT";
}

function isBinary(head: Uint8Array): boolean {
  let control = 0;
  for (const byte of head) {
    if (byte === 0) return true;
    if (byte < 0x20 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1b) control++;
  }
  return control > head.length / 50;
}

function withoutCutOffCharacter(head: Uint8Array): Uint8Array {
  let end = head.length;
  while (end > 0 && end > head.length - 4 && (head[end - 1]! & 0xc0) === 0x80) end--;
  return end > 0 && head[end - 1]! >= 0xc0 ? head.subarray(0, end - 1) : head;
}

function isHtml(start: string): boolean {
  const content = start.replace(/^(<\?xml[^>]*>\s*|<!--[\s\S]*?-->\s*)+/, "");
  if (/^<(!doctype\s+html|html|head|body|title|meta|frameset)\b/i.test(content)) return true;
  return (
    /^<(div|p|h[1-6]|table|ul|ol|span|article|section|main|header|center|font|a|b|br|img|script|style)\b/i.test(
      content,
    ) && /<\/[a-z][a-z0-9]*\s*>/i.test(content)
  );
}

function isJson(start: string): boolean {
  return (
    /^\{\s*("(?:[^"\\\n]|\\.)*"\s*:|\}\s*$)/.test(start) ||
    /^\[\s*([[{"\]]|-?\d[\d.eE+-]*\s*[,\]]|(true|false|null)\s*[,\]])/.test(start)
  );
}

const mailHeaders =
  /^(from|to|cc|subject|date|message-id|mime-version|received|return-path|content-type|reply-to|delivered-to):/i;

function isMail(start: string): boolean {
  const header = start.split(/\r?\n\r?\n/, 1)[0]!;
  const lines = header.split(/\r?\n/).slice(0, 200);
  if (!lines.every((line) => /^([!-9;-~]+:|[ \t])/.test(line))) return false;
  const found = new Set(lines.map((line) => mailHeaders.exec(line)?.[1]?.toLowerCase()).filter(Boolean));
  return found.size >= 3 && (found.has("from") || found.has("received") || found.has("return-path"));
}

function isMarkdown(text: string, signalsNeeded: number): boolean {
  const signals = [
    /^#{1,6} +\S/m,
    /^(```|~~~)/m,
    /^\|?[ \t]*:?-{3,}:?[ \t]*(\|[ \t]*:?-{3,}:?[ \t]*)+\|?[ \t]*$/m,
    /\[[^\]\n]{1,300}\]\((https?:|\/|\.|#|mailto:)[^)\s]*\)/,
    /^[^\s#>|*-][^\n]{0,200}\n(={3,}|-{3,})[ \t]*$/m,
    /(^|\s)\*\*[^*\s][^*\n]*\*\*(\s|[.,;:!?]|$)/m,
  ];
  return signals.filter((signal) => signal.test(text)).length >= signalsNeeded;
}

/**
 * The character that separates a table's columns, or null where the text is no such table. Without a name that says so,
 * at least three records must agree on the number of columns.
 */
export function delimiterOf(text: string, { whole, named }: { whole: boolean; named: boolean }): string | null {
  // Prose has commas too: its paragraphs stand apart, and blanks follow its commas.
  if (!named && /\n[ \t\r]*\n/.test(text.trim())) return null;
  let best: { delimiter: string; columns: number } | null = null;
  for (const delimiter of [",", ";", "\t", "|"]) {
    const records = firstRecords(text, delimiter, whole);
    if (records.length < (named ? 1 : 3)) continue;
    const counts = new Map<number, number>();
    for (const { columns } of records) counts.set(columns, (counts.get(columns) ?? 0) + 1);
    const [columns, agreeing] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0]!;
    if (columns < 2 || agreeing < records.length * (named ? 0.5 : 0.95)) continue;
    if (!named && delimiter === "," && (text.match(/, /g)?.length ?? 0) * 2 > text.match(/,/g)!.length) continue;
    if (!named && records.some((record) => record.characters / record.columns > 80)) continue;
    if (!best || columns > best.columns) best = { delimiter, columns };
  }
  return best?.delimiter ?? null;
}

function firstRecords(text: string, delimiter: string, whole: boolean): { columns: number; characters: number }[] {
  const records: { columns: number; characters: number }[] = [];
  let [columns, characters, quoted, cellStart] = [1, 0, false, true];
  let i = 0;
  for (; i < text.length && records.length < 100; i++) {
    const character = text[i]!;
    if (quoted) {
      if (character === '"' && text[i + 1] === '"') i++;
      else if (character === '"') quoted = false;
      characters++;
    } else if (character === '"' && cellStart) {
      quoted = true;
      cellStart = false;
    } else if (character === delimiter) {
      columns++;
      cellStart = true;
    } else if (character === "\n") {
      if (characters > 0) records.push({ columns, characters });
      [columns, characters, cellStart] = [1, 0, true];
    } else if (character !== "\r") {
      characters++;
      cellStart = false;
    }
  }
  if (i === text.length && whole && characters > 0) records.push({ columns, characters });
  return records;
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1", from, Math.min(to, bytes.length));
}
