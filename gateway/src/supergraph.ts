import { operationFromDocument, Supergraph, type Schema } from "@apollo/federation-internals";
import { QueryPlanner, type QueryPlan } from "@apollo/query-planner";
import type { DocumentNode, GraphQLSchema } from "graphql";
import { LRUCache } from "lru-cache";

// Plans are kept by their size as JSON: a thousand ordinary ones fit.
const planCacheBytesMax = 16 * 1024 * 1024;
// The planner's own bound is 10,000 alternatives, which takes seconds.
const evaluatedPlansMax = 1_000;

/** A supergraph, ready to validate, plan and be executed. */
export interface LoadedSupergraph {
  sdl: string;
  /** What clients see. */
  apiSchema: GraphQLSchema;
  /** The same in the planner's own form. */
  planningSchema: Schema;
  supergraphSchema: GraphQLSchema;
  subgraphNames: string[];
  /** The plan of one operation; kept under `key`, which must name document and operation. */
  plan(key: string, document: DocumentNode, operationName: string | undefined): QueryPlan;
  /** One subgraph's own schema, as composition saw it. */
  subgraphSchema(name: string): GraphQLSchema;
}

/** Throws when the text is no supergraph. */
export function loadSupergraph(sdl: string): LoadedSupergraph {
  // Directives that clients' rights depend on are enforced before planning (authorization/).
  const supergraph = Supergraph.build(sdl, { supportedFeatures: null });
  const planningSchema = supergraph.apiSchema();
  const planner = new QueryPlanner(supergraph, { debug: { maxEvaluatedPlans: evaluatedPlansMax } });
  const plans = new LRUCache<string, QueryPlan>({
    maxSize: planCacheBytesMax,
    sizeCalculation: (plan) => JSON.stringify(plan).length + 1,
  });
  const subgraphSchemas = new Map<string, GraphQLSchema>();

  return {
    sdl,
    apiSchema: planningSchema.toGraphQLJSSchema(),
    planningSchema,
    supergraphSchema: supergraph.schema.toGraphQLJSSchema(),
    subgraphNames: supergraph.subgraphsMetadata().map(({ name }) => name),
    plan(key, document, operationName) {
      const known = plans.get(key);
      if (known) return known;
      const plan = planner.buildQueryPlan(operationFromDocument(planningSchema, document, { operationName }));
      plans.set(key, plan);
      return plan;
    },
    subgraphSchema(name) {
      const known = subgraphSchemas.get(name);
      if (known) return known;
      const schema = supergraph.subgraphs().get(name)!.schema.toGraphQLJSSchema();
      subgraphSchemas.set(name, schema);
      return schema;
    },
  };
}
