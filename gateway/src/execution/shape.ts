import {
  isAbstractType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { Denied } from "../graph/operation";
import type { Completion } from "./completion";
import { inlineTest, leafOf, type Complete } from "./leaf";
import { getOwn, isTree, type Tree } from "./tree";

/** Where a null may not be: the parent becomes null instead. What is wrong is noted before it is returned. */
export const bubble = Symbol("bubble");

type Fields = GraphQLObjectType | GraphQLInterfaceType;
type Shape = (value: Tree, completion: Completion) => unknown;

export interface ShapeOptions {
  schema: GraphQLSchema;
  /** The fragments that the selections spread. */
  document: DocumentNode;
  /** What `@skip` and `@include` are asked with: the shape is for these values alone. */
  variables: Readonly<Record<string, unknown>>;
  /** Whether a fragment's fields are left out, as those of a deferred one are at first. */
  isLeftOut?(selection: SelectionNode): boolean;
  denied?: Denied;
  /** The key that a value was got under. */
  keyRead?(responseKey: string, fieldName: string): string;
}

/**
 * Compiles what the client gets of merged answers: its fields in its order, null propagation and paths by the
 * specification (GraphQL, October 2021, 6.4.4). One function is generated for each concrete type at each place, so that
 * objects of one place have one hidden class.
 */
export function compileShape(
  o: ShapeOptions,
  type: GraphQLCompositeType,
  selectionSets: readonly SelectionSetNode[],
): Complete {
  const { schema, variables } = o;
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of o.document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  const known = new Map<string, { shape: Shape }>();
  const numbers = new Map<SelectionSetNode, number>();
  const isDenied = (nodes: readonly FieldNode[], { name }: Fields) =>
    o.denied !== undefined && nodes.some((node) => o.denied!.fields.get(node)?.has(name));
  const numberOf = (set: SelectionSetNode) => {
    if (!numbers.has(set)) numbers.set(set, numbers.size);
    return numbers.get(set);
  };

  function isSkipped({ directives }: SelectionNode): boolean {
    return (directives ?? []).some(({ name, arguments: args }) => {
      if (name.value !== "skip" && name.value !== "include") return false;
      const given = args?.find((argument) => argument.name.value === "if")?.value;
      const value =
        given?.kind === Kind.VARIABLE ? variables[given.name.value] : given?.kind === Kind.BOOLEAN && given.value;
      return name.value === "skip" ? Boolean(value) : !value;
    });
  }

  function applies(condition: string | undefined, to: Fields): boolean {
    if (condition === undefined || condition === to.name) return true;
    const abstract = schema.getType(condition);
    return isAbstractType(abstract) && schema.isSubType(abstract, to);
  }

  /** The specification's CollectFields. */
  function fieldsOf(sets: readonly SelectionSetNode[], of: Fields, fields = new Map<string, FieldNode[]>()) {
    for (const set of sets)
      for (const selection of set.selections) {
        if (isSkipped(selection) || o.isLeftOut?.(selection)) continue;
        if (selection.kind === Kind.FIELD) {
          const key = selection.alias?.value ?? selection.name.value;
          const same = fields.get(key);
          if (same) same.push(selection);
          else fields.set(key, [selection]);
        } else {
          const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value)! : selection;
          if (applies(fragment.typeCondition?.name.value, of)) fieldsOf([fragment.selectionSet], of, fields);
        }
      }
    return fields;
  }

  function objectShape(of: Fields, sets: readonly SelectionSetNode[]): Shape {
    const name = `${of.name} ${sets.map(numberOf).join(" ")}`;
    const compiled = known.get(name);
    if (compiled) return (value, completion) => compiled.shape(value, completion);
    const entry = { shape: (() => null) as Shape };
    known.set(name, entry);
    entry.shape = generate(of, fieldsOf(sets, of));
    return entry.shape;
  }

  function generate(of: Fields, fields: ReadonlyMap<string, readonly FieldNode[]>): Shape {
    const used: unknown[] = [bubble, getOwn];
    const use = (value: unknown) => `u[${used.push(value) - 1}]`;
    const lines: string[] = [];
    const results: string[] = [];
    for (const [responseKey, nodes] of fields) {
      const fieldName = nodes[0]!.name.value;
      const key = o.keyRead?.(responseKey, fieldName) ?? responseKey;
      const quoted = JSON.stringify(responseKey);
      const local = `r${results.length}`;
      results.push(`${responseKey === "__proto__" ? `[${quoted}]` : quoted}:${local}`);
      if (fieldName === "__typename") {
        if (isDenied(nodes, of))
          lines.push(`c.add(${quoted},"DENIED",${JSON.stringify(`${of.name}.__typename`)});return u[0];`);
        else if (isObjectType(of)) lines.push(`const ${local}=${JSON.stringify(of.name)};`);
        // Which type it is stayed unknown.
        else lines.push(`c.add(${quoted},"NULL",${JSON.stringify(`${of.name}.__typename`)});return u[0];`);
        continue;
      }
      if (fieldName === "__schema" || fieldName === "__type") {
        lines.push(`const ${local}=c.introspect(${quoted});`);
        continue;
      }
      if (isDenied(nodes, of)) {
        const denied = `c.add(${quoted},"DENIED",${JSON.stringify(`${of.name}.${fieldName}`)});`;
        const isNullable = !isNonNullType(of.getFields()[fieldName]!.type);
        lines.push(`${denied}${isNullable ? `const ${local}=null;` : "return u[0];"}`);
        continue;
      }
      const declared = of.getFields()[fieldName]!.type;
      const nonNull = isNonNullType(declared);
      const type = nonNull ? declared.ofType : declared;
      const where = JSON.stringify(`${of.name}.${fieldName}`);
      const keyText = JSON.stringify(key);
      const read = key in Object.prototype ? `u[1](o,${keyText})` : `o[${keyText}]`;
      const bubbles = nonNull ? `if(v===null){if(c.count===n)c.add(${quoted},"NULL",${where});return u[0];}` : "";
      const inline = isLeafType(type) ? inlineTest[type.name] : undefined;
      const complete = use(valueOf(type, nodes));
      const passes = inline === undefined ? "v!==undefined&&v!==null" : `!(${inline})`;
      const otherwise = inline === undefined ? "else v=null;" : "";
      const call = inline === undefined ? `v=${complete}(v,c);` : `v=v===null||v===undefined?null:${complete}(v,c);`;
      const ownBubble = nonNull ? "if(v===u[0])return u[0];" : "if(v===u[0])v=null;";
      lines.push(
        `v=${read};n=c.count;` +
          `if(${passes}){${call}if(c.count!==n)c.under(n,${quoted});${isLeafType(type) ? "" : ownBubble}}${otherwise}` +
          `${bubbles}const ${local}=v;`,
      );
    }
    // Names come from the client and the schema, and stand in the text as JSON strings alone.
    return new Function("u", `return function(o,c){let v,n;${lines.join("\n")}\nreturn{${results.join(",")}};}`)(
      used,
    ) as Shape;
  }

  function valueOf(type: GraphQLOutputType, nodes: readonly FieldNode[]): Complete {
    if (isNonNullType(type)) return valueOf(type.ofType as GraphQLOutputType, nodes);
    if (isListType(type)) return listOf(type.ofType as GraphQLOutputType, nodes);
    if (isLeafType(type)) return leafOf(type);
    return compositeOf(
      type,
      nodes.flatMap(({ selectionSet }) => selectionSet ?? []),
    );
  }

  function compositeOf(type: GraphQLCompositeType, sets: readonly SelectionSetNode[]): Complete {
    const expected = type.name;
    if (isObjectType(type)) {
      const shape = objectShape(type, sets);
      return (value, completion) => (isTree(value) ? shape(value, completion) : completion.invalid(expected));
    }
    const shapes = new Map<unknown, Shape | null>();
    // Not even which type such an object is of is told; one of which nothing was asked is empty for everybody.
    const seenAs = (of: Fields): Shape =>
      o.denied?.types.has(of.name) && fieldsOf(sets, of).size > 0
        ? (_, completion) => completion.denied(expected)
        : objectShape(of, sets);
    const shapeFor = (typename: unknown): Shape | null => {
      // An interface's own name comes from a subgraph that knows its implementations as one type.
      const concrete = typeof typename === "string" ? schema.getType(typename) : isUnionType(type) ? undefined : type;
      if (isObjectType(concrete)) return schema.isSubType(type, concrete) ? seenAs(concrete) : null;
      return isInterfaceType(concrete) && (concrete === type || schema.isSubType(type, concrete))
        ? seenAs(concrete)
        : null;
    };
    return (value, completion) => {
      if (!isTree(value)) return completion.invalid(expected);
      const typename = value.__typename;
      let shape = shapes.get(typename);
      if (shape === undefined) {
        shape = shapeFor(typename);
        if (shape || shapes.size < typenamesMax) shapes.set(typename, shape);
      }
      return shape ? shape(value, completion) : completion.invalid(expected);
    };
  }

  function listOf(declared: GraphQLOutputType, nodes: readonly FieldNode[]): Complete {
    const nonNull = isNonNullType(declared);
    const complete = valueOf(declared, nodes);
    const where = `an item of ${nodes[0]!.name.value}`;
    return (value, completion) => {
      if (!Array.isArray(value)) return completion.invalid("a list");
      const items = new Array<unknown>(value.length);
      for (let i = 0; i < value.length; i++) {
        const before = completion.count;
        const given: unknown = value[i];
        let item = given === null || given === undefined ? null : complete(given, completion);
        if (completion.count !== before) completion.under(before, i);
        if (item === bubble) {
          if (nonNull) return bubble;
          item = null;
        }
        if (item === null && nonNull) {
          if (completion.count === before) completion.add(i, "NULL", where);
          return bubble;
        }
        items[i] = item;
      }
      return items;
    };
  }

  return compositeOf(type, selectionSets);
}

// Names of types come from subgraphs: what isn't in the schema isn't remembered without end.
const typenamesMax = 1_000;
