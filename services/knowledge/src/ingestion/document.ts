import { ParseFailure } from "./failures";
import type { Format } from "./formats";
import type { Limits } from "./limits";

export type BlockKind = "HEADING" | "PARAGRAPH" | "LIST_ITEM" | "TABLE_ROW" | "PAGE_BREAK";

/** A piece of a document in reading order. `text` is `canonical.slice(start, end)`, always. */
export interface Block {
  kind: BlockKind;
  text: string;
  /** In UTF-16 code units from the start of the canonical text. A page break is an empty range. */
  start: number;
  end: number;
  /** Of a heading 1 (outermost) to 6; of a list item its depth from 1; null otherwise. */
  level: number | null;
  /** Page of a PDF or slide of a presentation on which the block begins, from 1. */
  page: number | null;
  /** Differs from `page` when a paragraph runs over a page's end. */
  lastPage: number | null;
  /** The worksheet, in a workbook. */
  sheet: string | null;
  /** The headings above, outermost first. A heading's own path ends with itself. */
  headingPath: readonly string[];
}

export interface DocumentFacts {
  format: Format;
  /** As the document itself states it; null when it states none. */
  title: string | null;
  /** Pages of a PDF, slides of a presentation, worksheets of a workbook. */
  pageCount: number | null;
  /** Pages of a PDF that show no text: pictures of pages (scans), or blank ones. What stands on them isn't found. */
  pagesWithoutText: number;
}

/** A stretch of a document. The texts of all parts in order, joined without anything between, are the canonical text. */
export interface DocumentPart {
  /** Where `text` begins in the canonical text. */
  start: number;
  text: string;
  blocks: Block[];
  /** What is known by now; the last part's are complete. */
  facts: DocumentFacts;
}

/** A document as a whole, for those that are small enough to be held so. */
export interface ParsedDocument extends DocumentFacts {
  text: string;
  blocks: Block[];
}

interface Place {
  page?: number;
  lastPage?: number;
  sheet?: string;
}

/** What a reader yields: blocks that have no place in the canonical text yet, and facts as it comes upon them. */
export type Draft =
  | ({ kind: "HEADING" | "LIST_ITEM"; text: string; level: number } & Place)
  | ({ kind: "PARAGRAPH" | "TABLE_ROW"; text: string } & Place)
  | { kind: "PAGE_BREAK"; page: number }
  | { kind: "FACTS"; title?: string; pageCount?: number; pagesWithoutText?: number };

/** Turns the bytes of one format into drafts. Runs in a process of its own, which may be killed at any time. */
export type Reader = (input: ReaderInput, limits: Limits) => AsyncIterable<Draft> | Iterable<Draft>;

export interface ReaderInput {
  filename: string;
  /** The first 64 KB, or the whole of a shorter file. */
  head: Uint8Array;
  /** The file as it comes, the head included; may be asked for once, and not together with `bytes`. */
  chunks(): AsyncIterable<Uint8Array>;
  /** The whole file. Fails with TOO_LARGE past `limits.wholeFileBytes`. */
  bytes(): Promise<Uint8Array>;
}

/** Collects the parts of a document. The caller knows that it is small. */
export async function wholeDocument(parts: AsyncIterable<DocumentPart>): Promise<ParsedDocument> {
  const texts: string[] = [];
  const blocks: Block[] = [];
  let facts: DocumentFacts | undefined;
  for await (const part of parts) {
    texts.push(part.text);
    for (const block of part.blocks) blocks.push(block);
    facts = part.facts;
  }
  if (!facts) throw new ParseFailure("EMPTY");
  return { ...facts, text: texts.join(""), blocks };
}

const partCharacters = 128 * 1024;
/** A longer «heading» is a paragraph that somebody styled as one. */
const headingCharactersMax = 300;

