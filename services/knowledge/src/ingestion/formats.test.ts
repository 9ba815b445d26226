import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { docxParts, pptxParts, wordParagraph, xlsxParts, zip } from "../../fixtures/make";
import { ParseFailure } from "./failures";
import { detectFormat } from "./formats";

const documents = path.join(__dirname, "../../fixtures/documents");

function formatOf(content: string | Uint8Array, filename = "upload"): string {
  try {
    return detectFormat(typeof content === "string" ? Buffer.from(content) : content, filename);
  } catch (failure) {
    if (failure instanceof ParseFailure) return `${failure.code}: ${failure.message}`;
    throw failure;
  }
}

test("every sample document is known by its content, whatever it is called", () => {
  const extensions: Record<string, string> = {
    pdf: "PDF",
    docx: "DOCX",
    pptx: "PPTX",
    xlsx: "XLSX",
    html: "HTML",
    rtf: "RTF",
  };
  const files = readdirSync(documents).filter((name) => !name.endsWith(".md"));
  expect(files).toHaveLength(22);
  for (const name of files) {
    const expected = extensions[path.extname(name).slice(1)];
    expect([name, formatOf(readFileSync(path.join(documents, name)), "invoice.csv")]).toEqual([name, expected]);
  }
});

test.each([
  ["PDF", "%PDF-1.7\n…", "letter.txt"],
  ["RTF", "{\\rtf1\\ansi Hello}", "letter.doc"],
  ["HTML", "<!DOCTYPE html><p>Hello</p>", "page.txt"],
  ["HTML", "<?xml version='1.0'?>\n<!-- made by hand -->\n<html><body/></html>", "page.xml"],
  ["HTML", "<div>No head, no body</div>", "snippet"],
  ["JSON", '{"name": "Ada"}', "data.txt"],
  ["JSON", "[1, 2, 3]", "data"],
  ["JSON", '{"a":1}\n{"a":2}\n', "lines.jsonl"],
  ["EML", "From: ada@example.org\r\nTo: grace@example.org\r\nSubject: Hello\r\n\r\nText", "mail.txt"],
  ["CSV", "name;born\nAda;1815\nGrace;1906\n", "people.txt"],
  ["CSV", "name\tborn\nAda\t1815\nGrace\t1906\n", "people"],
  ["CSV", "name,born\nAda,1815\n", "people.csv"],
  ["CSV", 'name,said\n"Ada, Countess","a ""quote""\nover two lines"\nGrace,nothing\nAlan,much\n', "quotes"],
  ["MARKDOWN", "# Title\n\nSome *text*.", "readme"],
  ["MARKDOWN", "Only prose, but so named.", "notes.md"],
  ["MARKDOWN", "See [the manual](https://example.org/manual).\n", "notes"],
  ["TXT", "Dear Ada,\n\nthe engine works, more or less.\n\nYours, Charles", "letter.txt"],
  ["TXT", "Dear Ada, dear all,\nthe engine works, more or less, today.\nYours, Charles, as ever", "letter"],
  ["TXT", "# a comment\nsetting = 1\n", "settings.txt"],
  ["TXT", "[see the appendix] for more", "note.json"],
])("%s is told from its content: %j", (format, content, filename) => {
  expect(formatOf(content, filename)).toBe(format);
});

test("text is known in UTF-8 and UTF-16, with a mark and without, and in windows-1252", () => {
  const text = "# Überschrift\n\nÄrger mit „Anführungszeichen“.";
  expect(formatOf(Buffer.from(`\ufeff${text}`))).toBe("MARKDOWN");
  expect(formatOf(Buffer.from(`\ufeff${text}`, "utf16le"))).toBe("MARKDOWN");
  expect(formatOf(Buffer.from(text, "utf16le"))).toBe("MARKDOWN");
  expect(formatOf(Buffer.from(`\ufeff${text}`, "utf16le").swap16())).toBe("MARKDOWN");
  expect(formatOf(Buffer.from("# \xdcberschrift\n", "latin1"))).toBe("MARKDOWN");
});

