import { readFileSync } from "node:fs";
import path from "node:path";
import { docxParts, pdf, pptxParts, shape, wordParagraph, xlsxParts, zip } from "../../fixtures/make";
import { wholeDocument, type Block, type ParsedDocument } from "./document";
import { startParsing } from "./parse";

const parsing = startParsing();
afterAll(() => parsing.close());

async function read(content: string | Uint8Array, filename = "upload"): Promise<ParsedDocument> {
  return wholeDocument(
    parsing.parse({ filename, content: typeof content === "string" ? Buffer.from(content) : content }),
  );
}

const sample = (name: string) => read(readFileSync(path.join(__dirname, "../../fixtures/documents", name)), name);

function block(document: ParsedDocument, text: string): Block {
  const found = document.blocks.find((candidate) => candidate.text.includes(text));
  if (!found) throw new Error(`No block says «${text}» in: ${document.text.slice(0, 2_000)}`);
  expect(document.text.slice(found.start, found.end)).toBe(found.text);
  return found;
}

const outline = (document: ParsedDocument) =>
  document.blocks.map(({ kind, level, text }) => (level ? `${kind} ${level}: ${text}` : `${kind}: ${text}`));

describe("PDF", () => {
  test("a sentence of an accident report is found on its page, under its heading", async () => {
    const report = await sample("ntsb-20071229X02007.pdf");
    expect(report).toMatchObject({ format: "PDF", pageCount: 4 });
    expect(block(report, "the airplane contacted trees, then utility wires, and came to rest upright.")).toMatchObject({
      kind: "PARAGRAPH",
      page: 1,
      headingPath: ["National Transportation Safety Board Aviation Accident Final Report", "Analysis"],
    });
    expect(block(report, "misjudged clearance over obstacles")).toMatchObject({ page: 1 });
    expect(block(report, "established in 1967, is an independent federal agency")).toMatchObject({ page: 4 });
    expect(report.blocks.filter(({ kind }) => kind === "PAGE_BREAK").map(({ page }) => page)).toEqual([2, 3, 4]);
  });

  test("the fields of a form are rows of label and value, each on its page and under its heading", async () => {
    const report = await sample("ntsb-20071229X02007.pdf");
    const rows = report.blocks.filter(({ kind }) => kind === "TABLE_ROW");
    const said = (page: number, heading: string) =>
      rows.filter((row) => row.page === page && row.headingPath.at(-1) === heading).map(({ text }) => text);
    expect(said(2, "Pilot Information")).toEqual(
      expect.arrayContaining([
        "Certificate: Private",
        "Age: 85, Male",
        "Restraint Used: Seatbelt, Shoulder harness",
        "Last Flight Review or Equivalent: 10/01/2006",
      ]),
    );
    expect(said(2, "Aircraft and Owner/Operator Information")).toEqual(
      expect.arrayContaining([
        "Registration: N5921D",
        "Airframe Total Time: 3861 Hours at time of accident",
        "Operating Certificate(s) Held: None",
      ]),
    );
    expect(said(3, "Meteorological Information and Flight Plan")).toEqual(
      expect.arrayContaining(["Condition of Light: Day", "Visibility: 10 Miles"]),
    );
  });

  test.each([
    ["ntsb-20071231X02009.pdf", 4, "the touchdown was hard and the airplane bounced", "Analysis"],
    [
      "ntsb-20080102X00002.pdf",
      3,
      "a Reims F172 M, French registered FBVIF",
      "National Transportation Safety Board Aviation Accident Factual Report",
    ],
    ["ntsb-20080102X00005.pdf", 4, "he was landing on runway 21 and the winds were light and variable.", "Analysis"],
    ["ntsb-20080104X00020.pdf", 5, "then he switched to runway 04", "Analysis"],
    [
      "ntsb-20080108X00029.pdf",
      3,
      "a Cessna 210, XB-GTS, serial number 21057478, was destroyed",
      "National Transportation Safety Board Aviation Accident Factual Report",
    ],
    [
      "ntsb-20080108X00031.pdf",
      3,
      "a Panama registered Cessna 172, HP762, was destroyed",
      "National Transportation Safety Board Aviation Accident Factual Report",
    ],
    ["ntsb-20080109X00035.pdf", 5, "the pilot of an amateur built Vans RV-8 touched down", "Analysis"],
  ])("%s reads in order, without its page numbers", async (name, pageCount, text, heading) => {
    const report = await sample(name);
    expect(report.pageCount).toBe(pageCount);
    expect(block(report, text)).toMatchObject({ kind: "PARAGRAPH", page: 1 });
    expect(block(report, text).headingPath.at(-1)).toBe(heading);
    expect(report.text).not.toMatch(/Page \d of \d/);
    for (const title of ["Pilot Information", "Administrative Information"])
      expect(block(report, title).kind).toBe("HEADING");
  });

  test("lists, tables, notes and other scripts of a Word document that was printed to PDF", async () => {
    const various = await sample("testPDFVarious.pdf");
    expect(various.pageCount).toBe(2);
    expect(outline(various)).toEqual(
      expect.arrayContaining([
        "PARAGRAPH: Bold italic underline superscript subscript",
        "LIST_ITEM 1: 2) Number bullet 2",
        "TABLE_ROW: Row 1 Col 1 | Row 1 Col 2 | Row 1 Col 3",
        "PARAGRAPH: ゾルゲと尾崎、淡々と最期",
      ]),
    );
    expect(block(various, "Here is a citation:").page).toBe(2);
    expect(various.text.match(/This is the header text\./g)).toHaveLength(1);
  });

  test("words parted at line ends are made whole, a paragraph goes on over the page's end, running heads and page numbers are left out", async () => {
    const book = await pdf(
      (document) => {
        for (let page = 1; page <= 4; page++) {
          if (page > 1) document.addPage();
          document.fontSize(9).text("Annual report of the harbour", 72, 30, { lineBreak: false });
          document.text(`${page}`, 290, 800, { lineBreak: false });
          const text =
            "The quay was length-\nened by the city in the spring, and the well-\nknown crane, long known to all, was painted.";
          document
            .fontSize(11)
            .text(page === 3 ? "who was asked about it, had nothing to say. So the matter ended." : "", 72, 85);
          document.fontSize(18).text(`Chapter ${page}`, 72, 130);
          document.fontSize(11).text(text, 72, 170);
          if (page !== 3) document.text(`In the year ${page} the harbour master,`, 72, 740);
        }
      },
      { info: { Title: "The harbour" }, margin: 20 },
    );
    const harbour = await read(book);
    expect(harbour.title).toBe("The harbour");
    block(
      harbour,
      "The quay was lengthened by the city in the spring, and the well-known crane, long known to all, was painted.",
    );
    expect(
      block(harbour, "In the year 2 the harbour master, who was asked about it, had nothing to say."),
    ).toMatchObject({ page: 2, lastPage: 3 });
    expect(harbour.text.match(/Annual report of the harbour/g)).toHaveLength(1);
    expect(harbour.blocks.filter(({ text }) => /^\d$/.test(text))).toEqual([]);
    expect(block(harbour, "Chapter 3")).toMatchObject({ kind: "HEADING", page: 3 });
  });

  test("the document's outline says what is a heading and of which level", async () => {
    const book = await pdf((document) => {
      document.outline.addItem("Introduction").addItem("Scope of the work");
      for (const line of ["Introduction", "Scope of the work"]) {
        document.fontSize(11).text(line).moveDown(2);
        document
          .text(
            "Words that stand below the heading, in the same size and the same font as the heading itself, as typewriters did.",
          )
          .moveDown(2);
      }
    });
    const document = await read(book);
    expect(document.blocks.filter(({ kind }) => kind === "HEADING").map(({ headingPath }) => headingPath)).toEqual([
      ["Introduction"],
      ["Introduction", "Scope of the work"],
    ]);
  });

  test("pages without text among others are counted, since what stands on them won't be found", async () => {
    const scanned = await pdf((document) => {
      document.text("Only this page has words.").addPage().rect(10, 10, 300, 500).fill();
    });
    expect(await read(scanned)).toMatchObject({ pageCount: 2, pagesWithoutText: 1, text: "Only this page has words." });
  });

  test("columns of text are read one after the other", async () => {
    const columns = await pdf((document) => {
      const text = (name: string) => Array.from({ length: 60 }, (_, i) => `${name}${i}`).join(" ");
      document.fontSize(10).text(text("left"), 72, 100, { width: 200 });
      document.text(text("right"), 320, 100, { width: 200 });
    });
    const said = (await read(columns)).text.replace(/\s+/g, " ");
    expect(said.indexOf("left59")).toBeLessThan(said.indexOf("right0"));
    expect(said).toContain("left0 left1 left2");
  });
});

