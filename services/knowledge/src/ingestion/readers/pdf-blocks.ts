import { rowText } from "../document";
import { styleOf, type Cell, type Line } from "./pdf-lines";
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
  /** Words that stand in the document by themselves, in lower case. */
  words: ReadonlySet<string>;
}

const headingLevelMax = 6;
const headingCharactersMax = 200;

interface Style {
  font: string;
  size: number;
  characters: number;
  /** In lines long enough to be prose. */
  prose: number;
  latin: number;
}

/**
 * Text is set in the size that most of the prose has; headings are set larger, or as large in another font, and are few.
 * Larger is higher.
 */
export function layoutOf(pages: readonly Page[], outline: ReadonlyMap<string, number>): Layout {
  const styles = new Map<string, Style>();
  for (const { lines } of pages) for (const line of lines) tally(line, styles);
  const all = [...styles.values()];
  const total = sum(all, ({ characters }) => characters);
  const weight = all.some(({ prose }) => prose > 0)
    ? (style: Style) => style.prose
    : (style: Style) => style.characters;
  const sizes = [...new Set(all.map(({ size }) => size))];
  const bodySize =
    largest(sizes, (size) =>
      sum(
        all.filter((style) => style.size === size),
        weight,
      ),
    ) ?? 0;
  const body = largest(
    all.filter(({ size }) => size === bodySize),
    weight,
  );
  const headings = all.filter((style) => {
    if (style.size >= bodySize * 1.12) return style.characters <= total * 0.2;
    // A foreign script comes in a font of its own and means nothing by it.
    const foreign = !body || isLatin(style) !== isLatin(body);
    return style.size >= bodySize * 0.97 && style.font !== body?.font && !foreign && style.characters <= total * 0.1;
  });
  const headingSizes = [...new Set(headings.map(({ size }) => size))].sort((a, b) => b - a);
  const levels = headings.map(
    ({ font, size }) => [styleOf(font, size), Math.min(headingSizes.indexOf(size) + 1, headingLevelMax)] as const,
  );
  return { bodySize, outline, words: wordsOf(pages), headingLevels: new Map(levels) };
}

function tally({ style: key, font, size, cells }: Line, styles: Map<string, Style>): void {
  const style = styles.get(key) ?? { font, size: Math.round(size * 2) / 2, characters: 0, prose: 0, latin: 0 };
  for (const { text } of cells) {
    style.characters += text.length;
    style.latin += text.match(/\p{sc=Latin}/gu)?.length ?? 0;
    if (cells.length === 1 && text.length >= 40) style.prose += text.length;
  }
  styles.set(key, style);
}

function wordsOf(pages: readonly Page[]): Set<string> {
  const words = new Set<string>();
  for (const { lines } of pages) {
    for (const { cells } of lines) {
      // Not the halves of parted words themselves.
      for (const { text } of cells)
        for (const word of text.match(/(?<![\p{L}-])(?<!^)\p{L}+(?!-$)/gu) ?? []) words.add(word.toLowerCase());
    }
  }
  return words;
}

