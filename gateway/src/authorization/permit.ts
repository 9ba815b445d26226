import {
  getNamedType,
  GraphQLError,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type DefinitionNode,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLSchema,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { ClientRequest } from "../client-request";
import { RequestRefused } from "../endpoint";
import type { Operation } from "../graph/operation";
import { readRequirements, satisfies, type Requirement, type Requirements } from "./requirements";

export interface AuthorizationOptions {
  /** The API's schema, which clients select from. */
  schema: GraphQLSchema;
  supergraphSchema: GraphQLSchema;
  /** Whether an operation that asks for anything that its caller may not see isn't run at all. */
  refuseWhole?: boolean;
}

export type Permit = (operation: Operation, request: ClientRequest) => Promise<Operation> | Operation;

const unauthorized = "UNAUTHORIZED_FIELD_OR_TYPE";

/**
 * Removes from an operation what its caller may not see, before it is planned: no subgraph is asked for it, not even on
 * the way to something else. What was removed is answered with null and an error at each of its places.
 */
export function createPermit(o: AuthorizationOptions): Permit {
  const requirements = readRequirements(o.supergraphSchema);
  if (requirements.isEmpty) return (operation) => operation;
  const needs = new WeakMap<Operation, Needs>();

  return async (operation, request) => {
    let own = needs.get(operation);
    if (!own) needs.set(operation, (own = needsOf(operation, o.schema, requirements)));
    if (own.all.length === 0) return operation;
    const unmet = new Set<string>();
    for (const requirement of own.all) if (!(await satisfies(request.claims, requirement))) unmet.add(requirement.key);
    if (unmet.size === 0) return operation;
    const key = [...unmet].join(" ");
    let permitted = own.permitted.get(key);
    if (!permitted) own.permitted.set(key, (permitted = without(operation, own, unmet)));
    const isRootOfSubscription = operation.type === "subscription" && rootIsDenied(operation, permitted);
    if (o.refuseWhole || isRootOfSubscription)
      throw new RequestRefused([
        new GraphQLError("You may not see all that this operation asks for.", {
          extensions: { code: unauthorized, http: { status: 403 } },
        }),
      ]);
    return permitted;
  };
}

interface Needs {
  /** Every requirement in the operation, once. */
  all: Requirement[];
  /** What a field or a fragment requires; those without aren't in it. */
  ofSelection: Map<SelectionNode | DefinitionNode, Requirement[]>;
  /** By the requirements that aren't met. */
  permitted: Map<string, Operation>;
}

function needsOf({ document }: Operation, schema: GraphQLSchema, requirements: Requirements): Needs {
  const ofSelection: Needs["ofSelection"] = new Map();
  const all = new Map<string, Requirement>();
  const note = (node: SelectionNode | DefinitionNode, found: (Requirement | null)[]) => {
    const own = found.filter((each) => each !== null);
    if (own.length === 0) return;
    ofSelection.set(node, own);
    for (const each of own) all.set(each.key, each);
  };
  const possible = (type: GraphQLCompositeType) => (isAbstractType(type) ? schema.getPossibleTypes(type) : [type]);

  const visit = ({ selections }: SelectionSetNode, parent: GraphQLCompositeType): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) continue;
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition && schema.getType(selection.typeCondition.name.value);
        const type = isCompositeType(condition) ? condition : parent;
        if (selection.typeCondition) note(selection, [requirements.ofType(type.name)]);
        visit(selection.selectionSet, type);
        continue;
      }
      const name = selection.name.value;
      // Whoever asks an interface asks each of its implementations, and their names are of them as well.
      const owners = name === "__schema" || name === "__type" ? [] : possible(parent);
      const found: (Requirement | null)[] = [];
      for (const owner of [parent, ...owners]) {
        found.push(requirements.ofField(owner.name, name));
        if (owner !== parent || !isObjectType(parent)) found.push(requirements.ofType(owner.name));
      }
      const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
      const type = field && getNamedType(field.type);
      if (type) found.push(requirements.ofType(type.name));
      note(selection, found);
      if (selection.selectionSet && isCompositeType(type)) visit(selection.selectionSet, type);
    }
  };
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      const root = schema.getRootType(definition.operation)!;
      note(definition, [requirements.ofType(root.name)]);
      visit(definition.selectionSet, root);
    }
    if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      const type = schema.getType(definition.typeCondition.name.value);
      if (!isCompositeType(type)) continue;
      note(definition, [requirements.ofType(type.name)]);
      visit(definition.selectionSet, type);
    }
  }
  return { all: [...all.values()], ofSelection, permitted: new Map() };
}

/** The operation less what requires any of this; it still answers by the original's shape. */
function without(operation: Operation, { ofSelection }: Needs, unmet: ReadonlySet<string>): Operation {
  const denied = new Set<FieldNode>();
  const isUnmet = (node: SelectionNode | DefinitionNode) =>
    (ofSelection.get(node) ?? []).some(({ key }) => unmet.has(key));

  const filtered = (set: SelectionSetNode, inDenied: boolean): SelectionSetNode => {
    const selections: SelectionNode[] = [];
    for (const selection of set.selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        selections.push(selection);
        continue;
      }
      const isDenied = inDenied || isUnmet(selection);
      if (selection.kind === Kind.FIELD && isDenied) denied.add(selection);
      else if (selection.kind === Kind.FIELD)
        selections.push(
          selection.selectionSet ? { ...selection, selectionSet: filtered(selection.selectionSet, false) } : selection,
        );
      else {
        const inner = filtered(selection.selectionSet, isDenied);
        if (!isDenied) selections.push({ ...selection, selectionSet: inner });
      }
    }
    // Whether there is an object at all can be told; and a selection is never empty.
    return { ...set, selections: selections.length > 0 ? selections : [typenameField] };
  };
  const definitions = operation.document.definitions.map((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION || definition.kind === Kind.FRAGMENT_DEFINITION
      ? { ...definition, selectionSet: filtered(definition.selectionSet, isUnmet(definition)) }
      : definition,
  );
  const definition = definitions.find((each) => each.kind === Kind.OPERATION_DEFINITION)!;
  const key = `${operation.key} without ${[...unmet].sort().join(" ")}`;
  return {
    ...operation,
    key,
    document: { ...operation.document, definitions },
    definition,
    answered: { document: operation.document, definition: operation.definition, denied },
  };
}

const rootIsDenied = ({ definition }: Operation, { answered }: Operation): boolean =>
  definition.selectionSet.selections.some((each) => each.kind === Kind.FIELD && answered?.denied?.has(each));

const typenameField: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" } };
