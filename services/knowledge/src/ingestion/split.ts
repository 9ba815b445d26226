import type { Block, DocumentPart } from "./document";
import { sentencesOf } from "./sentences";
import { countTokens, wordsOf } from "./tokens";

export const splitMethods = ["FIXED", "SENTENCE", "HEADING"] as const;
export type SplitMethod = (typeof splitMethods)[number];

export interface SplitOptions {
  /**
   * FIXED: as many words as fit. SENTENCE: as many whole sentences, rows and list items as fit; a heading stays with what
   * follows it. HEADING: each section by itself, split like SENTENCE where it is too long.
   */
  method: SplitMethod;
  /** No passage has more tokens (`countTokens`). */
  sizeTokens: number;
  /** How much of a passage's end, at the most, is said again at the start of the next. */
  overlapTokens: number;
}

export const splitLimits = { sizeTokensMin: 50, sizeTokensMax: 2_000 } as const;
export const defaultSplit: SplitOptions = { method: "HEADING", sizeTokens: 320, overlapTokens: 40 };

/** What is wrong with the options, by field; null when nothing is. */
export function splitFault({
  method,
  sizeTokens,
  overlapTokens,
}: SplitOptions): { field: keyof SplitOptions; message: string } | null {
  const { sizeTokensMin, sizeTokensMax } = splitLimits;
  if (!splitMethods.includes(method))
    return { field: "method", message: `The method is one of ${splitMethods.join(", ")}.` };
  if (!Number.isInteger(sizeTokens) || sizeTokens < sizeTokensMin || sizeTokens > sizeTokensMax) {
    return {
      field: "sizeTokens",
      message: `A passage has ${sizeTokensMin} to ${sizeTokensMax.toLocaleString("en")} tokens.`,
    };
  }
  if (!Number.isInteger(overlapTokens) || overlapTokens < 0 || overlapTokens >= sizeTokens / 2) {
    return { field: "overlapTokens", message: "The overlap is less than half of a passage, and not negative." };
  }
  return null;
}

/** What is found and cited. `text` is `canonical.slice(start, end)`, always. */
export interface Passage {
  /** From 0, in reading order. */
  ordinal: number;
  text: string;
  /** In UTF-16 code units from the start of the canonical text. */
  start: number;
  end: number;
  tokenCount: number;
  /** Pages of a PDF or slides of a presentation, from 1. */
  firstPage: number | null;
  lastPage: number | null;
  /** The worksheet, in a workbook. */
  sheet: string | null;
  /** The headings above most of the passage, outermost first. */
  headingPath: readonly string[];
}

/** What isn't split: a word, a sentence, a row. */
interface Piece {
  start: number;
  end: number;
  /** With those of the blanks and line ends before it. */
  tokens: number;
  block: Block;
  opensBlock: boolean;
}

/** Splits a document part by part. Holds no more of it than one part and a passage. */
export class PassageSplitter {
  private ordinal = 0;
  /** Canonical text from `textStart` on: what pieces that aren't emitted yet refer to. */
  private text = "";
  private textStart = 0;
  private pieces: Piece[] = [];
  private tokens = 0;
  /** How many of `pieces` were in the last passage already. */
  private repeated = 0;
  private lastEnd = 0;

  constructor(private readonly options: SplitOptions) {
    const fault = splitFault(options);
    if (fault) throw new RangeError(`${fault.field}: ${fault.message}`);
  }

  /** The passages that are complete with this part. */
  push(part: Pick<DocumentPart, "start" | "text" | "blocks">): Passage[] {
    const from = this.pieces[0]?.start ?? part.start;
    this.text = this.text.slice(from - this.textStart) + part.text;
    this.textStart = from;
    const passages: Passage[] = [];
    for (const block of part.blocks) {
      if (block.kind === "PAGE_BREAK") continue;
      for (const piece of this.piecesOf(block)) this.add(piece, passages);
    }
    return passages;
  }

  /** The rest. */
  end(): Passage[] {
    const passages: Passage[] = [];
    if (this.pieces.length > this.repeated) this.emit(this.pieces.length, passages);
    return passages;
  }

  private *piecesOf(block: Block): Generator<Piece> {
    const { method, sizeTokens } = this.options;
    const spans =
      method !== "FIXED" && block.kind === "PARAGRAPH"
        ? sentencesOf(block.text)
        : [{ start: 0, end: block.text.length }];
    let opensBlock = true;
    for (const { start, end } of spans) {
      const tokens = this.tokensUpTo(block.start + end);
      if (method !== "FIXED" && tokens <= sizeTokens) {
        yield this.piece(block, block.start + start, block.start + end, tokens, opensBlock);
        opensBlock = false;
        continue;
      }
      // A sentence longer than a passage goes by its words, as everything does when the size alone decides.
      for (const word of wordsOf(block.text, start, end)) {
        yield this.piece(
          block,
          block.start + word.start,
          block.start + word.end,
          this.tokensUpTo(block.start + word.end),
          opensBlock,
        );
        opensBlock = false;
      }
    }
  }

