import {
  buildASTSchema,
  Kind,
  parse,
  printSchema,
  visit,
  type ConstValueNode,
  type DefinitionNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  type InputValueDefinitionNode,
  type InterfaceTypeDefinitionNode,
  type ObjectTypeDefinitionNode,
  type TypeDefinitionNode,
  type TypeNode,
} from "graphql";

/**
 * The schema without what is hidden, named by schema coordinates (`Type`, `Type.field`, `Type.field(argument:)`,
 * `Enum.VALUE`, `Input.field`), and without what doesn't go without that: fields that lead to it or need it as an
 * argument, types of which nothing is left, an interface's field that one implementation lacks, and whatever can't be
 * reached any more. Its query type may be left without a field.
 */
export function visibleSchema(schema: GraphQLSchema, hidden: ReadonlySet<string>): GraphQLSchema {
  const document = parse(printSchema(schema), { noLocation: true });
  const types = new Map<string, TypeDefinitionNode>();
  const others: DefinitionNode[] = [];
  for (const definition of document.definitions)
    if ("fields" in definition || "types" in definition || "values" in definition || isScalar(definition)) {
      const type = definition as TypeDefinitionNode;
      types.set(type.name.value, type);
    } else others.push(definition);
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(
    (type) => type?.name ?? [],
  );
  const gone = new Set([...types.keys()].filter((name) => hidden.has(name)));
  const isThere = (type: TypeNode): boolean => !gone.has(namedTypeOf(type));

  function argumentsOf(place: string, given: readonly InputValueDefinitionNode[]): InputValueDefinitionNode[] | null {
    const kept: InputValueDefinitionNode[] = [];
    for (const each of given)
      if (!hidden.has(`${place}(${each.name.value}:)`) && isThere(each.type)) kept.push(withPossibleDefault(each));
      else if (isRequired(each)) return null;
    return kept;
  }

  // Of enums whose values are hidden no default may be one of them.
  const hiddenValues = new Set<string>();
  for (const type of types.values())
    if (type.kind === Kind.ENUM_TYPE_DEFINITION)
      for (const { name } of type.values ?? []) {
        const coordinate = `${type.name.value}.${name.value}`;
        if (hidden.has(coordinate)) hiddenValues.add(name.value);
      }
  const withPossibleDefault = (value: InputValueDefinitionNode): InputValueDefinitionNode =>
    value.defaultValue && mentions(value.defaultValue, hiddenValues) ? { ...value, defaultValue: undefined } : value;

  const implementations = implementationsIn(types);
  const hasLostAll = (name: string) => implementations.get(name)?.every((each) => gone.has(each)) === true;

  function reduced(type: TypeDefinitionNode): TypeDefinitionNode | null {
    const name = type.name.value;
    switch (type.kind) {
      case Kind.OBJECT_TYPE_DEFINITION:
      case Kind.INTERFACE_TYPE_DEFINITION: {
        const fields = (type.fields ?? []).flatMap((field): FieldDefinitionNode[] => {
          const place = `${name}.${field.name.value}`;
          if (hidden.has(place) || !isThere(field.type)) return [];
          const given = argumentsOf(place, field.arguments ?? []);
          return given ? [{ ...field, arguments: given }] : [];
        });
        const interfaces = (type.interfaces ?? []).filter(isThere);
        const isEmpty = type.kind === Kind.INTERFACE_TYPE_DEFINITION && hasLostAll(name);
        return fields.length > 0 && !isEmpty ? { ...type, fields, interfaces } : null;
      }
      case Kind.INPUT_OBJECT_TYPE_DEFINITION: {
        const fields: InputValueDefinitionNode[] = [];
        for (const each of type.fields ?? [])
          if (!hidden.has(`${name}.${each.name.value}`) && isThere(each.type)) fields.push(withPossibleDefault(each));
          else if (isRequired(each)) return null;
        return fields.length > 0 ? { ...type, fields } : null;
      }
      case Kind.UNION_TYPE_DEFINITION: {
        const members = (type.types ?? []).filter(isThere);
        return members.length > 0 ? { ...type, types: members } : null;
      }
      case Kind.ENUM_TYPE_DEFINITION: {
        const values = (type.values ?? []).filter((value) => !hidden.has(`${name}.${value.name.value}`));
        return values.length > 0 ? { ...type, values } : null;
      }
      default:
        return type;
    }
  }

  for (let before = ""; before !== (before = sizesOf(types, gone));) {
    for (const [name, type] of types) {
      if (gone.has(name)) continue;
      const left = reduced(type);
      if (left) types.set(name, left);
      else gone.add(name);
    }
    for (const type of types.values()) if (!gone.has(type.name.value)) conform(type, types);
  }
  const query = schema.getQueryType()!.name;
  if (gone.delete(query))
    types.set(query, { ...(types.get(query) as ObjectTypeDefinitionNode), fields: [], interfaces: [] });
  const left = new Map([...types].filter(([name]) => !gone.has(name)));
  const reached = reachable(left, [...roots.filter((name) => left.has(name)), ...typesOfDirectives(others)]);
  const definitions = [
    ...others.map((each) =>
      each.kind === Kind.SCHEMA_DEFINITION
        ? { ...each, operationTypes: each.operationTypes.filter(({ type }) => left.has(type.name.value)) }
        : each,
    ),
    ...[...left.values()].filter(({ name }) => reached.has(name.value)),
  ];
  return buildASTSchema({ kind: Kind.DOCUMENT, definitions }, { assumeValid: true, assumeValidSDL: true });
}

