import { Supergraph } from "@apollo/federation-internals";
import { buildASTSchema, isEnumType, Kind, parse, type GraphQLSchema } from "graphql";
import { createHash } from "node:crypto";
import type { Observer } from "../observing/observer";
import type { Graph } from "./graph";
import { labelsOf } from "./overrides";
import { defaultPlannerLimits, startPlanner, type PlannerLimits } from "./planner";

export class SupergraphError extends Error {
  override readonly name = "SupergraphError";
}

export interface OpenGraphOptions {
  limits?: Partial<PlannerLimits>;
  observer?: Observer;
}

/**
 * Reads a supergraph and starts its planner. Rejects with `SupergraphError`, saying what is wrong, when the text is no
 * supergraph or is of a version that the planner doesn't know.
 */
export async function openGraph(sdl: string, { limits, observer }: OpenGraphOptions = {}): Promise<Graph> {
  let apiSchema: GraphQLSchema;
  let supergraphSchema: GraphQLSchema;
  try {
    // Directives that clients' rights depend on are enforced before planning (authorization/), so the planner may ignore them.
    apiSchema = Supergraph.build(sdl, { supportedFeatures: null })
      .apiSchema()
      .toGraphQLJSSchema({ includeDefer: true });
    supergraphSchema = buildASTSchema(parse(sdl, { noLocation: true }), { assumeValid: true, assumeValidSDL: true });
  } catch (error) {
    throw new SupergraphError(`This is no supergraph: ${(error as Error).message}`, { cause: error });
  }
  const planner = startPlanner({ sdl, limits: { ...defaultPlannerLimits, ...limits }, observer });
  try {
    await planner.ready;
  } catch (error) {
    await planner.close();
    throw new SupergraphError(`The planner can't read this supergraph: ${(error as Error).message}`, { cause: error });
  }
  const labels = labelsOf(supergraphSchema);
  const subgraphSchemas = new Map<string, GraphQLSchema>();

  return {
    id: createHash("sha256").update(sdl).digest("hex"),
    sdl,
    apiSchema,
    supergraphSchema,
    subgraphs: subgraphsOf(supergraphSchema),
    plan: (operation, o = {}) => planner.plan(operation, { ...o, overrides: o.overrides ?? labels.decide(operation) }),
    subgraphSchema(name) {
      const known = subgraphSchemas.get(name);
      if (known) return known;
      const subgraph = Supergraph.build(sdl, { supportedFeatures: null }).subgraphs().get(name);
      if (!subgraph) throw new Error(`The supergraph has no subgraph "${name}".`);
      const schema = subgraph.schema.toGraphQLJSSchema();
      subgraphSchemas.set(name, schema);
      return schema;
    },
    close: () => planner.close(),
  };
}

/** The subgraphs of a supergraph that isn't opened. */
export const subgraphsIn = (sdl: string): { name: string; url: string }[] =>
  subgraphsOf(buildASTSchema(parse(sdl, { noLocation: true }), { assumeValid: true, assumeValidSDL: true }));

/** Names and addresses, as composition wrote them into the join specification's enum. */
function subgraphsOf(schema: GraphQLSchema): { name: string; url: string }[] {
  const graphs = schema.getType("join__Graph");
  if (!isEnumType(graphs)) throw new SupergraphError("This is no supergraph: it has no enum join__Graph.");
  return graphs.getValues().map(({ name, astNode }) => {
    const given = astNode?.directives?.find((directive) => directive.name.value === "join__graph")?.arguments ?? [];
    const text = (argument: string): string | undefined => {
      const value = given.find((each) => each.name.value === argument)?.value;
      return value?.kind === Kind.STRING ? value.value : undefined;
    };
    return { name: text("name") ?? name, url: text("url") ?? "" };
  });
}
