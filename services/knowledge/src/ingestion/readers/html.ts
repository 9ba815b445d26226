import { Parser } from "htmlparser2";
import { rowText, type Draft, type ReaderInput } from "../document";
import { decoded } from "../encoding";
import { ParseFailure } from "../failures";

export async function* readHtml(input: ReaderInput): AsyncGenerator<Draft> {
  const bytes = await input.bytes();
  yield* htmlDrafts(decoded(bytes, declaredEncoding(bytes)));
}

function declaredEncoding(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString("latin1");
  return (
    /<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)/i.exec(head)?.[1] ??
    /^\s*<\?xml[^>]+encoding\s*=\s*["']([\w-]+)/i.exec(head)?.[1]
  );
}

/** Never text for a reader. */
const unread = new Set(
  "script style noscript template svg math canvas iframe object embed audio video map nav button select option datalist textarea input dialog menu".split(
    " ",
  ),
);
/** Around the text rather than in it, unless they stand inside an article. */
const surrounding = new Set(["header", "footer", "aside"]);
const blocks = new Set(
  "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html li main ol p pre section summary table tbody td tfoot th thead tr ul caption".split(
    " ",
  ),
);
const surroundingRoles = new Set([
  "navigation",
  "search",
  "menu",
  "menubar",
  "toolbar",
  "banner",
  "contentinfo",
  "complementary",
]);

type Zone = "MAIN" | "SURROUNDING" | "OTHER";
type TextDraft = Exclude<Draft, { kind: "PAGE_BREAK" | "FACTS" }>;

interface Table {
  header: string[] | null;
  /** Cells of the row that is open. */
  cells: string[];
  headerCells: number;
  /** Texts that cells of rows above reach down with, by column. */
  reaching: Map<number, { text: string; rows: number }>;
  /** Set when the table turns out to arrange a page rather than to hold data: its cells become paragraphs. */
  arranging: boolean;
  inHead: boolean;
}

/** Pages that forget to close their elements nest thousands of them; none nests more. */
const depthMax = 20_000;
const columnsMax = 1_000;
const cellCharactersMax = 2_000;

/**
 * The text of a web page in reading order. What is never read (scripts, styles, navigation, forms) is left out; where the
 * page marks its main part, so is everything around it. Works on the stream of tags: no tree, so the depth of the nesting
 * costs nothing.
 */
export function htmlDrafts(html: string): Draft[] {
  const page = new PageReader();
  const parser = new Parser(
    {
      onopentag: (name, attributes) => page.open(name, attributes),
      onclosetag: (name) => page.close(name),
      ontext: (text) => page.text(text),
    },
    { decodeEntities: true, lowerCaseTags: true, recognizeSelfClosing: false },
  );
  parser.write(html);
  parser.end();
  return page.drafts();
}

interface OpenElement {
  name: string;
  unread: boolean;
  zone: Zone;
}

class PageReader {
  private readonly found: { draft: TextDraft; zone: Zone }[] = [];
  private readonly stack: OpenElement[] = [];
  private readonly tables: Table[] = [];
  private title = "";
  private pending: string[] = [];
  private heading: number | null = null;
  private term = "";
  private listDepth = 0;
  private inItem = false;
  private cell: { header: boolean; columns: number; rows: number } | null = null;
  private preformatted = 0;
  private zone: Zone = "OTHER";

  open(name: string, attributes: Record<string, string>): void {
    if (this.stack.length >= depthMax) {
      throw new ParseFailure(
        "CORRUPT",
        `The page nests its elements deeper than ${depthMax.toLocaleString("en")} levels.`,
      );
    }
    const above = this.stack.at(-1);
    const element = {
      name,
      unread: (above?.unread ?? false) || isUnread(name, attributes),
      zone: zoneOf(name, attributes, above?.zone ?? "OTHER"),
    };
    this.stack.push(element);
    if (element.unread) return;
    if (name === "br") this.pending.push("\n");
    if (!blocks.has(name)) return;
    this.boundary(name);
    this.zone = element.zone;
    if (/^h[1-6]$/.test(name)) this.heading = Number(name[1]);
    else if (name === "ul" || name === "ol") this.listDepth++;
    else if (name === "li") this.inItem = true;
    else if (name === "pre") this.preformatted++;
    else if (name === "table") this.openTable();
    else if (name === "thead") this.inHead(true);
    else if (name === "tr") this.openRow();
    else if (name === "td" || name === "th") this.openCell(name, attributes);
  }

