import { getDocumentProxy } from "unpdf";
import type { Draft, ReaderInput } from "../document";
import { ParseFailure } from "../failures";
import type { Limits } from "../limits";
import { joinLines, layoutOf, outlineKey, pageBlocks, type PageBlock } from "./pdf-blocks";
import { inflateAtOnce } from "./pdf-inflate";
import { pageLines, type TextRun } from "./pdf-lines";
import { withoutRunningHeads, type Page } from "./pdf-running-heads";

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

/**
 * Text with its pages. Headings are what the outline lists, and what the fonts set apart; lines are joined to paragraphs,
 * parted words are made whole, running heads are left out. A paragraph that runs over a page's end stays one.
 */
export async function* readPdf(input: ReaderInput, limits: Limits): AsyncGenerator<Draft> {
  const bytes = await input.bytes();
  requireEnd(bytes);
  const pdf = await openPdf(bytes);
  try {
    if (pdf.numPages > limits.pages) {
      throw new ParseFailure(
        "TOO_LARGE",
        `The PDF says that it has ${pdf.numPages.toLocaleString("en")} pages; ${limits.pages.toLocaleString("en")} are read at the most. Split it and upload the parts.`,
      );
    }
    yield { kind: "FACTS", title: await statedTitle(pdf), pageCount: pdf.numPages };
    const pages = withoutRunningHeads(await readPages(pdf, limits));
    requireText(pages);
    yield { kind: "FACTS", pagesWithoutText: pages.filter(({ lines }) => lines.length === 0).length };
    yield* drafts(pages, layoutOf(pages, await outlineLevels(pdf)));
  } finally {
    await pdf.destroy();
  }
}

/** A file that was cut off still opens, with its last pages missing and nobody told. */
function requireEnd(bytes: Uint8Array): void {
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(
    "latin1",
    Math.max(0, bytes.length - 4096),
  );
  if (!end.includes("%%EOF")) {
    throw new ParseFailure("CORRUPT", "The PDF is cut off: its end is missing. Upload it again from the original.");
  }
}

async function openPdf(bytes: Uint8Array): Promise<PdfDocument> {
  inflateAtOnce();
  try {
    // A copy: the parser takes the buffer for itself.
    return await getDocumentProxy(new Uint8Array(bytes), {
      disableFontFace: true,
      useSystemFonts: false,
      verbosity: 0,
    });
  } catch (fault) {
    if ((fault as Error).name === "PasswordException") throw new ParseFailure("ENCRYPTED", undefined, { cause: fault });
    throw new ParseFailure("CORRUPT", undefined, { cause: fault });
  }
}

async function readPages(pdf: PdfDocument, { textCharacters }: Limits): Promise<Page[]> {
  const pages: Page[] = [];
  let characters = 0;
  for (let number = 1; number <= pdf.numPages; number++) {
    const page = await pdf.getPage(number);
    const [, bottom, , top] = page.view as [number, number, number, number];
    const { items } = await page.getTextContent();
    const runs: TextRun[] = [];
    for (const item of items) {
      if (!("str" in item) || !item.str) continue;
      characters += item.str.length;
      runs.push(runOf(item));
    }
    if (characters > textCharacters) throw new ParseFailure("TOO_LARGE");
    pages.push({ number, bottom, top, lines: pageLines(runs) });
    page.cleanup();
  }
  return pages;
}

type TextItem = Extract<
  Awaited<ReturnType<Awaited<ReturnType<PdfDocument["getPage"]>>["getTextContent"]>>["items"][number],
  { str: string }
>;

function runOf({ str, dir, transform, width, fontName }: TextItem): TextRun {
  const [a, b, c, d, e, f] = transform as [number, number, number, number, number, number];
  const turned = (Math.round(Math.atan2(b, a) / (Math.PI / 2)) * 90 + 360) % 360;
  // Turned text is read in its own direction.
  const [x, y] = turned === 90 ? [f, -e] : turned === 180 ? [-e, -f] : turned === 270 ? [-f, e] : [e, f];
  return { text: str, x, y, width, size: Math.hypot(c, d), font: fontName, turned, rightToLeft: dir === "rtl" };
}

function requireText(pages: readonly Page[]): void {
  let letters = 0;
  let unreadable = 0;
  for (const { lines } of pages) {
    for (const { cells } of lines) {
      for (const { text } of cells) {
        letters += text.match(/[\p{L}\p{N}]/gu)?.length ?? 0;
        unreadable += text.match(/[\p{Co}\p{Cn}\ufffd]/gu)?.length ?? 0;
      }
    }
  }
  if (unreadable > letters) {
    throw new ParseFailure(
      "NO_TEXT",
      "The PDF shows text but doesn't say which letters it shows. Run text recognition (OCR) over it, or export it anew, and upload it again.",
    );
  }
  if (letters === 0) {
    const count = pages.length === 1 ? "The PDF's page has" : `None of the PDF's ${pages.length} pages has`;
    const not = pages.length === 1 ? "no text" : "text";
    throw new ParseFailure(
      "NO_TEXT",
      `${count} ${not}: they are pictures (a scan) or blank. Run text recognition (OCR) over the file and upload it again.`,
    );
  }
}

function* drafts(pages: readonly Page[], layout: ReturnType<typeof layoutOf>): Generator<Draft> {
  let held: { text: string; page: number } | null = null;
  for (const page of pages) {
    const blocks: PageBlock[] = pageBlocks(page, layout);
    if (held) {
      const [first] = blocks;
      const goesOn = first?.kind === "PARAGRAPH" && runsOn(held.text, first.text);
      if (goesOn) blocks.shift();
      yield goesOn
        ? {
            kind: "PARAGRAPH",
            text: joinLines(held.text, first.text, layout.words),
            page: held.page,
            lastPage: page.number,
          }
        : { kind: "PARAGRAPH", text: held.text, page: held.page };
      held = null;
    }
    if (page.number > 1) yield { kind: "PAGE_BREAK", page: page.number };
    const last = blocks.at(-1);
    if (last?.kind === "PARAGRAPH" && page !== pages.at(-1)) {
      blocks.pop();
      held = { text: last.text, page: page.number };
    }
    for (const { kind, text, level } of blocks) {
      yield kind === "HEADING" || kind === "LIST_ITEM"
        ? { kind, text, level, page: page.number }
        : { kind, text, page: page.number };
    }
  }
  if (held) yield { kind: "PARAGRAPH", text: held.text, page: held.page };
}

function runsOn(above: string, below: string): boolean {
  return !/[.!?:;"”)]$/.test(above) && /^[\p{Ll}\p{N}(]/u.test(below);
}

async function outlineLevels(pdf: PdfDocument): Promise<Map<string, number>> {
  const levels = new Map<string, number>();
  let open = (await pdf.getOutline().catch(() => null)) ?? [];
  for (let level = 1; open.length > 0 && level <= 6; level++) {
    for (const { title } of open) {
      const key = outlineKey(title);
      if (key.length >= 3 && !levels.has(key)) levels.set(key, level);
    }
    open = open.flatMap(({ items }) => items as typeof open);
  }
  return levels;
}

/** The title in the file's properties, unless a program put the file's name there. */
async function statedTitle(pdf: PdfDocument): Promise<string | undefined> {
  const metadata = await pdf.getMetadata().catch(() => null);
  const title = (metadata?.info as { Title?: unknown } | undefined)?.Title;
  if (
    typeof title !== "string" ||
    /^(microsoft (word|powerpoint|excel) - |untitled)|\.(docx?|pdf|pptx?|xlsx?|indd|tex)$/i.test(title.trim())
  )
    return undefined;
  return title;
}
