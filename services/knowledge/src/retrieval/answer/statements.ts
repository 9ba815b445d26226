import type { FormLabels, Line } from "./form-labels";

/** One thing that a passage says: a sentence, a field of a form, a row of a table, an item of a list. */
export interface Statement {
  readonly kind: "SENTENCE" | "FIELD" | "ROW";
  /** Half-open range in the passage's text. */
  readonly start: number;
  readonly end: number;
  /** As a reader would want to see it: on one line; a row with the names of its columns. */
  readonly text: string;
  /** FIELD and ROW: where the value begins; equals `end` for a field that was left empty. */
  readonly valueStart: number;
  /** What stands above it in the passage and says what it is about: a heading, the names of columns. */
  readonly heading: string;
  /** The words that lead in («The cause is:»), or nothing. */
  readonly leadIn: string;
  /** A row whose cells are named («Part: Seal; Price: 3»): what each is called, and its value. */
  readonly cells?: readonly Cell[];
}

/** Half-open ranges in the passage's text: the name from `start` to `valueStart`, the value from there to `end`. */
export interface Cell {
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

/** The statements of a passage's text, in reading order. Headings and page marks are context, not statements. */
export function statementsOf(text: string, lines: readonly Line[], labels: FormLabels): Statement[] {
  const widest = lines.reduce((most, line) => Math.max(most, line.text.length), 0);
  const statements: Statement[] = [];
  let heading = "";
  let leadIn = "";
  let afterItem = false;
  let columns: string[] | null = null;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const previous = lines[at - 1];
    if (line.text === "") {
      columns = null;
      continue;
    }
    const named = namedCellsOf(lines, at);
    if (named) {
      columns = null;
      statements.push(namedRowStatement(line, named, heading));
      continue;
    }
    // The names of columns stand in each of the rows below.
    if (line.text.includes(" | ") && !line.text.startsWith("|") && lines[at + 1] && namedCellsOf(lines, at + 1))
      continue;
    if (isRow(line.text)) {
      if (isRule(line.text)) continue;
      const cells = cellsOf(line);
      const startsTable = !previous || !isRow(previous.text);
      if (startsTable && lines[at + 1] && isRow(lines[at + 1]!.text)) columns = cells.map((cell) => cell.text);
      else statements.push(rowStatement(line, cells, columns, heading));
      continue;
    }
    columns = null;
    const fields = fieldsOf(lines, at, labels, widest);
    if (fields) {
      for (const field of fields.found) {
        const sentences = field.end - field.start > fieldLengthMax ? sentencesOf(text, field.start, field.end) : [];
        if (sentences.length < 2) statements.push(fieldStatement(text, field, heading, labels));
        // «Note: …» with a paragraph behind it is prose.
        else for (const { start, end } of sentences) statements.push(sentenceStatement(text, start, end, heading, ""));
      }
      at = fields.last;
      leadIn = "";
      continue;
    }
    if (isPageMark(line.text)) continue;
    if (isHeading(line, lines[at + 1])) {
      heading = line.text.replace(/^#+\s*/, "").replace(/\s*#+$/, "");
      leadIn = "";
      continue;
    }
    let last = at;
    while (last + 1 < lines.length && continues(lines, last, widest)) last++;
    const bullet = /^\s*(?:[-*•–▪◦]|\d{1,3}[.)]|[a-zA-Z][.)]|\(\w{1,3}\))\s+/.exec(text.slice(line.start, line.end));
    const start = line.start + (bullet?.[0].length ?? 0);
    const end = lines[last]!.end;
    // What led in a list doesn't lead in what comes after it.
    if (!bullet && afterItem) leadIn = "";
    afterItem = bullet !== null;
    let lastSentence = "";
    for (const sentence of sentencesOf(text, start, end)) {
      const statement = sentenceStatement(text, sentence.start, sentence.end, heading, leadIn);
      lastSentence = statement.text;
      statements.push(statement);
    }
    if (lastSentence.endsWith(":")) leadIn = lastSentence;
    else if (!bullet) leadIn = "";
    at = last;
  }
  return statements.filter(({ text: shown }) => /[\p{L}\p{N}]/u.test(shown));
}

export const onOneLine = (text: string): string =>
  text
    .replace(/(\p{L})-\s*\n\s*(\p{Ll})/gu, "$1$2")
    .replace(/\s+/g, " ")
    .trim();

// ---- Tables

const isRow = (text: string) => (text.startsWith("|") && text.endsWith("|") && text.length > 2) || /\S\t+\S/.test(text);
const isRule = (text: string) => /^[|\s:+-]+$/.test(text);

function cellsOf(line: Line): { start: number; text: string }[] {
  const cells: { start: number; text: string }[] = [];
  const separator = line.text.startsWith("|") ? "|" : "\t";
  let at = separator === "|" ? 1 : 0;
  while (at <= line.text.length) {
    let next = line.text.indexOf(separator, at);
    if (next < 0) next = line.text.length;
    const raw = line.text.slice(at, next);
    if (next < line.text.length || raw.trim() !== "") {
      const leading = raw.length - raw.trimStart().length;
      cells.push({ start: line.start + at + leading, text: raw.trim() });
    }
    at = next + 1;
  }
  return cells;
}

