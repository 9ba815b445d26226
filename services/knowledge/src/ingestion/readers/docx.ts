import { convertToHtml, images } from "mammoth";
import type { Draft, ReaderInput } from "../document";
import { decoded } from "../encoding";
import { ParseFailure } from "../failures";
import type { Limits } from "../limits";
import { openArchive, type Archive } from "./archive";
import { htmlDrafts } from "./html";
import { coreTitle, walkXml } from "./xml";

/** Word documents have no page numbers: where a page ends is decided by whoever prints it. Citations go by heading. */
export async function* readDocx(input: ReaderInput, limits: Limits): AsyncGenerator<Draft> {
  const archive = await openArchive(await input.bytes(), limits);
  const title = coreTitle(await archive.read("docProps/core.xml"));
  if (title) yield { kind: "FACTS", title };
  const { value: html } = await convertToHtml(mammothInput(archive), {
    styleMap: ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => p:fresh"],
    includeEmbeddedStyleMap: false,
    convertImage: images.imgElement(() => Promise.resolve({ src: "" })),
  });
  yield* htmlDrafts(html.replace(footnoteMarks, ""));
}

/** The links between a footnote and its place in the text: `[1]` and `↑`. */
const footnoteMarks =
  /<sup><a href="#(?:foot|end)note-[^"]*" id="[^"]*">\[\d+\]<\/a><\/sup>|<a href="#(?:foot|end)note-ref-[^"]*">↑<\/a>/g;

/**
 * Mammoth unpacks nothing itself: it gets each part from the archive that minds the limits, after a look at its XML.
 * `file` is what its own opener of ZIP files returns, and is taken as it is; its types leave it out.
 */
function mammothInput(archive: Archive): Parameters<typeof convertToHtml>[0] {
  const file = {
    exists: (name: string) => archive.has(name),
    async read(name: string, encoding?: string) {
      const bytes = await archive.read(name);
      if (!bytes) throw new ParseFailure("CORRUPT");
      if (!encoding) return bytes;
      walkXml(bytes, {});
      return decoded(bytes, "utf-8");
    },
  };
  return { file } as unknown as Parameters<typeof convertToHtml>[0];
}
