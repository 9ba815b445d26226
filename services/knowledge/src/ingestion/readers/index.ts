/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports -- require() loads a module later and finds its source as well as
   its compiled form; import() would need the file's extension, which differs between the two. */
import type { Reader } from "../document";
import type { Format } from "../formats";

/** Each format's reader, with the library behind it, is loaded when the first file of that format comes. */
const readers: Record<Format, () => Reader> = {
  PDF: () => (require("./pdf") as typeof import("./pdf")).readPdf,
  DOCX: () => (require("./docx") as typeof import("./docx")).readDocx,
  PPTX: () => (require("./pptx") as typeof import("./pptx")).readPptx,
  XLSX: () => (require("./xlsx") as typeof import("./xlsx")).readXlsx,
  CSV: () => (require("./csv") as typeof import("./csv")).readCsv,
  HTML: () => (require("./html") as typeof import("./html")).readHtml,
  MARKDOWN: () => (require("./markdown") as typeof import("./markdown")).readMarkdown,
  TXT: () => (require("./txt") as typeof import("./txt")).readTxt,
  RTF: () => (require("./rtf") as typeof import("./rtf")).readRtf,
  EML: () => (require("./eml") as typeof import("./eml")).readEml,
  JSON: () => (require("./json") as typeof import("./json")).readJson,
};

export function readerOf(format: Format): Reader {
  return readers[format]();
}
