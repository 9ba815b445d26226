import { deflateSync } from "node:zlib";
import { readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { docxParts, pdf, pptxParts, rawPdf, shape, wordParagraph, xlsxParts, zip } from "../../fixtures/make";
import { wholeDocument, type ParsedDocument } from "./document";
import type { Limits } from "./limits";
import { startParsing, type DocumentSource } from "./parse";

const MB = 1024 * 1024;
const parsing = startParsing();
afterAll(() => parsing.close());
// Whatever a test fed it, the next document is read.
afterEach(async () => expect((await read("Still here.")).text).toBe("Still here."));

function read(
  content: string | DocumentSource["content"],
  limits: Partial<Limits> = {},
  filename = "upload",
): Promise<ParsedDocument> {
  return wholeDocument(
    parsing.parse({ filename, content: typeof content === "string" ? Buffer.from(content) : content }, { limits }),
  );
}

const refused = (reading: Promise<unknown>, code: string, message = /./) =>
  expect(reading).rejects.toMatchObject({ name: "ParseFailure", code, message: expect.stringMatching(message) });

const sample = (name: string) => readFileSync(path.join(__dirname, "../../fixtures/documents", name));

describe("a PDF", () => {
  test("with a password is refused as such, one that only forbids printing is read", async () => {
    const text = (document: PDFKit.PDFDocument) => document.text("The secret is out.");
    await refused(read(await pdf(text, { userPassword: "open sesame", pdfVersion: "1.7" })), "ENCRYPTED", /password/);
    expect(
      (await read(await pdf(text, { ownerPassword: "mine", permissions: { printing: "lowResolution" } }))).text,
    ).toBe("The secret is out.");
  });

  test("of pictures alone, or of blank pages, is told from one that is damaged", async () => {
    await refused(read(sample("testPDF_jpeg2000.pdf")), "NO_TEXT", /scan.*OCR/);
    await refused(read(sample("testPDF_twoAuthors.pdf")), "NO_TEXT");
    await refused(
      read(await pdf((document) => void document.addPage().rect(10, 10, 50, 50).fill())),
      "NO_TEXT",
      /None of the PDF's 2 pages/,
    );
  });

  test("that is cut off anywhere is damaged, and never read in part", async () => {
    const whole = sample("ntsb-20071229X02007.pdf");
    for (const share of [0.1, 0.5, 0.9, 0.99])
      await refused(read(whole.subarray(0, whole.length * share)), "CORRUPT", /its end is missing/);
  });

  test("of random bytes behind a PDF's first line is damaged", async () => {
    const noise = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 7919 + (i >> 3) * 31) & 0xff));
    await refused(read(Buffer.concat([Buffer.from("%PDF-1.7\n"), noise, Buffer.from("%%EOF")])), "CORRUPT");
  });

  test("that says it has a million pages is refused before they are read", async () => {
    const pages = rawPdf([
      "<</Type/Catalog/Pages 2 0 R>>",
      `<</Type/Pages/Count 1000000/Kids[${"3 0 R ".repeat(5)}]>>`,
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    ]);
    await expect(read(pages)).rejects.toMatchObject({ code: expect.stringMatching(/TOO_LARGE|CORRUPT/) });
    const many = await pdf((document) => void Array.from({ length: 30 }, () => document.addPage()));
    await refused(read(many, { pages: 20 }), "TOO_LARGE", /31 pages; 20 are read/);
  });

  test("whose pages contain each other ends", async () => {
    const cycle = rawPdf([
      "<</Type/Catalog/Pages 2 0 R>>",
      "<</Type/Pages/Count 3/Kids[3 0 R]>>",
      "<</Type/Pages/Count 3/Parent 2 0 R/Kids[2 0 R]>>",
    ]);
    await expect(read(cycle, { workingMs: 10_000 })).rejects.toMatchObject({ name: "ParseFailure" });
  });

  test("whose page unpacks to far more than memory allows is ended from outside", async () => {
    const bomb = deflateSync(Buffer.alloc(600 * MB, " "), { level: 9 });
    const content = Buffer.concat([
      Buffer.from(`<</Length ${bomb.length}/Filter/FlateDecode>>\nstream\n`),
      bomb,
      Buffer.from("\nendstream"),
    ]);
    const file = rawPdf([
      "<</Type/Catalog/Pages 2 0 R>>",
      "<</Type/Pages/Count 1/Kids[3 0 R]>>",
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
      content,
    ]);
    const small = startParsing({ limits: { processBytes: 300 * MB } });
    try {
      await refused(
        wholeDocument(small.parse({ filename: "bomb.pdf", content: file })),
        "TOO_LARGE",
        /300 MB of memory/,
      );
      expect((await wholeDocument(small.parse({ filename: "a.txt", content: Buffer.from("Still here.") }))).text).toBe(
        "Still here.",
      );
    } finally {
      await small.close();
    }
  }, 60_000);
});

