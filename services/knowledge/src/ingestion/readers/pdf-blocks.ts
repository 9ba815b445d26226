import { rowText } from "../document";
import { styleOf, type Line } from "./pdf-lines";
import type { Page } from "./pdf-running-heads";

export interface PageBlock {
  kind: "HEADING" | "PARAGRAPH" | "LIST_ITEM" | "TABLE_ROW";
  text: string;
  level: number;
}

/** What the fonts of the whole document say about its structure. */
export interface Layout {
  bodySize: number;
  /** Level of the headings that are set in a style. */
  headingLevels: ReadonlyMap<string, number>;
  /** Level of the headings that the document's outline lists, by `outlineKey` of their text. */
  outline: ReadonlyMap<string, number>;
}

const headingLevelMax = 6;
const headingCharactersMax = 200;

/**
 * Text is set in the size that most characters have; headings are set larger, or as large in another font, and are few.
 * Larger is higher.
 */
export function layoutOf(pages: readonly Page[], outline: ReadonlyMap<string, number>): Layout {
  const characters = new Map<string, { font: string; size: number; count: number }>();
  let total = 0;
  for (const { lines } of pages) {
    for (const line of lines) {
      const style = characters.get(line.style) ?? { font: line.font, size: Math.round(line.size * 2) / 2, count: 0 };
      const count = line.cells.reduce((sum, cell) => sum + cell.text.length, 0);
      style.count += count;
      total += count;
      characters.set(line.style, style);
    }
  }
  const bySize = new Map<number, number>();
  for (const { size, count } of characters.values()) bySize.set(size, (bySize.get(size) ?? 0) + count);
  const bodySize = [...bySize].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
  const bodyFont = [...characters.values()].filter(({ size }) => size === bodySize).sort((a, b) => b.count - a.count)[0]?.font;
  const headings = [...characters.values()].filter(({ font, size, count }) => {
    if (count > total * 0.2) return false;
    return size >= bodySize * 1.12 || (size >= bodySize * 0.97 && font !== bodyFont);
  });
  const sizes = [...new Set(headings.map(({ size }) => size))].sort((a, b) => b - a);
  const levelOf = (size: number) => Math.min(sizes.indexOf(size) + 1, headingLevelMax);
  return { bodySize, outline, headingLevels: new Map(headings.map(({ font, size }) => [styleOf(font, size), levelOf(size)])) };
}

export function outlineKey(title: string): string {
  return title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
}

/** The paragraphs, headings, list items and table rows of one page. */
export function pageBlocks({ lines }: Page, layout: Layout): PageBlock[] {
  const blocks: PageBlock[] = [];
  const columnRight = rightEdges(lines);
  for (let i = 0; i < lines.length; ) {
    const first = lines[i]!;
    if (first.cells.length > 1) {
      const row = first.cells.map((cell) => ({ ...cell }));
      let last = first;
      for (i++; i < lines.length && continuesRow(first, last, lines[i]!); i++) {
        last = lines[i]!;
        for (const cell of last.cells) {
          const above = row.find(({ x }) => Math.abs(x - cell.x) <= 2)!;
          above.text = joinLines(above.text, cell.text);
        }
      }
      for (const text of rowTexts(row.map((cell) => cell.text))) blocks.push({ kind: "TABLE_ROW", text, level: 0 });
      continue;
    }
    const paragraph = [first];
    for (i++; i < lines.length && continuesParagraph(paragraph, lines[i]!, columnRight); i++) paragraph.push(lines[i]!);
    const text = paragraph.map((line) => line.cells[0]!.text).reduce(joinLines);
    blocks.push(blockOf(paragraph, text, layout));
  }
  return blocks;
}

/** Joins a word that was parted at the end of a line; other lines are joined by a blank. */
export function joinLines(above: string, below: string): string {
  if (/\u00ad$/.test(above)) return above.slice(0, -1) + below;
  if (/\p{L}\p{L}[-‐]$/u.test(above) && /^\p{Ll}\p{L}/u.test(below)) return above.slice(0, -1) + below;
  return /[-‐/]$/.test(above) && /^\S/.test(below) && !/\s[-‐/]$/.test(above) ? above + below : `${above} ${below}`;
}

