import { ApolloServer, type ApolloServerPlugin } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from "@apollo/server/plugin/disabled";
import type { GatewayInterface } from "@apollo/server-gateway-interface";
import type { KeyValueCache } from "@apollo/utils.keyvaluecache";
import { PublicError } from "@atrium/errors";
import { GraphQLError, Kind, type DocumentNode } from "graphql";
import type { Logger } from "pino";
import type { PersistedOperations } from "./admission/persisted";
import { masked, refusalErrors, type Execute } from "./executor";
import type { Documents } from "./graph/documents";
import type { Graph } from "./graph/graph";
import { accepted } from "./http/negotiation";
import type { OperationGate } from "./limits";
import { maskError } from "./masking";
import type { Metrics } from "./metrics";
import type { RequestContext } from "./request-context";
import { otherWays } from "./streams";

// In this there is nothing that could be run.
const nothing: DocumentNode = { kind: Kind.DOCUMENT, definitions: [] };

/**
 * Apollo Server over our supergraph and executor, with nothing that reports, lands or caches elsewhere. Texts are parsed
 * and found valid by our own documents; one that came past them would be validated by Apollo Server as well, and run by
 * neither, since executors take what they run from the same documents.
 */
export async function startApollo(o: {
  graph: Graph;
  execute: Execute;
  documents: Documents;
  gate: OperationGate;
  introspection: boolean;
  operations: PersistedOperations;
  metrics: Metrics;
  log: Logger;
}): Promise<ApolloServer<RequestContext>> {
  const apollo = new ApolloServer<RequestContext>({
    gateway: asGateway(o.graph, masked(o.execute)),
    introspection: o.introspection,
    hideSchemaDetailsFromClientErrors: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    documentStore: null,
    persistedQueries: { cache: persistedIn(o.operations) },
    formatError: (formatted, thrown) => maskError(formatted, thrown, o.log),
    logger: {
      debug: (message?: unknown) => o.log.debug(String(message)),
      info: (message?: unknown) => o.log.debug(String(message)),
      warn: (message?: unknown) => o.log.warn(String(message)),
      error: (message?: unknown) => o.log.error(String(message)),
    },
    plugins: [
      guardAndMeasure(o),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginCacheControlDisabled(),
    ],
  });
  await apollo.start();
  return apollo;
}

/** Automatic persisted queries, with those of the manifest there from the start. */
function persistedIn({ bodyOf, stored }: PersistedOperations): KeyValueCache<string> {
  const idOf = (key: string) => key.replace(/^apq:/, "");
  return {
    get: async (key) => bodyOf(idOf(key)) ?? stored.get(idOf(key)),
    set: async (key, text) => stored.set(idOf(key), text),
    delete: async () => false,
  };
}

function asGateway(graph: Graph, execute: Execute): GatewayInterface {
  const loaded = { apiSchema: graph.apiSchema, coreSupergraphSdl: graph.sdl };
  const listeners = new Set<(schema: typeof loaded) => void>();
  return {
    onSchemaLoadOrUpdate(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async load() {
      for (const listener of listeners) listener(loaded);
      return { executor: execute as never };
    },
    stop: async () => {},
  };
}

function guardAndMeasure(o: {
  graph: Graph;
  documents: Documents;
  gate: OperationGate;
  operations: PersistedOperations;
  metrics: Metrics;
  log: Logger;
}): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      let admitted = false;
      let faults: readonly GraphQLError[] = [];
      return {
        async didResolveSource(request) {
          const { source, contextValue } = request;
          let document = nothing;
          try {
            document = o.documents.documentOf(o.operations.checked(source, contextValue));
          } catch (error) {
            faults = refusalErrors(error);
          }
          // Apollo Server parses and validates what isn't there.
          Object.assign(request, { document });
        },
        async didResolveOperation({ document, operation, request }) {
          if (faults.length > 0) throw faults[0]!;
          if (!operation)
            throw new GraphQLError("Say which operation to run: operationName names none of them.", {
              extensions: { code: "OPERATION_RESOLUTION_FAILURE", http: { status: 400 } },
            });
          if (operation.operation === "subscription")
            throw new GraphQLError(otherWays, { extensions: { code: "BAD_REQUEST", http: { status: 400 } } });
          try {
            o.gate.checkCost(o.graph.apiSchema, document, operation, request.variables ?? {});
          } catch (error) {
            if (!(error instanceof PublicError)) throw error;
            const extensions = { ...error.extensions, http: { status: 400 } };
            throw new GraphQLError(error.message, { extensions, originalError: error });
          }
          admitted = true;
        },
        async willSendResponse({ request, queryHash, operation, operationName, response }) {
          const wasRead = queryHash !== undefined;
          if (wasRead && response.http.status === 400 && asksForOldStatus(request.http?.headers.get("accept")))
            response.http.status = 200;
          // It takes one error from us.
          if (faults.length > 1 && response.body.kind === "single")
            response.body.singleResult.errors = faults.map((fault) => maskError(fault.toJSON(), fault, o.log));
          const failed = response.body.kind === "single" && response.body.singleResult.errors !== undefined;
          const outcome = !admitted ? "refused" : failed ? "errors" : "ok";
          const type = operation?.operation ?? "unknown";
          o.metrics.operationEnded(operationName, type, outcome, (performance.now() - startedAt) / 1000);
        },
      };
    },
  };
}

/** GraphQL over HTTP: as `application/json`, whatever was a well-formed request is 200, even if it couldn't be run. */
const asksForOldStatus = (accept: string | undefined): boolean =>
  accept !== undefined && accept.includes("application/json") && accepted(accept).type === "application/json";
