import {
  BREAK,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  valueFromASTUntyped,
  visit,
  type ConstDirectiveNode,
  type DirectiveNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLList,
  type GraphQLNamedOutputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
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
  /** Paths into its arguments: `first`, `page.first`. */
  slicingArguments: string[];
  sizedFields: readonly string[];
  requireOne: boolean;
}

/** What the schema says of one field; read once. */
interface FieldCost {
  field: GraphQLField<unknown, unknown>;
  type: GraphQLNamedOutputType;
  /** How many lists stand in each other: 0 for a single value. */
  listDepth: number;
  list: ListSize | null;
  weight: number;
  args: readonly GraphQLArgument[];
}

/**
 * Demand control by the GraphQL Cost Directives specification (IBM, 2021), `@cost` and `@listSize` as Apollo Federation
 * 2.9 carries them in a supergraph, whatever their names there. Objects, and input objects that are given, cost 1 and
 * leaves nothing unless weighted. By way of an interface or a union a thing costs what its dearest kind does.
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
  const describedField = (type: GraphQLCompositeType, field: string) => {
    const full = supergraphSchema.getType(type.name);
    return isObjectType(full) || isInterfaceType(full) ? full.getFields()[field] : undefined;
  };
  const kindsOf = (type: GraphQLNamedType): readonly GraphQLNamedType[] =>
    isAbstractType(type) ? apiSchema.getPossibleTypes(type) : [type];
  const typeWeight = (type: GraphQLNamedType): number =>
    Math.max(
      ...[type, ...kindsOf(type)].map(
        ({ name }) =>
          weightIn(supergraphSchema.getType(name)?.astNode?.directives) ??
          (isCompositeType(type) || isInputObjectType(type) ? 1 : 0),
      ),
    );

  const costs = new Map<GraphQLCompositeType, Map<string, FieldCost | null>>();
  function fieldCost(parent: GraphQLCompositeType, name: string): FieldCost | null {
    let ofType = costs.get(parent);
    if (!ofType) costs.set(parent, (ofType = new Map()));
    let known = ofType.get(name);
    if (known === undefined) ofType.set(name, (known = readFieldCost(parent, name)));
    return known;
  }
  function readFieldCost(parent: GraphQLCompositeType, name: string): FieldCost | null {
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
    if (!field) return null;
    const own = describedField(parent, name);
    const everywhere = [own, ...kindsOf(parent).map((kind) => describedField(kind as GraphQLCompositeType, name))];
    const weights = everywhere.flatMap((each) => weightIn(each?.astNode?.directives) ?? []);
    const type = getNamedType(field.type);
    let listDepth = 0;
    for (let wrapped: GraphQLOutputType = field.type; wrapped !== type;) {
      if (isListType(wrapped)) listDepth++;
      wrapped = (wrapped as GraphQLList<GraphQLOutputType>).ofType;
    }
    return {
      field,
      type,
      listDepth,
      list: everywhere.map(listSizeOf).find((each) => each !== null) ?? null,
      weight: weights.length > 0 ? Math.max(...weights) : typeWeight(type),
      args: own?.args ?? [],
    };
  }

  const listSizeOf = (field: GraphQLField<unknown, unknown> | undefined): ListSize | null => {
    const directive = field?.astNode?.directives?.find(({ name }) => name.value === names.listSize);
    if (!directive) return null;
    const given = (name: string): unknown => {
      const value = directive.arguments?.find((argument) => argument.name.value === name)?.value;
      return value && valueFromASTUntyped(value);
    };
    const texts = (name: string) => [given(name) ?? []].flat().map(String);
    return {
      assumedSize: (given("assumedSize") as number | null | undefined) ?? undefined,
      slicingArguments: texts("slicingArguments"),
      sizedFields: texts("sizedFields"),
      requireOne: given("requireOneSlicingArgument") !== false,
    };
  };

  const weighedValues = new WeakMap<object, Map<GraphQLArgument | GraphQLInputField, number>>();
  function weighedIn(value: object) {
    let weighed = weighedValues.get(value);
    if (!weighed) weighedValues.set(value, (weighed = new Map<GraphQLArgument | GraphQLInputField, number>()));
    return weighed;
  }

  function argumentWeight(
    declared: GraphQLArgument | GraphQLInputField,
    type: GraphQLInputType,
    value: unknown,
  ): number {
    if (value === undefined || value === null) return 0;
    const named = getNamedType(type);
    const given = weightIn(declared.astNode?.directives);
    if (!isInputObjectType(named)) return given ?? typeWeight(named);
    // A variable's value is the same object wherever the variable stands.
    const weighed = typeof value === "object" ? weighedIn(value) : undefined;
    const known = weighed?.get(declared);
    if (known !== undefined) return known;
    let weight = given ?? 0;
    for (const each of Array.isArray(value) ? (value.flat(Infinity) as unknown[]) : [value]) {
      if (given === undefined) weight += typeWeight(named);
      for (const field of Object.values(named.getFields()))
        weight += argumentWeight(field, field.type, (each as Record<string, unknown> | null)?.[field.name]);
    }
    weighed?.set(declared, weight);
    return weight;
  }

  function argumentsWeight(declared: readonly GraphQLArgument[], node: FieldNode | DirectiveNode, values: Values) {
    let weight = 0;
    for (const argument of declared)
      weight += argumentWeight(argument, argument.type, argumentValue(node, argument, values));
    return weight;
  }

  function sizeFrom({ list, field }: FieldCost, node: FieldNode, values: Values): number {
    if (!list) return listSize;
    const given = list.slicingArguments.flatMap((path) => {
      const [name, ...inner] = path.split(".");
      const argument = field.args.find((each) => each.name === name);
      let size = argument && argumentValue(node, argument, values);
      for (const key of inner) size = (size as Record<string, unknown> | null | undefined)?.[key];
      return typeof size === "number" ? [Math.max(0, size)] : [];
    });
    if (list.requireOne && list.slicingArguments.length > 0 && given.length !== 1)
      throw new SlicingFault(
        `"${field.name}" has to be asked for with exactly one of: ${list.slicingArguments.join(", ")}.`,
      );
    return given.length > 0 ? Math.max(...given) : (list.assumedSize ?? listSize);
  }

  const argumentsCost = (node: FieldNode, declared: readonly GraphQLArgument[], values: Values): number =>
    (node.directives ?? []).reduce(
      (cost, directive) =>
        cost + argumentsWeight(supergraphSchema.getDirective(directive.name.value)?.args ?? [], directive, values),
      argumentsWeight(declared, node, values),
    );

  /** What of an operation may cost something. Read once, since it is walked over for each request, and each item. */
  function read({ document, definition }: Operation): Read {
    const fragments = new Map<string, FragmentDefinitionNode>();
    for (const each of document.definitions)
      if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each);
    const known = new Map<SelectionSetNode, Map<GraphQLCompositeType, Selections>>();

    const selectionsOf = (set: SelectionSetNode, parent: GraphQLCompositeType): Selections => {
      let ofSet = known.get(set);
      if (!ofSet) known.set(set, (ofSet = new Map<GraphQLCompositeType, Selections>()));
      let selections = ofSet.get(parent);
      if (!selections) ofSet.set(parent, (selections = set.selections.flatMap((each) => selectionOf(each, parent))));
      return selections;
    };

    const selectionOf = (selection: SelectionNode, parent: GraphQLCompositeType): Selections => {
      if (selection.kind === Kind.FIELD) return fieldOf(selection, parent);
      const given = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value)! : selection;
      const condition = given.typeCondition && apiSchema.getType(given.typeCondition.name.value);
      const type = isCompositeType(condition) ? condition : parent;
      const inner = selectionsOf(given.selectionSet, type);
      return inner.length === 0 ? [] : [{ isLeftOut: leftOut(selection), type, inner }];
    };

    const fieldOf = (node: FieldNode, parent: GraphQLCompositeType): Selections => {
      const { value: name } = node.name;
      const cost = name.startsWith("__") ? null : fieldCost(parent, name);
      if (!cost) return [];
      const { type, weight, list, listDepth, args } = cost;
      const inner = isCompositeType(type) && node.selectionSet ? selectionsOf(node.selectionSet, type) : [];
      const hasArguments = args.length > 0 || (node.directives ?? []).length > 0;
      if (weight === 0 && !list && !hasArguments && inner.length === 0) return [];
      const field: CostedField = {
        isLeftOut: leftOut(node),
        name,
        key: (node.alias ?? node.name).value,
        weight,
        listDepth,
        list,
        inner,
        ofArguments: hasArguments ? byVariables(node, (values) => argumentsCost(node, args, values)) : () => 0,
        size: listDepth > 0 || list ? byVariables(node, (values) => sizeFrom(cost, node, values)) : () => 1,
      };
      return [field];
    };

    return {
      base: definition.operation === "mutation" ? mutationWeight : 0,
      selections: selectionsOf(definition.selectionSet, apiSchema.getRootType(definition.operation)!),
      typeNamesCount: !hasForgedTypeNames(document),
    };
  }

  const reads = new WeakMap<Operation, Read>();
  function readOf(operation: Operation): Read {
    let known = reads.get(operation);
    if (!known) reads.set(operation, (known = read(operation)));
    return known;
  }

  /** What there may be. */
  function estimated(selections: Selections, sized: Sizes, values: Values): number {
    let cost = 0;
    for (const each of selections) {
      if (each.isLeftOut?.(values)) continue;
      if ("type" in each) cost += estimated(each.inner, sized, values);
      else {
        const slice = sized.get(each.name) ?? each.size(values);
        const size = each.listDepth === 0 ? 1 : slice * listSize ** (each.listDepth - 1);
        const { sizedFields = [] } = each.list ?? {};
        const sizedInside = sizedFields.length > 0 ? new Map(sizedFields.map((name) => [name, slice])) : unsized;
        cost += each.ofArguments(values) + size * (each.weight + estimated(each.inner, sizedInside, values));
      }
    }
    return cost;
  }

  /** What is there. */
  function counted(selections: Selections, data: unknown, typeNamesCount: boolean, values: Values): number {
    const costOfValue = (field: CostedField, value: unknown): number => {
      if (value === null) return 0;
      if (!Array.isArray(value)) return field.weight + costOf(field.inner, value);
      let cost = 0;
      for (const item of value) cost += costOfValue(field, item);
      return cost;
    };
    const costOf = (parts: Selections, object: unknown): number => {
      let cost = 0;
      for (const each of parts) {
        if (each.isLeftOut?.(values)) continue;
        if ("type" in each) {
          if (!typeNamesCount || appliesTo(each.type, object)) cost += costOf(each.inner, object);
        } else {
          const value = (object as Record<string, unknown> | null)?.[each.key];
          if (value !== undefined && value !== null) cost += each.ofArguments(values) + costOfValue(each, value);
        }
      }
      return cost;
    };
    return costOf(selections, data);
  }

  const appliesTo = (type: GraphQLCompositeType, data: unknown): boolean => {
    const name = (data as Record<string, unknown> | null)?.["__typename"];
    if (typeof name !== "string" || name === type.name) return true;
    const concrete = apiSchema.getType(name);
    return !isObjectType(type) && isObjectType(concrete) ? apiSchema.isSubType(type, concrete) : false;
  };

  // A weight may be negative; an operation that earned its caller something may not.
  return {
    estimate(operation, variables) {
      const { base, selections } = readOf(operation);
      return base + Math.max(0, estimated(selections, unsized, variables));
    },
    actual(operation, variables, data) {
      if (data === null || data === undefined) return 0;
      const { base, selections, typeNamesCount } = readOf(operation);
      return base + Math.max(0, counted(selections, data, typeNamesCount, variables));
    },
  };
}

