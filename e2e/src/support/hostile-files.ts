import { strToU8, zipSync } from "fflate";
import PDFDocument from "pdfkit";
import type { SourceFile } from "@atrium/testing";
import { fixture } from "./fixtures";

const pdf = "application/pdf";
const docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

/** A file that can't be read, and why. */
export interface HostileFile extends SourceFile {
  code: string;
  /** What the reason tells a person to do about it. */
  advice: RegExp;
}

export async function hostileFiles(): Promise<HostileFile[]> {
  const report = await fixture("ntsb-20071229X02007.pdf");
  const scan = await fixture("testPDF_jpeg2000.pdf");
  return [
    {
      ...report,
      filename: "corrupt.pdf",
      content: report.content.subarray(0, report.content.length / 3),
      code: "CORRUPT",
      advice: /Upload it again/,
    },
    { filename: "empty.pdf", contentType: pdf, content: await pdfOf(() => {}), code: "NO_TEXT", advice: /OCR/ },
    {
      filename: "encrypted.pdf",
      contentType: pdf,
      content: await pdfOf((page) => page.text("Nobody reads this."), { userPassword: "not told" }),
      code: "ENCRYPTED",
      advice: /Remove the password/,
    },
    { ...scan, filename: "scan.pdf", code: "NO_TEXT", advice: /OCR/ },
    {
      filename: "bomb.docx",
      contentType: docx,
      content: zipBomb(),
      code: "TOO_LARGE",
      advice: /unpacks to .* upload it again/,
    },
  ];
}

function pdfOf(draw: (document: PDFKit.PDFDocument) => void, options: PDFKit.PDFDocumentOptions = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const document = new PDFDocument(options);
    const chunks: Buffer[] = [];
    document.on("data", (chunk: Buffer) => chunks.push(chunk));
    document.on("end", () => resolve(Buffer.concat(chunks)));
    document.on("error", reject);
    draw(document);
    document.end();
  });
}

/** A Word document of a tenth of a megabyte whose text has a hundred. */
function zipBomb(): Uint8Array {
  const relationships = "http://schemas.openxmlformats.org/package/2006/relationships";
  const type = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument";
  return zipSync(
    {
      "[Content_Types].xml": strToU8(
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
      ),
      "_rels/.rels": strToU8(
        `<Relationships xmlns="${relationships}"><Relationship Id="r1" Type="${type}" Target="word/document.xml"/></Relationships>`,
      ),
      "word/document.xml": new Uint8Array(100 * 1024 * 1024).fill(0x20),
    },
    { level: 9 },
  );
}
