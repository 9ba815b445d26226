import {
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";

/**
 * A document of one operation and the fragments that it spreads, in their order. (graphql-js's `separateOperations` makes
 * one for each operation of the text, which takes time by their number times that of the fragments.)
 */
export function alone(operation: OperationDefinitionNode, document: DocumentNode): DocumentNode {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const each of document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each);
  const used = new Set<unknown>([operation]);
  const left: SelectionSetNode[] = [operation.selectionSet];
  for (let next = left.pop(); next; next = left.pop())
    for (const selection of next.selections) {
      const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : undefined;
      if (fragment && used.has(fragment)) continue;
      if (fragment) used.add(fragment);
      const inner = selection.kind === Kind.FRAGMENT_SPREAD ? fragment?.selectionSet : selection.selectionSet;
      if (inner) left.push(inner);
    }
  return { kind: Kind.DOCUMENT, definitions: document.definitions.filter((each) => used.has(each)) };
}