/** Gives each draft its place in the canonical text. Fails with EMPTY when no draft has text. */
export async function* assemble(
  format: Format,
  drafts: AsyncIterable<Draft> | Iterable<Draft>,
  limits: Pick<Limits, "textCharacters">,
): AsyncGenerator<DocumentPart> {
  const facts: DocumentFacts = { format, title: null, pageCount: null, pagesWithoutText: 0 };
  const path: { level: number; text: string }[] = [];
  let headingPath: readonly string[] = [];
  let previous: BlockKind | null = null;
  let part: DocumentPart = { start: 0, text: "", blocks: [], facts };
  let length = 0;

  for await (const draft of drafts) {
    if (draft.kind === "FACTS") {
      const title =
        draft.title === undefined ? "" : cleaned(draft.title).replaceAll("\n", " ").slice(0, headingCharactersMax);
      if (title) facts.title = title;
      if (draft.pageCount !== undefined) facts.pageCount = draft.pageCount;
      if (draft.pagesWithoutText !== undefined) facts.pagesWithoutText = draft.pagesWithoutText;
      continue;
    }
    if (draft.kind === "PAGE_BREAK") {
      const place = { page: draft.page, lastPage: draft.page, sheet: null };
      part.blocks.push({
        kind: "PAGE_BREAK",
        text: "",
        start: length,
        end: length,
        level: null,
        ...place,
        headingPath,
      });
      continue;
    }
    const text = cleaned(draft.text);
    if (!text) continue;
    const kind = draft.kind === "HEADING" && text.length > headingCharactersMax ? "PARAGRAPH" : draft.kind;
    const level = draft.kind === "HEADING" || draft.kind === "LIST_ITEM" ? draft.level : null;
    if (kind === "HEADING") {
      while (path.length > 0 && path.at(-1)!.level >= level!) path.pop();
      path.push({ level: level!, text: text.replaceAll("\n", " ") });
      headingPath = path.map((heading) => heading.text);
    }
    const separator =
      previous === null ? "" : kind === previous && (kind === "TABLE_ROW" || kind === "LIST_ITEM") ? "\n" : "\n\n";
    const start = length + separator.length;
    part.text += separator + text;
    length = start + text.length;
    part.blocks.push({
      kind,
      text,
      start,
      end: length,
      level: kind === "PARAGRAPH" ? null : level,
      page: draft.page ?? null,
      lastPage: draft.lastPage ?? draft.page ?? null,
      sheet: draft.sheet ?? null,
      headingPath,
    });
    previous = kind;
    if (length > limits.textCharacters) {
      const limit = limits.textCharacters.toLocaleString("en");
      throw new ParseFailure(
        "TOO_LARGE",
        `The document has more than ${limit} characters of text. Split it and upload the parts.`,
      );
    }
    if (part.text.length >= partCharacters) {
      yield part;
      part = { start: length, text: "", blocks: [], facts };
    }
  }
  if (previous === null) throw new ParseFailure("EMPTY");
  // Also without blocks: the last part carries the complete facts.
  yield part;
}

/** Words of printable ASCII with single blanks between: most rows of most files, and nothing to clean. */
const plain = /^[!-~]+(?: [!-~]+)*$/;
const ligatures: Record<string, string> = { ﬀ: "ff", ﬁ: "fi", ﬂ: "fl", ﬃ: "ffi", ﬄ: "ffl", ﬅ: "st", ﬆ: "st" };

/**
 * Text that PostgreSQL, JSON and a reader's eye all take: composed (NFC), without control characters, half surrogate
 * pairs, soft hyphens and zero-width spaces; blanks run together; no more than one empty line.
 */
export function cleaned(text: string): string {
  if (plain.test(text)) return text;
  return text
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .normalize("NFC")
    .replace(/\r\n?|[\u2028\u2029\u0085]/g, "\n")
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b\ufeff\ufff9-\ufffb\ufffe\uffff]/g, "")
    .replace(/[ﬀ-ﬆ]/g, (ligature: string) => ligatures[ligature]!)
    .replace(/[^\S\n]+/g, " ")
    .replace(/ ?\n ?/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/**
 * A table's row as text. With the table's header each cell is named, so that the row says what it means wherever it is
 * quoted: `Name: Ada; Born: 1815`. Without, the cells stand side by side: `Ada | 1815`.
 */
export function rowText(cells: readonly string[], header?: readonly string[] | null): string {
  const flat = cells.map((cell) => cleaned(cell).replace(/\s*\n\s*/g, " "));
  if (!header) return flat.filter(Boolean).join(" | ");
  return flat
    .map((cell, i) => (cell && header[i] ? `${header[i]}: ${cell}` : cell))
    .filter(Boolean)
    .join("; ");
}

/**
 * Whether a first row names columns: every cell filled, all different, short, and none of them a number or a date, but
 * for years beside a name.
 */
export function looksLikeHeader(cells: readonly string[]): boolean {
  const names = cells.map((cell) => cell.trim());
  const isFigure = (name: string) => /^[-+(]?[\d\s.,:/%$€£-]+\)?$/.test(name);
  return (
    names.length >= 2 &&
    names.every((name) => name.length > 0 && name.length <= 80) &&
    names.every((name) => !isFigure(name) || /^(19|20)\d\d$/.test(name)) &&
    !names.every(isFigure) &&
    new Set(names).size === names.length
  );
}
