import { isId } from "@atrium/ids";
import type { OperationRequest } from "@atrium/subgraph";
import DataLoader from "dataloader";
import {
  execute,
  GraphQLError,
  Kind,
  parse,
  type ConstDirectiveNode,
  type ExecutionResult,
  type GraphQLSchema,
} from "graphql";
import type { SubgraphSchema } from "./composition";
import type { SubgraphClient } from "./subgraph-client";

/** The name of the gateway's own subgraph, whose one field is `Query.node`. */
export const nodeSubgraph = "node";

/** Which object an id names, and whose it is. Kinds that no service has yet aren't part of the graph. */
const kinds = [
  { prefix: "usr", type: "User", service: "identity" },
  { prefix: "org", type: "Organization", service: "tenancy" },
  { prefix: "wsp", type: "Workspace", service: "tenancy" },
  { prefix: "prj", type: "Project", service: "tenancy" },
  { prefix: "kb", type: "KnowledgeBase", service: "knowledge" },
  { prefix: "doc", type: "Document", service: "knowledge" },
  { prefix: "bot", type: "Chatbot", service: "chat" },
  { prefix: "cnv", type: "Conversation", service: "chat" },
] as const;

/** The schema of `Query.node` over the services' entities; null when they have none. */
export function nodeSchema(services: readonly SubgraphSchema[]): SubgraphSchema | null {
  const types = kinds.filter(({ type, service }) =>
    services.some(({ name, sdl }) => name === service && owns(sdl, type)),
  );
  if (types.length === 0) return null;
  const sdl = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
    type Query {
      """Any object by its id; null when there is none, or none that the caller may know of."""
      node(
        """The object's id."""
        id: ID!
      ): Node
    }
    """An object that can be asked for by its id alone."""
    interface Node {
      """Names the object, among all objects of all kinds."""
      id: ID!
    }
    ${types.map(({ type }) => `type ${type} implements Node @key(fields: "id", resolvable: false) { id: ID! }`).join("\n")}`;
  return { name: nodeSubgraph, sdl };
}

/** Answers `Query.node` by asking the object's own service whether this caller may know of it. */
export function nodeClient(schema: GraphQLSchema, subgraphs: ReadonlyMap<string, SubgraphClient>): SubgraphClient {
  const unsupported = () => Promise.reject(new Error(`The subgraph "${nodeSubgraph}" has one query and nothing else.`));
  return {
    name: nodeSubgraph,
    async execute(request) {
      const known = new DataLoader((ids: readonly string[]) => findNodes(ids, request, subgraphs));
      return execute({
        schema,
        document: parse(request.query),
        operationName: request.operationName,
        variableValues: request.variables,
        rootValue: { node: ({ id }: { id: string }) => known.load(id) },
      });
    },
    subscribe: unsupported,
    internal: unsupported,
    handle: (_, response) => response.writeHead(404).end(),
    ready: async () => ({}),
    close: async () => {},
  };
}

interface Node {
  __typename: string;
  id: string;
}

/** In the order of `ids`, with one question to each service. */
async function findNodes(
  ids: readonly string[],
  request: OperationRequest,
  subgraphs: ReadonlyMap<string, SubgraphClient>,
): Promise<(Node | Error | null)[]> {
  const asked = ids.map((id) => ({ id, kind: kinds.find(({ prefix }) => isId(prefix, id)) }));
  const found = new Map<string, Node | Error | null>();
  const services = new Set(asked.flatMap(({ kind }) => kind?.service ?? []));
  const questions = [...services].map(async (service) => {
    const wanted = asked.flatMap(({ id, kind }) => (kind?.service === service ? { __typename: kind.type, id } : []));
    const query = "query ($representations: [_Any!]!) { _entities(representations: $representations) { __typename } }";
    const result = await subgraphs
      .get(service)
      ?.execute({ ...request, query, operationName: undefined, variables: { representations: wanted } });
    wanted.forEach((node, i) => found.set(node.id, errorAt(result, i) ?? (entityAt(result, i) ? node : null)));
  });
  await Promise.all(questions);
  return ids.map((id) => found.get(id) ?? null);
}

const entityAt = (result: ExecutionResult | undefined, i: number): unknown =>
  (result?.data?.["_entities"] as unknown[] | undefined)?.[i];

/** The error that belongs to one entity, or to all of them; its place is the client's operation, not our question. */
function errorAt(result: ExecutionResult | undefined, i: number): GraphQLError | undefined {
  const error = result?.errors?.find(({ path }) => path?.[1] === undefined || path[1] === i);
  return error && new GraphQLError(error.message, { extensions: error.extensions });
}

/** Whether this schema resolves the type by its id, rather than only mentioning it. */
function owns(sdl: string, type: string): boolean {
  const isResolvable = ({ name, arguments: given }: ConstDirectiveNode) => {
    const valueOf = (argument: string) => given?.find((candidate) => candidate.name.value === argument)?.value;
    const [fields, resolvable] = [valueOf("fields"), valueOf("resolvable")];
    const byId = fields?.kind === Kind.STRING && fields.value === "id";
    return name.value === "key" && byId && !(resolvable?.kind === Kind.BOOLEAN && !resolvable.value);
  };
  return parse(sdl).definitions.some(
    (definition) =>
      definition.kind === Kind.OBJECT_TYPE_DEFINITION &&
      definition.name.value === type &&
      definition.directives?.some(isResolvable),
  );
}
