import { marked } from "marked";
import type { Draft, ReaderInput } from "../document";
import { decoded } from "../encoding";
import { htmlDrafts } from "./html";

/** Markdown may hold HTML anyway, so it is read as the page that it stands for. */
export async function* readMarkdown(input: ReaderInput): AsyncGenerator<Draft> {
  const source = decoded(await input.bytes()).replace(/^\ufeff/, "");
  const frontMatter = /^---\r?\n([\s\S]*?)\r?\n(?:---|\.\.\.)\r?\n/.exec(source);
  const title = frontMatter && /^title:[ \t]*(["']?)(.+?)\1[ \t]*$/m.exec(frontMatter[1]!)?.[2];
  if (title) yield { kind: "FACTS", title };
  yield* htmlDrafts(await marked.parse(source.slice(frontMatter?.[0].length ?? 0), { gfm: true, async: true }));
}