describe("DOCX", () => {
  test("headings, lists and rows of a document keep their level and order", async () => {
    const table = `<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>${["Part", "Price"].map((cell) => `<w:tc>${wordParagraph(cell)}</w:tc>`).join("")}</w:tr><w:tr>${["Valve", "12.50"].map((cell) => `<w:tc>${wordParagraph(cell)}</w:tc>`).join("")}</w:tr></w:tbl>`;
    const body =
      wordParagraph("Pumps", "Heading1") +
      wordParagraph("A pump moves water.") +
      wordParagraph("Parts", "Heading2") +
      table;
    const document = await read(zip(docxParts(body)));
    expect(outline(document)).toEqual([
      "HEADING 1: Pumps",
      "PARAGRAPH: A pump moves water.",
      "HEADING 2: Parts",
      "TABLE_ROW: Part | Price",
      "TABLE_ROW: Part: Valve; Price: 12.50",
    ]);
    expect(document.blocks.at(-1)!.headingPath).toEqual(["Pumps", "Parts"]);
    expect(document.blocks.at(-1)!.page).toBeNull();
  });

  test("the sample documents: lists by depth, a table, a text box, notes", async () => {
    const various = await sample("testWORD_various.docx");
    expect(outline(various)).toEqual(
      expect.arrayContaining([
        "LIST_ITEM 1: Bullet 2",
        "LIST_ITEM 1: Number bullet 3",
        "TABLE_ROW: Row 2 Col 1 | Row 2 Col 2 | Row 2 Col 3",
        "PARAGRAPH: Here is a text box",
        "PARAGRAPH: 𐌲𐌿𐍄𐌹𐍃𐌺",
        "LIST_ITEM 1: This is a footnote.",
      ]),
    );
    const lists = await sample("testWORD_numbered_list.docx");
    expect(outline(lists).slice(0, 5)).toEqual([
      "LIST_ITEM 1: This",
      "LIST_ITEM 2: Is",
      "LIST_ITEM 3: A multi",
      "LIST_ITEM 3: Level",
      "TABLE_ROW: Intervening table | Within cell 1 Cell a Cell b",
    ]);
    const notes = await sample("testWORD_endnote_table.docx");
    expect(block(notes, "The Cat Property Act 2025")).toBeDefined();
    expect(block(notes, "Endnote Test – The quick brown fox")).toBeDefined();
  });
});