test("a character that the end of the first 64 KB cuts in two doesn't change what the text is", () => {
  for (const shift of [0, 1, 2]) {
    expect(formatOf(Buffer.from(`${"x".repeat(64 * 1024 - 3 + shift)}€€€ and more`))).toBe("TXT");
  }
});

test("Office files are told apart by their parts, also under a foreign name", () => {
  expect(formatOf(zip(docxParts(wordParagraph("Hello"))), "a.zip")).toBe("DOCX");
  expect(formatOf(zip(xlsxParts({ One: "" })), "a.docx")).toBe("XLSX");
  expect(formatOf(zip(pptxParts([""])), "a.docx")).toBe("PPTX");
});

test.each([
  ["EMPTY", "", /0 bytes/],
  ["EMPTY", " \n\t ", /nothing but blanks/],
  ["UNSUPPORTED", "\x89PNG\r\n\x1a\n", /a PNG picture/],
  ["UNSUPPORTED", "\xff\xd8\xff\xe0", /a JPEG picture/],
  ["UNSUPPORTED", "MZ\x90\0\x03", /a program/],
  ["UNSUPPORTED", "\x1f\x8b\x08\0", /a gzip archive/],
  ["UNSUPPORTED", "\x01\x02\0\x03 whatever", /of an unknown kind/],
  ["UNSUPPORTED", '<?xml version="1.0"?><invoice/>', /an XML file/],
])("%s says what the file is: %j", (code, content, sentence) => {
  const said = formatOf(Buffer.from(content, "latin1"));
  expect(said.startsWith(code)).toBe(true);
  expect(said).toMatch(sentence);
});

test("old Office files are refused with what to save them as, protected ones with their own reason", () => {
  const container = (stream: string) =>
    Buffer.concat([
      Buffer.from("d0cf11e0a1b11ae1", "hex"),
      Buffer.alloc(504),
      Buffer.from(stream, "utf16le"),
      Buffer.alloc(200),
    ]);
  expect(formatOf(container("WordDocument"))).toMatch(/^UNSUPPORTED: .*\.doc\).*\.docx/);
  expect(formatOf(container("Workbook"))).toMatch(/^UNSUPPORTED: .*\.xls\).*\.xlsx/);
  expect(formatOf(container("PowerPoint Document"))).toMatch(/^UNSUPPORTED: .*\.ppt\).*\.pptx/);
  expect(formatOf(container("EncryptedPackage"))).toMatch(/^ENCRYPTED: .*password/);
});

test("archives that aren't Office files are refused with what they are", () => {
  expect(formatOf(zip({ "a.txt": "text" }))).toMatch(/^UNSUPPORTED: .*ZIP archive.*Unpack/);
  expect(
    formatOf(zip({ mimetype: { content: "application/vnd.oasis.opendocument.text" }, "content.xml": "<x/>" })),
  ).toMatch(/^UNSUPPORTED/);
  expect(formatOf(zip({ "xl/workbook.bin": "x", "xl/worksheets/sheet1.bin": "x" }))).toMatch(
    /^UNSUPPORTED: .*\.xlsb.*\.xlsx/,
  );
});

test("no text makes the look at it long", () => {
  for (const piece of [
    "[",
    "[a](",
    "<",
    "<!--",
    "</a",
    "\n",
    "\n ",
    "a",
    "a ",
    "- ",
    "**a",
    "| --- ",
    "a: ",
    '"',
    '{"',
    ",",
    "=\n",
    "a\n=",
    "\t",
  ]) {
    const content = Buffer.from(piece.repeat(64 * 1024));
    const since = performance.now();
    formatOf(content);
    expect([piece, performance.now() - since > 1_000]).toEqual([piece, false]);
  }
});
