import { HeaderMap } from "@apollo/server";
import { buildOperationContext, executeQueryPlan, type GraphQLDataSource, type ServiceMap } from "@apollo/gateway";
import type { GatewayExecutionResult, GatewayGraphQLRequestContext } from "@apollo/server-gateway-interface";
import { PublicError } from "@atrium/errors";
import { continueAsExtension, describeFault } from "@atrium/subgraph";
import type { Authentication } from "./authentication";
import {
  getVariableValues,
  GraphQLError,
  Kind,
  type DocumentNode,
  type GraphQLFormattedError,
  type VariableDefinitionNode,
} from "graphql";
import type { Permit } from "./authorization/permit";
import { planningRefusal, RequestRefused, type Steps } from "./endpoint";
import type { Engine } from "./execution/engine";
import type { Documents } from "./graph/documents";
import { PlanningRefused } from "./graph/graph";
import { maskGraphQLError, maskSubgraphError } from "./masking";
import type { Metrics } from "./metrics";
import { orAborted } from "./or-aborted";
import type { RequestContext } from "./request-context";
import type { SubgraphClient } from "./subgraph-client";
import type { LoadedSupergraph } from "./supergraph";

/** Plans and runs one validated operation: the seam at which one executor can take another's place. */
export type Execute = (request: GatewayGraphQLRequestContext<RequestContext>) => Promise<GatewayExecutionResult>;

/** Runs operations by our own executor. */
export function ownExecutor(o: {
  engine: Engine<RequestContext>;
  permit: Permit;
  documents: Documents;
  charge: Steps<RequestContext>["charge"];
}): Execute {
  const { engine, permit, documents, charge } = o;
  return async ({ request, source, context }) => {
    try {
      // What is run comes from our own documents, so that nothing is but what they found valid.
      const operation = documents.operationOf(source, request.operationName);
      const variables = documents.variablesOf(operation, request.variables);
      const settle = await charge(operation, variables, context);
      const permitted = await permit(operation, context);
      const { callerKey, signal, traceparent } = context;
      const prepared = await engine.prepare(permitted, variables, { callerKey, signal, traceparent });
      const { errors, ...answer } = settle(await engine.execute(prepared, variables, context));
      return { ...answer, ...(errors && { errors: errors.map(asGraphQLError) }) };
    } catch (error) {
      return { errors: refusalErrors(error) };
    }
  };
}

/** What kept an operation from being run, for clients; anything else is thrown on. */
export function refusalErrors(error: unknown): GraphQLError[] {
  if (error instanceof RequestRefused)
    return error.errors.map(
      ({ message, nodes, path, extensions }) =>
        new GraphQLError(message, {
          nodes,
          path,
          extensions: { ...extensions, http: asHttpHead(extensions["http"] ?? {}) },
        }),
    );
  if (error instanceof PlanningRefused) return refusalErrors(planningRefusal(error));
  throw error;
}

/** As Apollo Server wants it. */
const asHttpHead = ({ status = 400, headers = {} }: { status?: number; headers?: Record<string, string> }) => ({
  status,
  headers: new HeaderMap(Object.entries(headers)),
});

export const asGraphQLError = ({ message, path, extensions }: GraphQLFormattedError): GraphQLError =>
  new GraphQLError(message, { path, extensions });

/** Runs plans by `@apollo/gateway`'s own executor; only what speaks to the subgraphs is ours. */
export function stockExecutor(o: {
  supergraph: LoadedSupergraph;
  subgraphs: ReadonlyMap<string, SubgraphClient>;
  /** One that refuses what it doesn't permit as a whole. */
  permit: Permit;
  documents: Documents;
  authentication: Pick<Authentication, "authenticate">;
  metrics: Metrics;
}): Execute {
  const { supergraph, subgraphs, permit, documents, authentication, metrics } = o;
  const services: ServiceMap = Object.create(null);
  for (const client of subgraphs.values()) services[client.name] = dataSource(client, authentication, metrics);

  return async (request) => {
    const operationName = request.request.operationName;
    let operationDocument: DocumentNode;
    try {
      operationDocument = documents.documentOf(request.source);
      await permit(documents.operationOf(request.source, operationName), request.context);
    } catch (error) {
      return { errors: refusalErrors(error) };
    }
    const operation = buildOperationContext({ schema: supergraph.apiSchema, operationDocument, operationName });
    const definitions = operation.operation.variableDefinitions ?? [];
    const { errors } = getVariableValues(supergraph.apiSchema, definitions, request.request.variables ?? {}, {
      maxErrors: 10,
    });
    if (errors) return { errors: errors.map(inputFault) };
    const plan = supergraph.plan(`${request.queryHash} ${operationName ?? ""}`, operationDocument, operationName);
    return executeQueryPlan(plan, services, request, operation, supergraph.supergraphSchema, supergraph.planningSchema);
  };
}