describe("PPTX", () => {
  test("a slide is a page: its title is the heading, then its text, then what the speaker says", async () => {
    const slides = [
      shape("Ten points\nof order", "body") + shape("Agenda", "title"),
      shape("Figures", "ctrTitle") + shape("Costs fell."),
    ];
    const document = await read(zip(pptxParts(slides, { 2: "Say it slowly." })));
    expect(document).toMatchObject({ format: "PPTX", pageCount: 2 });
    expect(outline(document)).toEqual([
      "HEADING 1: Agenda",
      "LIST_ITEM 1: Ten points",
      "LIST_ITEM 1: of order",
      "PAGE_BREAK: ",
      "HEADING 1: Figures",
      "PARAGRAPH: Costs fell.",
      "LIST_ITEM 1: Say it slowly.",
    ]);
    expect(block(document, "Say it slowly.")).toMatchObject({ page: 2, headingPath: ["Figures"] });
  });

  test("the sample presentations: a table, a text box, and what stands on the layout", async () => {
    const various = await sample("testPPT_various.pptx");
    expect(block(various, "Row 2 Col 3")).toMatchObject({
      kind: "TABLE_ROW",
      text: "Row 2 Col 1 | Row 2 Col 2 | Row 2 Col 3",
      page: 1,
    });
    expect(block(various, "Here is a text box").page).toBe(1);
    expect(block(various, "Bullet 2").kind).toBe("LIST_ITEM");
    expect(various.text).not.toContain("footer text");
    expect((await sample("testPPT_masterText.pptx")).text).toBe("Text that I added to the master slide");
  });
});

