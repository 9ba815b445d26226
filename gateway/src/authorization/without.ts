import {
  isObjectType,
  Kind,
  visit,
  type FieldNode,
  type GraphQLSchema,
  type InlineFragmentNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { Denied, Operation } from "../graph/operation";
import { needsOf, type Needs } from "./needs";
import type { Requirements } from "./requirements";

/** The operation less what requires any of what isn't met; it still answers by the original's shape. */
export function without(
  operation: Operation,
  needs: Needs,
  o: {
    schema: GraphQLSchema;
    requirements: Requirements;
    /** By their keys. */
    unmet: ReadonlySet<string>;
    /** Names what isn't met. */
    key: string;
  },
): Operation {
  const { denied, permitted } = denialsIn(needs, o);
  if (denied.fields.size === 0) return operation;
  const whole = undeferred(operation);
  // What was denied in a deferred part would be nowhere: with anything denied, the answer comes as one.
  if (whole !== operation) return without(whole, needsOf(whole, o.schema, o.requirements), o);

  const filtered = (set: SelectionSetNode): SelectionSetNode => {
    const selections: SelectionNode[] = [];
    for (const selection of set.selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        selections.push(selection);
        continue;
      }
      const inner = selection.selectionSet && filtered(selection.selectionSet);
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (!isEmpty(inner!)) selections.push({ ...selection, selectionSet: inner! });
        continue;
      }
      const field = inner ? { ...selection, selectionSet: inner } : selection;
      if (!denied.fields.has(selection)) selections.push(field);
      // Which type it is has to be known, to tell what may be seen of it.
      else if (selection.name.value === "__typename" && permitted.has(selection)) selections.push(field);
      else for (const type of permitted.get(selection) ?? []) selections.push(onlyOn(type, field));
    }
    return { ...set, selections: selections.length > 0 ? selections : [typenameField] };
  };
  const definitions = operation.document.definitions.map((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION || definition.kind === Kind.FRAGMENT_DEFINITION
      ? { ...definition, selectionSet: filtered(definition.selectionSet) }
      : definition,
  );
  return {
    ...operation,
    key: `${operation.key} without ${o.key}`,
    document: { ...operation.document, definitions },
    definition: definitions.find((each) => each.kind === Kind.OPERATION_DEFINITION)!,
    answered: { document: operation.document, definition: operation.definition, denied },
  };
}

function denialsIn(
  needs: Needs,
  o: { schema: GraphQLSchema; requirements: Requirements; unmet: ReadonlySet<string> },
): { denied: Denied; permitted: ReadonlyMap<FieldNode, readonly string[]> } {
  const types = new Set<string>();
  const isUnmet = ({ key }: { key: string }) => o.unmet.has(key);
  for (const { name } of Object.values(o.schema.getTypeMap()))
    if (o.requirements.ofType(name).some(isUnmet)) types.add(name);
  const fields = new Map<FieldNode, ReadonlySet<string>>();
  const permitted = new Map<FieldNode, readonly string[]>();
  // The same alternatives are shared by all fields of a name.
  const decided = new Map<unknown, { deniedOn: Set<string>; others: string[] }>();
  for (const [node, alternatives] of needs.ofField) {
    let decision = decided.get(alternatives);
    if (!decision) {
      const isDenied = ({ requirements, leadsTo }: (typeof alternatives)[number]) =>
        requirements.some(isUnmet) || (leadsTo.length > 0 && leadsTo.every((type) => types.has(type)));
      const deniedOn = new Set(alternatives.filter(isDenied).map(({ type }) => type));
      const others = alternatives.map(({ type }) => type).filter((type) => !deniedOn.has(type));
      decided.set(alternatives, (decision = { deniedOn: withInterfaces(deniedOn, o.schema), others }));
    }
    const { deniedOn, others } = decision;
    if (deniedOn.size === 0) continue;
    if (others.length > 0) permitted.set(node, others);
    fields.set(node, deniedOn);
  }
  return { denied: { fields, types: withInterfaces(types, o.schema) }, permitted };
}

/** An object of which only its interface is known may be of a denied type. */
function withInterfaces(types: Set<string>, schema: GraphQLSchema): Set<string> {
  for (const name of [...types]) {
    const type = schema.getType(name);
    if (isObjectType(type)) for (const each of type.getInterfaces()) types.add(each.name);
  }
  return types;
}

/** Without any `@defer`; itself if there was none. */
function undeferred(operation: Operation): Operation {
  let isChanged = false;
  const document = visit(operation.document, {
    Directive({ name }) {
      if (name.value !== "defer") return undefined;
      isChanged = true;
      return null;
    },
  });
  if (!isChanged) return operation;
  return {
    ...operation,
    document,
    definition: document.definitions.find((each) => each.kind === Kind.OPERATION_DEFINITION)!,
  };
}

const onlyOn = (type: string, field: FieldNode): InlineFragmentNode => ({
  kind: Kind.INLINE_FRAGMENT,
  typeCondition: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: type } },
  selectionSet: { kind: Kind.SELECTION_SET, selections: [field] },
});

const typenameField: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" } };
const isEmpty = ({ selections }: SelectionSetNode) => selections.length === 1 && selections[0] === typenameField;
