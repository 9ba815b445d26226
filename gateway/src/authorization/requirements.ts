import {
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  type ConstDirectiveNode,
  type GraphQLCompositeType,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  type SelectionSetNode,
} from "graphql";
import type { Claims } from "../client-request";
import { conjunction, isSame, type Alternatives } from "./alternatives";
import { linkedNames } from "../graph/linked-names";

/** What a caller must be able to claim; all parts that are there. */
export interface Requirement {
  /** Reads the same for the same requirement. */
  key: string;
  authenticated: boolean;
  /** Any of these lists, all of its scopes. */
  scopes: Alternatives | null;
  policies: Alternatives | null;
}

export interface Requirements {
  /** Each that there is in the graph, once. */
  all: readonly Requirement[];
  /** All that a field of an object type requires, beside what the types do that it is of and that it leads to. */
  ofField(type: string, field: string): readonly Requirement[];
  /** All that an object type, a scalar or an enum requires. */
  ofType(type: string): readonly Requirement[];
}

const none: readonly Requirement[] = [];

/**
 * What `@authenticated`, `@requiresScopes` and `@policy` (Apollo Federation 2.5, 2.6) say in a supergraph, under whatever
 * names it links them.
 *
 * Composition gives an interface what its implementations require together. Here each object is asked for its own, so
 * that is passed over; but what an older composition let be required of an interface alone holds for its implementations,
 * since they can be asked for by name. A field that is worked out from others (`@requires`) requires what they do.
 */
export function readRequirements(schema: GraphQLSchema): Requirements {
  const own = readOwn(schema);
  const ofFields = new Map<string, readonly Requirement[]>();
  const ofTypes = new Map<string, readonly Requirement[]>();
  const ofInterfaces = new Map<string, Requirement | null>();

  /** What is required of an object, or of its field, only where it is asked for by an interface. */
  function inheritedBy(type: GraphQLObjectType, field?: string): Requirement[] {
    return type.getInterfaces().flatMap((each) => {
      const place = field === undefined ? each.name : `${each.name}.${field}`;
      let required = ofInterfaces.get(place);
      if (required === undefined) ofInterfaces.set(place, (required = ofInterface(each, field)));
      return required ?? [];
    });
  }
  function ofInterface(type: GraphQLInterfaceType, field: string | undefined): Requirement | null {
    const owned = ({ name }: GraphQLNamedType) => (field === undefined ? own.ofType(name) : own.ofField(name, field));
    return owned(type) && notFrom(schema.getPossibleTypes(type).map(owned), owned(type));
  }

  function ofType(name: string): readonly Requirement[] {
    const known = ofTypes.get(name);
    if (known) return known;
    const type = schema.getType(name);
    if (!type || isInterfaceType(type)) return none;
    const declared = own.ofType(name);
    const found = [...(declared ? [declared] : none), ...(isObjectType(type) ? inheritedBy(type) : none)];
    ofTypes.set(name, found);
    return found;
  }

  function ofField(name: string, field: string, asked = new Set<string>()): readonly Requirement[] {
    const place = `${name}.${field}`;
    const known = ofFields.get(place);
    if (known) return known;
    const type = schema.getType(name);
    if (!isObjectType(type) || asked.has(place)) return none;
    asked.add(place);
    const declared = own.ofField(name, field);
    const found = [...(declared ? [declared] : none), ...inheritedBy(type, field)];
    for (const selection of requiredBy(type, field)) collect(selection, type, found, asked);
    const distinct = [...new Map(found.map((each) => [each.key, each])).values()];
    if (asked.size === 1) ofFields.set(place, distinct);
    asked.delete(place);
    return distinct;
  }

  /** Adds what the selection of a `@requires` requires. */
  function collect(set: SelectionSetNode, on: GraphQLCompositeType, found: Requirement[], asked: Set<string>): void {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) continue;
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition && schema.getType(selection.typeCondition.name.value);
        collect(selection.selectionSet, isCompositeType(condition) ? condition : on, found, asked);
        continue;
      }
      for (const owner of isObjectType(on) ? [on] : schema.getPossibleTypes(on)) {
        const field = owner.getFields()[selection.name.value];
        if (!field) continue;
        const type = getNamedType(field.type);
        found.push(...ofType(owner.name), ...ofField(owner.name, field.name, asked), ...ofType(type.name));
        if (selection.selectionSet && isCompositeType(type)) collect(selection.selectionSet, type, found, asked);
      }
    }
  }

  return { all: own.all, ofField: (type, field) => ofField(type, field), ofType };
}