  close(name: string): void {
    const element = this.stack.pop();
    if (!element || element.unread) return;
    if (name === "title" && !this.title) this.title = this.pending.splice(0).join("");
    if (!blocks.has(name)) return;
    if (name === "dt") this.term = this.pending.splice(0).join("").trim();
    else if (name === "td" || name === "th") this.closeCell();
    else if (name === "tr") this.closeRow();
    else if (name === "table") this.closeTable();
    else this.boundary(name);
    if (/^h[1-6]$/.test(name)) this.heading = null;
    else if (name === "ul" || name === "ol") this.listDepth = Math.max(0, this.listDepth - 1);
    else if (name === "li") this.inItem = false;
    else if (name === "pre") this.preformatted--;
    else if (name === "thead") this.inHead(false);
    this.zone = this.stack.at(-1)?.zone ?? "OTHER";
  }

  text(text: string): void {
    const element = this.stack.at(-1);
    if (element?.unread) return;
    // What stands in the head besides the title isn't text.
    if (element?.name === "head") return;
    this.pending.push(this.preformatted > 0 ? text : text.replace(/\s+/g, " "));
  }

  drafts(): Draft[] {
    this.boundary("html");
    while (this.tables.length > 0) this.closeTable();
    const size = (zone: Zone) =>
      this.found.reduce((sum, { draft, zone: of }) => (of === zone ? sum + draft.text.length : sum), 0);
    const main = size("MAIN");
    const other = size("OTHER");
    // A page whose main part is nearly empty is marked wrongly.
    const keep: Zone[] =
      main > 0 && main * 10 >= other ? ["MAIN"] : other > 0 ? ["MAIN", "OTHER"] : ["MAIN", "OTHER", "SURROUNDING"];
    const drafts: Draft[] = this.found.filter(({ zone }) => keep.includes(zone)).map(({ draft }) => draft);
    return this.title.trim() ? [{ kind: "FACTS", title: this.title }, ...drafts] : drafts;
  }

  /** Ends the paragraph before a block element begins or ends; inside a table's cell it is a mere space. */
  private boundary(name: string): void {
    if (this.cell && !this.tables.at(-1)!.arranging) {
      if (!/^h[1-6]$/.test(name)) return void this.pending.push(" ");
      this.arrange();
    }
    const text = this.pending.splice(0).join("").trim();
    if (!text) return;
    if (this.heading !== null) return this.add({ kind: "HEADING", level: this.heading, text });
    if (this.inItem || this.listDepth > 0)
      return this.add({ kind: "LIST_ITEM", level: Math.max(this.listDepth, 1), text });
    const term = this.term;
    this.term = "";
    this.add({ kind: "PARAGRAPH", text: term ? `${term}: ${text}` : text });
  }

  private add(draft: TextDraft): void {
    this.found.push({ draft, zone: this.zone });
  }

  private inHead(inHead: boolean): void {
    const table = this.tables.at(-1);
    if (table) table.inHead = inHead;
  }

  private openTable(): void {
    // A table in a cell: the outer one arranges the page.
    if (this.cell) this.arrange();
    this.cell = null;
    this.tables.push({ header: null, cells: [], headerCells: 0, reaching: new Map(), arranging: false, inHead: false });
  }

  private openRow(): void {
    if (this.cell) this.closeCell();
    const table = this.tables.at(-1);
    if (!table) return;
    table.cells = [];
    table.headerCells = 0;
  }