/** What of an operation may cost something: what never does isn't there. */
interface Read {
  /** Whatever is asked for. */
  base: number;
  selections: Selections;
  /** Whether what is called `__typename` in an answer is one. */
  typeNamesCount: boolean;
}

type Selections = readonly (CostedField | CostedFragment)[];

interface CostedField extends Pick<FieldCost, "weight" | "listDepth" | "list"> {
  isLeftOut: Condition | undefined;
  name: string;
  /** Where its value stands in an answer. */
  key: string;
  /** Of the field's own type; nothing for a leaf. */
  inner: Selections;
  ofArguments(values: Values): number;
  /** How many items are asked for. Throws `SlicingFault`. */
  size(values: Values): number;
}

interface CostedFragment {
  isLeftOut: Condition | undefined;
  type: GraphQLCompositeType;
  inner: Selections;
}

type Condition = (values: Values) => boolean;

/** Computed once where no variable stands in the field, and otherwise once for each request's variables. */
function byVariables(node: FieldNode, compute: (values: Values) => number): (values: Values) => number {
  if (hasVariables(node)) {
    const known = new WeakMap<Values, number>();
    return (values) => {
      let result = known.get(values);
      if (result === undefined) known.set(values, (result = compute(values)));
      return result;
    };
  }
  let fixed: number | undefined;
  return (values) => (fixed ??= compute(values));
}

