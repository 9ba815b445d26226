import type { ApolloServer } from "@apollo/server";
import { PublicError } from "@atrium/errors";
import { GraphQLError, type GraphQLSchema } from "graphql";
import type { Logger } from "pino";
import type { Budget } from "./admission/budget";
import { createCharge } from "./admission/charge";
import { createCostModel } from "./admission/cost";
import { refusing } from "./admission/shape";
import type { PersistedOperations } from "./admission/persisted";
import { startApollo } from "./apollo";
import type { Authentication } from "./authentication";
import { createPermit } from "./authorization/permit";
import { createEndpoint, RequestRefused, type Endpoint, type Steps } from "./endpoint";
import { createEngine } from "./execution/create-engine";
import { ownExecutor, stockExecutor } from "./executor";
import { createDocuments, type Documents } from "./graph/documents";
import type { Graph } from "./graph/graph";
import { houseDenial, houseErrors, isServiceAway } from "./house-transport";
import type { Limits, OperationGate } from "./limits";
import type { Metrics } from "./metrics";
import type { Observer } from "./observing/observer";
import type { RequestContext } from "./request-context";
import type { SubgraphClient } from "./subgraph-client";
import type { SubgraphTransport } from "./subgraphs/transport";
import { createSubscriptions, type Subscribe } from "./subscriptions";
import { withHub } from "./subscriptions/hub";
import { loadSupergraph } from "./supergraph";

/** What is served at one path: the whole graph, or a contract's part of it. */
export interface ServedGraph {
  /** What clients see. */
  schema: GraphQLSchema;
  /** What clients sent, valid in it. */
  documents: Documents;
  apollo: ApolloServer<RequestContext>;
  subscribe: Subscribe;
  /** For clients that read streams. None where the stock executor runs the plans: it has no answers in parts. */
  endpoint?: Endpoint<RequestContext>;
}

// What a list is taken to hold that doesn't say.
const listSizeAssumed = 10;

/** The steps of one path. Everything that is given is shared with the other paths. */
export async function serveGraph(o: {
  graph: Graph;
  executor: "own" | "stock";
  transports: ReadonlyMap<string, SubgraphTransport<RequestContext>>;
  subgraphs: ReadonlyMap<string, SubgraphClient>;
  authentication: Authentication;
  gate: OperationGate;
  limits: Limits;
  operations: PersistedOperations;
  demand: { costMax: number; budget?: Budget };
  introspection: boolean | "permitted";
  observer: Observer;
  metrics: Metrics;
  log: Logger;
}): Promise<ServedGraph> {
  const { graph, transports, subgraphs, authentication, gate, limits, operations, observer, metrics, log } = o;
  const schema = graph.apiSchema;
  const introspection = o.introspection !== false;
  const suggestions = o.introspection === true;
  const engine = withHub(
    createEngine<RequestContext>({ graph, transports, ...houseErrors, describeDenial: houseDenial, observer }),
    {
      // Each subscriber's rights are asked for each event, so nobody shares here (docs/decisions/0016).
      sharingKey: () => null,
      lasting: (request, signal) => request.lasting(signal),
      queuedMax: limits.socket.eventsMax,
      awayMaxMs: limits.socket.serviceAwayMaxMs,
      isStillAway: isServiceAway,
      describeFault: houseErrors.describeFault,
    },
  );
  const rights = {
    schema,
    supergraphSchema: graph.supergraphSchema,
    describeDenial: houseDenial,
    filtersIntrospection: o.introspection === "permitted",
  };
  const permit = createPermit(rights);
  const documents = createDocuments({
    schema,
    introspection,
    suggestions,
    parse: refusing((text) => gate.parse(text)),
  });
  const { costMax, budget } = o.demand;
  const charge = createCharge<RequestContext>({
    model: createCostModel(schema, graph.supergraphSchema, { listSize: listSizeAssumed }),
    mode: costMax === Infinity && !budget ? "MEASURE" : "ENFORCE",
    costMax,
    budget,
    isAsked: ({ exposeCost }) => exposeCost === true,
  });
  const execute =
    o.executor === "stock"
      ? stockExecutor({
          supergraph: loadSupergraph(graph.sdl),
          subgraphs,
          // It has no shape of what the client asked for beside what was planned.
          permit: createPermit({ ...rights, refuseWhole: true }),
          documents,
          authentication,
          metrics,
        })
      : ownExecutor({ engine, permit, documents, charge });

  return {
    schema,
    documents,
    apollo: await startApollo({ graph, execute, documents, gate, introspection, operations, metrics, log }),
    subscribe: createSubscriptions({ engine, permit, documents, charge, metrics }),
    ...(o.executor === "own" && {
      endpoint: createEndpoint(
        { ...documents, textOf: operations.textOf, charge: withinSize(gate, schema, charge), permit, engine },
        observer,
      ),
    }),
  };
}

/** The size of the answer is bounded before the caller pays for it. */
function withinSize(
  gate: OperationGate,
  schema: GraphQLSchema,
  charge: Steps<RequestContext>["charge"],
): Steps<RequestContext>["charge"] {
  return (operation, variables, request) => {
    try {
      gate.checkCost(schema, operation.document, operation.definition, variables);
    } catch (error) {
      if (!(error instanceof PublicError)) throw error;
      throw new RequestRefused([new GraphQLError(error.message, { extensions: { ...error.extensions } })]);
    }
    return charge(operation, variables, request);
  };
}
