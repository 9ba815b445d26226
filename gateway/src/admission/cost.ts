import {
  getNamedType,
  getNullableType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  valueFromASTUntyped,
  type ArgumentNode,
  type ConstDirectiveNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLSchema,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { Operation } from "../graph/operation";

export interface CostModel {
  /** What an operation may cost at the most, before it is run. Throws `SlicingFault` where a list isn't sliced as it must be. */
  estimate(operation: Operation, variables: Readonly<Record<string, unknown>>): number;
  /** What its answer did cost: the same weights, over what is there. */
  actual(operation: Operation, variables: Readonly<Record<string, unknown>>, data: unknown): number;
}

/** A list that has to be asked for by exactly one of its slicing arguments. */
export class SlicingFault extends Error {
  override readonly name = "SlicingFault";
}

const mutationWeight = 10;

/** How many items a field's list holds, and which of its own fields the size is about. */
interface ListSize {
  assumedSize: number | undefined;
  slicingArguments: string[];
  sizedFields: string[];
  requireOne: boolean;
}

/**
 * Demand control by the GraphQL Cost Directives specification (IBM, 2021), `@cost` and `@listSize` as Apollo Federation
 * 2.9 carries them in a supergraph, whatever their names there. Objects cost 1 and leaves nothing unless weighted.
 */
export function createCostModel(
  apiSchema: GraphQLSchema,
  supergraphSchema: GraphQLSchema,
  { listSize }: { listSize: number },
): CostModel {
  const names = linkedNames(supergraphSchema);
  const weightIn = (directives: readonly ConstDirectiveNode[] | undefined): number | undefined => {
    const given = directives?.find(({ name }) => name.value === names.cost)?.arguments?.[0]?.value;
    // An integer in Federation, a string with a number in IBM's specification.
    return given?.kind === Kind.INT || given?.kind === Kind.STRING ? Number(given.value) : undefined;
  };
  const described = (type: GraphQLCompositeType, field: string) => {
    const full = supergraphSchema.getType(type.name);
    return isObjectType(full) || isInterfaceType(full) ? full.getFields()[field] : undefined;
  };
  const typeWeight = (name: string, isLeaf: boolean): number =>
    weightIn(supergraphSchema.getType(name)?.astNode?.directives) ?? (isLeaf ? 0 : 1);

  const listSizeOf = (field: GraphQLField<unknown, unknown> | undefined): ListSize | null => {
    const directive = field?.astNode?.directives?.find(({ name }) => name.value === names.listSize);
    if (!directive) return null;
    const given = (name: string): unknown => {
      const value = directive.arguments?.find((argument) => argument.name.value === name)?.value;
      return value && valueFromASTUntyped(value);
    };
    const texts = (name: string) => [given(name) ?? []].flat().map(String);
    return {
      assumedSize: given("assumedSize") as number | undefined,
      slicingArguments: texts("slicingArguments"),
      sizedFields: texts("sizedFields"),
      requireOne: given("requireOneSlicingArgument") !== false,
    };
  };

  function argumentWeight(
    declared: GraphQLArgument | GraphQLInputField,
    type: GraphQLInputType,
    value: unknown,
  ): number {
    if (value === undefined || value === null) return 0;
    const named = getNamedType(type);
    const values = Array.isArray(value) ? value.flat(Infinity) : [value];
    let weight = weightIn(declared.astNode?.directives) ?? 0;
    if (isInputObjectType(named))
      for (const each of values)
        for (const field of Object.values(named.getFields()))
          weight += argumentWeight(field, field.type, (each as Record<string, unknown> | null)?.[field.name]);
    return weight;
  }

  function sizeFrom(
    list: ListSize | null,
    node: FieldNode,
    field: GraphQLField<unknown, unknown>,
    values: Values,
  ): number {
    if (!list) return listSize;
    const given = list.slicingArguments.flatMap((name) => {
      const size = argumentValue(node, field, name, values);
      return typeof size === "number" ? [Math.max(0, size)] : [];
    });
    if (list.requireOne && list.slicingArguments.length > 0 && given.length !== 1)
      throw new SlicingFault(`"${field.name}" has to be asked for with one of: ${list.slicingArguments.join(", ")}.`);
    return given.length > 0 ? Math.max(...given) : (list.assumedSize ?? listSize);
  }

  function walk(
    operation: Operation,
    variables: Values,
    sizeOf: (sized: number, isList: boolean, data: unknown) => { size: number; items: unknown[] | null },
    root: unknown,
  ): number {
    const fragments = new Map<string, FragmentDefinitionNode>();
    for (const each of operation.document.definitions)
      if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each);

    const costOf = (
      set: SelectionSetNode,
      parent: GraphQLCompositeType,
      sized: ReadonlyMap<string, number>,
      data: unknown,
    ): number => {
      let cost = 0;
      for (const selection of set.selections) {
        if (isLeftOut(selection, variables)) continue;
        if (selection.kind === Kind.FIELD) cost += costOfField(selection, parent, sized, data);
        else {
          const inner = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value)! : selection;
          const condition = inner.typeCondition && apiSchema.getType(inner.typeCondition.name.value);
          const type = isCompositeType(condition) ? condition : parent;
          if (data !== undefined && !appliesTo(type, data)) continue;
          cost += costOf(inner.selectionSet, type, sized, data);
        }
      }
      return cost;
    };

    const appliesTo = (type: GraphQLCompositeType, data: unknown): boolean => {
      const name = (data as Record<string, unknown> | null)?.["__typename"];
      if (typeof name !== "string" || name === type.name) return true;
      const concrete = apiSchema.getType(name);
      return !isObjectType(type) && isObjectType(concrete) ? apiSchema.isSubType(type, concrete) : false;
    };

    const costOfField = (
      node: FieldNode,
      parent: GraphQLCompositeType,
      sized: ReadonlyMap<string, number>,
      data: unknown,
    ): number => {
      const { value: name } = node.name;
      if (name.startsWith("__")) return 0;
      const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
      if (!field) return 0;
      const full = described(parent, name);
      const type = getNamedType(field.type);
      const isComposite = isCompositeType(type);
      const isList = isListType(getNullableType(field.type));
      const list = listSizeOf(full);
      const own = weightIn(full?.astNode?.directives) ?? typeWeight(type.name, !isComposite);
      let args = 0;
      for (const argument of full?.args ?? [])
        args += argumentWeight(argument, argument.type, argumentValue(node, field, argument.name, variables));
      const value =
        data === undefined ? undefined : (data as Record<string, unknown> | null)?.[(node.alias ?? node.name).value];
      if (data !== undefined && (value === undefined || value === null)) return 0;
      const slice = isList || list ? (sized.get(name) ?? sizeFrom(list, node, field, variables)) : 1;
      const inner = new Map<string, number>();
      if (list) for (const each of list.sizedFields) inner.set(each, slice);
      const { size, items } = sizeOf(list && list.sizedFields.length > 0 && !isList ? 1 : slice, isList, value);
      if (!isComposite || !node.selectionSet) return args + size * own;
      if (!items) return args + size * (own + costOf(node.selectionSet, type, inner, undefined));
      return items.reduce<number>(
        (sum, item) => sum + (item === null ? 0 : own + costOf(node.selectionSet!, type, inner, item)),
        args,
      );
    };

    const { definition } = operation;
    const rootType = apiSchema.getRootType(definition.operation)!;
    const base = definition.operation === "mutation" ? mutationWeight : 0;
    return base + costOf(definition.selectionSet, rootType, new Map(), root);
  }

  return {
    estimate: (operation, variables) =>
      walk(operation, variables, (sized, isList) => ({ size: isList ? sized : 1, items: null }), undefined),
    actual: (operation, variables, data) =>
      data === null || data === undefined
        ? 0
        : walk(
            operation,
            variables,
            (_, __, value) => {
              const items = Array.isArray(value) ? (value.flat(Infinity) as unknown[]) : [value];
              return { size: items.length, items };
            },
            data,
          ),
  };
}

