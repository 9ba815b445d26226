import { PublicError } from "@atrium/errors";
import {
  getNamedType,
  getNullableType,
  GraphQLError,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  Lexer,
  parse,
  Source,
  TokenKind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";

export interface OperationLimits {
  /** Of the operation's text. */
  charactersMax: number;
  tokensMax: number;
  /** How deep brackets of any kind may nest, introspection included. */
  nestingMax: number;
  /** How deep fields may nest, introspection aside. */
  depthMax: number;
  /** Counted with fragments spread out, as are fields. */
  aliasesMax: number;
  fieldsMax: number;
  /** Fields of the root, fragments spread out. */
  rootFieldsMax: number;
  /** As the text has them: each stands at a place that validation and planning look at. */
  directivesMax: number;
  /** Operations of one text, of which a request runs one: much of validation is done for each. */
  operationsMax: number;
  /** How many values the answer may hold, at the size of page that is asked for. */
  costMax: number;
}

export const defaultOperationLimits: OperationLimits = {
  charactersMax: 100_000,
  tokensMax: 10_000,
  nestingMax: 50,
  depthMax: 16,
  aliasesMax: 100,
  fieldsMax: 1_000,
  rootFieldsMax: 50,
  directivesMax: 100,
  operationsMax: 50,
  costMax: 50_000,
};

// Beside its fields an operation may have so many spreads and inline fragments for each, fragments spread out: a field at
// the end of a long row of fragments costs as much as the row.
const selectionsPerField = 5;
// What a list without a page size is taken to hold.
const listSizeAssumed = 10;

/**
 * What keeps an operation from costing more than it is worth, each in time proportional to the operation's length and
 * in this order: `parse`, then `checkShape` before validation (whose own cost the shape bounds), then `checkCost`
 * before execution or planning. All throw `OPERATION_TOO_COMPLEX`, naming the limit.
 */
export function operationLimits(overrides: Partial<OperationLimits> = {}) {
  const limits = { ...defaultOperationLimits, ...overrides };
  return {
    limits,
    parse: (query: string) => parseWithin(limits, query),
    checkShape: (document: DocumentNode) => checkShape(limits, document),
    checkCost: (
      schema: GraphQLSchema,
      document: DocumentNode,
      operation: OperationDefinitionNode,
      variables: Readonly<Record<string, unknown>>,
    ) => checkCost(limits, schema, document, operation, variables),
  };
}

const tooComplex = (what: string, max: number) =>
  new PublicError("OPERATION_TOO_COMPLEX", `The operation has too many ${what}; the limit is ${max}.`);

function parseWithin(limits: OperationLimits, query: string): DocumentNode {
  if (query.length > limits.charactersMax) throw tooComplex("characters", limits.charactersMax);
  try {
    checkTokens(limits, query);
    return parse(query, { maxTokens: limits.tokensMax });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new PublicError("BAD_USER_INPUT", error.message, { field: "query", cause: error });
  }
}

// The parser recurses, so the nesting is bounded before it runs.
function checkTokens(limits: OperationLimits, query: string): void {
  const lexer = new Lexer(new Source(query));
  let nesting = 0;
  let directives = 0;
  for (let count = 1; lexer.advance().kind !== TokenKind.EOF; count++) {
    if (count > limits.tokensMax) throw tooComplex("tokens", limits.tokensMax);
    const { kind } = lexer.token;
    if (kind === TokenKind.BRACE_L || kind === TokenKind.BRACKET_L || kind === TokenKind.PAREN_L) nesting++;
    if (kind === TokenKind.BRACE_R || kind === TokenKind.BRACKET_R || kind === TokenKind.PAREN_R) nesting--;
    if (nesting > limits.nestingMax) throw tooComplex("levels", limits.nestingMax);
    if (kind === TokenKind.AT && ++directives > limits.directivesMax)
      throw tooComplex("directives", limits.directivesMax);
  }
}

interface Shape {
  depth: number;
  aliases: number;
  fields: number;
  /** Fields, spreads and inline fragments. */
  selections: number;
  /** Fields of its first level. */
  firstFields: number;
}

function checkShape(limits: OperationLimits, document: DocumentNode): void {
  const fragments = fragmentsOf(document);
  const known = new Map<string, Shape>();

  const shapeOf = (selectionSet: SelectionSetNode | undefined): Shape => {
    const shape: Shape = { depth: 0, aliases: 0, fields: 0, selections: 0, firstFields: 0 };
    for (const selection of selectionSet?.selections ?? []) {
      const inner =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? shapeOfFragment(selection.name.value)
          : shapeOf(selection.selectionSet);
      const isField = selection.kind === Kind.FIELD;
      const counts = isField && !selection.name.value.startsWith("__");
      const depth = isField ? (counts ? inner.depth + 1 : 1) : inner.depth;
      shape.depth = Math.max(shape.depth, depth);
      shape.aliases += inner.aliases + (isField && selection.alias ? 1 : 0);
      shape.fields += inner.fields + (isField ? 1 : 0);
      shape.selections += inner.selections + 1;
      shape.firstFields += isField ? 1 : inner.firstFields;
    }
    return shape;
  };
  const shapeOfFragment = (name: string): Shape => {
    const measured = known.get(name);
    if (measured) return measured;
    // What a fragment that spreads itself finds of itself: too deep by any limit.
    known.set(name, { depth: Infinity, aliases: 0, fields: 0, selections: 0, firstFields: 0 });
    const shape = shapeOf(fragments.get(name)?.selectionSet);
    known.set(name, shape);
    return shape;
  };

  const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION).length;
  if (operations > limits.operationsMax) throw tooComplex("operations", limits.operationsMax);
  const selectionsMax = limits.fieldsMax * selectionsPerField;
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION && definition.kind !== Kind.FRAGMENT_DEFINITION) continue;
    const { depth, aliases, fields, selections, firstFields } =
      definition.kind === Kind.FRAGMENT_DEFINITION
        ? shapeOfFragment(definition.name.value)
        : shapeOf(definition.selectionSet);
    if (definition.kind === Kind.OPERATION_DEFINITION && firstFields > limits.rootFieldsMax)
      throw tooComplex("fields of the root", limits.rootFieldsMax);
    if (depth > limits.depthMax) throw tooComplex("levels of fields", limits.depthMax);
    if (aliases > limits.aliasesMax) throw tooComplex("aliases", limits.aliasesMax);
    if (fields > limits.fieldsMax) throw tooComplex("fields", limits.fieldsMax);
    if (selections > selectionsMax) throw tooComplex("fields and fragments", selectionsMax);
  }
}

