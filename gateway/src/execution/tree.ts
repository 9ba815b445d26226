/** What subgraphs answered, merged: parsed JSON that isn't known to fit any schema. */
export type Tree = Record<string, unknown>;

export const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Sets an own property under any name: assigning to `__proto__` would change the object's prototype instead. */
export function setOwn(target: Tree, key: string, value: unknown): void {
  if (key === "__proto__") Object.defineProperty(target, key, { value, ...ordinary });
  else target[key] = value;
}

/** Reads an own property: `constructor` and its like are no data. */
export const getOwn = (source: Tree, key: string): unknown => (Object.hasOwn(source, key) ? source[key] : undefined);

const ordinary = { enumerable: true, configurable: true, writable: true };

/**
 * Merges what one fetch answered into what is there. Objects that are new to the target are taken over as they are, so the
 * same entity at several places is one object at all of them, and is looked up, fetched for and merged into once.
 * `isAbstract` says which type names say least: a concrete one is never replaced by them.
 */
export function mergeInto(target: Tree, source: Tree, isAbstract: (typename: unknown) => boolean): void {
  for (const key in source) {
    const value = source[key];
    if (value === undefined) continue;
    let known = target[key];
    // Data holds no functions: what was found is of every object, or nothing of ours.
    if (typeof known === "function" || key === "__proto__") known = getOwn(target, key);
    if (known === undefined || known === null) setOwn(target, key, value);
    else if (typeof value !== "object" || value === null || typeof known !== "object") {
      if (key === "__typename" && isAbstract(value)) continue;
      // What one subgraph couldn't say, another has: a null takes nothing away.
      if (value !== null) setOwn(target, key, value);
    } else if (known !== value) {
      if (Array.isArray(value)) setOwn(target, key, mergedLists(known, value, isAbstract));
      else if (Array.isArray(known)) setOwn(target, key, value);
      else mergeInto(known as Tree, value as Tree, isAbstract);
    }
  }
}

function mergedLists(known: object, value: unknown[], isAbstract: (typename: unknown) => boolean): unknown[] {
  // Lists of different lengths can't be said to hold the same things: the later one counts.
  if (!Array.isArray(known) || known.length !== value.length) return value;
  for (let i = 0; i < value.length; i++) {
    const [before, after] = [known[i] as unknown, value[i]];
    if (isTree(before) && isTree(after)) {
      if (before !== after) mergeInto(before, after, isAbstract);
    } else if (Array.isArray(before) && Array.isArray(after)) known[i] = mergedLists(before, after, isAbstract);
    else if (after !== null) known[i] = after;
  }
  return known;
}

/** The distinct values at a step of a plan's path, in which `@` stands for every item of a list. */
export function valuesAt(values: readonly unknown[], step: string | number): unknown[] {
  const found: unknown[] = [];
  if (step === "@") {
    for (const list of values)
      if (Array.isArray(list)) for (const item of list) if (item !== null && item !== undefined) found.push(item);
    return found;
  }
  // Different objects may have been given the same child. Items of different lists are never the same.
  const seen = new Set<unknown>();
  for (const value of values) {
    const child = isTree(value) ? value[step] : undefined;
    if (child === null || child === undefined || seen.has(child)) continue;
    seen.add(child);
    found.push(child);
  }
  return found;
}

/** Whether merging it shares nothing: no value of it can be changed later. */
export function isFlat(value: Tree): boolean {
  for (const key in value) if (typeof value[key] === "object" && value[key] !== null) return false;
  return true;
}

/** A copy that shares nothing, for a place whose own selection will be merged into it. */
export function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  const copy: Tree = {};
  for (const key in value) setOwn(copy, key, copyOf((value as Tree)[key]));
  return copy;
}
