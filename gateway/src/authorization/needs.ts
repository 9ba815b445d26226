import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLObjectType,
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
  const ofField = new Map<FieldNode, FieldNeeds[]>();
  // An interface may have a thousand types, and an operation as many fields of it.
  const known = new Map<string, FieldNeeds[]>();

  function needsOn(type: GraphQLObjectType, name: string): FieldNeeds {
    const found = [...requirements.ofType(type.name)];
    const field = type.getFields()[name];
    const target = field && getNamedType(field.type);
    if (field) found.push(...requirements.ofField(type.name, name));
    if (target) found.push(...requirements.ofType(target.name));
    const leadsTo = isAbstractType(target) ? schema.getPossibleTypes(target).map((each) => each.name) : [];
    for (const each of [...found, ...leadsTo.flatMap((name) => requirements.ofType(name))]) all.set(each.key, each);
    return { type: type.name, requirements: found, leadsTo };
  }

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
      const key = `${parent.name}.${name}`;
      let needs = known.get(key);
      if (!needs) {
        const owners = isAbstractType(parent) ? schema.getPossibleTypes(parent) : [parent];
        known.set(key, (needs = owners.map((owner) => needsOn(owner, name))));
      }
      ofField.set(selection, needs);
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
