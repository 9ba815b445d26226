/** Any object of the world's data; `__typename` says what it is where a type alone doesn't. */
export type Thing = { [field: string]: unknown };

/** `Query`, `Mutation` and all entities by their type. Fields may be values, errors, or functions of their arguments and the object. */
export type World = Record<string, Thing | Thing[]>;

/** A graph that is small enough to be held whole, and cut into subgraphs. */
export interface Case {
  name: string;
  subgraphs: Record<string, string>;
  /** Made anew for each graph, and before each operation of a graph that operations change. */
  data(): World;
  /** Written by hand; the fuzzer makes more. */
  operations: string[];
  /** What is sent for `$in`, where an operation has it. */
  input?: unknown;
  /** The stock gateway doesn't start with it. */
  isRefusedByStock?: boolean;
}

export const list = (count: number, make: (n: number) => Thing): Thing[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** A field's value, for these arguments. */
export function read(source: Thing, field: string, args: Thing = {}): unknown {
  const value = source[field];
  return typeof value === "function" ? (value as (args: Thing, self: Thing) => unknown)(args, source) : value;
}