describe("XLSX", () => {
  test("every row names its columns, and stands on its sheet", async () => {
    const book = await sample("testEXCEL_headers_footers.xlsx");
    expect(book).toMatchObject({ format: "XLSX", title: "Internal spreadsheet", pageCount: 3 });
    expect(block(book, "John Smith41")).toMatchObject({
      kind: "TABLE_ROW",
      text: "Name: John Smith41; Address: 41 Corporate HQ",
      sheet: "Sheet1",
      headingPath: ["Sheet1"],
    });
    expect(book.blocks.filter(({ kind }) => kind === "TABLE_ROW")).toHaveLength(83);
    expect((await sample("testEXCEL_hyperlinks.xlsx")).text).toContain("http_tika_link");
  });

  test("cells read as they show: dates, percentages, money, truth, formulas by their result; hidden sheets are left out", async () => {
    const styles = `<numFmts><numFmt numFmtId="170" formatCode="#,##0.00 &quot;€&quot;"/><numFmt numFmtId="171" formatCode="dd/mm/yy"/></numFmts><cellXfs>${[0, 170, 171, 10, 22].map((id) => `<xf numFmtId="${id}"/>`).join("")}</cellXfs>`;
    const cell = (reference: string, value: string | number, style = 0, type = "n") =>
      `<c r="${reference}" s="${style}" t="${type}"><v>${value}</v></c>`;
    const names = ["Item", "Price", "Bought", "Share", "Seen", "Ok", "Sum"].map((name, i) =>
      cell(`${"ABCDEFG"[i]}1`, name, 0, "str"),
    );
    const values = [
      cell("A2", "Valve", 0, "str"),
      cell("B2", 1234.5, 1),
      cell("C2", 45292, 2),
      cell("D2", 0.125, 3),
      cell("E2", 45292.75, 4),
      cell("F2", 1, 0, "b"),
      `<c r="G2"><f>1+1</f><v>2</v></c>`,
    ];
    const book = xlsxParts(
      {
        Parts: `<row r="1">${names.join("")}</row><row r="2">${values.join("")}</row>`,
        Secret: `<row r="1">${cell("A1", "hidden", 0, "str")}</row>`,
      },
      { styles, hidden: ["Secret"] },
    );
    const document = await read(zip(book));
    expect(document.blocks.at(-1)!.text).toBe(
      "Item: Valve; Price: 1,234.50 €; Bought: 2024-01-01; Share: 12.50%; Seen: 2024-01-01 18:00; Ok: TRUE; Sum: 2",
    );
    expect(document.text).not.toContain("hidden");
  });

  test("dates count from 1904 where the workbook says so, and a sparse row keeps its columns", async () => {
    const styles = `<cellXfs><xf numFmtId="14"/></cellXfs>`;
    const rows = `<row><c r="A1" t="str"><v>Day</v></c><c r="B1" t="str"><v>Note</v></c><c r="C1" t="str"><v>Who</v></c></row><row><c r="A2" s="0"><v>43830</v></c><c r="C2" t="inlineStr"><is><t>Ada</t></is></c></row>`;
    const document = await read(zip(xlsxParts({ Log: rows }, { styles, date1904: true })));
    expect(document.blocks.at(-1)!.text).toBe("Day: 2024-01-01; Who: Ada");
  });
});

describe("CSV", () => {
  test("every row names its columns; quotation marks, delimiters and encodings are understood", async () => {
    const document = await read(
      Buffer.from('Name;Größe;Notiz\r\nAda;1,70;"mag ""Zahlen""; immer"\r\n\r\nÄnne;1,60;\r\n', "latin1"),
      "people.csv",
    );
    expect(outline(document)).toEqual([
      "TABLE_ROW: Name | Größe | Notiz",
      'TABLE_ROW: Name: Ada; Größe: 1,70; Notiz: mag "Zahlen"; immer',
      "TABLE_ROW: Name: Änne; Größe: 1,60",
    ]);
  });

  test("a table without names for its columns is read as it is", async () => {
    expect((await read("1,2,3\n4,5,6\n7,8,9\n", "numbers.csv")).text).toBe("1 | 2 | 3\n4 | 5 | 6\n7 | 8 | 9");
  });
});

