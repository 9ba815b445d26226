import {
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  visit,
  type DirectiveNode,
  type FieldNode,
  type GraphQLSchema,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import { alone } from "./alone";
import { isDeferring, labelledDefers } from "./deferred-operation";
import type { Operation } from "./operation";

// What an operation's switches may leave of it is remembered for so many of their combinations.
const variantsMax = 64;

/** What the client calls a field's value, and under which key the plan gets it. */
export interface PlannedNames {
  planned(responseKey: string, fieldName: string): string;
  client(plannedKey: string): string;
}

export interface PlannedOperations {
  /** What is planned in place of an operation, with these variables. The answer still has the operation's own shape. */
  plannedFor(operation: Operation, variables: Readonly<Record<string, unknown>>): Operation;
}

/**
 * Keeps the planner from three faults of its own. It adds fields under their own names (keys, what others require), and
 * takes a client's field under such a name, with other arguments or of another field, for the same. And where it puts
 * selections together it can lose `@skip` and `@include`: so what they leave out is left out before. And of a mutation's
 * fields it sends those of fragments after the others: so they stand in the operation itself, in their order.
 */
export function createPlannedOperations(supergraphSchema: GraphQLSchema): PlannedOperations {
  const reserved = reservedNames(supergraphSchema);
  const withArguments = fieldsWithArguments(supergraphSchema);
  const known = new WeakMap<
    Operation,
    { switches: readonly string[]; renames: boolean; defers: boolean; orders: boolean; planned: Map<string, Operation> }
  >();

  const isTaken = ({ alias, name }: FieldNode): boolean => {
    const key = (alias ?? name).value;
    return reserved.has(key) && (key !== name.value || withArguments.has(name.value));
  };

  return {
    plannedFor(operation, variables) {
      let own = known.get(operation);
      if (!own) {
        let renames = false;
        let defers = false;
        visit(operation.document, {
          Field(node) {
            if (isTaken(node)) renames = true;
          },
          Directive(node) {
            if (isDeferring(node)) defers = true;
          },
        });
        const orders = operation.type === "mutation" && hasFragments(operation.definition.selectionSet);
        known.set(operation, (own = { switches: switchesOf(operation), renames, defers, orders, planned: new Map() }));
      }
      const { switches, renames, defers, orders, planned } = own;
      if (switches.length === 0 && !renames && !orders) return operation;
      const decided = switches.slice(1);
      let key = "";
      for (const name of decided) key += variables[name] === undefined ? "-" : variables[name] ? "1" : "0";
      let each = planned.get(key);
      if (!each) {
        if (planned.size >= variantsMax) planned.delete(planned.keys().next().value!);
        each = change(operation, variables, renames ? isTaken : null, key);
        if (orders) each = inOrder(each);
        if (defers) each = labelled(each, variables);
        planned.set(key, each);
      }
      return each;
    },
  };
}

/** An empty text where there is any `@skip`, `@include` or `@defer`, then the variables that decide them. */
function switchesOf({ document }: Operation): string[] {
  let isThere = false;
  const names = new Set<string>();
  visit(document, {
    Directive({ name, arguments: given }: DirectiveNode) {
      if (!["skip", "include", "defer"].includes(name.value)) return;
      isThere = true;
      const value = given?.find((argument) => argument.name.value === "if")?.value;
      if (value?.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return isThere ? ["", ...[...names].sort()] : [];
}

function change(
  operation: Operation,
  variables: Readonly<Record<string, unknown>>,
  isTaken: ((field: FieldNode) => boolean) | null,
  key: string,
): Operation {
  const names = isTaken && namesFor(operation, isTaken);

  const selected = (set: SelectionSetNode): SelectionSetNode => {
    const selections = set.selections.flatMap((selection): SelectionNode[] => {
      const directives: DirectiveNode[] = [];
      for (const directive of selection.directives ?? []) {
        const value = decision(directive, variables);
        if (value === undefined) directives.push(directive);
        else if (value === (directive.name.value === "skip")) return [];
      }
      if (selection.kind === Kind.FRAGMENT_SPREAD) return [{ ...selection, directives }];
      if (selection.kind === Kind.INLINE_FRAGMENT)
        return [{ ...selection, directives, selectionSet: selected(selection.selectionSet) }];
      const alias =
        names && isTaken!(selection)
          ? {
              kind: Kind.NAME as const,
              value: names.planned((selection.alias ?? selection.name).value, selection.name.value),
            }
          : selection.alias;
      const inner = selection.selectionSet && selected(selection.selectionSet);
      return [{ ...selection, alias, directives, selectionSet: inner }];
    });
    return { ...set, selections: selections.length > 0 ? selections : [typenameField] };
  };

  const definitions = operation.document.definitions.map((each) =>
    each.kind === Kind.OPERATION_DEFINITION || each.kind === Kind.FRAGMENT_DEFINITION
      ? { ...each, selectionSet: selected(each.selectionSet) }
      : each,
  );
  const { document, definition, denied } = { denied: undefined, ...(operation.answered ?? operation) };
  return {
    ...operation,
    key: `${operation.key} ${key}`,
    document: { ...operation.document, definitions },
    definition: definitions.find((each) => each.kind === Kind.OPERATION_DEFINITION)!,
    answered: { document, definition, denied, ...(names && { names }) },
  };
}

const hasFragments = ({ selections }: SelectionSetNode): boolean => selections.some(({ kind }) => kind !== Kind.FIELD);

/** With its root fields out of the fragments that they stand in: whichever they are on, the one root is of that type. */
function inOrder(operation: Operation): Operation {
  const { document, definition } = operation;
  const fragments = new Map<string, SelectionSetNode>();
  for (const each of document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each.selectionSet);
  const fieldsOf = ({ selections }: SelectionSetNode): SelectionNode[] =>
    selections.flatMap((selection) => {
      // What is deferred comes later, and in its fragment.
      if (selection.kind === Kind.FIELD || selection.directives?.length) return [selection];
      return fieldsOf(
        selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : fragments.get(selection.name.value)!,
      );
    });
  const selectionSet = { ...definition.selectionSet, selections: fieldsOf(definition.selectionSet) };
  const ordered = { ...definition, selectionSet };
  const definitions = document.definitions.map((each) => (each === definition ? ordered : each));
  // It would put fields back into the fragments that they are from, if those were left.
  return { ...operation, document: alone(ordered, { ...document, definitions }), definition: ordered };
}

function labelled(operation: Operation, variables: Readonly<Record<string, unknown>>): Operation {
  const { selectionSet, parts } = labelledDefers(operation, variables);
  const definition = { ...operation.definition, selectionSet };
  return { ...operation, document: { ...operation.document, definitions: [definition] }, definition, deferred: parts };
}

/** What `@skip` or `@include` is asked with, where that is known before planning. */
function decision({ name, arguments: given }: DirectiveNode, variables: Readonly<Record<string, unknown>>) {
  if (name.value !== "skip" && name.value !== "include") return undefined;
  const value = given?.find((argument) => argument.name.value === "if")?.value;
  if (value?.kind === Kind.BOOLEAN) return value.value;
  return value?.kind === Kind.VARIABLE ? Boolean(variables[value.name.value]) : undefined;
}

/** A key for each taken one that nothing else in the operation, or in the schema's own names, has. */
function namesFor(operation: Operation, isTaken: (field: FieldNode) => boolean): PlannedNames {
  const keys = new Set<string>();
  const taken = new Set<string>();
  visit(operation.document, {
    Field(node) {
      const key = (node.alias ?? node.name).value;
      keys.add(key);
      if (isTaken(node)) taken.add(`${key} ${node.name.value}`);
    },
  });
  let suffix = "__asked";
  while ([...keys].some((key) => key.endsWith(suffix))) suffix += "_";
  return {
    planned: (key, fieldName) => (taken.has(`${key} ${fieldName}`) ? `${key}${suffix}` : key),
    client: (key) => (key.endsWith(suffix) ? key.slice(0, -suffix.length) : key),
  };
}

/** The names under which the planner may add fields: of keys, and of what others require or provide. */
function reservedNames(schema: GraphQLSchema): Set<string> {
  const names = new Set(["__typename"]);
  // Most keys are the same few.
  const known = new Set<string>();
  const collect = (selection: string) => {
    if (known.has(selection)) return;
    known.add(selection);
    for (const field of fieldsIn(selection)) names.add(field);
  };
  const read = (directives: readonly DirectiveNode[] | undefined) => {
    for (const { name, arguments: given } of directives ?? []) {
      if (!name.value.startsWith("join__")) continue;
      for (const argument of given ?? []) {
        if (!["key", "requires", "provides", "contextArguments"].includes(argument.name.value)) continue;
        if (argument.value.kind === Kind.STRING) collect(argument.value.value);
        else visit(argument.value, { StringValue: ({ value }) => collect(value) });
      }
    }
  };
  for (const type of Object.values(schema.getTypeMap())) {
    read(type.astNode?.directives);
    for (const extension of type.extensionASTNodes) read(extension.directives);
    if (isObjectType(type) || isInterfaceType(type))
      for (const field of Object.values(type.getFields())) read(field.astNode?.directives);
  }
  return names;
}

function fieldsIn(selection: string): string[] {
  const names: string[] = [];
  try {
    visit(parse(`{ ${selection} }`, { noLocation: true }), { Field: ({ name }) => void names.push(name.value) });
  } catch {
    // A graph's name beside the selections.
  }
  return names;
}

function fieldsWithArguments(schema: GraphQLSchema): Set<string> {
  const names = new Set<string>();
  for (const type of Object.values(schema.getTypeMap()))
    if (isObjectType(type) || isInterfaceType(type))
      for (const field of Object.values(type.getFields())) if (field.args.length > 0) names.add(field.name);
  return names;
}

const typenameField: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" } };
