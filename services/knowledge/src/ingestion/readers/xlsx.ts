import { format as formatNumber, isDateFormat } from "numfmt";
import { looksLikeHeader, rowText, type Draft, type ReaderInput } from "../document";
import { ParseFailure } from "../failures";
import type { Limits } from "../limits";
import { openArchive, type Archive } from "./archive";
import { coreTitle, relationships, relationshipsOf, walkXml } from "./xml";

/**
 * Each worksheet is a heading with its rows below it. Cells read as they show in the program: numbers, percentages and
 * dates by their format, formulas by the result that was saved with them.
 */
export async function* readXlsx(input: ReaderInput, limits: Limits): AsyncGenerator<Draft> {
  const archive = await openArchive(await input.bytes(), limits);
  const workbook = "xl/workbook.xml";
  const content = await archive.read(workbook);
  if (!content) throw new ParseFailure("CORRUPT");
  const links = relationships(await archive.read(relationshipsOf(workbook)), workbook);
  const sheets: { name: string; part: string }[] = [];
  let dates1904 = false;
  walkXml(content, {
    open(name, attributes) {
      if (name === "workbookPr") dates1904 = attributes["date1904"] === "1" || attributes["date1904"] === "true";
      const link = name === "sheet" ? links.get(attributes["r:id"] ?? "") : undefined;
      // A sheet may also be a chart or a macro, which have no cells; hidden ones hold data for the others.
      if (link?.type === "worksheet" && (attributes["state"] ?? "visible") === "visible") {
        sheets.push({ name: attributes["name"] ?? "", part: link.target });
      }
    },
  });
  yield { kind: "FACTS", title: coreTitle(await archive.read("docProps/core.xml")), pageCount: sheets.length };

  const partOf = (type: string) => [...links.values()].find((link) => link.type === type)?.target ?? "";
  const texts = sharedTexts(await archive.read(partOf("sharedStrings")), limits);
  const formats = cellFormats(await archive.read(partOf("styles")));
  for (const { name, part } of sheets) yield* sheetDrafts(archive, name, part, { texts, formats, dates1904 }, limits);
}

interface Workbook {
  texts: readonly string[];
  /** The number format of each cell style. */
  formats: readonly string[];
  dates1904: boolean;
}

async function* sheetDrafts(
  archive: Archive,
  sheet: string,
  part: string,
  workbook: Workbook,
  limits: Limits,
): AsyncGenerator<Draft> {
  const content = await archive.read(part);
  if (!content) throw new ParseFailure("CORRUPT");
  const rows = sheetRows(content, workbook, limits);
  if (rows.length === 0) return;
  yield { kind: "HEADING", level: 1, text: sheet, sheet };
  // A table often stands below a title: the first row that could name its columns does, unless what follows is narrower.
  const headerAt = rows.findIndex((row) => row.filter(Boolean).length > 1);
  const header =
    headerAt >= 0 && headerAt < rows.length - 1 && looksLikeHeader(withoutBlankEdges(rows[headerAt]!))
      ? rows[headerAt]!
      : null;
  for (const [i, cells] of rows.entries()) {
    const filled = cells.filter(Boolean);
    if (filled.length === 1 && !header?.[cells.findIndex(Boolean)])
      yield { kind: "PARAGRAPH", text: filled[0]!, sheet };
    else yield { kind: "TABLE_ROW", text: rowText(cells, i > headerAt ? header : null), sheet };
  }
}

const columnsMax = 16_384;

function sheetRows(content: Uint8Array, workbook: Workbook, { textCharacters }: Limits): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let column = 0;
  let type = "n";
  let style = 0;
  let value = "";
  let inline = "";
  let reading: "VALUE" | "INLINE" | null = null;
  let phonetic = false;
  let characters = 0;
  walkXml(content, {
    open(name, attributes) {
      if (name === "row") {
        row = [];
        column = 0;
      } else if (name === "c") {
        column = columnOf(attributes["r"]) ?? column + 1;
        type = attributes["t"] ?? "n";
        style = Number(attributes["s"] ?? 0);
        value = inline = "";
      } else if (name === "v") reading = "VALUE";
      else if (name === "rPh") phonetic = true;
      else if (name === "t" && !phonetic) reading = "INLINE";
    },
    close(name) {
      if (name === "v" || name === "t") reading = null;
      else if (name === "rPh") phonetic = false;
      else if (name === "c" && column <= columnsMax) {
        const text = type === "inlineStr" ? inline : shown(value, type, style, workbook);
        characters += text.length;
        if (characters > textCharacters) throw new ParseFailure("TOO_LARGE");
        // The columns in between that have no cell in the file.
        if (text) {
          while (row.length < column) row.push("");
          row[column - 1] = text;
        }
      } else if (name === "row" && row.length > 0) rows.push(row);
    },
    text(text) {
      if (reading === "VALUE") value += text;
      else if (reading === "INLINE") inline += text;
    },
  });
  return rows;
}

