import { rowText, type Draft, type ReaderInput } from "../document";
import { ParseFailure } from "../failures";
import type { Limits } from "../limits";
import { openArchive, type Archive } from "./archive";
import { coreTitle, relationships, relationshipsOf, walkXml } from "./xml";

/** A slide is a page. Its title is a heading; the speaker's notes and the text of diagrams follow the slide. */
export async function* readPptx(input: ReaderInput, limits: Limits): AsyncGenerator<Draft> {
  const archive = await openArchive(await input.bytes(), limits);
  const presentation = "ppt/presentation.xml";
  const content = await archive.read(presentation);
  if (!content) throw new ParseFailure("CORRUPT");
  const links = relationships(await archive.read(relationshipsOf(presentation)), presentation);
  const slides: string[] = [];
  walkXml(content, {
    open(name, attributes) {
      const slide = name === "sldId" ? links.get(attributes["r:id"] ?? "")?.target : undefined;
      if (slide) slides.push(slide);
    },
  });
  if (slides.length > limits.pages) {
    throw new ParseFailure("TOO_LARGE", `The presentation has more than ${limits.pages.toLocaleString("en")} slides.`);
  }
  const title = coreTitle(await archive.read("docProps/core.xml"));
  // What PowerPoint writes when nobody gave a title.
  const given = title && !/^(slide \d+|powerpoint[ -]presentation)$/i.test(title.trim());
  yield { kind: "FACTS", title: given ? title : undefined, pageCount: slides.length };

  const seenLayouts = new Set<string>();
  for (const [i, slide] of slides.entries()) {
    const page = i + 1;
    if (page > 1) yield { kind: "PAGE_BREAK", page };
    yield* slideDrafts(archive, slide, page, seenLayouts);
  }
}

async function* slideDrafts(
  archive: Archive,
  slide: string,
  page: number,
  seenLayouts: Set<string>,
): AsyncGenerator<Draft> {
  const content = await archive.read(slide);
  if (!content) throw new ParseFailure("CORRUPT");
  const links = [...relationships(await archive.read(relationshipsOf(slide)), slide).values()];
  const targets = (type: string) => links.filter((link) => link.type === type).map((link) => link.target);
  const drafts = shapeDrafts(content, page);
  // The title is read first wherever it stands among the shapes.
  yield* drafts.filter((draft) => draft.kind === "HEADING");
  yield* drafts.filter((draft) => draft.kind !== "HEADING");
  for (const part of [...targets("diagramData"), ...targets("chart")]) {
    const text = await archive.read(part);
    if (text) yield* shapeDrafts(text, page);
  }
  for (const notes of targets("notesSlide")) {
    const text = await archive.read(notes);
    if (text) yield* shapeDrafts(text, page);
  }
  // What somebody wrote on a layout shows on every slide that uses it, and is taken down once.
  for (const layout of targets("slideLayout")) {
    if (seenLayouts.has(layout)) continue;
    seenLayouts.add(layout);
    const text = await archive.read(layout);
    if (text) yield* shapeDrafts(text, page, { placeholders: false });
  }
}

/** Placeholders that hold no content of the slide's own. */
const furniture = new Set(["sldNum", "ftr", "hdr", "dt", "sldImg"]);

/** The paragraphs and tables of a slide's shapes, in the order in which they lie on each other. */
function shapeDrafts(content: Uint8Array, page: number, { placeholders = true } = {}): Draft[] {
  const drafts: Draft[] = [];
  let placeholder: string | null = null;
  let text = "";
  let inText = false;
  let level = 0;
  let bullet: boolean | null = null;
  let cells: string[] | null = null;
  let header: string[] | null = null;
  let firstRowNames = false;
  let titleText = "";

  const endParagraph = () => {
    const said = text.trim();
    text = "";
    if (cells) {
      if (said) cells[cells.length - 1] += `${cells.at(-1) ? " " : ""}${said}`;
      return;
    }
    if (!said || furniture.has(placeholder ?? "") || (placeholder !== null && !placeholders)) return;
    if (placeholder === "title" || placeholder === "ctrTitle") titleText += `${titleText ? " " : ""}${said}`;
    else if (bullet ?? placeholder === "body") drafts.push({ kind: "LIST_ITEM", level, text: said, page });
    else drafts.push({ kind: "PARAGRAPH", text: said, page });
  };

  walkXml(content, {
    open(name, attributes) {
      if (name === "sp") placeholder = null;
      else if (name === "ph") placeholder = attributes["type"] ?? "body";
      else if (name === "t") inText = true;
      else if (name === "br") text += "\n";
      else if (name === "tab") text += "\t";
      else if (name === "p") {
        level = 1;
        bullet = null;
      } else if (name === "pPr") level = Number(attributes["lvl"] ?? 0) + 1;
      else if (name === "buChar" || name === "buAutoNum" || name === "buBlip") bullet = true;
      else if (name === "buNone") bullet = false;
      else if (name === "tblPr") firstRowNames = attributes["firstRow"] === "1";
      else if (name === "tbl") header = null;
      else if (name === "tr") cells = [];
      else if (name === "tc" && cells) cells.push("");
    },
    close(name) {
      if (name === "t") inText = false;
      else if (name === "p") endParagraph();
      else if (name === "sp") {
        if (titleText) drafts.push({ kind: "HEADING", level: 1, text: titleText, page });
        titleText = "";
        placeholder = null;
      } else if (name === "tr" && cells) {
        if (cells.some(Boolean)) drafts.push({ kind: "TABLE_ROW", text: rowText(cells, header), page });
        if (firstRowNames && !header) header = cells;
        cells = null;
      } else if (name === "tbl") firstRowNames = false;
    },
    text: (piece) => void (text += inText ? piece : ""),
  });
  return drafts;
}
