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
  // It begins to read in its own thread, while this one does.
  const planner = startPlanner({ sdl, limits: { ...defaultPlannerLimits, ...limits }, observer });
  let supergraphSchema: GraphQLSchema;
  let subgraphs: Graph["subgraphs"];
  let apiSchema: GraphQLSchema;
  try {
    supergraphSchema = schemaOf(sdl);
    subgraphs = subgraphsOf(supergraphSchema);
    apiSchema = schemaOf(await planner.apiSdl);
    await planner.ready;
  } catch (error) {
    await planner.close();
    throw error instanceof SupergraphError
      ? error
      : new SupergraphError(`This is no supergraph: ${(error as Error).message}`, { cause: error });
  }
  const labels = labelsOf(supergraphSchema);

  return {
    id: createHash("sha256").update(sdl).digest("hex"),
    sdl,
    apiSchema,
    supergraphSchema,
    subgraphs,
    plan: (operation, o = {}) => planner.plan(operation, { ...o, overrides: o.overrides ?? labels.decide(operation) }),
    close: () => planner.close(),
  };
}

/** The subgraphs of a supergraph that isn't opened. */
export const subgraphsIn = (sdl: string): { name: string; url: string }[] => subgraphsOf(schemaOf(sdl));

const schemaOf = (sdl: string): GraphQLSchema =>
  buildASTSchema(parse(sdl, { noLocation: true }), { assumeValid: true, assumeValidSDL: true });

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