function blockOf(lines: readonly Line[], text: string, { headingLevels, outline, bodySize }: Layout): PageBlock {
  const listed = lines.length <= 4 ? outline.get(outlineKey(text)) : undefined;
  if (listed !== undefined) return { kind: "HEADING", text, level: Math.min(listed, headingLevelMax) };
  const style = headingLevels.get(lines[0]!.style);
  const short = text.length <= headingCharactersMax && lines.length <= (lines[0]!.size > bodySize * 1.12 ? 4 : 2);
  if (style !== undefined && short && /\p{L}{2}/u.test(text) && !/[.,;:]$/.test(text) && !listMark.test(text)) {
    return { kind: "HEADING", text, level: style };
  }
  const mark = listMark.exec(text);
  if (mark) return { kind: "LIST_ITEM", text: /[\p{L}\p{N}]/u.test(mark[0]) ? text : text.slice(mark[0].length), level: 1 };
  return { kind: "PARAGRAPH", text, level: 0 };
}

const listMark = /^([•◦▪▫■□●○‣⁃·]\s*|[*–—-]\s+|\(?(\d{1,3}|[a-z]|[ivx]{1,4})[.)]\s+)(?=\S)/u;

function continuesParagraph(paragraph: readonly Line[], next: Line, columnRight: (line: Line) => number): boolean {
  const last = paragraph.at(-1)!;
  if (next.cells.length > 1 || next.turned !== last.turned || Math.abs(next.size - last.size) > 0.5) return false;
  const gap = last.y - next.y;
  if (gap <= 0 || gap > 1.8 * last.size) return false;
  if (paragraph.length > 1 && gap > 1.25 * (paragraph[0]!.y - paragraph[1]!.y)) return false;
  const text = next.cells[0]!.text;
  if (listMark.test(text)) return false;
  const indent = next.x - last.x;
  const isList = listMark.test(paragraph[0]!.cells[0]!.text);
  if (indent > (isList && paragraph.length === 1 ? 4 : 0.8) * last.size || indent < -6 * last.size) return false;
  // A whole line in another font is a heading or a label, not the middle of a paragraph.
  if (next.style !== last.style && last.cells[0]!.text.length < 60 && /^[\p{Lu}\p{N}]/u.test(text)) return false;
  const width = columnRight(last) - last.x;
  const endsEarly = last.right < columnRight(last) - 0.25 * width;
  return !(endsEarly && /^[\p{Lu}\p{N}"“(]/u.test(text));
}

/** How far to the right the lines go that begin where this one does. */
function rightEdges(lines: readonly Line[]): (line: Line) => number {
  const edges = new Map<number, number>();
  for (const line of lines) {
    if (line.cells.length > 1) continue;
    const key = Math.round(line.x / 10);
    edges.set(key, Math.max(edges.get(key) ?? 0, line.right));
  }
  return ({ x, right }) => {
    const key = Math.round(x / 10);
    return Math.max(right, edges.get(key - 1) ?? 0, edges.get(key) ?? 0, edges.get(key + 1) ?? 0);
  };
}

/** A line right below a row whose cells all stand under cells of it, and none under the first. */
function continuesRow(row: Line, last: Line, next: Line): boolean {
  const gap = last.y - next.y;
  if (next.turned !== row.turned || gap <= 0 || gap > 1.35 * row.size || Math.abs(next.size - row.size) > 0.5) return false;
  return next.cells.every(({ x }) => Math.abs(x - row.cells[0]!.x) > 2 && row.cells.some((cell) => Math.abs(cell.x - x) <= 2));
}

/** Forms set labels before values (`Age: 34   Seat: Left`): each pair is a row of its own. Other rows stay one. */
function rowTexts(cells: readonly string[]): string[] {
  if (!cells.some((cell, i) => isLabel(cell) && i < cells.length - 1)) return [rowText(cells)];
  const texts: string[] = [];
  for (let i = 0; i < cells.length; i++) {
    const value = isLabel(cells[i]!) && i + 1 < cells.length && !isLabel(cells[i + 1]!) ? cells[++i] : undefined;
    texts.push(value === undefined ? cells[i]! : `${cells[i - 1]!} ${value}`);
  }
  return texts;
}

function isLabel(cell: string): boolean {
  return cell.endsWith(":") && cell.length <= 60;
}