/** The same with every error masked, and logged with the request that met it. */
export function masked(execute: Execute): Execute {
  return async (request) => {
    const { log } = request.context;
    try {
      const result = noticed(await execute(request));
      return result.errors ? { ...result, errors: result.errors.map((error) => maskGraphQLError(error, log)) } : result;
    } catch (error) {
      return { errors: [maskGraphQLError(error, log)] };
    }
  };
}

/**
 * The stock executor mentions a null where none may be beside the errors, and only when no subgraph reported one: then
 * the owner of an object that another service refers to doesn't know it, or doesn't show it to this caller.
 */
function noticed({
  extensions: { valueCompletion, ...extensions } = {},
  ...result
}: GatewayExecutionResult): GatewayExecutionResult {
  const places = ((valueCompletion ?? []) as GraphQLError[]).map(({ path }) => path?.slice(0, -1) ?? []);
  const distinct = [...new Map(places.map((path) => [path.join("."), path])).values()].slice(0, 10);
  const absent = distinct.map(
    (path) => new GraphQLError("This isn't there, or isn't yours to see.", { path, extensions: { code: "NOT_FOUND" } }),
  );
  const errors = [...(result.errors ?? []), ...absent];
  return {
    ...result,
    ...(errors.length > 0 && { errors }),
    ...(Object.keys(extensions).length > 0 && { extensions }),
  };
}

/** graphql-js names the place of a wrong value in the message alone: `… at "input.email"; …`. */
function inputFault(error: GraphQLError): GraphQLError {
  const node = error.nodes?.find(({ kind }) => kind === Kind.VARIABLE_DEFINITION) as VariableDefinitionNode | undefined;
  const field = / at "([^"]+)";/.exec(error.message)?.[1] ?? node?.variable.name.value ?? "variables";
  return new GraphQLError(error.message, {
    nodes: error.nodes,
    extensions: { code: "BAD_USER_INPUT", field, http: { status: 400 } },
  });
}

function dataSource(
  client: SubgraphClient,
  authentication: Pick<Authentication, "authenticate">,
  metrics: Metrics,
): GraphQLDataSource<RequestContext> {
  return {
    async process({ request, ...about }) {
      if (!("incomingRequestContext" in about)) throw new Error("Only clients' operations are sent to subgraphs.");
      const context = about.context as RequestContext;
      const isMutation = about.incomingRequestContext.operation.operation === "mutation";
      const untilWhen = isMutation ? context.deadline : context.signal;
      const finished = metrics.fetchStarted(client.name);
      try {
        const answer = client.execute({
          query: request.query!,
          variables: request.variables,
          operationName: request.operationName,
          actor: context.actor,
          requestId: context.requestId,
          traceparent: context.traceparent,
          clientAddress: context.clientAddress,
          userAgent: context.userAgent,
          signal: isMutation ? undefined : untilWhen,
        });
        const { data, errors, extensions } = await orAborted(answer, untilWhen);
        const token = extensions?.[continueAsExtension];
        // The token is checked like one that a client sends: a service can't make somebody up.
        if (isMutation && typeof token === "string")
          context.actor = (await authentication.authenticate({ authorization: `Bearer ${token}` })).actor;
        finished(errors?.length ? "errors" : "ok");
        return { data, errors: errors?.map((error) => maskSubgraphError(error, client.name, context.log)) };
      } catch (error) {
        finished("unavailable");
        const late = context.deadline.aborted;
        if (!context.signal.aborted || late)
          context.log.error({ fault: describeFault(error), service: client.name }, "No answer from a subgraph.");
        const message = late
          ? `The service "${client.name}" took too long.`
          : `The service "${client.name}" doesn't answer at the moment.`;
        const unavailable = new PublicError("SERVICE_UNAVAILABLE", message, { cause: error });
        return { errors: [{ message, extensions: { ...unavailable.extensions, service: client.name } }] };
      }
    },
  };
}