function rowStatement(
  line: Line,
  cells: { start: number; text: string }[],
  columns: string[] | null,
  heading: string,
): Statement {
  const [first, ...others] = cells;
  const named = others.map((cell, at) => {
    const name = columns?.[at + 1];
    return name && cell.text && others.length > 1 ? `${name}: ${cell.text}` : cell.text;
  });
  const text = named.some(Boolean) ? `${first?.text ?? ""}: ${named.filter(Boolean).join("; ")}` : (first?.text ?? "");
  const value = others.find((cell) => cell.text !== "");
  return {
    kind: "ROW",
    start: line.start,
    end: line.end,
    text,
    valueStart: value?.start ?? line.end,
    heading: [heading, ...(columns ?? [])].join(". "),
    leadIn: "",
  };
}

const namedCell = /^\s*[^\s:;|][^:;|]{0,79}: *(?=\S)/;

/** The cells of a row that names each («Part: Seal; Price: 3»), as rows of a table are written; null for any other line. */
function namedCellsOf(lines: readonly Line[], at: number): Cell[] | null {
  const line = lines[at]!;
  if (!line.text.includes("; ")) return null;
  const cells: Cell[] = [];
  let from = 0;
  let unnamed = 0;
  for (const piece of line.text.split(/(?<=;) /)) {
    const name = namedCell.exec(piece);
    const start = line.start + from;
    const end = start + piece.replace(/;$/, "").length;
    from += piece.length + 1;
    if (name) cells.push({ start, valueStart: start + name[0].length, end });
    // A value may have a semicolon of its own.
    else if (cells.length > 0) {
      cells.push({ ...cells.pop()!, end });
      unnamed++;
    } else return null;
  }
  if (cells.length < 2) return null;
  const firstName = line.text.slice(0, cells[0]!.valueStart - line.start);
  const isOneOfSeveral = [lines[at - 1], lines[at + 1]].some((other) => other?.text.startsWith(firstName));
  return unnamed === 0 || isOneOfSeveral ? cells : null;
}

const namedRowStatement = (line: Line, cells: readonly Cell[], heading: string): Statement => ({
  kind: "ROW",
  start: line.start,
  end: line.end,
  text: line.text,
  valueStart: cells[0]!.valueStart,
  heading,
  leadIn: "",
  cells,
});

// ---- Forms: «Label: value», several to a line where columns were printed side by side

interface Field {
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

function fieldsOf(
  lines: readonly Line[],
  first: number,
  labels: FormLabels,
  widest: number,
): { found: Field[]; last: number } | null {
  const line = lines[first]!;
  const { runs } = line;
  if (runs.length === 0 || runs[0]!.before !== "") return null;
  const onlyLabel = runs.length === 1 && runs[0]!.colon === line.text.length - 1;
  // «Proceed as follows:» leads in what comes after it.
  if (
    onlyLabel &&
    (runs[0]!.words.length > 5 || isItem(lines.find((line, at) => at > first && line.text !== "")?.text ?? ""))
  )
    return null;
  let last = first;
  if (!onlyLabel) while (last + 1 < lines.length && valueGoesOn(lines, first, last, widest)) last++;
  const found = runs.map((run, at): Field => {
    const labelStart = run.words[labels.firstWordOf(run)]!.start;
    const next = runs[at + 1];
    const end = next
      ? line.start + line.text.slice(0, next.words[labels.firstWordOf(next)]!.start).trimEnd().length
      : lines[last]!.end;
    const gap = line.text.slice(run.colon + 1).search(/\S/);
    const valueStart = gap < 0 ? end : Math.min(end, line.start + run.colon + 1 + gap);
    return { start: line.start + labelStart, valueStart, end };
  });
  return { found, last };
}

const isItem = (text: string) => /^(?:[-*•–▪◦]|\d{1,3}[.)])\s/.test(text);

