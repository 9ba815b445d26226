import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  print,
  type DirectiveNode,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLInterfaceType,
  type GraphQLSchema,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { Operation } from "./operation";

/**
 * The same operation as the planner can't fail on: it has no plan for some fragments on interfaces that a subgraph with an
 * interface object doesn't know, and for some deferred ones. So fragments on another abstract type are spelled out by
 * object types, named ones in place, and nothing is deferred. `widened`, what an interface's own leaf fields are asked of
 * some of its objects is asked of all of them: their answers are left out of what the client gets.
 */
export function spelledOut(operation: Operation, schema: GraphQLSchema, { widened = false } = {}): Operation {
  const typeConditionOf = new Map<string, { on: string; selectionSet: SelectionSetNode }>();
  for (const each of operation.document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION)
      typeConditionOf.set(each.name.value, { on: each.typeCondition.name.value, selectionSet: each.selectionSet });

  const typesOf = (type: GraphQLCompositeType) => (isAbstractType(type) ? schema.getPossibleTypes(type) : [type]);

  const spelled = (set: SelectionSetNode, parent: GraphQLCompositeType): SelectionSetNode => {
    const selections = set.selections.flatMap((selection): SelectionNode[] => {
      if (selection.kind === Kind.FIELD) {
        const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[selection.name.value] : null;
        const type = field && getNamedType(field.type);
        if (!selection.selectionSet || !isCompositeType(type)) return [selection];
        return [{ ...selection, selectionSet: spelled(selection.selectionSet, type) }];
      }
      const named = selection.kind === Kind.FRAGMENT_SPREAD ? typeConditionOf.get(selection.name.value)! : undefined;
      const on =
        named?.on ?? (selection.kind === Kind.INLINE_FRAGMENT ? selection.typeCondition?.name.value : undefined);
      const type = on === undefined ? parent : schema.getType(on);
      const inner =
        named?.selectionSet ?? (selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : undefined);
      if (!inner || !isCompositeType(type)) return [selection];
      const directives = selection.directives?.filter(({ name }) => name.value !== "defer");
      if (type === parent || !isAbstractType(type)) return [fragmentOn(type, directives, spelled(inner, type))];
      const possible = new Set(typesOf(parent));
      return typesOf(type)
        .filter((each) => possible.has(each))
        .map((each) => fragmentOn(each, directives, spelled(inner, each)));
    });
    return { ...set, selections: widened && isInterfaceType(parent) ? withLeavesOf(parent, selections) : selections };
  };

  const { definition } = operation;
  const changed = {
    ...definition,
    selectionSet: spelled(definition.selectionSet, schema.getRootType(definition.operation)!),
  };
  return {
    ...operation,
    key: `${operation.key} ${widened ? "widened" : "spelled out"}`,
    document: { ...operation.document, definitions: [changed] },
    definition: changed,
    answered: { document: operation.document, definition, ...operation.answered },
    deferred: undefined,
  };
}

/** The selections with the interface's own leaf fields out of the fragments in them, where they are the only ones of their key. */
function withLeavesOf(parent: GraphQLInterfaceType, selections: readonly SelectionNode[]): SelectionNode[] {
  const byKey = new Map<string, FieldNode[]>();
  const collect = (selection: SelectionNode): void => {
    if (selection.kind === Kind.INLINE_FRAGMENT) return selection.selectionSet.selections.forEach(collect);
    if (selection.kind !== Kind.FIELD) return;
    const key = (selection.alias ?? selection.name).value;
    byKey.set(key, [...(byKey.get(key) ?? []), selection]);
  };
  selections.forEach(collect);
  const asked = ({ name, arguments: given = [] }: FieldNode) => `${name.value} ${given.map(print).sort().join(" ")}`;
  const leaves = [...byKey.values()].filter(
    ([first, ...others]) =>
      !first!.selectionSet &&
      first!.name.value in parent.getFields() &&
      others.every((other) => asked(other) === asked(first!)),
  );
  const moved = new Set<SelectionNode>(leaves.flat());
  const without = (set: readonly SelectionNode[]): SelectionNode[] =>
    set.flatMap((selection): SelectionNode[] => {
      if (moved.has(selection)) return [];
      if (selection.kind !== Kind.INLINE_FRAGMENT) return [selection];
      const inner = without(selection.selectionSet.selections);
      return [{ ...selection, selectionSet: { ...selection.selectionSet, selections: [typename, ...inner] } }];
    });
  return [...leaves.map(([first]) => first!), ...without(selections)];
}

const typename: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" } };

const fragmentOn = (
  { name }: GraphQLCompositeType,
  directives: readonly DirectiveNode[] | undefined,
  selectionSet: SelectionSetNode,
): SelectionNode => ({
  kind: Kind.INLINE_FRAGMENT,
  typeCondition: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: name } },
  directives,
  selectionSet,
});
