import { Kind, type GraphQLSchema } from "graphql";

/** The names under which a supergraph links the directive of one of Apollo's specifications, its own among them. */
export function linkedNames(schema: GraphQLSchema, specification: string): ReadonlySet<string> {
  const identity = new RegExp(`^https://specs\\.apollo\\.dev/${specification}/v\\d+\\.\\d+$`);
  const names = new Set([specification]);
  const links = [schema.astNode, ...schema.extensionASTNodes].flatMap((node) => node?.directives ?? []);
  for (const { name, arguments: given } of links) {
    if (name.value !== "link") continue;
    const value = (argument: string) => given?.find((each) => each.name.value === argument)?.value;
    const url = value("url");
    if (url?.kind !== Kind.STRING || !identity.test(url.value)) continue;
    const as = value("as");
    const namespace = as?.kind === Kind.STRING ? as.value : specification;
    names.add(namespace).add(`${namespace}__${specification}`);
    const imports = value("import");
    for (const each of imports?.kind === Kind.LIST ? imports.values : []) {
      if (each.kind !== Kind.OBJECT) continue;
      const field = (key: string) => each.fields.find((every) => every.name.value === key)?.value;
      const [from, to] = [field("name"), field("as")];
      if (from?.kind === Kind.STRING && to?.kind === Kind.STRING && from.value === `@${specification}`)
        names.add(to.value.slice(1));
    }
  }
  return names;
}