describe("an Office file", () => {
  test("that unpacks to more than the limit is refused before it is unpacked", async () => {
    const parts = docxParts(wordParagraph("Hello"));
    await refused(
      read(zip({ ...parts, "word/media/big.bin": Buffer.alloc(300 * MB) })),
      "TOO_LARGE",
      /unpacks to more than 256 MB/,
    );
  });

  test("that unpacks to hundreds of times its size is refused, below that limit too", async () => {
    await refused(
      read(zip({ ...docxParts(wordParagraph("Hello")), "word/media/big.bin": Buffer.alloc(30 * MB) })),
      "TOO_LARGE",
      /times its size/,
    );
  });

  test("that lies about its size is unpacked no further than it says", async () => {
    const parts = docxParts(wordParagraph("Hello"));
    const lie = zip({ ...parts, "word/document.xml": { content: Buffer.alloc(400 * MB, " "), claimedSize: 1_000 } });
    const small = startParsing({ limits: { processBytes: 250 * MB } });
    try {
      // Unpacked, it would be more than the process may have, and TOO_LARGE.
      await refused(wholeDocument(small.parse({ filename: "lie.docx", content: lie })), "CORRUPT");
    } finally {
      await small.close();
    }
  });

  test("of a hundred thousand parts is refused", async () => {
    const parts: Record<string, string> = docxParts(wordParagraph("Hello"));
    for (let i = 0; i < 20_000; i++) parts[`word/x${i}.xml`] = "";
    await refused(read(zip(parts)), "TOO_LARGE", /more than 10,000 parts/);
  });

  test("with an archive of archives in it is read for its text; what is packed within is never unpacked", async () => {
    const inner = zip({ "a.bin": Buffer.alloc(10 * MB) });
    const nested = zip({
      ...docxParts(wordParagraph("Only this.")),
      "word/embeddings/a.zip": zip({ "b.zip": inner, "c.zip": inner }),
    });
    expect((await read(nested)).text).toBe("Only this.");
  });

  test.each(["../../../tmp/atrium-escaped.xml", "/etc/atrium-escaped.xml", "..\\atrium-escaped.xml"])(
    "with a part named %s is refused, and nothing is written",
    async (name) => {
      await refused(read(zip({ ...docxParts(wordParagraph("Hello")), [name]: "escaped" })), "CORRUPT");
      expect(readdirSync(os.tmpdir()).filter((file) => file.includes("escaped"))).toEqual([]);
    },
  );

  test("whose XML declares entities is refused, whatever they expand to", async () => {
    const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join("");
    const bomb = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">${laughs}]>`;
    const word = docxParts(wordParagraph("&l9;"));
    await refused(
      read(zip({ ...word, "word/document.xml": bomb + word["word/document.xml"]! })),
      "CORRUPT",
      /document type/,
    );
    const book = xlsxParts({ One: '<row r="1"><c r="A1" t="str"><v>&l9;</v></c></row>' });
    await refused(
      read(zip({ ...book, "xl/worksheets/sheet1.xml": bomb + book["xl/worksheets/sheet1.xml"]! })),
      "CORRUPT",
      /document type/,
    );
    const outside = '<!DOCTYPE x SYSTEM "file:///etc/passwd">';
    const slides = pptxParts([shape("Hello")]);
    await refused(
      read(zip({ ...slides, "ppt/slides/slide1.xml": outside + slides["ppt/slides/slide1.xml"]! })),
      "CORRUPT",
      /document type/,
    );
  });

  test("that nests its contents without end is refused", async () => {
    const deep = "<w:sdt><w:sdtContent>".repeat(50_000) + "</w:sdtContent></w:sdt>".repeat(50_000);
    await refused(read(zip(docxParts(deep))), "CORRUPT", /nests/);
  });

  test("that is cut off, or whose bytes were changed, is damaged", async () => {
    for (const name of ["testWORD_various.docx", "testEXCEL_hyperlinks.xlsx", "testPPT_various.pptx"]) {
      const whole = sample(name);
      await refused(read(whole.subarray(0, whole.length / 2)), "CORRUPT");
      const changed = Buffer.from(whole);
      for (let i = 60; i < whole.length * 0.9; i += 50) changed[i]! ^= 0x55;
      await refused(read(changed), "CORRUPT");
    }
  });

  test("with a password on its parts is refused as such", async () => {
    const locked = zip(docxParts(wordParagraph("Hello")));
    for (let at = locked.indexOf("PK\x01\x02"); at >= 0; at = locked.indexOf("PK\x01\x02", at + 4))
      locked[at + 8]! |= 1;
    await refused(read(locked), "ENCRYPTED");
  });

  test("whose sheet says it has every cell that there can be costs what it has", async () => {
    const book = xlsxParts({ One: '<row r="1048576"><c r="XFD1048576" t="str"><v>far away</v></c></row>' });
    book["xl/worksheets/sheet1.xml"] = book["xl/worksheets/sheet1.xml"]!.replace(
      "<sheetData>",
      '<dimension ref="A1:XFD1048576"/><sheetData>',
    ).replace("</worksheet>", '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells></worksheet>');
    expect((await read(zip(book))).text).toBe("One\n\nfar away");
  });

  test("without text is empty", async () => {
    await refused(read(zip(docxParts(""))), "EMPTY");
    await refused(read(zip(xlsxParts({ One: "" }))), "EMPTY");
    await refused(read(zip(pptxParts([""]))), "EMPTY");
  });
});