/** A value goes on on the next line when that begins small, or when a comma, a bracket or a full line is left open. */
function valueGoesOn(lines: readonly Line[], first: number, last: number, widest: number): boolean {
  const next = lines[last + 1]!;
  if (next.text === "" || isRow(next.text) || isPageMark(next.text) || next.runs[0]?.before === "") return false;
  if (/^[\p{Ll}(]/u.test(next.text)) return true;
  const value = lines
    .slice(first, last + 1)
    .map((line) => line.text)
    .join(" ");
  const isOpen = value.endsWith(",") || value.split("(").length > value.split(")").length;
  if (!isOpen && isHeading(next, lines[last + 2])) return false;
  return isOpen || (value.length > 80 && continues(lines, last, widest));
}

function fieldStatement(text: string, field: Field, heading: string, labels: FormLabels): Statement {
  const isCut = field.end >= text.trimEnd().length && labels.beginsLabel(text.slice(field.valueStart, field.end));
  return {
    kind: "FIELD",
    start: field.start,
    end: field.end,
    text: onOneLine(text.slice(field.start, field.end)),
    valueStart: isCut ? field.end : Math.max(field.start, Math.min(field.valueStart, field.end)),
    heading,
    leadIn: "",
  };
}

// ---- Prose

const fieldLengthMax = 160;

const sentenceStatement = (text: string, start: number, end: number, heading: string, leadIn: string): Statement => ({
  kind: "SENTENCE",
  start,
  end,
  text: onOneLine(text.slice(start, end)),
  valueStart: start,
  heading,
  leadIn,
});

const headingWordsMax = 9;

function isHeading(line: Line, next: Line | undefined): boolean {
  if (/^#{1,6}\s/.test(line.text)) return true;
  if (/^\d{1,2} \p{Lu}[^.!?;:,]*$/u.test(line.text) && line.text.split(/\s+/).length <= headingWordsMax) return true;
  if (/[.!?;:,]$/.test(line.text) || line.text.split(/\s+/).length > headingWordsMax) return false;
  if (!/^[\p{Lu}\d]/u.test(line.text) || !/\p{L}{3}/u.test(line.text)) return false;
  if (next && /^\p{Ll}/u.test(next.text)) return false;
  const words = line.text.split(/\s+/).filter((each) => /^\p{L}{4,}/u.test(each));
  return words.length > 0 && words.every((each) => /^\p{Lu}/u.test(each));
}

const isPageMark = (text: string) =>
  /^(?:page|seite)\s+\d+(?:\s+(?:of|von)\s+\d+)?(?:\s+\S+)?$/i.test(text) || /^[-–—_=*.\s\d]+$/.test(text);

/** Whether the text of line `at` goes on in the next: text from a PDF has its line ends where the page had them. */
function continues(lines: readonly Line[], at: number, widest: number): boolean {
  const line = lines[at]!;
  const next = lines[at + 1]!;
  if (next.text === "" || isRow(next.text) || isItem(next.text) || /^#{1,6}\s/.test(next.text)) return false;
  if (isPageMark(next.text)) return false;
  if (/^\p{Ll}/u.test(next.text)) return true;
  if (/[.!?:]["'”’)\]]*$/.test(line.text)) return false;
  if (next.runs[0]?.before === "") return false;
  // A full line is broken where the page ends; a short one where its author wanted.
  return line.text.length > widest * 0.6 && widest > 40;
}

const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
const abbreviation =
  /(?:^|[\s("'])(?:\p{L}|[Nn]o|[Nn]r|[Dd]r|[Mm]rs?|[Mm]s|[Pp]rof|[Ss]t|[Ii]nc|[Ll]td|[Cc]o|[Cc]orp|[Aa]pprox|[Cc]a|[Ee]tc|[Vv]s|[Ff]igs?|[Ss]ec|[Aa]rt|[Aa]bs|[Pp]p?|[Vv]ol|[Ee]d|[Mm]in|[Mm]ax|[Tt]el|[Ee]xt|[Dd]ept|[Mm]t|[Jj]an|[Ff]eb|[Mm]ar|[Aa]pr|[Jj]un|[Jj]ul|[Aa]ug|[Ss]ept?|[Oo]ct|[Nn]ov|[Dd]ec|e\.g|i\.e|z\.\s?B|d\.\s?h|u\.\s?a|bzw|ggf|inkl|zzgl|ggü|usw|Mio|Mrd|Str|Hr|Fr|(?:\p{Lu}\.)+\p{Lu})\.\s*$/u;

/** «am 1. Januar» */
const germanMonth = /^\s*(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)/;

function sentencesOf(text: string, start: number, end: number): { start: number; end: number }[] {
  // Line ends inside a paragraph are spaces to the segmenter; the length, and with it the offsets, stay.
  const paragraph = text.slice(start, end).replace(/[\n\r\f\u2028\u2029\t]/g, " ");
  const pieces: { start: number; end: number }[] = [];
  for (const { index, segment } of segmenter.segment(paragraph)) {
    const last = pieces.at(-1);
    const goesOn =
      last &&
      (abbreviation.test(paragraph.slice(last.start, last.end)) ||
        /^\s*[\p{Ll},;)]/u.test(segment) ||
        (/(?:^|\s)\d{1,2}\.\s*$/.test(paragraph.slice(last.start, last.end)) && germanMonth.test(segment)));
    if (goesOn) last.end = index + segment.length;
    else pieces.push({ start: index, end: index + segment.length });
  }
  return pieces.flatMap((piece) => {
    const raw = paragraph.slice(piece.start, piece.end);
    const leading = raw.length - raw.trimStart().length;
    const trimmed = raw.trim();
    return trimmed === ""
      ? []
      : [{ start: start + piece.start + leading, end: start + piece.start + leading + trimmed.length }];
  });
}