function shown(value: string, type: string, style: number, { texts, formats, dates1904 }: Workbook): string {
  if (value === "") return "";
  if (type === "s") return texts[Number(value)] ?? "";
  if (type === "b") return value === "1" ? "TRUE" : "FALSE";
  if (type === "d") return value.replace(/T00:00:00(\.0+)?Z?$/, "");
  if (type !== "n") return value;
  const number = Number(value);
  if (!Number.isFinite(number)) return value;
  const pattern = formats[style] ?? "General";
  try {
    // Dates read the same in every country, so they are written the way that nobody mistakes.
    if (isDateFormat(pattern))
      return formatNumber(dateForm(pattern, number), dates1904 ? number + 1462 : number).trim();
    return formatNumber(pattern, number).trim();
  } catch {
    return value;
  }
}

function dateForm(pattern: string, number: number): string {
  const letters = pattern.replace(/"[^"]*"|\\.|\[[^\]]*\]/g, "").toLowerCase();
  if (/\[[hms]+\]/i.test(pattern) || !/[dy]/.test(letters)) return pattern;
  if (!letters.includes("d") && !/h|s/.test(letters)) return "yyyy-mm";
  return number % 1 === 0 || !/h/.test(letters) ? "yyyy-mm-dd" : "yyyy-mm-dd hh:mm";
}

function withoutBlankEdges(cells: readonly string[]): string[] {
  const first = cells.findIndex(Boolean);
  return first < 0 ? [] : cells.slice(first, cells.findLastIndex(Boolean) + 1);
}

/** `AB12` → 28; null without a reference, as some writers leave it out. */
function columnOf(reference: string | undefined): number | null {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? "")?.[0];
  if (!letters) return null;
  let column = 0;
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64;
  return column;
}

function sharedTexts(content: Uint8Array | null, { textCharacters }: Limits): string[] {
  const texts: string[] = [];
  if (!content) return texts;
  let text = "";
  let reading = false;
  let phonetic = false;
  let characters = 0;
  walkXml(content, {
    open(name) {
      if (name === "si") text = "";
      else if (name === "rPh") phonetic = true;
      else if (name === "t") reading = !phonetic;
    },
    close(name) {
      if (name === "t") reading = false;
      else if (name === "rPh") phonetic = false;
      else if (name === "si") {
        characters += text.length;
        if (characters > textCharacters) throw new ParseFailure("TOO_LARGE");
        texts.push(text);
      }
    },
    text: (piece) => void (text += reading ? piece : ""),
  });
  return texts;
}

/** Formats that every workbook knows by number (ECMA-376, 18.8.30). */
const builtInFormats: Record<number, string> = {
  0: "General",
  1: "0",
  2: "0.00",
  3: "#,##0",
  4: "#,##0.00",
  9: "0%",
  10: "0.00%",
  11: "0.00E+00",
  12: "# ?/?",
  13: "# ??/??",
  14: "yyyy-mm-dd",
  15: "d-mmm-yy",
  16: "d-mmm",
  17: "mmm-yy",
  18: "h:mm AM/PM",
  19: "h:mm:ss AM/PM",
  20: "h:mm",
  21: "h:mm:ss",
  22: "yyyy-mm-dd hh:mm",
  37: "#,##0;(#,##0)",
  38: "#,##0;(#,##0)",
  39: "#,##0.00;(#,##0.00)",
  40: "#,##0.00;(#,##0.00)",
  45: "mm:ss",
  46: "[h]:mm:ss",
  47: "mm:ss.0",
  48: "##0.0E+0",
  49: "@",
};

function cellFormats(content: Uint8Array | null): string[] {
  const custom = new Map<number, string>();
  const formats: string[] = [];
  let inCellStyles = false;
  if (!content) return formats;
  walkXml(content, {
    open(name, attributes) {
      if (name === "numFmt") custom.set(Number(attributes["numFmtId"]), attributes["formatCode"] ?? "General");
      else if (name === "cellXfs") inCellStyles = true;
      else if (name === "xf" && inCellStyles) {
        const id = Number(attributes["numFmtId"] ?? 0);
        formats.push(custom.get(id) ?? builtInFormats[id] ?? "General");
      }
    },
    close(name) {
      if (name === "cellXfs") inCellStyles = false;
    },
  });
  return formats;
}