test("RTF that calls its control words like what every object has says nothing of it", async () => {
  expect((await read("{\\rtf1\\constructor\\toString\\__proto__ plain}")).text).not.toMatch(/function|native/);
});

describe("text", () => {
  test("nested hundreds of thousands of levels deep is read, or refused in time", async () => {
    const nested = (levels: number) =>
      `<html><body>${"<div>".repeat(levels)}deep${"</div>".repeat(levels)}</body></html>`;
    expect((await read(nested(19_000))).text).toBe("deep");
    await refused(read(nested(500_000)), "CORRUPT", /nests/);
    const json = await read(`${"[".repeat(500_000)}"deep"${"]".repeat(500_000)}`);
    expect(json.text).toBe("deep");
    const rtf = `{\\rtf1 ${"{".repeat(100_000)}deep${"}".repeat(100_000)}}`;
    await refused(read(rtf), "CORRUPT", /nests/);
    await expect(read(`${"> ".repeat(50_000)}deep`, { workingMs: 5_000 }, "deep.md")).rejects.toMatchObject({
      name: "ParseFailure",
    });
  }, 60_000);

  test("a CSV with a line of 100 MB is refused, and says which line", async () => {
    async function* lines() {
      yield Buffer.from("name,text\nAda,short\n");
      yield Buffer.from("Grace,");
      for (let i = 0; i < 100; i++) yield Buffer.alloc(MB, "x");
    }
    await refused(read(lines(), {}, "long.csv"), "TOO_LARGE", /Line 3 .*quotation mark/);
  });

  test("a CSV with a quotation mark that never ends is damaged", async () => {
    await refused(read('name,text\nAda,"never ends\nGrace,x\n', {}, "open.csv"), "CORRUPT", /quotation mark/);
  });

  test("of a mail with a thousand parts in each other is read or refused, and an attachment named ../ is only named", async () => {
    const open = Array.from(
      { length: 1_000 },
      (_, i) => `Content-Type: multipart/mixed; boundary="b${i}"\r\n\r\n--b${i}\r\n`,
    ).join("");
    const mail = `From: a@example.org\r\nTo: b@example.org\r\nSubject: Deep\r\n${open}\r\ntext`;
    await expect(
      read(mail).then(
        ({ format }) => format,
        ({ name }: Error) => name,
      ),
    ).resolves.toMatch(/EML|ParseFailure/);
    const named =
      'From: a@example.org\r\nTo: b@example.org\r\nSubject: S\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="../../../etc/passwd"\r\n\r\nx\r\n--b--';
    expect((await read(named)).text).toContain("Attachments: ../../../etc/passwd");
  });

  test("larger than the file may be is refused as it comes", async () => {
    let sent = 0;
    async function* endless() {
      for (;;) yield Buffer.alloc(MB, `line ${sent++}\n`);
    }
    await refused(read(endless(), { fileBytes: 5 * MB }), "TOO_LARGE", /5 MB at the most/);
    expect(sent).toBeLessThan(8);
    await refused(read("word ".repeat(3_000), { textCharacters: 10_000 }), "TOO_LARGE", /10,000 characters/);
    const big = `<html>${"<p>x</p>".repeat(300_000)}`;
    await refused(read(big, { wholeFileBytes: MB }), "TOO_LARGE", /1 MB at the most/);
  });
});
