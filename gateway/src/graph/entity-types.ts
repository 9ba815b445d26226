import { isEnumType, isInterfaceType, isObjectType, Kind, type ArgumentNode, type GraphQLSchema } from "graphql";

/** By subgraph, the types whose objects it can be asked for by a key. */
export function entityTypesOf(supergraphSchema: GraphQLSchema): Map<string, Set<string>> {
  const names = new Map<string, string>();
  const graphs = supergraphSchema.getType("join__Graph");
  for (const { name, astNode } of isEnumType(graphs) ? graphs.getValues() : []) {
    const given = astNode?.directives?.find((directive) => directive.name.value === "join__graph")?.arguments;
    names.set(name, textOf(given, "name") ?? name);
  }
  const found = new Map<string, Set<string>>();
  for (const type of Object.values(supergraphSchema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const { name, arguments: given } of type.astNode?.directives ?? []) {
      if (name.value !== "join__type" || textOf(given, "key") === undefined) continue;
      const subgraph = names.get(textOf(given, "graph") ?? "");
      if (subgraph === undefined) continue;
      found.set(subgraph, (found.get(subgraph) ?? new Set()).add(type.name));
    }
  }
  return found;
}

function textOf(given: readonly ArgumentNode[] | undefined, argument: string): string | undefined {
  const value = given?.find(({ name }) => name.value === argument)?.value;
  return value?.kind === Kind.STRING || value?.kind === Kind.ENUM ? value.value : undefined;
}
