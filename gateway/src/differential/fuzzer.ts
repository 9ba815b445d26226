import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  type OperationTypeNode,
} from "graphql";

/** A small generator with a seed (mulberry32): the same seed makes the same operations everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface Fuzzed {
  text: string;
  variables: Record<string, unknown>;
}

/** A valid operation over a schema: aliases, arguments, variables, fragments of both kinds, @skip and @include. */
export function fuzzedOperation(
  schema: GraphQLSchema,
  random: () => number,
  { type = "query", words = ["none"] }: { type?: "query" | "mutation"; words?: readonly string[] } = {},
): Fuzzed {
  const below = (n: number) => Math.floor(random() * n);
  const chance = (share: number) => random() < share;
  const pick = <Each>(from: readonly Each[]): Each => from[below(from.length)]!;
  const variables: Record<string, unknown> = {};
  const definitions: string[] = [];
  const fragments: string[] = [];
  let aliases = 0;
  const fieldNames = fieldNamesOf(schema);

  function variable(declared: string, value: unknown): string {
    const name = `v${Object.keys(variables).length}`;
    variables[name] = value;
    definitions.push(`$${name}: ${declared}`);
    return `$${name}`;
  }

  function valueOf(input: GraphQLInputType): { literal: string; value: unknown } {
    const nullable = getNullableType(input);
    if (!isNonNullType(input) && chance(0.1)) return { literal: "null", value: null };
    if (isListType(nullable)) {
      const items = Array.from({ length: below(3) }, () => valueOf(nullable.ofType as GraphQLInputType));
      return { literal: `[${items.map(({ literal }) => literal).join(", ")}]`, value: items.map(({ value }) => value) };
    }
    if (isEnumType(nullable)) {
      const { name } = pick(nullable.getValues());
      return { literal: name, value: name };
    }
    if (isInputObjectType(nullable)) {
      const entries = Object.values(nullable.getFields())
        .filter((field) => isRequiredInputField(field) || chance(0.6))
        .map((field) => [field.name, valueOf(field.type)] as const);
      return {
        literal: `{ ${entries.map(([name, { literal }]) => `${name}: ${literal}`).join(", ")} }`,
        value: Object.fromEntries(entries.map(([name, { value }]) => [name, value])),
      };
    }
    switch (String(nullable)) {
      case "Int":
        return ((n) => ({ literal: String(n), value: n }))(below(4));
      case "Float":
        return { literal: "1.5", value: 1.5 };
      case "Boolean":
        return ((flag) => ({ literal: String(flag), value: flag }))(chance(0.5));
      default:
        return ((text) => ({ literal: JSON.stringify(text), value: text }))(pick(words));
    }
  }

  function argumentsOf(field: GraphQLField<unknown, unknown>): string {
    const given = field.args
      .filter((argument) => isRequiredArgument(argument) || chance(0.5))
      .map((argument) => {
        const { literal, value } = valueOf(argument.type);
        const sent = chance(0.4) ? variable(String(argument.type), value) : literal;
        return `${argument.name}: ${sent}`;
      });
    return given.length > 0 ? `(${given.join(", ")})` : "";
  }

  function condition(): string {
    if (!chance(0.12)) return "";
    const flag = chance(0.5);
    const value = chance(0.7) ? variable("Boolean!", flag) : String(flag);
    return chance(0.5) ? ` @skip(if: ${value})` : ` @include(if: ${value})`;
  }

  function selection(parent: GraphQLCompositeType, depth: number): string {
    const parts: string[] = [];
    const count = 1 + below(4);
    for (let n = 0; n < count; n++) {
      const roll = random();
      if (roll < 0.12 && depth < 6) parts.push(fragment(parent, depth));
      else if (roll < 0.2 || (!isObjectType(parent) && !isInterfaceType(parent)))
        parts.push(isAbstractType(parent) && chance(0.7) ? fragment(parent, depth) : "__typename");
      else {
        const fields = Object.values(parent.getFields());
        const field = pick(fields);
        const named = getNamedType(field.type);
        if (isCompositeType(named) && depth >= 5) {
          parts.push("__typename");
          continue;
        }
        const args = argumentsOf(field);
        // The same response key must always mean the same: arguments and deeper selections get a name of their own.
        // Now and then it gets a name that the planner may want for a field that it adds.
        const responseKey = chance(0.06) ? pick(fieldNames) : `a${aliases++}`;
        const alias = args !== "" || chance(0.25) ? `${responseKey}: ` : "";
        const inner = isCompositeType(named) ? ` ${selection(named, depth + 1)}` : "";
        parts.push(`${alias}${field.name}${args}${condition()}${inner}`);
      }
    }
    return `{ ${parts.join(" ")} }`;
  }

  function fragment(parent: GraphQLCompositeType, depth: number): string {
    const types: GraphQLCompositeType[] = [
      parent,
      ...(isAbstractType(parent) ? schema.getPossibleTypes(parent) : parent.getInterfaces()),
    ];
    const on = pick(types);
    const inner = selection(on, depth + 1);
    if (chance(0.6))
      return chance(0.2)
        ? `...${condition()} ${selection(parent, depth + 1)}`
        : `... on ${on.name}${condition()} ${inner}`;
    const name = `F${fragments.length}`;
    fragments.push(`fragment ${name} on ${on.name} ${inner}`);
    return `...${name}${condition()}`;
  }

  const root = schema.getRootType(type as OperationTypeNode)!;
  const body = selection(root, 0);
  const head = definitions.length > 0 ? `(${definitions.join(", ")})` : "";
  return { text: `${type} Fuzzed${head} ${body}\n${fragments.join("\n")}`, variables };
}

function fieldNamesOf(schema: GraphQLSchema): string[] {
  const names = new Set<string>();
  for (const type of Object.values(schema.getTypeMap()))
    if ((isObjectType(type) || isInterfaceType(type)) && !type.name.startsWith("__"))
      for (const name of Object.keys(type.getFields())) names.add(name);
  return [...names];
}

/** The same operation with some of its fragments deferred, always or by a variable. */
export function deferred({ text, variables }: Fuzzed, random: () => number): Fuzzed {
  const later = text.replace(/(\.\.\.(?: on)? \w+|\.\.\.F\d+)/g, (spread) => {
    const roll = random();
    if (roll < 0.4) return spread;
    return roll < 0.8 ? `${spread} @defer` : `${spread} @defer(if: $later)`;
  });
  if (!later.includes("$later")) return { text: later, variables };
  const declared = later.replace(
    /^(query) Fuzzed(\((.*?)\))? \{/,
    (_, type: string, __, inner?: string) => `${type} Fuzzed($later: Boolean!${inner ? `, ${inner}` : ""}) {`,
  );
  return { text: declared, variables: { ...variables, later: random() < 0.7 } };
}
