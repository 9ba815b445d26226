import { buildSubgraphSchema as buildFederated } from "@apollo/subgraph";
import { PublicError } from "@atrium/errors";
import { printSchemaWithDirectives } from "@graphql-tools/utils";
import {
  isObjectType,
  Kind,
  parse,
  print,
  visit,
  type ConstDirectiveNode,
  type DefinitionNode,
  type DocumentNode,
  type GraphQLSchema,
  type TypeNode,
} from "graphql";
import { buildSchemaSync, createResolversMap, type ClassType } from "type-graphql";
import { connectionSize } from "./connection";
import { stubExtension } from "./entity";

// What @apollo/composition and @apollo/subgraph 2.14 both know.
const federationVersion = "v2.12";
const federationDirectives = new Set([
  ...["authenticated", "composeDirective", "cost", "external", "inaccessible", "interfaceObject", "key", "listSize"],
  ...["override", "policy", "provides", "requires", "requiresScopes", "shareable", "tag"],
]);

/** What a DataLoader is to the schema. */
export interface EntityLoader {
  load(id: string): PromiseLike<unknown>;
}

export interface SubgraphSchema {
  /** Executable, with `_entities` and `_service`. */
  schema: GraphQLSchema;
  /** As it is committed, and composed into the supergraph. */
  sdl: string;
}

interface SubgraphParts<Context> {
  resolvers: readonly object[];
  /** Types that no field mentions: entities that only other services refer to, implementations of an interface. */
  orphanedTypes?: readonly ClassType<object>[];
  /**
   * For each entity that this service owns, the loader of the request's context through which references resolve.
   * A loader batches and remembers, and carries the actor's scope: `_entities` sees no more than a query does.
   */
  references?: Readonly<Record<string, (context: Context) => EntityLoader>>;
}

/**
 * The subgraph's schema from type-graphql's classes. Only the given resolvers and what they mention are in it, so
 * several services may live in one process.
 */
export function buildSubgraphSchema<Context>({
  resolvers,
  orphanedTypes = [],
  references = {},
}: SubgraphParts<Context>): SubgraphSchema {
  const bare = buildSchemaSync({
    resolvers: resolvers as [NonNullable<unknown> & (new () => unknown)],
    orphanedTypes: [...orphanedTypes],
    validate: false,
    skipCheck: true,
    // Subscriptions name their own source, in `subscribe`.
    pubSub: { publish: refusePubSub, subscribe: refusePubSub },
  });
  const document = federated(sized(parse(printSchemaWithDirectives(bare))));
  checkReferences(bare, document, Object.keys(references));

  const resolverMap = createResolversMap(bare) as Record<string, Record<string, unknown>>;
  for (const [type, loaderOf] of Object.entries(references)) {
    resolverMap[type]!.__resolveReference = async (reference: { id: unknown }, context: Context) => {
      if (typeof reference.id !== "string")
        throw new PublicError("BAD_USER_INPUT", `A reference to ${type} needs an id.`, { field: "representations" });
      return extensible(await loaderOf(context).load(reference.id));
    };
  }
  const schema = buildFederated([{ typeDefs: document, resolvers: resolverMap as never }]);
  for (const type of stubsOf(bare)) Object.assign(schema.getType(type)!, { extensions: { [stubExtension]: true } });
  return { schema, sdl: `${print(document)}\n` };
}

/** Fields that return connections say by which argument they are sliced. */
function sized(document: DocumentNode): DocumentNode {
  return visit(document, {
    FieldDefinition(field) {
      const size = connectionSize(namedType(field.type));
      if (size === undefined || !field.arguments?.some(({ name }) => name.value === "first")) return undefined;
      return { ...field, directives: [...(field.directives ?? []), ...directivesIn(size)] };
    },
  });
}

const namedType = (type: TypeNode): string => (type.kind === Kind.NAMED_TYPE ? type.name.value : namedType(type.type));

function directivesIn(text: string): readonly ConstDirectiveNode[] {
  const [definition] = parse(`scalar Any ${text}`).definitions;
  return definition?.kind === Kind.SCALAR_TYPE_DEFINITION ? (definition.directives ?? []) : [];
}

/** Definitions by name, root types first, under the link to the federation's specification. */
function federated(document: DocumentNode): DocumentNode {
  const used = new Set<string>();
  visit(document, {
    Directive: ({ name }) => {
      if (federationDirectives.has(name.value)) used.add(`@${name.value}`);
    },
  });
  const imports = JSON.stringify([...used].sort());
  const link = `extend schema @link(url: "https://specs.apollo.dev/federation/${federationVersion}", import: ${imports})`;
  const definitions = document.definitions.filter((definition) => definition.kind !== Kind.SCHEMA_DEFINITION);
  return { ...document, definitions: [...parse(link).definitions, ...definitions.sort(byRank)] };
}

const rootTypes = ["Query", "Mutation", "Subscription"];
const nameOf = (definition: DefinitionNode) => ("name" in definition && definition.name?.value) || "";
const rankOf = (name: string) => (rootTypes.includes(name) ? rootTypes.indexOf(name) : rootTypes.length);

function byRank(a: DefinitionNode, b: DefinitionNode): number {
  const [left, right] = [nameOf(a), nameOf(b)];
  return rankOf(left) - rankOf(right) || (left < right ? -1 : left > right ? 1 : 0);
}

/** Throws when an entity can't be resolved by reference, or a reference is to something that is no entity. */
function checkReferences(schema: GraphQLSchema, document: DocumentNode, references: readonly string[]): void {
  const stubs = new Set(stubsOf(schema));
  const entities = document.definitions
    .filter((definition) => definition.kind === Kind.OBJECT_TYPE_DEFINITION)
    .filter(({ name, directives }) => !stubs.has(name.value) && directives?.some(isResolvableKey))
    .map(({ name }) => name.value);
  const without = entities.filter((name) => !references.includes(name));
  if (without.length > 0) throw new Error(`Entities without a loader in \`references\`: ${without.join(", ")}.`);
  const unknown = references.filter((name) => !entities.includes(name));
  if (unknown.length > 0)
    throw new Error(`\`references\` names what is no entity of this schema (@key, and in use): ${unknown.join(", ")}.`);
}

const isResolvableKey = ({ name, arguments: given }: ConstDirectiveNode) =>
  name.value === "key" &&
  !given?.some(({ name, value }) => name.value === "resolvable" && value.kind === Kind.BOOLEAN && !value.value);

const stubsOf = (schema: GraphQLSchema): string[] =>
  Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && type.extensions[stubExtension])
    .map((type) => type.name);

// @apollo/subgraph writes `__typename` on what a reference resolves to.
const extensible = (entity: unknown): unknown =>
  typeof entity === "object" && entity !== null && !Object.isExtensible(entity) ? { ...entity } : entity;

function refusePubSub(): never {
  throw new Error("A subscription must name its source: `subscribe: ({ context }) => context.topics.subscribe(…)`.");
}
