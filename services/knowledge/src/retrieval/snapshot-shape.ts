import type { FrameReader } from "./snapshot-frames";

const arrayTypes = { Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array };
type NumberArray = InstanceType<(typeof arrayTypes)[keyof typeof arrayTypes]>;

/**
 * What an object is made of, by its properties' names. What belongs to the process alone has no shape: functions, and
 * the key that tells one vocabulary from another.
 */
export type Shape =
  | { numbers: keyof typeof arrayTypes; length: number }
  | { pages: Shape[] }
  | { items: number }
  | { entries: number }
  | { parts: Record<string, Shape> }
  | { value: number | string | boolean | null };

const ofTheProcess = (name: string, value: unknown) => name === "key" || typeof value === "function";

/** The shape of an object's properties, all the way down. */
export function describe(value: unknown): Shape {
  if (ArrayBuffer.isView(value))
    return { numbers: value.constructor.name as keyof typeof arrayTypes, length: (value as NumberArray).length };
  if (Array.isArray(value))
    return ArrayBuffer.isView(value[0]) ? { pages: value.map(describe) } : { items: value.length };
  if (value instanceof Map) return { entries: value.size };
  if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value).filter(([name, part]) => !ofTheProcess(name, part));
    return { parts: Object.fromEntries(parts.map(([name, part]) => [name, describe(part)])) };
  }
  return { value: value as number | string | boolean | null };
}

const pieceBytes = 1 << 20;
const itemsPerPiece = 4_000;

/** The contents that `describe` left out, in its order and in pieces of a size that is quickly read. */
export function* valuesOf(value: unknown): Generator<Uint8Array> {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    for (let at = 0; at < bytes.byteLength; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  } else if (Array.isArray(value)) {
    if (ArrayBuffer.isView(value[0])) for (const page of value) yield* valuesOf(page);
    else yield* jsonPieces(value);
  } else if (value instanceof Map) {
    yield* jsonPieces([...value]);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, part] of Object.entries(value)) if (!ofTheProcess(name, part)) yield* valuesOf(part);
  }
}

function* jsonPieces(items: readonly unknown[]): Generator<Uint8Array> {
  for (let from = 0; from < items.length; from += itemsPerPiece)
    yield Buffer.from(JSON.stringify(items.slice(from, from + itemsPerPiece)));
}

/**
 * Fills a new object with what another of its kind held. Rejects when it isn't made of the same properties: it was
 * written by a version in which it was something else.
 */
export async function restoreInto(target: object, shape: Shape, reader: FrameReader): Promise<void> {
  const parts = "parts" in shape ? shape.parts : {};
  const present = target as Record<string, unknown>;
  const names = Object.keys(present).filter((name) => !ofTheProcess(name, present[name]));
  if (names.join() !== Object.keys(parts).join()) throw new Error("The snapshot is of another version.");
  for (const name of names) {
    const [part, before] = [parts[name]!, present[name]];
    if ("parts" in part) await restoreInto(before as object, part, reader);
    else present[name] = await restored(part, reader);
    if (kindOf(present[name]) !== kindOf(before)) throw new Error("The snapshot is of another version.");
  }
}

const kindOf = (value: unknown) => (value === null ? "null" : (value as object).constructor.name);

async function restored(shape: Shape, reader: FrameReader): Promise<unknown> {
  if ("numbers" in shape) {
    const array = new arrayTypes[shape.numbers](shape.length);
    const bytes = new Uint8Array(array.buffer);
    for (let at = 0; at < bytes.byteLength;) {
      const piece = await reader.next();
      bytes.set(piece, at);
      at += piece.byteLength;
      if (piece.byteLength === 0) throw new Error("The snapshot is damaged.");
    }
    return array;
  }
  if ("pages" in shape) {
    const pages: unknown[] = [];
    for (const page of shape.pages) pages.push(await restored(page, reader));
    return pages;
  }
  if ("items" in shape) {
    const items: unknown[] = [];
    while (items.length < shape.items) for (const item of await reader.json<unknown[]>()) items.push(item);
    return items;
  }
  if ("entries" in shape) {
    const map = new Map<unknown, unknown>();
    while (map.size < shape.entries)
      for (const [key, value] of await reader.json<[unknown, unknown][]>()) map.set(key, value);
    return map;
  }
  if ("value" in shape) return shape.value;
  throw new Error("The snapshot is damaged.");
}