function isLatin({ latin, characters }: Style): boolean {
  return latin * 2 > characters;
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function largest<Item>(items: readonly Item[], of: (item: Item) => number): Item | undefined {
  return [...items].sort((a, b) => of(b) - of(a))[0];
}

export function outlineKey(title: string): string {
  return title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
}

/** The paragraphs, headings, list items and table rows of one page. */
export function pageBlocks({ lines }: Page, layout: Layout): PageBlock[] {
  const blocks: PageBlock[] = [];
  const columnRight = rightEdges(lines);
  const labelColumns = labelsByColumn(lines);
  for (let i = 0; i < lines.length;) {
    const first = lines[i]!;
    if (isRule(first)) {
      i++;
      continue;
    }
    if (first.cells.length > 1) {
      const row = first.cells.map((cell) => ({ ...cell }));
      let last = first;
      for (i++; i < lines.length && continuesRow(first, last, lines[i]!); i++) {
        last = lines[i]!;
        for (const cell of last.cells) {
          const above = row.find(({ x }) => Math.abs(x - cell.x) <= 2)!;
          above.text = joinLines(above.text, cell.text, layout.words);
        }
      }
      for (const text of rowTexts(row, labelColumns)) blocks.push({ kind: "TABLE_ROW", text, level: 0 });
      continue;
    }
    const paragraph = [first];
    for (i++; i < lines.length && continuesParagraph(paragraph, lines[i]!, columnRight); i++) paragraph.push(lines[i]!);
    const text = paragraph
      .map((line) => line.cells[0]!.text)
      .reduce((above, below) => joinLines(above, below, layout.words));
    blocks.push(blockOf(paragraph, text, layout));
  }
  return blocks;
}

/**
 * Joins the lines of a paragraph. A word that the end of a line parts is made whole; the hyphen stays where what follows
 * it is a word by itself elsewhere in the document (`well-known`), unless the whole is one as well.
 */
export function joinLines(above: string, below: string, words: ReadonlySet<string>): string {
  if (/\u00ad$/.test(above)) return above.slice(0, -1) + below;
  const first = /\p{L}{2,}(?=[-‐]$)/u.exec(above.slice(-60))?.[0];
  const second = /^\p{Ll}\p{L}+/u.exec(below)?.[0];
  if (first && second) {
    const compound = words.has(second) && !words.has(`${first}${second}`.toLowerCase());
    return compound ? above + below : above.slice(0, -1) + below;
  }
  return /[^\s][-‐/]$/.test(above) ? above + below : `${above} ${below}`;
}

function blockOf(lines: readonly Line[], text: string, { headingLevels, outline, bodySize }: Layout): PageBlock {
  const listed = lines.length <= 4 ? outline.get(outlineKey(text)) : undefined;
  if (listed !== undefined) return { kind: "HEADING", text, level: Math.min(listed, headingLevelMax) };
  const style = headingLevels.get(lines[0]!.style);
  const short = text.length <= headingCharactersMax && lines.length <= (lines[0]!.size > bodySize * 1.12 ? 4 : 2);
  if (
    style !== undefined &&
    short &&
    /\p{L}{2}/u.test(text) &&
    !/[.,;:]$/.test(text) &&
    !listMark.test(text) &&
    !isPair(text, lines[0]!.size / bodySize)
  ) {
    return { kind: "HEADING", text, level: style };
  }
  const mark = listMark.exec(text);
  if (mark)
    return { kind: "LIST_ITEM", text: /[\p{L}\p{N}]/u.test(mark[0]) ? text : text.slice(mark[0].length), level: 1 };
  return { kind: "PARAGRAPH", text, level: 0 };
}

/** `Phase of Operation: APPROACH` is a fact, however it is set; `Chapter 2: The approach` is a heading. */
function isPair(text: string, relativeSize: number): boolean {
  return (
    relativeSize < 1.3 &&
    /^[^:]{2,40}: \S/.test(text) &&
    !/^(chapter|section|part|appendix|annex|kapitel|teil|anhang|\d)/i.test(text)
  );
}

const listMark = /^([•◦▪▫■□●○‣⁃·]\s*|[*–—-]\s+|\(?(\d{1,3}|[a-z]|[ivx]{1,4})[.)]\s+)(?=\S)/u;

function continuesParagraph(paragraph: readonly Line[], next: Line, columnRight: (line: Line) => number): boolean {
  const last = paragraph.at(-1)!;
  if (next.cells.length > 1 || isRule(next) || next.turned !== last.turned || Math.abs(next.size - last.size) > 0.5)
    return false;
  const gap = last.y - next.y;
  if (gap <= 0 || gap > 1.8 * last.size) return false;
  if (paragraph.length > 1 && gap > 1.25 * (paragraph[0]!.y - paragraph[1]!.y)) return false;
  const text = next.cells[0]!.text;
  if (listMark.test(text)) return false;
  const centered = Math.abs(next.x + next.right - last.x - last.right) < last.size && Math.abs(next.x - last.x) > 2;
  if (centered && next.style === last.style && gap <= 1.4 * last.size) return true;
  const indent = next.x - last.x;
  const isList = listMark.test(paragraph[0]!.cells[0]!.text);
  if (indent > (isList && paragraph.length === 1 ? 4 : 0.8) * last.size || indent < -6 * last.size) return false;
  // A whole line in another font is a heading or a label, not the middle of a paragraph.
  if (next.style !== last.style && last.cells[0]!.text.length < 60 && /^[\p{Lu}\p{N}]/u.test(text)) return false;
  const width = columnRight(last) - last.x;
  const endsEarly = last.right < columnRight(last) - 0.25 * width;
  return !(endsEarly && /^[\p{Lu}\p{N}"“(]/u.test(text));
}

/** A line across the page, drawn with characters. */
function isRule({ cells }: Line): boolean {
  return cells.every(({ text }) => /^([-–—_=*.·•~])(\s?\1){3,}$/.test(text));
}

/** How far to the right the lines go that begin where this one does: at least over a quarter of the page's text. */
function rightEdges(lines: readonly Line[]): (line: Line) => number {
  const edges = new Map<number, number>();
  const columnMin =
    (lines.reduce((right, line) => Math.max(right, line.right), 0) -
      lines.reduce((left, line) => Math.min(left, line.x), Infinity)) /
    4;
  for (const line of lines) {
    if (line.cells.length > 1) continue;
    const key = Math.round(line.x / 10);
    edges.set(key, Math.max(edges.get(key) ?? 0, line.right));
  }
  return ({ x, right }) => {
    const key = Math.round(x / 10);
    return Math.max(right, x + columnMin, edges.get(key - 1) ?? 0, edges.get(key) ?? 0, edges.get(key + 1) ?? 0);
  };
}

/** A line right below a row whose cells all stand under cells of it, and none under the first. */
function continuesRow(row: Line, last: Line, next: Line): boolean {
  const gap = last.y - next.y;
  if (next.turned !== row.turned || gap <= 0 || gap > 1.35 * row.size || Math.abs(next.size - row.size) > 0.5)
    return false;
  return next.cells.every(
    ({ x }) => Math.abs(x - row.cells[0]!.x) > 2 && row.cells.some((cell) => Math.abs(cell.x - x) <= 2),
  );
}

type IsLabel = (cell: Cell) => boolean;

/** Forms set labels above each other; where three with a colon stand, one without is a label too. */
function labelsByColumn(lines: readonly Line[]): IsLabel {
  const labels = new Map<number, number>();
  for (const { cells } of lines) {
    for (const { text, x } of cells)
      if (endsAsLabel(text)) labels.set(Math.round(x), (labels.get(Math.round(x)) ?? 0) + 1);
  }
  return ({ text, x }) =>
    endsAsLabel(text) || ((labels.get(Math.round(x)) ?? 0) >= 3 && /^\p{L}/u.test(text) && !text.includes(":"));
}

function endsAsLabel(text: string): boolean {
  return text.endsWith(":") && text.length <= 60;
}

/** Forms set labels before values (`Age: 34   Seat: Left`): each pair is a row of its own. Other rows stay one. */
function rowTexts(cells: readonly Cell[], isLabel: IsLabel): string[] {
  if (!cells.some((cell, i) => endsAsLabel(cell.text) && i < cells.length - 1))
    return [rowText(cells.map(({ text }) => text))];
  const texts: string[] = [];
  for (let i = 0; i < cells.length; i++) {
    const label = cells[i]!;
    const value = cells[i + 1];
    if (!isLabel(label) || !value || isLabel(value)) {
      texts.push(label.text);
      continue;
    }
    texts.push(endsAsLabel(label.text) ? `${label.text} ${value.text}` : `${label.text}: ${value.text}`);
    i++;
  }
  return texts;
}