/** For a valid document. */
function checkCost(
  limits: OperationLimits,
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): void {
  const fragments = fragmentsOf(document);
  const known = new Map<string, number>();

  const costOf = (selectionSet: SelectionSetNode, parent: GraphQLCompositeType, insidePage: boolean): number => {
    let cost = 0;
    for (const selection of selectionSet.selections) {
      if (selection.kind === Kind.FIELD) cost += costOfField(selection, parent, insidePage);
      else if (selection.kind === Kind.INLINE_FRAGMENT)
        cost += costOf(selection.selectionSet, conditionOf(selection.typeCondition?.name.value) ?? parent, insidePage);
      else cost += costOfFragment(selection.name.value, insidePage);
    }
    return cost;
  };
  const costOfField = (node: FieldNode, parent: GraphQLCompositeType, insidePage: boolean): number => {
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined;
    const type = field && getNamedType(field.type);
    if (!field || !node.selectionSet || !isCompositeType(type)) return 1;
    const pageSize = pageSizeOf(node, field, variables);
    // Inside a connection, `edges` and `nodes` are the page that was counted already. How many entities the gateway
    // asks for was decided by the operation that it planned.
    const counted = insidePage || node.name.value === "_entities";
    const size = pageSize ?? (isListType(getNullableType(field.type)) && !counted ? listSizeAssumed : 1);
    return 1 + size * costOf(node.selectionSet, type, pageSize !== undefined);
  };
  const costOfFragment = (name: string, insidePage: boolean): number => {
    const key = `${name} ${insidePage}`;
    const fragment = fragments.get(name);
    const type = conditionOf(fragment?.typeCondition.name.value);
    if (!fragment || !type) return 0;
    if (!known.has(key)) known.set(key, costOf(fragment.selectionSet, type, insidePage));
    return known.get(key)!;
  };
  const conditionOf = (name: string | undefined): GraphQLCompositeType | undefined => {
    const type = name === undefined ? undefined : schema.getType(name);
    return isCompositeType(type) ? type : undefined;
  };

  const root = schema.getRootType(operation.operation);
  const cost = root ? costOf(operation.selectionSet, root, false) : 0;
  if (cost > limits.costMax)
    throw new PublicError(
      "OPERATION_TOO_COMPLEX",
      `The answer could hold ${Math.round(cost)} values; the limit is ${limits.costMax}. Ask for smaller pages or fewer fields.`,
    );
}

/** What `first` asks for, where the field has such an argument. */
function pageSizeOf(
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  variables: Readonly<Record<string, unknown>>,
): number | undefined {
  const declared = field.args.find(({ name }) => name === "first");
  if (!declared) return undefined;
  const given = node.arguments?.find(({ name }) => name.value === "first")?.value;
  const value =
    given?.kind === Kind.INT
      ? Number(given.value)
      : given?.kind === Kind.VARIABLE
        ? (variables[given.name.value] ?? declared.defaultValue)
        : declared.defaultValue;
  return typeof value === "number" ? Math.max(value, 1) : listSizeAssumed;
}

const fragmentsOf = (document: DocumentNode): Map<string, FragmentDefinitionNode> =>
  new Map(
    document.definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
