import {
  isInterfaceType,
  isObjectType,
  Kind,
  type ConstDirectiveNode,
  type GraphQLNamedType,
  type GraphQLSchema,
} from "graphql";
import type { Claims } from "../client-request";

/** What a caller must be able to claim; all parts that are there. */
export interface Requirement {
  /** Reads the same for the same requirement. */
  key: string;
  authenticated: boolean;
  /** Any of these lists, all of its scopes. */
  scopes: readonly (readonly string[])[] | null;
  policies: readonly (readonly string[])[] | null;
}

export interface Requirements {
  /** Whether nothing in the graph requires anything. */
  isEmpty: boolean;
  ofField(type: string, field: string): Requirement | null;
  ofType(type: string): Requirement | null;
}

const specifications = { authenticated: "authenticated", requiresScopes: "requiresScopes", policy: "policy" } as const;

/**
 * What `@authenticated`, `@requiresScopes` and `@policy` (Apollo Federation 2.5, 2.6) say in a supergraph, under whatever
 * names it links them.
 */
export function readRequirements(schema: GraphQLSchema): Requirements {
  const names = linkedNames(schema);
  const fields = new Map<string, Requirement>();
  const types = new Map<string, Requirement>();
  for (const type of Object.values(schema.getTypeMap())) {
    const own = requirementIn(directivesOf(type), names);
    if (own) types.set(type.name, own);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const requirement = requirementIn(field.astNode?.directives ?? [], names);
      if (requirement) fields.set(`${type.name}.${field.name}`, requirement);
    }
  }
  return {
    isEmpty: fields.size === 0 && types.size === 0,
    ofField: (type, field) => fields.get(`${type}.${field}`) ?? null,
    ofType: (type) => types.get(type) ?? null,
  };
}

const directivesOf = (type: GraphQLNamedType): readonly ConstDirectiveNode[] =>
  [type.astNode, ...type.extensionASTNodes].flatMap((node) => node?.directives ?? []);

/** The names that the supergraph gives to the three specifications' directives. */
function linkedNames(schema: GraphQLSchema): Record<keyof typeof specifications, string> {
  const names: Record<keyof typeof specifications, string> = { ...specifications };
  const links = [schema.astNode, ...schema.extensionASTNodes].flatMap((node) => node?.directives ?? []);
  for (const link of links) {
    if (link.name.value !== "link") continue;
    const text = (name: string): string | undefined => {
      const value = link.arguments?.find((argument) => argument.name.value === name)?.value;
      return value?.kind === Kind.STRING ? value.value : undefined;
    };
    const specification = /^https:\/\/specs\.apollo\.dev\/(authenticated|requiresScopes|policy)\/v\d+\.\d+$/.exec(
      text("url") ?? "",
    )?.[1] as keyof typeof specifications | undefined;
    const as = text("as");
    if (specification && as !== undefined) names[specification] = as;
  }
  return names;
}

function requirementIn(
  directives: readonly ConstDirectiveNode[],
  names: Record<keyof typeof specifications, string>,
): Requirement | null {
  const find = (name: string) => directives.find((directive) => directive.name.value === name);
  const authenticated = find(names.authenticated) !== undefined;
  const scopes = listsOf(find(names.requiresScopes), "scopes");
  const policies = listsOf(find(names.policy), "policies");
  if (!authenticated && !scopes && !policies) return null;
  return { key: JSON.stringify([authenticated, scopes, policies]), authenticated, scopes, policies };
}

function listsOf(directive: ConstDirectiveNode | undefined, argument: string): string[][] | null {
  if (!directive) return null;
  const given = directive.arguments?.find(({ name }) => name.value === argument)?.value;
  const lists = given?.kind === Kind.LIST ? given.values : given ? [given] : [];
  return lists.map((list) =>
    (list.kind === Kind.LIST ? list.values : [list]).flatMap((value) =>
      value.kind === Kind.STRING ? [value.value] : [],
    ),
  );
}

/** Whether the caller can claim it. No list of alternatives, or an empty one, can't be satisfied by being empty. */
export async function satisfies(claims: Claims, { authenticated, scopes, policies }: Requirement): Promise<boolean> {
  if (authenticated && !claims.isAuthenticated) return false;
  if (scopes && !scopes.some((all) => all.length > 0 && all.every((scope) => claims.scopes.has(scope)))) return false;
  if (!policies) return true;
  const held = await claims.policies([...new Set(policies.flat())]);
  return policies.some((all) => all.length > 0 && all.every((policy) => held.has(policy)));
}
