import { rowText, type Draft, type ReaderInput } from "../document";
import { decode } from "../encoding";
import { ParseFailure } from "../failures";

export async function* readRtf(input: ReaderInput): AsyncGenerator<Draft> {
  const bytes = await input.bytes();
  yield* new RtfReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")).read();
}

/** Groups whose text isn't the document's. Groups marked `\*` that aren't named here or in `shells` are left out as well. */
const unread = new Set(
  "colortbl pict objdata header headerl headerr headerf footer footerl footerr footerf ftnsep ftnsepc aftnsep aftnsepc nonshppict shprslt fldinst bkmkstart bkmkend xe tc nonesttables nesttableprops listtext pntext".split(
    " ",
  ),
);
/** Groups that have no text of their own, around one that has: properties, a shape, two versions of the same words. */
const shells = new Set(["info", "shpinst", "upr"]);
const starredAndRead = new Set([...shells, ...unread, "ud"]);

const characters = new Map(
  Object.entries({
    tab: "\t",
    line: "\n",
    lbr: "\n",
    emdash: "—",
    endash: "–",
    bullet: "•",
    lquote: "‘",
    rquote: "’",
    ldblquote: "“",
    rdblquote: "”",
    emspace: " ",
    enspace: " ",
    qmspace: " ",
    "~": " ",
    _: "-",
    "-": "",
  }),
);

/** Encodings by RTF's numbers: of the document (`\ansicpg`) and of a font (`\fcharset`). */
const codePages: Record<number, string> = {
  866: "ibm866",
  874: "windows-874",
  932: "shift_jis",
  936: "gbk",
  949: "euc-kr",
  950: "big5",
  10000: "macintosh",
  65001: "utf-8",
};
const fontCharsets: Record<number, string> = {
  77: "macintosh",
  128: "shift_jis",
  129: "euc-kr",
  134: "gbk",
  136: "big5",
  161: "windows-1253",
  162: "windows-1254",
  163: "windows-1258",
  177: "windows-1255",
  178: "windows-1256",
  186: "windows-1257",
  204: "windows-1251",
  222: "windows-874",
  238: "windows-1250",
};

type Destination = "TEXT" | "UNREAD" | "SHELL" | "FONTS" | "STYLES" | "TITLE";

/** What a group inherits from the group around it. */
interface State {
  destination: Destination;
  flow: Flow;
  font: number;
  hidden: boolean;
  deleted: boolean;
  /** Characters that stand in for a Unicode character, for programs that don't know it. */
  standIns: number;
  style: number;
  outline: number | null;
  inTable: boolean;
  inList: boolean;
  listLevel: number;
}

/** Text that runs on by itself: the document's, a text box's, a footnote's. */
interface Flow {
  kind: "MAIN" | "SHAPE" | "NOTE";
  text: string;
  cells: string[];
  header: string[] | null;
  headerRow: boolean;
  drafts: Draft[];
}

const groupsMax = 10_000;

/** A reader of Rich Text Format 1.9 for text alone: paragraphs, headings by style or outline level, lists, tables, notes. */
class RtfReader {
  private at = 0;
  private encoding = "windows-1252";
  private readonly fonts = new Map<number, string>();
  private readonly headingStyles = new Map<number, number>();
  private styleName = "";
  private title = "";
  private readonly main: Flow = newFlow("MAIN");
  private readonly notes: Draft[] = [];
  private state: State = {
    destination: "TEXT",
    flow: this.main,
    font: -1,
    hidden: false,
    deleted: false,
    standIns: 1,
    style: -1,
    outline: null,
    inTable: false,
    inList: false,
    listLevel: 0,
  };
  private readonly stack: State[] = [];
  private pendingBytes: number[] = [];
  private toSkip = 0;
  private starred = false;

  constructor(private readonly source: string) {}

  read(): Draft[] {
    const { source } = this;
    if (source.trimEnd().at(-1) !== "}" && !source.includes("}", source.length - 4096)) throw cutOff();
    const special = /[\\{}\r\n]/g;
    while (this.at < source.length) {
      const character = source[this.at]!;
      if (character === "\\") this.control();
      else if (character === "{") this.openGroup();
      else if (character === "}") {
        if (!this.closeGroup()) break;
      } else if (character === "\r" || character === "\n") this.at++;
      else {
        special.lastIndex = this.at;
        const end = special.exec(source)?.index ?? source.length;
        this.plainText(source.slice(this.at, end));
        this.at = end;
      }
    }
    if (this.stack.length > 0) throw cutOff();
    this.endParagraph();
    const drafts = [...this.main.drafts, ...this.notes];
    return this.title.trim() ? [{ kind: "FACTS", title: this.title }, ...drafts] : drafts;
  }

