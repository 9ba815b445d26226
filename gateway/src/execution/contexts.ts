import type { FetchNode } from "@apollo/query-planner";
import type { IsOfType } from "./rewrites";
import { getOwn, isTree, type Tree } from "./tree";

/** Objects for which a fetch has the same variables, and those variables as JSON members. */
export interface ContextGroup {
  objects: Tree[];
  variables: string;
}

/** Sorts the objects at a plan's path by what the objects above them say. */
export type GroupByContext = (
  root: Tree,
  objects: readonly Tree[],
  path: readonly (string | number)[],
) => ContextGroup[];

const fragment = "... on ";

/**
 * Compiles the arguments that fields have from objects above them (`@fromContext`): `..` of a rewrite's path leads to the
 * object that holds the field, past any lists, and what is found there becomes a variable of the fetch.
 */
export function compileContexts(
  rewrites: FetchNode["contextRewrites"],
  isOfType: IsOfType,
): GroupByContext | undefined {
  if (!rewrites?.length) return undefined;

  const valueFrom = (value: unknown, path: readonly string[]): unknown => {
    for (const [at, step] of path.entries()) {
      if (Array.isArray(value)) return value.map((item) => valueFrom(item, path.slice(at)));
      if (!isTree(value)) return value === null ? null : undefined;
      if (!step.startsWith(fragment)) value = getOwn(value, step);
      else if (value.__typename !== undefined && !isOfType(value.__typename, step.slice(fragment.length)))
        return undefined;
    }
    return value;
  };

  const variablesFor = (above: readonly Tree[]): string => {
    const found = new Map<string, unknown>();
    for (const { path, renameKeyTo } of rewrites) {
      const levels = path.findIndex((step) => step !== "..");
      const value = valueFrom(above[above.length - levels], path.slice(levels));
      // One variable may be had from objects of several types.
      if (value !== undefined) found.set(renameKeyTo, value);
    }
    let text = "";
    for (const [name, value] of found) text += `${text && ","}${JSON.stringify(name)}:${JSON.stringify(value)}`;
    return text;
  };

  return (root, objects, path) => {
    const wanted = new Set(objects);
    const groups = new Map<string, ContextGroup>();
    const walk = (value: unknown, at: number, above: readonly Tree[]): void => {
      const step = path[at];
      if (step === undefined) {
        if (!isTree(value) || !wanted.delete(value)) return;
        const variables = variablesFor(above);
        const known = groups.get(variables);
        if (known) known.objects.push(value);
        else groups.set(variables, { objects: [value], variables });
      } else if (step === "@") {
        if (Array.isArray(value)) for (const item of value) walk(item, at + 1, above);
      } else if (isTree(value)) walk(value[step], at + 1, [...above, value]);
    };
    walk(root, 0, []);
    return [...groups.values()];
  };
}
