import type { Cell, Line } from "./pdf-lines";

export interface Page {
  number: number;
  bottom: number;
  top: number;
  lines: Line[];
}

/** The outermost parts of a page, where running heads and page numbers stand. */
const marginShare = 0.09;
const pageNumber = /^[-–—\s]*((page|seite|página|pagina|p\.|s\.)\s*)?#+(\s*(of|von|de|di|sur|\/|-)\s*#+)?[-–—\s]*$/i;

/**
 * Takes out what repeats at the head or foot of pages: page numbers everywhere, and running heads everywhere but where
 * they first stand, so that what only they say is still said once.
 */
export function withoutRunningHeads(pages: readonly Page[]): Page[] {
  const seenOn = new Map<string, number>();
  for (const page of pages) {
    const keys = new Set(marginCells(page).map(({ key }) => key));
    for (const key of keys) seenOn.set(key, (seenOn.get(key) ?? 0) + 1);
  }
  const inText = textsInside(pages);
  const needed = pages.length <= 5 ? 2 : 3;
  const kept = new Set<string>();
  return pages.map((page) => {
    const drop = new Set<Cell>();
    for (const { cell, key, text } of marginCells(page)) {
      const repeats = pages.length > 1 && seenOn.get(key)! >= needed;
      if (pageNumber.test(text)) drop.add(cell);
      else if (repeats && (kept.has(key) || inText.has(cell.text))) drop.add(cell);
      else if (repeats) kept.add(key);
    }
    if (drop.size === 0) return page;
    const lines = page.lines.map((line) => ({ ...line, cells: line.cells.filter((cell) => !drop.has(cell)) }));
    return { ...page, lines: lines.filter((line) => line.cells.length > 0) };
  });
}

function zoneOf(line: Line, page: Page): "HEAD" | "FOOT" | null {
  if (line.turned !== 0) return null;
  const margin = (page.top - page.bottom) * marginShare;
  return line.y > page.top - margin ? "HEAD" : line.y < page.bottom + margin ? "FOOT" : null;
}

function marginCells(page: Page): { cell: Cell; key: string; text: string }[] {
  return page.lines.flatMap((line) => {
    const zone = zoneOf(line, page);
    if (!zone) return [];
    return line.cells.map((cell) => {
      // Page numbers, dates and the like change from page to page.
      const text = cell.text.replace(/\d+/g, "#").trim();
      return { cell, key: `${zone} ${Math.round(line.y / 4)} ${text}`, text };
    });
  });
}

function textsInside(pages: readonly Page[]): Set<string> {
  const texts = new Set<string>();
  for (const page of pages) {
    for (const line of page.lines) if (!zoneOf(line, page)) for (const cell of line.cells) texts.add(cell.text);
  }
  return texts;
}