/** Takes from a type's interfaces what the type doesn't have. */
function conform(type: TypeDefinitionNode, types: Map<string, TypeDefinitionNode>): void {
  if (type.kind !== Kind.OBJECT_TYPE_DEFINITION && type.kind !== Kind.INTERFACE_TYPE_DEFINITION) return;
  const own = new Map(type.fields?.map((field) => [field.name.value, field]));
  for (const { name } of type.interfaces ?? []) {
    const each = types.get(name.value) as InterfaceTypeDefinitionNode;
    const fields = (each.fields ?? []).flatMap((field): FieldDefinitionNode[] => {
      const implementation = own.get(field.name.value);
      if (!implementation) return [];
      const had = new Set(implementation.arguments?.map((argument) => argument.name.value));
      return [{ ...field, arguments: field.arguments?.filter((argument) => had.has(argument.name.value)) }];
    });
    types.set(name.value, { ...each, fields });
  }
}

/** Changes with whatever a round has taken away. */
function sizesOf(types: ReadonlyMap<string, TypeDefinitionNode>, gone: ReadonlySet<string>): string {
  let fields = 0;
  let values = 0;
  for (const type of types.values()) {
    if (gone.has(type.name.value)) continue;
    if ("fields" in type)
      for (const field of type.fields ?? []) {
        fields++;
        if ("arguments" in field) values += field.arguments?.length ?? 0;
      }
    if ("types" in type) values += type.types?.length ?? 0;
    if ("values" in type) values += type.values?.length ?? 0;
  }
  return `${gone.size} ${fields} ${values}`;
}

function reachable(types: ReadonlyMap<string, TypeDefinitionNode>, from: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const implementations = implementationsIn(types);
  const waiting = [...from];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const type = types.get(name);
    if (!type || reached.has(name)) continue;
    reached.add(name);
    waiting.push(...(implementations.get(name) ?? []));
    visit(type, { NamedType: (node) => void waiting.push(node.name.value) });
  }
  return reached;
}

function implementationsIn(types: ReadonlyMap<string, TypeDefinitionNode>): Map<string, string[]> {
  const implementations = new Map<string, string[]>();
  for (const [name, type] of types)
    if ("interfaces" in type)
      for (const each of type.interfaces ?? [])
        implementations.set(each.name.value, [...(implementations.get(each.name.value) ?? []), name]);
  return implementations;
}

function typesOfDirectives(definitions: readonly DefinitionNode[]): string[] {
  const names: string[] = [];
  for (const definition of definitions)
    if (definition.kind === Kind.DIRECTIVE_DEFINITION)
      visit(definition, { NamedType: (node) => void names.push(node.name.value) });
  return names;
}

function mentions(value: ConstValueNode, names: ReadonlySet<string>): boolean {
  let found = false;
  if (names.size > 0) visit(value, { EnumValue: (node) => void (found ||= names.has(node.value)) });
  return found;
}

const isScalar = ({ kind }: DefinitionNode) => kind === Kind.SCALAR_TYPE_DEFINITION;
const isRequired = ({ type, defaultValue }: InputValueDefinitionNode) =>
  type.kind === Kind.NON_NULL_TYPE && defaultValue === undefined;
const namedTypeOf = (type: TypeNode): string =>
  type.kind === Kind.NAMED_TYPE ? type.name.value : namedTypeOf(type.type);
