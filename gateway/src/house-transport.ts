import { PublicError } from "@atrium/errors";
import { continueAsExtension, describeFault, type OperationRequest } from "@atrium/subgraph";
import type { GraphQLFormattedError } from "graphql";
import type { Authentication } from "./authentication";
import type { EngineOptions } from "./execution/engine";
import { maskSubgraphError } from "./masking";
import { orAborted } from "./or-aborted";
import type { RequestContext } from "./request-context";
import type { SubgraphClient } from "./subgraph-client";
import {
  SubgraphFault,
  type SubgraphAnswer,
  type SubgraphRequest,
  type SubgraphTransport,
} from "./subgraphs/transport";

/** The way to one of the house's services, in this process or in others, with the actor who asks. */
export function houseTransport(
  client: SubgraphClient,
  authentication: Pick<Authentication, "authenticate">,
): SubgraphTransport<RequestContext> {
  const { name } = client;
  const faultOf = (error: unknown, context: RequestContext): SubgraphFault => {
    const reason = context.deadline.aborted ? "TIMEOUT" : context.signal.aborted ? "ABORTED" : "UNREACHABLE";
    return new SubgraphFault(name, reason, (error as Error).message, { cause: error });
  };

  return {
    name,
    async fetch(request) {
      const context = request.request;
      let answer: SubgraphAnswer;
      try {
        const result = client.execute(new Asked(request));
        // A mutation isn't told, so that it isn't cut in two; but its caller waits no longer than they have time.
        answer = asAnswer(await (request.kind === "mutation" ? orAborted(result, request.signal) : result));
        request.signal.throwIfAborted();
      } catch (error) {
        throw faultOf(error, context);
      }
      const token = answer.extensions?.[continueAsExtension];
      // The token is checked like one that a client sends: a service can't make somebody up.
      if (request.kind === "mutation" && typeof token === "string")
        context.actor = (await authentication.authenticate({ authorization: `Bearer ${token}` })).actor;
      return answer;
    },
    async subscribe(request) {
      try {
        const source = await client.subscribe(new Asked(request));
        if (!(Symbol.asyncIterator in source)) return asAnswer(source);
        return untilLost(name, source as AsyncIterableIterator<SubgraphAnswer>);
      } catch (error) {
        throw faultOf(error, request.request);
      }
    },
    close: async () => {},
  };
}

/** A fetch as services are asked: its variables are read for one in this process, its text is sent to one in another. */
class Asked implements OperationRequest {
  readonly query;
  readonly operationName;
  readonly actor;
  readonly requestId;
  readonly traceparent;
  readonly clientAddress;
  readonly userAgent;
  readonly signal;
  private read: OperationRequest["variables"];

  constructor(private readonly fetch: SubgraphRequest<RequestContext>) {
    const { query, operationName, kind, signal, request, traceparent } = fetch;
    this.query = query;
    this.operationName = operationName;
    this.actor = request.actor;
    this.requestId = request.requestId;
    this.traceparent = traceparent ?? request.traceparent;
    this.clientAddress = request.clientAddress;
    this.userAgent = request.userAgent;
    this.signal = kind === "mutation" ? undefined : signal;
  }

  get variables(): OperationRequest["variables"] {
    return (this.read ??= this.fetch.variables);
  }

  body(): string {
    return this.fetch.body();
  }
}

/**
 * Whether a last answer without data says no more than that the service is lost (by its name) or stops (by when to try
 * again): it comes back, or another of its replicas is asked. One that says that events may be missing says neither, and
 * is told to the client, who has to load again.
 */
export function isServiceAway({ data, errors }: SubgraphAnswer): boolean {
  const { code, service, retryAfterSeconds } = errors?.[0]?.extensions ?? {};
  const willBeBack = service !== undefined || retryAfterSeconds !== undefined;
  return data === undefined && code === "SERVICE_UNAVAILABLE" && willBeBack;
}

function untilLost(name: string, source: AsyncIterableIterator<SubgraphAnswer>): AsyncIterableIterator<SubgraphAnswer> {
  const events: AsyncIterableIterator<SubgraphAnswer> = {
    async next() {
      const step = await source.next();
      if (step.done || !isServiceAway(step.value)) return step;
      throw new SubgraphFault(name, "UNREACHABLE", step.value.errors![0]!.message);
    },
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => events,
  };
  return events;
}

const asAnswer = ({ data, errors, extensions }: Awaited<ReturnType<SubgraphClient["execute"]>>): SubgraphAnswer => ({
  data,
  ...(errors?.length && { errors }),
  ...(extensions && { extensions }),
});

/** What the house tells of its services' errors, faults and gaps: masked, and logged where something went wrong. */
export const houseErrors: Pick<EngineOptions<RequestContext>, "describeError" | "describeFault" | "describeGap"> = {
  describeError: (error, service, { log }) => maskSubgraphError(error, service, log),

  describeFault(fault, { log, signal, deadline }): GraphQLFormattedError {
    const service = fault.subgraph;
    const late = fault.reason === "TIMEOUT";
    if (!signal.aborted || deadline.aborted)
      log.error(
        { fault: describeFault(fault.cause ?? fault), service, reason: fault.reason },
        "No answer from a subgraph.",
      );
    const message = late
      ? `The service "${service}" took too long.`
      : `The service "${service}" doesn't answer at the moment.`;
    const { extensions } = new PublicError("SERVICE_UNAVAILABLE", message);
    return { message, extensions: { ...extensions, service } };
  },

  /** The owner of an object that another service refers to doesn't know it, or doesn't show it to this caller. */
  describeGap({ why, where }, { log }): GraphQLFormattedError {
    if (why === "NULL")
      return { message: "This isn't there, or isn't yours to see.", extensions: { code: "NOT_FOUND" } };
    return maskSubgraphError({ message: `A value isn't valid as ${where}.` }, "", log);
  },
};

/** What the house tells of a field that the graph's own directives keep from its caller: as its services would. */
export const houseDenial = ({ claims }: Pick<RequestContext, "claims">): GraphQLFormattedError => {
  const { message, extensions } = claims.isAuthenticated
    ? new PublicError("FORBIDDEN", "You don't have the permission that this needs.")
    : new PublicError("UNAUTHENTICATED", "Sign in first.");
  return { message, extensions: { ...extensions } };
};