type Values = Readonly<Record<string, unknown>>;

function argumentValue(
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  name: string,
  variables: Values,
): unknown {
  const given: ArgumentNode | undefined = node.arguments?.find((argument) => argument.name.value === name);
  const value = given && valueFromASTUntyped(given.value, variables as Record<string, unknown>);
  return value === undefined ? field.args.find((argument) => argument.name === name)?.defaultValue : value;
}

function isLeftOut({ directives }: SelectionNode, variables: Values): boolean {
  return (directives ?? []).some(({ name, arguments: given }) => {
    if (name.value !== "skip" && name.value !== "include") return false;
    const condition = given?.find((argument) => argument.name.value === "if")?.value;
    const value = condition && valueFromASTUntyped(condition, variables as Record<string, unknown>);
    return name.value === "skip" ? value === true : value === false;
  });
}

function linkedNames(schema: GraphQLSchema): { cost: string; listSize: string } {
  const names = { cost: "cost", listSize: "listSize" };
  for (const { name, arguments: given } of [schema.astNode, ...schema.extensionASTNodes].flatMap(
    (node) => node?.directives ?? [],
  )) {
    if (name.value !== "link") continue;
    const value = (argument: string) => given?.find((each) => each.name.value === argument)?.value;
    const url = value("url");
    if (url?.kind !== Kind.STRING || !/^https:\/\/specs\.apollo\.dev\/cost\/v/.test(url.value)) continue;
    const imports = value("import");
    if (imports?.kind !== Kind.LIST) continue;
    for (const each of imports.values) {
      if (each.kind !== Kind.OBJECT) continue;
      const { name: original, as } = valueFromASTUntyped(each) as { name?: string; as?: string };
      if (original === "@cost" && as) names.cost = as.slice(1);
      if (original === "@listSize" && as) names.listSize = as.slice(1);
    }
  }
  return names;
}