describe("HTML", () => {
  test("headings, paragraphs, lists and tables; scripts, styles, navigation and what is hidden are left out", async () => {
    const document =
      await read(`<!doctype html><html><head><title>Pumps &amp; valves</title><style>p{}</style><script>var x = "<p>no</p>"</script></head>
      <body><nav><a href="/">Home</a></nav><header>Company</header>
      <main><h1>Pumps</h1><p>A pump <b>moves</b>
      water.<br>Always.</p><ul><li>Centrifugal<ul><li>Radial</li></ul></li><li>Piston</li></ul>
      <h2>Prices</h2><table><tr><th>Part<th>Price<tr><td>Valve<td>12.50</table><p hidden>Hidden</p><p style="display: none">Also</p>
      <dl><dt>Head</dt><dd>How high it lifts.</dd></dl><pre>a
  b</pre></main><footer>Imprint</footer></body></html>`);
    expect(document.title).toBe("Pumps & valves");
    expect(outline(document)).toEqual([
      "HEADING 1: Pumps",
      "PARAGRAPH: A pump moves water.\nAlways.",
      "LIST_ITEM 1: Centrifugal",
      "LIST_ITEM 2: Radial",
      "LIST_ITEM 1: Piston",
      "HEADING 2: Prices",
      "TABLE_ROW: Part | Price",
      "TABLE_ROW: Part: Valve; Price: 12.50",
      "PARAGRAPH: Head: How high it lifts.",
      "PARAGRAPH: a\nb",
    ]);
  });

  test("cells that reach over rows and columns are named right; a table that arranges the page is read as text", async () => {
    const document =
      await read(`<html><body><table><tr><td><h2>News</h2>The quay is open.</td><td><table><tr><td>Mon</td><td>8</td></tr></table></td></tr></table>
      <table><thead><tr><th rowspan=2>Region<th colspan=2>Sales<tr><th>2023<th>2024</thead><tr><td rowspan=2>North<td>1<td>2<tr><td>3<td>4</table></body></html>`);
    expect(outline(document)).toEqual([
      "HEADING 2: News",
      "PARAGRAPH: The quay is open.",
      "TABLE_ROW: Mon | 8",
      "TABLE_ROW: Region | Sales | Sales",
      "TABLE_ROW: Region | 2023 | 2024",
      "TABLE_ROW: Region: North; Sales 2023: 1; Sales 2024: 2",
      "TABLE_ROW: Region: North; Sales 2023: 3; Sales 2024: 4",
    ]);
  });

  test("the encoding that the page declares is used", async () => {
    const page = Buffer.concat([
      Buffer.from('<html><meta charset="shift_jis"><body>'),
      Buffer.from([0x93, 0xfa, 0x96, 0x7b]),
      Buffer.from("</body></html>"),
    ]);
    expect((await read(page)).text).toBe("日本");
  });

  test("the sample pages: a script isn't text, and a page of nothing but a head is empty", async () => {
    expect((await sample("testHTMLGoodScript.html")).text).toBe("This is a test.");
    await expect(sample("testHTML_head.html")).rejects.toMatchObject({ code: "EMPTY" });
  });
});

describe("RTF", () => {
  test("the sample documents: lists, a table, a note, other scripts, without field codes and fonts", async () => {
    const various = await sample("testRTFVarious.rtf");
    expect(outline(various)).toEqual(
      expect.arrayContaining([
        "LIST_ITEM 1: Bullet 3",
        "LIST_ITEM 1: Number bullet 1",
        "TABLE_ROW: Row 1 Col 1 | Row 1 Col 2 | Row 1 Col 3",
        "PARAGRAPH: ゾルゲと尾崎、淡々と最期",
        "PARAGRAPH: 𐌲𐌿𐍄𐌹𐍃𐌺",
        "PARAGRAPH: This is a footnote.",
      ]),
    );
    expect(various.text).not.toMatch(/Arial|HYPERLINK|header text/);
    const linked = await sample("testRTFHyperlinkAndStyles.rtf");
    expect(linked.text).toContain("10”Flour Tortilla\n\nCaesar DIP: Dip, Caesar.doc");
  });

  test("headings by style and by outline level; hidden and deleted text is left out; code pages and stand-ins are understood", async () => {
    const document = await read(
      String.raw`{\rtf1\ansi\ansicpg1251\uc1{\fonttbl{\f0\fcharset204 Arial;}}{\stylesheet{\s1\outlinelevel0 heading 1;}{\s2 heading 2;}}{\info{\title Report}}` +
        String.raw`\pard\s1 First\par\pard\s2 Second\par\pard\f0 \'cf\'f0\'e8\'e2\'e5\'f2 {\v secret}{\deleted gone}caf\u233 ?\par\pard\outlinelevel2 Third\par\pard Last\par}`,
    );
    expect(document.title).toBe("Report");
    expect(outline(document)).toEqual([
      "HEADING 1: First",
      "HEADING 2: Second",
      "PARAGRAPH: Привет café",
      "HEADING 3: Third",
      "PARAGRAPH: Last",
    ]);
  });
});