type Values = Readonly<Record<string, unknown>>;
type Sizes = ReadonlyMap<string, number>;

const unsized: Sizes = new Map();

function argumentValue(node: FieldNode | DirectiveNode, declared: GraphQLArgument, variables: Values): unknown {
  const given = node.arguments?.find((argument) => argument.name.value === declared.name);
  const value = given && valueFromASTUntyped(given.value, variables as Record<string, unknown>);
  return value === undefined ? declared.defaultValue : value;
}

const forged = new WeakMap<DocumentNode, boolean>();

/** Whether something else is called `__typename`: what stands there in the answer is then no type's name. */
function hasForgedTypeNames(document: DocumentNode): boolean {
  let found = forged.get(document);
  if (found === undefined) {
    found = false;
    visit(document, {
      Field({ alias, name }) {
        if (alias?.value !== "__typename" || name.value === "__typename") return undefined;
        found = true;
        return BREAK;
      },
    });
    forged.set(document, found);
  }
  return found;
}

/** In its arguments or its directives: what is selected within it has its own. */
function hasVariables({ arguments: given, directives }: FieldNode): boolean {
  let found = false;
  for (const part of [...(given ?? []), ...(directives ?? [])])
    visit(part, {
      Variable() {
        found = true;
        return BREAK;
      },
    });
  return found;
}

/** Whether `@skip` or `@include` leaves it out; undefined where neither stands. */
function leftOut({ directives = [] }: SelectionNode): Condition | undefined {
  const conditions = directives.flatMap(({ name, arguments: given }) => {
    if (name.value !== "skip" && name.value !== "include") return [];
    const condition = given?.find((argument) => argument.name.value === "if")?.value;
    return condition ? [{ condition, leavesOut: name.value === "skip" }] : [];
  });
  if (conditions.length === 0) return undefined;
  return (values) =>
    conditions.some(
      ({ condition, leavesOut }) => valueFromASTUntyped(condition, values as Record<string, unknown>) === leavesOut,
    );
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