  private openGroup(): void {
    this.flush();
    if (this.stack.length >= groupsMax)
      throw new ParseFailure("CORRUPT", `The file nests its contents deeper than ${groupsMax} levels.`);
    this.stack.push(this.state);
    this.state = { ...this.state };
    this.toSkip = 0;
    this.at++;
  }

  /** False once the group that is the document has ended. */
  private closeGroup(): boolean {
    this.flush();
    this.at++;
    this.toSkip = 0;
    const ended = this.state;
    const outer = this.stack.pop();
    if (!outer) throw new ParseFailure("CORRUPT");
    if (ended.destination === "STYLES" && outer.destination === "STYLES") this.takeStyle(ended);
    if (ended.flow !== outer.flow) {
      this.endParagraph();
      const into = ended.flow.kind === "NOTE" ? this.notes : outer.flow.drafts;
      for (const draft of ended.flow.drafts) into.push(draft);
    }
    this.state = outer;
    return this.stack.length > 0;
  }

  private control(): void {
    const word = /\\(?:([a-zA-Z]{1,32})(-?\d{1,10})? ?|'([0-9a-fA-F]{2})|([\s\S]))/y;
    word.lastIndex = this.at;
    const match = word.exec(this.source);
    if (!match) {
      this.at++;
      return;
    }
    this.at = word.lastIndex;
    const [, name, parameter, byte, symbol] = match;
    if (byte !== undefined) {
      if (this.toSkip > 0) this.toSkip--;
      else this.pendingBytes.push(Number.parseInt(byte, 16));
      return;
    }
    if (symbol === "*") {
      this.starred = true;
      return;
    }
    const skipped = this.toSkip > 0 && name !== "u";
    if (name === "bin") this.at += Math.max(0, Number(parameter ?? 0));
    if (skipped) {
      this.toSkip--;
      return;
    }
    if (symbol !== undefined) {
      if (symbol === "\n" || symbol === "\r") this.word("par", undefined);
      else if (symbol === "\\" || symbol === "{" || symbol === "}") this.say(symbol);
      else this.say(characters.get(symbol) ?? "");
      return;
    }
    const starred = this.starred;
    this.starred = false;
    if (starred && !starredAndRead.has(name!)) this.state.destination = "UNREAD";
    else this.word(name!, parameter === undefined ? undefined : Number(parameter));
  }

  private word(name: string, parameter: number | undefined): void {
    const { state } = this;
    const on = parameter !== 0;
    const character = characters.get(name);
    if (character !== undefined) return this.say(character);
    if (unread.has(name)) {
      // A list's own marks are left out; that the paragraph is an item is kept.
      if (name === "listtext" || name === "pntext") this.stack.at(-1)!.inList = true;
      state.destination = "UNREAD";
      return;
    }
    // Nothing inside an unread group is read, whatever it calls itself.
    if (state.destination === "UNREAD") return;
    if (shells.has(name)) {
      state.destination = "SHELL";
      return;
    }
    switch (name) {
      case "u":
        if (parameter !== undefined) this.say(String.fromCharCode(parameter & 0xffff));
        this.toSkip = state.standIns;
        return;
      case "uc":
        state.standIns = Math.min(Math.max(parameter ?? 1, 0), 100);
        return;
      case "ansicpg":
        this.encoding = encodingOf(parameter ?? 1252);
        return;
      case "mac":
        this.encoding = "macintosh";
        return;
      case "fonttbl":
        state.destination = "FONTS";
        return;
      case "stylesheet":
        state.destination = "STYLES";
        return;
      case "title":
        state.destination = "TITLE";
        return;
      case "ud":
        state.destination = "TEXT";
        return;
      case "shptxt":
        return this.enter(newFlow("SHAPE"));
      case "footnote":
        return this.enter(newFlow("NOTE"));
      case "f":
        this.flush();
        state.font = parameter ?? -1;
        return;
      case "fcharset":
        if (state.destination === "FONTS") this.fonts.set(state.font, fontCharsets[parameter ?? 0] ?? "");
        return;
      case "s":
        state.style = parameter ?? -1;
        return;
      case "outlinelevel":
        state.outline = parameter !== undefined && parameter <= 8 ? parameter : null;
        return;
      case "ls":
        state.inList = on;
        return;
      case "ilvl":
        state.listLevel = Math.min(Math.max(parameter ?? 0, 0), 8);
        return;
      case "intbl":
        state.inTable = true;
        return;
      case "pard":
        Object.assign(state, { style: -1, outline: null, inTable: false, inList: false, listLevel: 0 });
        return;
      case "plain":
        this.flush();
        Object.assign(state, { font: -1, hidden: false, deleted: false });
        return;
      case "v":
        this.flush();
        state.hidden = on;
        return;
      case "deleted":
        this.flush();
        state.deleted = on;
        return;
      case "trhdr":
        state.flow.headerRow = true;
        return;
      case "par":
      case "sect":
      case "page":
        return this.endParagraph();
      case "cell":
      case "nestcell":
        return this.endCell();
      case "row":
      case "nestrow":
        return this.endRow();
    }
  }

  private enter(flow: Flow): void {
    this.flush();
    Object.assign(this.state, { destination: "TEXT", flow, style: -1, outline: null, inTable: false, inList: false });
  }

  private plainText(text: string): void {
    let from = 0;
    while (this.toSkip > 0 && from < text.length) {
      from++;
      this.toSkip--;
    }
    // Bytes above ASCII shouldn't stand here, but some writers put them.
    for (let i = from; i < text.length; i++) {
      if (text.charCodeAt(i) > 0x7f) {
        for (; from < text.length; from++) this.pendingBytes.push(text.charCodeAt(from) & 0xff);
        return;
      }
    }
    if (from < text.length) this.say(text.slice(from));
  }

  /** Decodes the bytes given so far: a character of an East Asian font is two of them. */
  private flush(): void {
    if (this.pendingBytes.length === 0) return;
    const bytes = Uint8Array.from(this.pendingBytes.splice(0));
    this.append(decode(bytes, this.fonts.get(this.state.font) || this.encoding));
  }

  private say(text: string): void {
    this.flush();
    this.append(text);
  }

  private append(text: string): void {
    const { state } = this;
    if (state.destination === "STYLES") this.styleName += text;
    else if (state.destination === "TITLE") this.title += text;
    else if (state.destination === "TEXT" && !state.hidden && !state.deleted) state.flow.text += text;
  }

  private takeStyle(ended: State): void {
    const name = this.styleName.replace(/;.*$/s, "").trim();
    this.styleName = "";
    const level = /^heading (\d)/i.exec(name)?.[1];
    if (ended.style < 0) return;
    if (/^title$/i.test(name)) this.headingStyles.set(ended.style, 1);
    else if (level) this.headingStyles.set(ended.style, Number(level));
    else if (ended.outline !== null) this.headingStyles.set(ended.style, ended.outline + 1);
  }

  private endParagraph(): void {
    this.flush();
    const { state } = this;
    const { flow } = state;
    if (state.inTable) {
      if (flow.text && !flow.text.endsWith("\n")) flow.text += "\n";
      return;
    }
    const text = flow.text.trim();
    flow.text = "";
    if (flow.cells.length > 0) this.endRow();
    if (!text) return;
    flow.header = null;
    const level = this.headingStyles.get(state.style) ?? (state.outline === null ? null : state.outline + 1);
    if (level) flow.drafts.push({ kind: "HEADING", level: Math.min(level, 6), text });
    else if (state.inList) flow.drafts.push({ kind: "LIST_ITEM", level: state.listLevel + 1, text });
    else flow.drafts.push({ kind: "PARAGRAPH", text });
  }

  private endCell(): void {
    this.flush();
    const { flow } = this.state;
    flow.cells.push(flow.text.trim());
    flow.text = "";
  }

  private endRow(): void {
    this.flush();
    const { flow } = this.state;
    const cells = flow.cells.splice(0);
    if (!cells.some(Boolean)) return;
    flow.drafts.push({ kind: "TABLE_ROW", text: rowText(cells, flow.headerRow ? null : flow.header) });
    if (flow.headerRow) flow.header = cells;
    flow.headerRow = false;
  }
}

function newFlow(kind: Flow["kind"]): Flow {
  return { kind, text: "", cells: [], header: null, headerRow: false, drafts: [] };
}

function encodingOf(codePage: number): string {
  return codePages[codePage] ?? (codePage >= 1250 && codePage <= 1258 ? `windows-${codePage}` : "windows-1252");
}

function cutOff(): ParseFailure {
  return new ParseFailure("CORRUPT", "The file is cut off: its end is missing. Upload it again from the original.");
}