describe("EML", () => {
  test("subject, people and date, then the text; attachments are named", async () => {
    const mail = [
      "From: =?utf-8?q?Ad=C3=A4?= <ada@example.org>",
      "To: grace@example.org",
      "Subject: =?utf-8?b?w5xiZXIgVmVudGlsZQ==?=",
      "Date: Mon, 1 Jan 2024 10:00:00 +0000",
      "MIME-Version: 1.0",
      'Content-Type: multipart/mixed; boundary="b"',
      "",
      "--b",
      "Content-Type: text/html; charset=utf-8",
      "",
      "<h2>Valves</h2><p>They close.</p><script>x</script>",
      "--b",
      'Content-Type: application/pdf; name="list.pdf"',
      'Content-Disposition: attachment; filename="list.pdf"',
      "Content-Transfer-Encoding: base64",
      "",
      "JVBERi0=",
      "--b--",
    ].join("\r\n");
    const document = await read(mail);
    expect(document.title).toBe("Über Ventile");
    expect(outline(document)).toEqual([
      "HEADING 1: Über Ventile",
      "PARAGRAPH: From: Adä <ada@example.org>\nTo: grace@example.org\nDate: 2024-01-01 10:00 UTC\nAttachments: list.pdf",
      "HEADING 2: Valves",
      "PARAGRAPH: They close.",
    ]);
  });
});

describe("Markdown", () => {
  test("headings, lists, tables, code and links without their marks", async () => {
    const document = await read(
      "---\ntitle: 'The manual'\n---\n# Pumps\n\nA **pump** moves [water](https://example.org) &amp; more.\n\n- one\n  - two\n\n| Part | Price |\n|---|---|\n| Valve | 12.50 |\n\n```sh\nnpm start\n```\n",
    );
    expect(document).toMatchObject({ format: "MARKDOWN", title: "The manual" });
    expect(outline(document)).toEqual([
      "HEADING 1: Pumps",
      "PARAGRAPH: A pump moves water & more.",
      "LIST_ITEM 1: one",
      "LIST_ITEM 2: two",
      "TABLE_ROW: Part | Price",
      "TABLE_ROW: Part: Valve; Price: 12.50",
      "PARAGRAPH: npm start",
    ]);
  });
});

describe("JSON", () => {
  test("names become headings, plain objects rows", async () => {
    const document = await read(
      JSON.stringify({
        title: "Pumps",
        parts: [
          { name: "Valve", price: 12.5 },
          { name: "Seal", sizes: { inner: 1, outer: 2 } },
        ],
        notes: ["first", "second"],
      }),
    );
    expect(outline(document)).toEqual([
      "TABLE_ROW: title: Pumps",
      "HEADING 1: parts",
      "TABLE_ROW: name: Valve; price: 12.5",
      "HEADING 2: Seal",
      "TABLE_ROW: name: Seal",
      "HEADING 3: sizes",
      "TABLE_ROW: inner: 1; outer: 2",
      "HEADING 1: notes",
      "LIST_ITEM 1: first",
      "LIST_ITEM 1: second",
    ]);
  });

  test("JSON Lines are rows; a line that isn't JSON is named", async () => {
    expect((await read('{"a":1}\n{"a":2,"b":"x"}\n')).text).toBe("a: 1\na: 2; b: x");
    await expect(read('{"a":1}\n{"a":2}\n{"a":\n')).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining("Line 3"),
    });
  });
});

describe("TXT", () => {
  test("empty lines part paragraphs, in every encoding; characters that nobody can store are left out", async () => {
    const text = "Grüße aus Köln.\n\nZweiter Absatz\u0000\u0007 – „gut“.";
    const expected = "Grüße aus Köln.\n\nZweiter Absatz – „gut“.";
    expect((await read(Buffer.from(`\ufeff${text.replaceAll("\n", "\r\n")}`, "utf16le"))).text).toBe(expected);
    expect((await read(text.replace("\u0000", ""))).text).toBe(expected);
    expect((await read(Buffer.from("Gr\xfc\xdfe \x93gut\x94", "latin1"))).text).toBe("Grüße “gut”");
    expect((await read("half a pair: \ud83d, e\u0301")).text).toBe("half a pair: \ufffd, é");
  });
});
