import type { FetchDataRewrite } from "@apollo/query-planner";
import { getOwn, isTree, setOwn, type Tree } from "./tree";

/** Whether an object of the first type (by its name) is one of the second. */
export type IsOfType = (typename: unknown, condition: string) => boolean;

const fragment = "... on ";

export type Rewrite = (value: unknown) => void;

/**
 * What the planner asks to be changed in a representation before it is sent, or in an answer before it is merged: a value
 * set (an interface's name for that of an implementation) or a key renamed (an alias that kept two fields apart).
 */
export function compileRewrites(rewrites: readonly FetchDataRewrite[] | undefined, isOfType: IsOfType): Rewrite | null {
  if (!rewrites?.length) return null;
  const changes = rewrites.map((rewrite) => compileRewrite(rewrite, isOfType));
  return (value) => {
    for (const change of changes) change(value);
  };
}

function compileRewrite(rewrite: FetchDataRewrite, isOfType: IsOfType): Rewrite {
  const path = rewrite.path.slice(0, -1);
  const key = rewrite.path.at(-1)!;
  const change =
    rewrite.kind === "ValueSetter"
      ? (object: Tree) => setOwn(object, key, rewrite.setValueTo)
      : (object: Tree) => {
          const value = getOwn(object, key);
          if (value === undefined) return;
          delete object[key];
          setOwn(object, rewrite.renameKeyTo, value);
        };
  const applyAt = (value: unknown, at: number): void => {
    if (Array.isArray(value)) for (const item of value) applyAt(item, at);
    else if (isTree(value)) {
      const step = path[at];
      if (step === undefined) change(value);
      else if (!step.startsWith(fragment)) applyAt(getOwn(value, step), at + 1);
      else if (value.__typename === undefined || isOfType(value.__typename, step.slice(fragment.length)))
        applyAt(value, at + 1);
    }
  };
  return (value) => applyAt(value, 0);
}

/** The same for the keys of a path in which a subgraph named a place of its answer. */
export function renamedPath(
  rewrites: readonly FetchDataRewrite[] | undefined,
  path: readonly (string | number)[],
): (string | number)[] {
  const renamed = [...path];
  for (const rewrite of rewrites ?? []) {
    if (rewrite.kind !== "KeyRenamer") continue;
    const keys = rewrite.path.filter((step) => !step.startsWith(fragment));
    const places = path.flatMap((step, place) => (typeof step === "number" ? [] : [place]));
    const matches = keys.length <= places.length && keys.every((key, at) => path[places[at]!] === key);
    if (matches) renamed[places[keys.length - 1]!] = rewrite.renameKeyTo;
  }
  return renamed;
}