/** What an interface requires, unless it is but what its implementations require together. */
function notFrom(implementations: readonly (Requirement | null)[], own: Requirement | null): Requirement | null {
  if (!own) return null;
  const authenticated = own.authenticated && !implementations.some((each) => each?.authenticated);
  const left = (part: "scopes" | "policies") => {
    const together = implementations.flatMap((each) => (each?.[part] ? [each[part]] : []));
    return own[part] && (together.length === 0 || !isSame(own[part], conjunction(together))) ? own[part] : null;
  };
  return requirement(authenticated, left("scopes"), left("policies"));
}

/** The selections of `@requires` that a field's value is worked out from, in whichever subgraph. */
function requiredBy(type: GraphQLObjectType, field: string): SelectionSetNode[] {
  const directives = type.getFields()[field]?.astNode?.directives ?? [];
  return directives.flatMap(({ name, arguments: given }) => {
    if (name.value !== "join__field") return [];
    const requires = given?.find((argument) => argument.name.value === "requires")?.value;
    if (requires?.kind !== Kind.STRING || requires.value.trim() === "") return [];
    const [definition] = parse(`{ ${requires.value} }`, { noLocation: true }).definitions;
    return definition?.kind === Kind.OPERATION_DEFINITION ? [definition.selectionSet] : [];
  });
}

/** What stands in the supergraph itself. */
function readOwn(schema: GraphQLSchema) {
  const names = {
    authenticated: linkedNames(schema, "authenticated"),
    requiresScopes: linkedNames(schema, "requiresScopes"),
    policy: linkedNames(schema, "policy"),
  };
  const all = new Map<string, Requirement>();
  const places = new Map<string, Requirement>();
  const read = (place: string, directives: readonly ConstDirectiveNode[]) => {
    const applied = (own: ReadonlySet<string>) => directives.filter(({ name }) => own.has(name.value));
    const lists = (own: ReadonlySet<string>, argument: string) => {
      const found = applied(own).map((each) => listsOf(each, argument));
      return found.length === 0 ? null : conjunction(found);
    };
    const found = requirement(
      applied(names.authenticated).length > 0,
      lists(names.requiresScopes, "scopes"),
      lists(names.policy, "policies"),
    );
    if (!found) return;
    if (!all.has(found.key)) all.set(found.key, found);
    places.set(place, all.get(found.key)!);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    read(type.name, directivesOf(type));
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields()))
      read(`${type.name}.${field.name}`, field.astNode?.directives ?? []);
  }
  return {
    all: [...all.values()],
    ofType: (type: string) => places.get(type) ?? null,
    ofField: (type: string, field: string) => places.get(`${type}.${field}`) ?? null,
  };
}

const directivesOf = (type: GraphQLNamedType): readonly ConstDirectiveNode[] =>
  [type.astNode, ...type.extensionASTNodes].flatMap((node) => node?.directives ?? []);

function requirement(
  authenticated: boolean,
  scopes: Alternatives | null,
  policies: Alternatives | null,
): Requirement | null {
  if (!authenticated && !scopes && !policies) return null;
  return { key: JSON.stringify([authenticated, scopes, policies]), authenticated, scopes, policies };
}

function listsOf(directive: ConstDirectiveNode, argument: string): string[][] {
  const given = directive.arguments?.find(({ name }) => name.value === argument)?.value;
  const lists = given?.kind === Kind.LIST ? given.values : given ? [given] : [];
  return lists.map((list) =>
    (list.kind === Kind.LIST ? list.values : [list]).flatMap((value) =>
      value.kind === Kind.STRING ? [value.value] : [],
    ),
  );
}

/** Those of the requirements that the caller can't claim, by their keys. Policies are asked about once, all together. */
export async function unmetOf(claims: Claims, requirements: readonly Requirement[]): Promise<ReadonlySet<string>> {
  const named = new Set(requirements.flatMap(({ policies }) => policies?.flat() ?? []));
  const policies = named.size > 0 ? await claims.policies([...named]) : noPolicies;
  const isMet = ({ authenticated, scopes, policies: required }: Requirement) =>
    (!authenticated || claims.isAuthenticated) &&
    (!scopes || isClaimed(scopes, claims.scopes)) &&
    (!required || isClaimed(required, policies));
  return new Set(requirements.filter((each) => !isMet(each)).map(({ key }) => key));
}

const noPolicies: ReadonlySet<string> = new Set();

/** No alternative at all, or an empty one, isn't claimed by claiming nothing. */
const isClaimed = (alternatives: Alternatives, held: ReadonlySet<string>): boolean =>
  alternatives.some((all) => all.length > 0 && all.every((each) => held.has(each)));