  private piece(block: Block, start: number, end: number, tokens: number, opensBlock: boolean): Piece {
    this.lastEnd = end;
    return { start, end, tokens, block, opensBlock };
  }

  private tokensUpTo(end: number): number {
    let tokens = 0;
    for (const word of wordsOf(this.text, this.lastEnd - this.textStart, end - this.textStart)) tokens += word.tokens;
    return tokens;
  }

  private add(piece: Piece, passages: Passage[]): void {
    const { method, sizeTokens } = this.options;
    if (piece.opensBlock && piece.block.kind === "HEADING" && method !== "FIXED") {
      const onlyHeadings = this.pieces.every((held) => held.block.kind === "HEADING");
      const enough = method === "HEADING" ? this.pieces.length > 0 : this.tokens >= sizeTokens / 2;
      // A new section begins without a repetition of the last.
      if (enough && !onlyHeadings) {
        if (this.pieces.length > this.repeated) this.emit(this.pieces.length, passages);
        this.drop(this.pieces.length);
      }
    }
    while (this.pieces.length > 0 && this.tokens + piece.tokens > sizeTokens) {
      const cut = this.cutBefore();
      if (cut <= this.repeated) this.drop(this.repeated || 1);
      else this.emit(cut, passages);
    }
    this.pieces.push(piece);
    this.tokens += piece.tokens;
  }

  /** After which piece to cut now that the next doesn't fit: rather between blocks than within, and never after a heading. */
  private cutBefore(): number {
    const { method, sizeTokens } = this.options;
    let cut = this.pieces.length;
    if (method === "FIXED") return cut;
    let tokens = 0;
    for (const [i, piece] of this.pieces.entries()) {
      if (i > this.repeated && piece.opensBlock && tokens >= 0.6 * sizeTokens) cut = i;
      tokens += piece.tokens;
    }
    let end = cut;
    while (end > this.repeated && this.pieces[end - 1]!.block.kind === "HEADING") end--;
    return end > this.repeated ? end : cut;
  }

  /** Emits the first `count` pieces as a passage; keeps the others, and before them what the next passage says again. */
  private emit(count: number, passages: Passage[]): void {
    const pieces = this.pieces.slice(0, count);
    const [first, last] = [pieces[0]!, pieces.at(-1)!];
    const text = this.text.slice(first.start - this.textStart, last.end - this.textStart);
    const sheets = new Set(pieces.map(({ block }) => block.sheet));
    const pages = pieces.flatMap(({ block }) =>
      block.page === null ? [] : [block.page, block.lastPage ?? block.page],
    );
    passages.push({
      ordinal: this.ordinal++,
      text,
      start: first.start,
      end: last.end,
      tokenCount: countTokens(text),
      firstPage: pages.length > 0 ? Math.min(...pages) : null,
      lastPage: pages.length > 0 ? Math.max(...pages) : null,
      sheet: sheets.size === 1 ? first.block.sheet : null,
      headingPath: headingPathOf(pieces),
    });
    const overlap = this.overlapOf(pieces);
    this.drop(count - overlap);
    this.repeated = overlap;
  }

  /** How many pieces at a passage's end the next one repeats. */
  private overlapOf(pieces: readonly Piece[]): number {
    const { method, overlapTokens } = this.options;
    let tokens = 0;
    let count = 0;
    while (count < pieces.length - 1) {
      const piece = pieces[pieces.length - 1 - count]!;
      tokens += piece.tokens;
      if (tokens > overlapTokens) break;
      if (method !== "FIXED" && (piece.block.kind === "HEADING" || piece.block.kind === "TABLE_ROW")) break;
      count++;
    }
    return count;
  }

  private drop(count: number): void {
    for (const piece of this.pieces.splice(0, count)) this.tokens -= piece.tokens;
    if (this.pieces.length === 0) this.tokens = 0;
    this.repeated = Math.max(0, this.repeated - count);
  }
}

/** Splits a whole document. */
export function split(document: Pick<DocumentPart, "text" | "blocks">, options: SplitOptions): Passage[] {
  const splitter = new PassageSplitter(options);
  return [...splitter.push({ start: 0, ...document }), ...splitter.end()];
}

/** The path under which most of the text stands. */
function headingPathOf(pieces: readonly Piece[]): readonly string[] {
  const tokens = new Map<readonly string[], number>();
  for (const piece of pieces)
    tokens.set(piece.block.headingPath, (tokens.get(piece.block.headingPath) ?? 0) + piece.tokens);
  let [most, path]: [number, readonly string[]] = [-1, []];
  for (const [candidate, count] of tokens) if (count > most) [most, path] = [count, candidate];
  return path;
}
