import {
  getNamedType,
  GraphQLError,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  typeFromAST,
  type ASTVisitor,
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type SelectionSetNode,
  type ValidationContext,
  type ValueNode,
} from "graphql";
import { createAskedTree } from "./asked-tree";

// Selections looked at, and comparisons. The limits of shape keep operations far below; this bounds what they don't see.
const stepsMax = 500_000;
const messageLengthMax = 1_000;

type NamedType = GraphQLNamedType | undefined;

/** The types of object, outermost last, that a field and those around it are asked of; null for one that isn't an object. */
export interface Parents {
  readonly type: GraphQLNamedType | null;
  readonly outside: Parents | undefined;
  readonly inside: Map<GraphQLNamedType | null, Parents>;
}

export interface SelectedField {
  readonly node: FieldNode;
  /** Unknown of `__typename` and of what isn't in the schema. */
  readonly type: GraphQLOutputType | undefined;
  readonly parents: Parents;
  /** The field in whose selections it stands. */
  readonly around: SelectedField | undefined;
}

/** The fields of one response path. */
type SameKey = SelectedField[];

interface Selected {
  set: SelectionSetNode;
  type: NamedType;
}

const exhausted = new Error("Too many steps.");

/**
 * Field selection merging (GraphQL, October 2021, 5.3.2) with the verdicts of graphql-js's `OverlappingFieldsCanBeMerged`,
 * which compares fields two by two. As Simon Adameit has it (“GraphQL: Overlapping fields can be merged fast”, XING, 2019),
 * an operation's fields are put together by response path, fragments spread out, and each such set is looked at once: its
 * types need one shape, and its fields have to ask the same unless the types of their parents keep them apart.
 */
export function OverlappingFieldsByPathRule(context: ValidationContext): ASTVisitor {
  const schema = context.getSchema();
  const root: Parents = { type: null, outside: undefined, inside: new Map() };
  const texts = new Map<FieldNode, string>();
  const spread = new Set<string>();
  let steps = 0;

  function spend(count: number): void {
    steps += count;
    if (steps > stepsMax) throw exhausted;
  }
  const askedTree = createAskedTree({ askedBy, spend });

  /** Puts a selection set's fields to those that have their response keys already. */
  function collect(
    fields: Map<string, SameKey>,
    spreadIn: Map<Parents, Set<string>>,
    selected: Selected,
    outside: Parents,
    around: SelectedField | undefined,
  ): void {
    let known = spreadIn.get(outside);
    if (!known) spreadIn.set(outside, (known = new Set()));
    const sets = [selected];
    for (let next = sets.pop(); next; next = sets.pop()) {
      const { set, type } = next;
      const parents = parentsIn(outside, type);
      const declared = isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
      spend(set.selections.length);
      for (const selection of set.selections) {
        if (selection.kind === Kind.FIELD) {
          const field = { node: selection, type: declared[selection.name.value]?.type, parents, around };
          const key = (selection.alias ?? selection.name).value;
          const same = fields.get(key);
          if (same) same.push(field);
          else fields.set(key, [field]);
        } else if (selection.kind === Kind.INLINE_FRAGMENT) {
          const { typeCondition, selectionSet } = selection;
          sets.push({ set: selectionSet, type: typeCondition ? typeFromAST(schema, typeCondition) : type });
        } else {
          // However often it is spread in one object, it has the same fields.
          const name = selection.name.value;
          const fragment = context.getFragment(name);
          if (!fragment || known.has(name)) continue;
          known.add(name);
          spread.add(name);
          sets.push({ set: fragment.selectionSet, type: typeFromAST(schema, fragment.typeCondition) });
        }
      }
    }
  }

  function check(selected: Selected): void {
    const first = new Map<string, SameKey>();
    collect(first, new Map(), selected, root, undefined);
    const left = [...first.values()];
    for (let same = left.pop(); same; same = left.pop()) {
      const fault = same.length > 1 ? faultIn(same) : undefined;
      if (fault) {
        context.reportError(fault);
        continue;
      }
      const inner = new Map<string, SameKey>();
      const spreadIn = new Map<Parents, Set<string>>();
      for (const field of same) {
        const { selectionSet } = field.node;
        if (!selectionSet || isInsideItself(field)) continue;
        const type = field.type && getNamedType(field.type);
        collect(inner, spreadIn, { set: selectionSet, type }, field.parents, field);
      }
      left.push(...inner.values());
    }
  }

  /** By way of a fragment that spreads itself, which another rule reports. */
  function isInsideItself({ node, around }: SelectedField): boolean {
    for (let each = around; each; each = each.around) {
      spend(1);
      if (each.node === node) return true;
    }
    return false;
  }

  function faultIn(same: SameKey): GraphQLError | undefined {
    const first = same[0]!;
    spend(same.length);
    if (same.some(({ node }) => askedBy(node) !== askedBy(first.node))) {
      const apart = askedTree.conflictIn(same);
      if (apart) return faultOf(...apart, reasonOf(...apart));
    }
    const typed = same.find(({ type }) => type);
    if (!typed) return undefined;
    const other = same.find(({ type }) => type && type !== typed.type && shapeOf(type) !== shapeOf(typed.type!));
    if (!other) return undefined;
    return faultOf(typed, other, `they return conflicting types "${String(typed.type)}" and "${String(other.type)}"`);
  }

  /** The field's name and arguments as a text that is the same for the same. */
  function askedBy(node: FieldNode): string {
    if (!node.arguments?.length) return node.name.value;
    let text = texts.get(node);
    if (text === undefined) {
      const given = node.arguments.map(({ name, value }) => `${name.value}:${textOf(value)}`);
      texts.set(node, (text = `${node.name.value}(${given.sort().join()})`));
    }
    return text;
  }

  return {
    Document(document) {
      try {
        for (const each of document.definitions)
          if (each.kind === Kind.OPERATION_DEFINITION)
            check({ set: each.selectionSet, type: schema.getRootType(each.operation) ?? undefined });
        // What no operation spreads is looked at by itself.
        for (const each of document.definitions)
          if (each.kind === Kind.FRAGMENT_DEFINITION && !spread.has(each.name.value))
            check({ set: each.selectionSet, type: typeFromAST(schema, each.typeCondition) });
      } catch (error) {
        if (error !== exhausted) throw error;
        context.reportError(
          new GraphQLError("The document selects too much to tell whether its fields can be merged."),
        );
      }
    },
  };
}

