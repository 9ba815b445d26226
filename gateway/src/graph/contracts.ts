import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  GraphQLSchema,
  Kind,
  validateSchema,
  type ConstDirectiveNode,
  type GraphQLNamedType,
} from "graphql";
import { createHash } from "node:crypto";
import { linkedNames } from "./linked-names";
import { SupergraphError } from "./open-graph";
import type { Graph } from "./graph";
import { visibleSchema } from "./visible-schema";

/** Which part of the graph a contract is about, by the `@tag`s of the supergraph. */
export interface ContractRules {
  /** Unless empty, only fields and unions that have one of these tags, or are fields of a type that has. */
  include: readonly string[];
  /** Nothing that has one of these tags, nor a field of a type that has; this comes first. */
  exclude: readonly string[];
}

/**
 * The same graph for clients who know only a part of it (the rules are those of Apollo's contracts; types that can't be
 * reached any more are left out). It plans by the whole graph's planner: what is valid in a part is valid in the whole,
 * and what is hidden may still be fetched as a key or for a `@requires`. Throws `SupergraphError` where nothing is left.
 */
export function contractOf(graph: Graph, rules: ContractRules): Graph {
  const hidden = hiddenBy(rules, graph.supergraphSchema);
  const apiSchema = visibleSchema(graph.apiSchema, hidden);
  if (Object.keys(apiSchema.getQueryType()!.getFields()).length === 0)
    throw new SupergraphError(`The contract ${JSON.stringify(rules)} leaves no query.`);
  const [fault] = validateSchema(new GraphQLSchema({ ...apiSchema.toConfig(), assumeValid: false }));
  if (fault)
    throw new SupergraphError(`The contract ${JSON.stringify(rules)} leaves no valid schema: ${fault.message}`);
  const id = createHash("sha256")
    .update(`${graph.id} ${JSON.stringify(rules)}`)
    .digest("hex");
  // The planner is the whole graph's, and ends with it.
  return { ...graph, id, apiSchema, close: async () => {} };
}

/** Every tag that something in the supergraph has. */
export function tagsIn(schema: GraphQLSchema): Set<string> {
  const tagsOf = tagsReader(schema);
  const found = new Set<string>();
  const collect = (node: { readonly directives?: readonly ConstDirectiveNode[] } | null | undefined) =>
    tagsOf(node?.directives).forEach((tag) => found.add(tag));
  for (const type of Object.values(schema.getTypeMap())) {
    tagsOf(directivesOf(type)).forEach((tag) => found.add(tag));
    if (isEnumType(type)) for (const value of type.getValues()) collect(value.astNode);
    if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      collect(field.astNode);
      if ("args" in field) for (const argument of field.args) collect(argument.astNode);
    }
  }
  return found;
}

function tagsReader(schema: GraphQLSchema) {
  const tagNames = linkedNames(schema, "tag");
  return (directives: readonly ConstDirectiveNode[] | undefined): string[] =>
    (directives ?? []).flatMap(({ name, arguments: given }) => {
      const value = given?.find((argument) => argument.name.value === "name")?.value;
      return tagNames.has(name.value) && value?.kind === Kind.STRING ? [value.value] : [];
    });
}

/** The schema coordinates that the rules hide by themselves. */
function hiddenBy({ include, exclude }: ContractRules, schema: GraphQLSchema): Set<string> {
  const hidden = new Set<string>();
  const tagsOf = tagsReader(schema);
  const isExcluded = (tags: readonly string[]) => tags.some((tag) => exclude.includes(tag));
  const isIncluded = (tags: readonly string[]) => include.length === 0 || tags.some((tag) => include.includes(tag));

  for (const type of Object.values(schema.getTypeMap())) {
    const { name } = type;
    const own = tagsOf(directivesOf(type));
    if (isExcluded(own) || (isUnionType(type) && !isIncluded(own))) hidden.add(name);
    if (isEnumType(type))
      for (const value of type.getValues())
        if (isExcluded(tagsOf(value.astNode?.directives))) hidden.add(`${name}.${value.name}`);
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields()))
        if (isExcluded(tagsOf(field.astNode?.directives))) hidden.add(`${name}.${field.name}`);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const tags = [...own, ...tagsOf(field.astNode?.directives)];
      if (isExcluded(tags) || !isIncluded(tags)) hidden.add(`${name}.${field.name}`);
      for (const argument of field.args)
        if (isExcluded(tagsOf(argument.astNode?.directives))) hidden.add(`${name}.${field.name}(${argument.name}:)`);
    }
  }
  return hidden;
}

const directivesOf = (type: GraphQLNamedType): readonly ConstDirectiveNode[] =>
  [type.astNode, ...type.extensionASTNodes].flatMap((node) => node?.directives ?? []);
