import { Kind, type FragmentDefinitionNode, type SelectionSetNode } from "graphql";
import type { Operation } from "../graph/operation";
import type { Place } from "./places";

/**
 * The part of a place that is in the client's own operation: errors of fields that only the plan asks for (keys, what
 * others require) are told at the nearest field that the client knows.
 */
export function clientPath(operation: Operation): (place: Place) => Place {
  const { definition, document } = operation.answered ?? operation;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const each of document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each);

  const below = (sets: readonly SelectionSetNode[], key: string): SelectionSetNode[] | null => {
    const found: SelectionSetNode[] = [];
    let isThere = false;
    const look = ({ selections }: SelectionSetNode): void => {
      for (const selection of selections)
        if (selection.kind === Kind.FIELD) {
          if ((selection.alias ?? selection.name).value !== key) continue;
          isThere = true;
          if (selection.selectionSet) found.push(selection.selectionSet);
        } else {
          const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments.get(selection.name.value);
          if (inner) look(inner.selectionSet);
        }
    };
    sets.forEach(look);
    return isThere ? found : null;
  };

  return (place) => {
    let sets: readonly SelectionSetNode[] = [definition.selectionSet];
    const path: Place = [];
    for (const step of place) {
      const own = typeof step === "string" ? (operation.answered?.names?.client(step) ?? step) : step;
      if (typeof own === "string") {
        const next = below(sets, own);
        if (!next) break;
        sets = next;
      }
      path.push(own);
    }
    return path;
  };
}