function parentsIn(outside: Parents, type: NamedType): Parents {
  const own = isObjectType(type) ? type : null;
  let parents = outside.inside.get(own);
  if (!parents) outside.inside.set(own, (parents = { type: own, outside, inside: new Map() }));
  return parents;
}

/** Of types with different ones no value could be: lists and non-nulls as they nest, and a leaf's name. */
function shapeOf(type: GraphQLOutputType): string {
  if (isNonNullType(type)) return `${shapeOf(type.ofType as GraphQLOutputType)}!`;
  if (isListType(type)) return `[${shapeOf(type.ofType as GraphQLOutputType)}]`;
  return isLeafType(type) ? type.name : "{}";
}

function textOf(value: ValueNode): string {
  switch (value.kind) {
    case Kind.VARIABLE:
      return `$${value.name.value}`;
    case Kind.LIST:
      return `[${value.values.map(textOf).join()}]`;
    case Kind.OBJECT:
      return `{${value.fields
        .map((field) => `${field.name.value}:${textOf(field.value)}`)
        .sort()
        .join()}}`;
    case Kind.STRING:
      return `${value.block ? "block" : ""}${JSON.stringify(value.value)}`;
    case Kind.NULL:
      return "null";
    default:
      return `${value.kind} ${value.value}`;
  }
}

function reasonOf({ node: one }: SelectedField, { node: another }: SelectedField): string {
  return one.name.value === another.name.value
    ? "they have differing arguments"
    : `"${one.name.value}" and "${another.name.value}" are different fields`;
}

/** As graphql-js words it: from the outermost fields that differ, which have these two in them. */
function faultOf(one: SelectedField, another: SelectedField, reason: string): GraphQLError {
  let told = reason;
  const ones: FieldNode[] = [one.node];
  const others: FieldNode[] = [another.node];
  let [outer, otherOuter] = [one, another];
  while (outer.around && otherOuter.around && outer.around.node !== otherOuter.around.node) {
    told = `subfields "${keyOf(outer)}" conflict because ${told}`;
    outer = outer.around;
    otherOuter = otherOuter.around;
    ones.unshift(outer.node);
    others.unshift(otherOuter.node);
  }
  const message = `Fields "${keyOf(outer)}" conflict because ${told}`;
  const cut = message.length > messageLengthMax ? `${message.slice(0, messageLengthMax)}…` : message;
  return new GraphQLError(`${cut}. Use different aliases on the fields to fetch both if this was intentional.`, {
    nodes: [...ones, ...others],
  });
}

const keyOf = ({ node }: SelectedField): string => (node.alias ?? node.name).value;
