/** A run of text as the PDF places it: position and width in points, upright and with y growing upwards. */
export interface TextRun {
  text: string;
  x: number;
  y: number;
  width: number;
  size: number;
  font: string;
  /** Direction of the text in degrees, to the nearest quarter turn. */
  turned: number;
  rightToLeft: boolean;
}

export interface Cell {
  text: string;
  x: number;
  right: number;
}

/** Text on one baseline, cut into cells where the gaps are wider than between words. */
export interface Line {
  y: number;
  x: number;
  right: number;
  size: number;
  /** Font and size: what tells a heading from the text below it. */
  style: string;
  font: string;
  turned: number;
  cells: Cell[];
}

interface OpenLine {
  y: number;
  size: number;
  turned: number;
  left: number;
  right: number;
  runs: TextRun[];
}

/** A gap of more than this many font sizes separates the cells of a table; after a label's colon less will do. */
const cellGap = 1.6;
const labelGap = 0.9;
/** How many lines back a run may belong: a table's cells come one after the other, each with lines of its own. */
const linesBack = 12;

/**
 * The lines of a page in the order in which the PDF draws them, which is nearly always the order of reading; columns
 * therefore stay apart. Only the cells of a table are drawn side by side, and are put back on their common baseline.
 */
export function pageLines(runs: readonly TextRun[]): Line[] {
  const open: OpenLine[] = [];
  for (const run of runs) {
    if (!run.text.trim() || run.size <= 0) continue;
    const line = lineOf(run, open);
    if (!line) {
      open.push({ y: run.y, size: run.size, turned: run.turned, left: run.x, right: run.x + run.width, runs: [run] });
      continue;
    }
    line.runs.push(run);
    line.left = Math.min(line.left, run.x);
    line.right = Math.max(line.right, run.x + run.width);
    if (run.size > line.size) {
      line.size = run.size;
      line.y = run.y;
    }
  }
  return open.map(finished);
}

function lineOf(run: TextRun, open: readonly OpenLine[]): OpenLine | null {
  const current = open.at(-1);
  if (!current) return null;
  if (onLine(run, current)) return current;
  for (let i = open.length - 2; i >= Math.max(0, open.length - linesBack); i--) {
    const line = open[i]!;
    if (line.turned !== run.turned || Math.abs(line.y - run.y) > 0.25 * run.size) continue;
    const near = Math.abs(current.y - run.y) <= 3.5 * run.size;
    const beside = run.x >= line.right - 0.5 * run.size || run.x + run.width <= line.left + 0.5 * run.size;
    if (near && beside) return line;
  }
  return null;
}

function onLine(run: TextRun, line: OpenLine): boolean {
  if (run.turned !== line.turned) return false;
  const rise = Math.abs(run.y - line.y);
  if (rise <= 0.4 * Math.min(run.size, line.size)) return true;
  // Raised and lowered figures: smaller, and right beside what stands on the line.
  const [small, large] = [Math.min(run.size, line.size), Math.max(run.size, line.size)];
  return small < 0.85 * large && rise <= 0.6 * large && run.x >= line.left - large && run.x <= line.right + large;
}

function finished({ y, size, turned, runs }: OpenLine): Line {
  const rightToLeft = runs.filter((run) => run.rightToLeft).length * 2 > runs.length;
  const inOrder = [...runs].sort((a, b) => (rightToLeft ? b.x + b.width - (a.x + a.width) : a.x - b.x));
  const cells: Cell[] = [];
  let previous: TextRun | null = null;
  for (const run of inOrder) {
    const cell = cells.at(-1);
    const gap = !previous
      ? Infinity
      : rightToLeft
        ? previous.x - (run.x + run.width)
        : run.x - (previous.x + previous.width);
    if (!cell || gap > (/:\s*$/.test(cell.text) ? labelGap : cellGap) * size) {
      cells.push({ text: run.text, x: run.x, right: run.x + run.width });
    } else {
      const spaced = gap > 0.15 * size && !/\s$/.test(cell.text) && !/^\s/.test(run.text);
      cell.text += spaced ? ` ${run.text}` : run.text;
      cell.x = Math.min(cell.x, run.x);
      cell.right = Math.max(cell.right, run.x + run.width);
    }
    previous = run;
  }
  const byLength = new Map<string, number>();
  for (const run of runs) byLength.set(run.font, (byLength.get(run.font) ?? 0) + run.text.length);
  const font = [...byLength].sort((a, b) => b[1] - a[1])[0]![0];
  const joined = withMark(cells.map((cell) => ({ ...cell, text: cell.text.trim() })));
  return {
    y,
    x: Math.min(...joined.map((cell) => cell.x)),
    right: Math.max(...joined.map((cell) => cell.right)),
    size,
    style: styleOf(font, size),
    font,
    turned,
    cells: joined,
  };
}

export function styleOf(font: string, size: number): string {
  return `${font}@${Math.round(size * 2) / 2}`;
}

/** A bullet or number stands far from its text, but isn't a cell of its own. */
function withMark(cells: Cell[]): Cell[] {
  const [mark, text] = cells;
  if (cells.length !== 2 || !/^([•◦▪▫■□●○‣⁃·*–—-]|\(?[0-9a-zA-Z]{1,3}[.)]|\d+(\.\d+)+\.?)$/.test(mark!.text))
    return cells;
  return [{ text: `${mark!.text} ${text!.text}`, x: mark!.x, right: text!.right }];
}