  private openCell(name: string, { colspan, rowspan }: Record<string, string>): void {
    if (this.cell) this.closeCell();
    if (this.tables.length === 0) return;
    this.cell = { header: name === "th", columns: span(colspan), rows: span(rowspan) };
  }

  private closeCell(): void {
    const table = this.tables.at(-1);
    if (!table || !this.cell) return this.boundary("td");
    const text = this.pending.splice(0).join("").trim();
    const { header, columns, rows } = this.cell;
    this.cell = null;
    if (table.arranging || text.length > cellCharactersMax) {
      this.arrange();
      if (text) this.add({ kind: "PARAGRAPH", text });
      return;
    }
    this.takeReaching(table);
    for (let i = 0; i < columns && table.cells.length < columnsMax; i++) {
      if (rows > 1) table.reaching.set(table.cells.length, { text, rows: rows - 1 });
      // A cell over several columns says its text once, but names each of them when it is a header.
      table.cells.push(i === 0 || header ? text : "");
    }
    if (header) table.headerCells += columns;
  }

  /** Fills the columns that cells of rows above reach into. */
  private takeReaching(table: Table): void {
    for (;;) {
      const above = table.reaching.get(table.cells.length);
      if (!above || above.rows === 0 || table.cells.length >= columnsMax) return;
      above.rows--;
      table.cells.push(above.text);
    }
  }

  private closeRow(): void {
    if (this.cell) this.closeCell();
    const table = this.tables.at(-1);
    if (!table) return this.boundary("tr");
    this.takeReaching(table);
    const { cells } = table;
    table.cells = [];
    if (table.arranging || !cells.some(Boolean)) return;
    if (cells.length === 1) return this.add({ kind: "PARAGRAPH", text: cells[0]! });
    const names = table.inHead || table.headerCells >= cells.length || (table.header === null && table.headerCells > 1);
    if (names) {
      table.header =
        table.header && table.inHead ? table.header.map((above, i) => joinedHeader(above, cells[i] ?? "")) : cells;
      return this.add({ kind: "TABLE_ROW", text: rowText(cells) });
    }
    const named = cells.length === 2 && table.headerCells === 1 && !table.header;
    this.add({ kind: "TABLE_ROW", text: named ? rowText([cells[1]!], [cells[0]!]) : rowText(cells, table.header) });
  }

  private closeTable(): void {
    if (this.tables.at(-1)?.cells.length) this.closeRow();
    if (this.cell) this.closeCell();
    this.boundary("table");
    this.tables.pop();
    this.cell = null;
  }

  /** Turns the innermost table into an arrangement: what its open row has so far becomes paragraphs. */
  private arrange(): void {
    const table = this.tables.at(-1)!;
    if (table.arranging) return;
    table.arranging = true;
    for (const text of table.cells.splice(0)) if (text) this.add({ kind: "PARAGRAPH", text });
  }
}

function joinedHeader(above: string, below: string): string {
  return above && below && above !== below ? `${above} ${below}` : above || below;
}

function isUnread(name: string, attributes: Record<string, string>): boolean {
  return (
    unread.has(name) ||
    "hidden" in attributes ||
    attributes["aria-hidden"] === "true" ||
    /(^|;)\s*(display\s*:\s*none|visibility\s*:\s*hidden)/i.test(attributes["style"] ?? "")
  );
}

function zoneOf(name: string, attributes: Record<string, string>, above: Zone): Zone {
  const role = attributes["role"]?.toLowerCase();
  if (above === "MAIN" || name === "main" || name === "article" || role === "main" || role === "article") return "MAIN";
  return surrounding.has(name) || (role !== undefined && surroundingRoles.has(role)) ? "SURROUNDING" : above;
}

function span(value: string | undefined): number {
  return Math.min(Math.max(Number.parseInt(value ?? "1", 10) || 1, 1), 100);
}
