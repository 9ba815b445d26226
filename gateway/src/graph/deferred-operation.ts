import {
  Kind,
  visit,
  type DirectiveNode,
  type FragmentDefinitionNode,
  type FragmentSpreadNode,
  type InlineFragmentNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { Operation } from "./operation";

/** What a step of a path begins with that names a type. */
export const onType = "... on ";

export type DeferredFragment = InlineFragmentNode | FragmentSpreadNode;

/** A fragment that comes later, as the client wrote it, and the label that the client gave it. */
export interface DeferredPart {
  fragment: DeferredFragment;
  /** Where its objects are in what was got: response keys, and the types (`... on Type`) of the objects on the way. */
  path: readonly string[];
  label: string | undefined;
}

/** What comes later, by the labels that the plan has. */
export type DeferredParts = ReadonlyMap<string, DeferredPart>;

export const isDeferring = ({ name }: DirectiveNode): boolean => name.value === "defer";

/** Whether this fragment comes later, with these variables. */
function isDeferred(selection: DeferredFragment, variables: Readonly<Record<string, unknown>>): boolean {
  const defer = selection.directives?.find(isDeferring);
  if (!defer) return false;
  const given = defer.arguments?.find(({ name }) => name.value === "if")?.value;
  if (given === undefined) return true;
  return given.kind === Kind.VARIABLE
    ? variables[given.name.value] !== false
    : given.kind === Kind.BOOLEAN && given.value;
}

/**
 * The selection as it is planned: each deferred fragment under a label of its own, wherever named fragments spread it, so
 * that the plan's parts can be told apart; what isn't deferred with these variables has no directive left. The planner
 * leaves out what has deferred parts alone, so something is asked beside them.
 */
export function labelledDefers(
  operation: Operation,
  variables: Readonly<Record<string, unknown>>,
): { selectionSet: SelectionSetNode; parts: DeferredParts } {
  // What was changed before planning still has the client's directives.
  const written = new Map<DirectiveNode, DeferredFragment>();
  const note = (fragment: DeferredFragment) =>
    fragment.directives?.filter(isDeferring).forEach((directive) => written.set(directive, fragment));
  visit((operation.answered ?? operation).document, { InlineFragment: note, FragmentSpread: note });
  const parts = new Map<string, DeferredPart>();
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const each of operation.document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each);

  const inlined = (set: SelectionSetNode, path: readonly string[]): SelectionSetNode => {
    const selections = set.selections.map((selection): SelectionNode => {
      if (selection.kind === Kind.FIELD) {
        if (!selection.selectionSet) return selection;
        const key = (selection.alias ?? selection.name).value;
        return { ...selection, selectionSet: inlined(selection.selectionSet, [...path, key]) };
      }
      const named = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value)! : selection;
      const directives = (selection.directives ?? []).filter((directive) => !isDeferring(directive));
      const within = named.typeCondition ? [...path, onType + named.typeCondition.name.value] : path;
      if (isDeferred(selection, variables)) directives.push(deferAs(parts, selection, within, written));
      return {
        kind: Kind.INLINE_FRAGMENT,
        typeCondition: named.typeCondition,
        directives,
        selectionSet: inlined(named.selectionSet, within),
      };
    });
    const hasMore = selections.some(({ directives }) => !directives?.some(isDeferring));
    return { ...set, selections: hasMore ? selections : [typename, ...selections] };
  };
  return { selectionSet: inlined(operation.definition.selectionSet, []), parts };
}

function deferAs(
  parts: Map<string, DeferredPart>,
  planned: DeferredFragment,
  path: readonly string[],
  written: ReadonlyMap<DirectiveNode, DeferredFragment>,
): DirectiveNode {
  const directive = planned.directives!.find(isDeferring)!;
  const fragment = written.get(directive) ?? planned;
  const given = directive.arguments?.find(({ name }) => name.value === "label")?.value;
  const label = `part${parts.size}`;
  parts.set(label, { fragment, path, label: given?.kind === Kind.STRING ? given.value : undefined });
  return {
    kind: Kind.DIRECTIVE,
    name: { kind: Kind.NAME, value: "defer" },
    arguments: [
      {
        kind: Kind.ARGUMENT,
        name: { kind: Kind.NAME, value: "label" },
        value: { kind: Kind.STRING, value: label },
      },
    ],
  };
}

const typename: SelectionNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" } };
