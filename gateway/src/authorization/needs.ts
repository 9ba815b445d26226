import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type SelectionSetNode,
} from "graphql";
import type { Operation } from "../graph/operation";
import type { Requirement, Requirements } from "./requirements";

/** What an operation's fields require, for each type of object that they may be asked of. */
export interface Needs {
  /** Every requirement in the operation, once. */
  all: readonly Requirement[];
  ofField: ReadonlyMap<FieldNode, readonly FieldNeeds[]>;
}

interface FieldNeeds {
  type: string;
  /** All of them. */
  requirements: readonly Requirement[];
  /** At least one of these types of object, where the field leads to an interface or a union. */
  leadsTo: readonly string[];
}

export function needsOf(
  { document }: Pick<Operation, "document">,
  schema: GraphQLSchema,
  requirements: Requirements,
): Needs {
  const all = new Map<string, Requirement>();
  const ofField = new Map<FieldNode, readonly FieldNeeds[]>();
  let read = readers.get(requirements);
  if (!read) readers.set(requirements, (read = createReader(schema, requirements)));
  const needsAt = read;

  const visit = ({ selections }: SelectionSetNode, parent: GraphQLCompositeType): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) continue;
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition && schema.getType(selection.typeCondition.name.value);
        visit(selection.selectionSet, isCompositeType(condition) ? condition : parent);
        continue;
      }
      const name = selection.name.value;
      // Whether the schema may be read is decided elsewhere.
      if (name === "__schema" || name === "__type") continue;
      const needs = needsAt(parent, name);
      ofField.set(selection, needs.onTypes);
      for (const each of needs.all) all.set(each.key, each);
      const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
      const target = field && getNamedType(field.type);
      if (selection.selectionSet && isCompositeType(target)) visit(selection.selectionSet, target);
    }
  };
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION)
      visit(definition.selectionSet, schema.getRootType(definition.operation)!);
    if (definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
    const type = schema.getType(definition.typeCondition.name.value);
    if (isCompositeType(type)) visit(definition.selectionSet, type);
  }
  return { all: [...all.values()], ofField };
}

interface PlaceNeeds {
  onTypes: readonly FieldNeeds[];
  all: readonly Requirement[];
}

const readers = new WeakMap<Requirements, ReturnType<typeof createReader>>();

/** Reads a graph's needs by type and field, each once: an interface may have a thousand types. */
function createReader(schema: GraphQLSchema, requirements: Requirements) {
  const places = new Map<string, PlaceNeeds>();
  const leads = new Map<string, { leadsTo: readonly string[]; all: readonly Requirement[] }>();

  function leadsOf(target: GraphQLNamedType | undefined) {
    if (!isAbstractType(target)) return nowhere;
    let known = leads.get(target.name);
    if (!known) {
      const leadsTo = schema.getPossibleTypes(target).map(({ name }) => name);
      known = { leadsTo, all: [...new Set(leadsTo.flatMap((name) => requirements.ofType(name)))] };
      leads.set(target.name, known);
    }
    return known;
  }

  function readPlace(parent: GraphQLCompositeType, name: string): PlaceNeeds {
    const all = new Set<Requirement>();
    const owners = isAbstractType(parent) ? schema.getPossibleTypes(parent) : [parent];
    const onTypes = owners.map((type): FieldNeeds => {
      const found = [...requirements.ofType(type.name)];
      const field = type.getFields()[name];
      const target = field && getNamedType(field.type);
      if (field) found.push(...requirements.ofField(type.name, name));
      if (target) found.push(...requirements.ofType(target.name));
      const { leadsTo, all: further } = leadsOf(target);
      for (const each of found) all.add(each);
      for (const each of further) all.add(each);
      return { type: type.name, requirements: found, leadsTo };
    });
    return { onTypes, all: [...all] };
  }

  return (parent: GraphQLCompositeType, name: string): PlaceNeeds => {
    const place = `${parent.name}.${name}`;
    let known = places.get(place);
    // `__typename` and what is in the schema: no more than that is kept.
    if (!known) places.set(place, (known = readPlace(parent, name)));
    return known;
  };
}

const nowhere = { leadsTo: [], all: [] };

/** The response paths, without the indexes of lists, at which an operation asks for what was denied. */
export function deniedPaths({ answered }: Operation): string[][] {
  if (!answered?.denied) return [];
  const { document, definition, denied } = answered;
  const fragments = new Map(
    document.definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [])),
  );
  const paths = new Map<string, string[]>();
  const collect = ({ selections }: SelectionSetNode, path: readonly string[]): void => {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const own = [...path, (selection.alias ?? selection.name).value];
        if (denied.fields.has(selection)) paths.set(own.join("."), own);
        else if (selection.selectionSet) collect(selection.selectionSet, own);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet, path);
      else collect(fragments.get(selection.name.value)!.selectionSet, path);
    }
  };
  collect(definition.selectionSet, []);
  return [...paths.values()];
}
