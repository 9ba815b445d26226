import { SaxesParser } from "saxes";
import { markedEncoding } from "../encoding";
import { ParseFailure } from "../failures";

export interface XmlHandlers {
  /** Names come without their namespace prefix. */
  open?(name: string, attributes: Readonly<Record<string, string>>): void;
  close?(name: string): void;
  text?(text: string): void;
}

const depthMax = 1_000;
const chunkBytes = 64 * 1024;

/**
 * Walks an XML part of an Office file. A document type is refused: these formats forbid it, and it is how entities are
 * declared that expand without end or read other files.
 */
export function walkXml(bytes: Uint8Array, handlers: XmlHandlers): void {
  const parser = new SaxesParser({ position: false });
  let depth = 0;
  parser.on("doctype", () => {
    throw new ParseFailure("CORRUPT", "The file has an XML document type in it, which Office files never have.");
  });
  parser.on("error", (fault) => {
    throw new ParseFailure("CORRUPT", undefined, { cause: fault });
  });
  parser.on("opentag", (tag) => {
    if (++depth > depthMax)
      throw new ParseFailure("CORRUPT", `The file nests its contents deeper than ${depthMax} levels.`);
    handlers.open?.(localName(tag.name), tag.attributes as Record<string, string>);
  });
  parser.on("closetag", (tag) => {
    depth--;
    handlers.close?.(localName(tag.name));
  });
  if (handlers.text) {
    parser.on("text", (text) => handlers.text!(text));
    parser.on("cdata", (text) => handlers.text!(text));
  }
  const decoder = new TextDecoder(markedEncoding(bytes) ?? "utf-8");
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    parser.write(decoder.decode(bytes.subarray(at, at + chunkBytes), { stream: true }));
  }
  parser.write(decoder.decode()).close();
}

function localName(name: string): string {
  const colon = name.indexOf(":");
  return colon < 0 ? name : name.slice(colon + 1);
}

/** The targets of a part's relationships by id, as names in the archive. Those that lead outside it are left out. */
export function relationships(bytes: Uint8Array | null, owner: string): Map<string, { type: string; target: string }> {
  const found = new Map<string, { type: string; target: string }>();
  if (!bytes) return found;
  walkXml(bytes, {
    open(name, { Id, Type, Target, TargetMode }) {
      if (name !== "Relationship" || !Id || !Target || TargetMode === "External") return;
      found.set(Id, { type: Type?.split("/").at(-1) ?? "", target: resolved(Target, owner) });
    },
  });
  return found;
}

/** Where the relationships of a part are kept: `ppt/slides/slide1.xml` → `ppt/slides/_rels/slide1.xml.rels`. */
export function relationshipsOf(part: string): string {
  const slash = part.lastIndexOf("/") + 1;
  return `${part.slice(0, slash)}_rels/${part.slice(slash)}.rels`;
}

function resolved(target: string, owner: string): string {
  if (target.startsWith("/")) return target.slice(1);
  const segments = owner.split("/").slice(0, -1);
  for (const segment of target.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== ".") segments.push(segment);
  }
  return segments.join("/");
}

/** The title in an Office file's properties. */
export function coreTitle(bytes: Uint8Array | null): string | undefined {
  if (!bytes) return undefined;
  let inTitle = false;
  let title = "";
  walkXml(bytes, {
    open: (name) => void (inTitle = name === "title"),
    close: () => void (inTitle = false),
    text: (text) => void (title += inTitle ? text : ""),
  });
  return title;
}
