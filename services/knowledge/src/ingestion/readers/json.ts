import { rowText, type Draft, type ReaderInput } from "../document";
import { decoded, decodedPieces } from "../encoding";
import { ParseFailure } from "../failures";
import type { Limits } from "../limits";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Longer texts stand as paragraphs of their own, not in a row. */
const cellCharactersMax = 500;
const headingLevelMax = 6;

/**
 * JSON as text: names that lead to lists and objects become headings, objects of plain values become rows. JSON Lines
 * (one value a line) is read as it comes, so any size takes the same memory.
 */
export async function* readJson(input: ReaderInput, limits: Limits): AsyncGenerator<Draft> {
  if (beginsWithSeveralValues(decoded(input.head))) {
    let number = 0;
    for await (const line of linesOf(decodedPieces(input.chunks()), limits)) {
      number++;
      if (line.trim())
        yield* drafts(
          parsed(
            line,
            `Line ${number.toLocaleString("en")} of the file isn't valid JSON, though the lines before it are.`,
          ),
        );
    }
    return;
  }
  yield* drafts(parsed(decoded(await input.bytes()).replace(/^\ufeff/, ""), undefined));
}

function parsed(text: string, message: string | undefined): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (fault) {
    const said = (fault as Error).message.replace(/ in JSON\b/, "").slice(0, 120);
    throw new ParseFailure("CORRUPT", message ?? `The file isn't valid JSON: ${said}.`, { cause: fault });
  }
}

function beginsWithSeveralValues(head: string): boolean {
  const [first, second] = head
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .filter((line) => line.trim());
  if (!first || !second || !/^\s*[[{]/.test(second)) return false;
  try {
    JSON.parse(first);
    return true;
  } catch {
    return false;
  }
}

async function* linesOf(pieces: AsyncIterable<string>, { recordCharacters }: Limits): AsyncGenerator<string> {
  let pending = "";
  for await (const piece of pieces) {
    const lines = (pending + piece.replace(/^\ufeff/, "")).split("\n");
    pending = lines.pop()!;
    yield* lines;
    if (pending.length > recordCharacters) {
      throw new ParseFailure(
        "TOO_LARGE",
        `A line of the file is longer than ${recordCharacters.toLocaleString("en")} characters.`,
      );
    }
  }
  if (pending) yield pending;
}

interface Frame {
  level: number;
  rest: Iterator<[name: string | number, value: Json]>;
}

// With a stack of its own: the nesting is the file's, and may be deeper than the call stack.
function* drafts(root: Json): Generator<Draft> {
  const stack: Frame[] = [];
  const enter = function* (value: Json, level: number, inList: boolean): Generator<Draft> {
    if (Array.isArray(value)) {
      if (inList && value.every(isPlain)) yield { kind: "TABLE_ROW", text: rowText(value.map(shown)) };
      else stack.push({ level, rest: members(value) });
    } else if (value !== null && typeof value === "object") {
      const plain = Object.entries(value).filter(([, member]) => isPlain(member));
      const names = plain.map(([name]) => name);
      yield {
        kind: "TABLE_ROW",
        text: rowText(
          plain.map(([, member]) => shown(member)),
          names,
        ),
      };
      if (plain.length < Object.keys(value).length) stack.push({ level, rest: members(value) });
    } else {
      yield isPlain(value)
        ? { kind: "LIST_ITEM", level: 1, text: shown(value) }
        : { kind: "PARAGRAPH", text: shown(value) };
    }
  };

  yield* enter(root, 0, false);
  while (stack.length > 0) {
    const { level, rest } = stack.at(-1)!;
    const next = rest.next();
    if (next.done) {
      stack.pop();
      continue;
    }
    const [name, value] = next.value;
    const deeper = Math.min(level + 1, headingLevelMax);
    if (typeof name === "number") {
      // An item that will have headings below it gets one itself, so that the next item doesn't stand under them.
      const nested = isNested(value);
      if (nested) yield { kind: "HEADING", level: deeper, text: nameOf(value) ?? `${name + 1}` };
      yield* enter(value, nested ? deeper : level, true);
    } else if (!isPlain(value)) {
      if (typeof value === "string") {
        yield { kind: "PARAGRAPH", text: `${name}: ${value}` };
      } else {
        yield { kind: "HEADING", level: deeper, text: name };
        yield* enter(value, deeper, false);
      }
    }
  }
}

function* members(value: Json[] | { [name: string]: Json }): Generator<[string | number, Json]> {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) yield [i, item];
  else for (const name of Object.keys(value)) yield [name, value[name]!];
}

function isNested(value: Json): value is { [name: string]: Json } {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !Object.values(value).every(isPlain);
}

function nameOf(value: { [name: string]: Json }): string | undefined {
  for (const member of ["title", "name", "label", "id"]) {
    const name = value[member];
    if (typeof name === "string" && name.trim() && isPlain(name)) return name;
  }
  return undefined;
}

function isPlain(value: Json): boolean {
  if (typeof value === "string") return value.length <= cellCharactersMax && !value.includes("\n");
  return value === null || typeof value !== "object";
}

function shown(value: Json): string {
  return value === null ? "" : String(value);
}
