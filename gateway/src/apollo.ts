import { ApolloServer, type ApolloServerPlugin } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from "@apollo/server/plugin/disabled";
import type { GatewayInterface } from "@apollo/server-gateway-interface";
import { InMemoryLRUCache, type KeyValueCache } from "@apollo/utils.keyvaluecache";
import { PublicError } from "@atrium/errors";
import { GraphQLError, type DocumentNode } from "graphql";
import type { Logger } from "pino";
import type { PersistedOperations } from "./admission/persisted";
import { masked, refusalErrors, type Execute } from "./executor";
import type { Graph } from "./graph/graph";
import { accepted } from "./http/negotiation";
import type { OperationGate } from "./limits";
import { maskError } from "./masking";
import type { Metrics } from "./metrics";
import type { RequestContext } from "./request-context";
import { otherWays } from "./streams";

const megabyte = 1024 * 1024;
// A parsed document takes roughly this much memory per character of its text.
const bytesPerCharacter = 60;

/** Apollo Server over our supergraph and executor, with nothing that reports, lands or caches elsewhere. */
export async function startApollo(o: {
  graph: Graph;
  execute: Execute;
  gate: OperationGate;
  introspection: boolean;
  operations: PersistedOperations;
  suggestions: boolean;
  metrics: Metrics;
  log: Logger;
}): Promise<ApolloServer<RequestContext>> {
  const apollo = new ApolloServer<RequestContext>({
    gateway: asGateway(o.graph, masked(o.execute)),
    introspection: o.introspection,
    hideSchemaDetailsFromClientErrors: !o.suggestions,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    validationOptions: { maxErrors: 10 },
    documentStore: new InMemoryLRUCache<DocumentNode>({
      maxSize: 16 * megabyte,
      sizeCalculation: (document) => (document.loc?.end ?? 0) * bytesPerCharacter + 1,
    }),
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
  gate: OperationGate;
  operations: PersistedOperations;
  metrics: Metrics;
}): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      let admitted = false;
      return {
        async didResolveSource({ source, contextValue }) {
          try {
            o.operations.checked(source, contextValue);
          } catch (error) {
            throw refusalErrors(error)[0]!;
          }
        },
        async didResolveOperation({ document, operation, request }) {
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
