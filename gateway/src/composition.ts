import { composeServices } from "@apollo/composition";
import { Kind, parse, visit, type DocumentNode, type GraphQLError } from "graphql";
import { nodeSchema } from "./node";

export interface SubgraphSchema {
  name: string;
  sdl: string;
  /** Where the schema was read, for messages. */
  file?: string;
  /** Where it is served; empty where the supergraph doesn't say. */
  url?: string;
}

export interface Composed {
  supergraph: string;
  hints: string[];
}

export class CompositionError extends Error {
  override readonly name = "CompositionError";
}

/**
 * Composes the subgraphs' schemas, and the gateway's own `Query.node`, into the supergraph. Addresses aren't part of it: they differ by installation, and the
 * gateway gets them from its settings. Throws `CompositionError` with one readable entry for every fault.
 */
export function composeSupergraph(subgraphs: readonly SubgraphSchema[]): Composed {
  const node = nodeSchema(subgraphs);
  const all = [...subgraphs, ...(node ? [node] : [])].map((each) => ({ ...each, url: `http://${each.name}/graphql` }));
  return composeSubgraphs(all, withoutPromises);
}

/** Composes anybody's subgraphs as they are. Throws `CompositionError` with one readable entry for every fault. */
export function composeSubgraphs(
  subgraphs: readonly SubgraphSchema[],
  change: (schema: DocumentNode) => DocumentNode = (schema) => schema,
): Composed {
  const inOrder = [...subgraphs].sort((a, b) => (a.name < b.name ? -1 : 1));
  const services = inOrder.map(({ name, sdl, file, url }) => {
    try {
      return { name, url, typeDefs: change(parse(sdl)) };
    } catch (error) {
      throw new CompositionError(`${file ?? name}: ${(error as GraphQLError).toString()}`);
    }
  });
  const { errors, supergraphSdl, hints } = composeServices(services);
  if (errors) throw new CompositionError(describeFaults(errors, inOrder));
  return {
    supergraph: `${supergraphSdl.trim()}\n`,
    hints: hints.map(({ definition, message }) => `${definition.code}: ${message}`),
  };
}

/**
 * A service can promise that a root field of its own is never null, but not that it is there. With the promise kept in the
 * graph, a service that is away would take with it all that the others answer to the same operation.
 */
function withoutPromises(schema: DocumentNode): DocumentNode {
  const query = (node: { name?: { value: string } }) => (node.name?.value === "Query" ? undefined : false);
  return visit(schema, {
    ObjectTypeDefinition: query,
    ObjectTypeExtension: query,
    FieldDefinition: (field) =>
      field.type.kind === Kind.NON_NULL_TYPE ? { ...field, type: field.type.type } : undefined,
    InterfaceTypeDefinition: () => false,
    InterfaceTypeExtension: () => false,
  });
}

function describeFaults(errors: readonly GraphQLError[], subgraphs: readonly SubgraphSchema[]): string {
  const entries = errors.map((error) => {
    const code = typeof error.extensions["code"] === "string" ? error.extensions["code"] : "INVALID_GRAPHQL";
    return [`${code}: ${error.message}`, ...placesOf(error, subgraphs)].join("\n    ");
  });
  const count = errors.length === 1 ? "one fault" : `${errors.length} faults`;
  return `The subgraphs don't compose (${count}):\n\n${entries.map((entry) => `  ${entry}`).join("\n\n")}\n`;
}

function placesOf(error: GraphQLError, subgraphs: readonly SubgraphSchema[]): string[] {
  return (error.nodes ?? []).flatMap((node) => {
    const name = "subgraph" in node && typeof node.subgraph === "string" ? node.subgraph : undefined;
    const subgraph = subgraphs.find((candidate) => candidate.name === name);
    if (!subgraph || !node.loc) return [];
    const { line, column } = node.loc.source.locationOffset;
    const lines = node.loc.source.body.slice(0, node.loc.start).split("\n");
    return [`at ${subgraph.file ?? subgraph.name}:${lines.length + line - 1}:${lines.at(-1)!.length + column}`];
  });
}
