import type { GraphQLFormattedError } from "graphql";
import { errors, Pool, type Dispatcher } from "undici";
import type { ClientRequest } from "../client-request";
import { SubgraphFault, type SubgraphAnswer, type SubgraphRequest, type SubgraphTransport } from "./transport";

export interface HttpTransportOptions<Request extends ClientRequest> {
  name: string;
  url: string;
  /** What goes with each request beside the content's type: rules of the gateway, never the client's own by default. */
  headersFor?(request: SubgraphRequest<Request>): Record<string, string> | undefined;
  /** Connections at a time. */
  connections?: number;
  /** Of one answer, after decompression. */
  answerBytesMax?: number;
  /** Whether HTTP/2 is used where the subgraph offers it (over TLS). */
  http2?: boolean;
  subscribe?: SubgraphTransport<Request>["subscribe"];
}

const answerBytesMax = 32 * 1024 * 1024;

/** Any GraphQL server, by the GraphQL over HTTP specification: `POST`, JSON both ways, connections kept. */
export function httpTransport<Request extends ClientRequest>(
  o: HttpTransportOptions<Request>,
): SubgraphTransport<Request> {
  const { name } = o;
  const { origin, pathname, search } = new URL(o.url);
  const path = `${pathname}${search}`;
  const bytesMax = o.answerBytesMax ?? answerBytesMax;
  const pool = new Pool(origin, {
    connections: o.connections ?? 100,
    allowH2: o.http2 ?? true,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    maxResponseSize: bytesMax,
    // Each request brings its own deadline.
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  return {
    name,
    async fetch(request, signal = request.signal) {
      if (signal.aborted) throw faultOf(name, signal.reason, signal);
      let answer: Dispatcher.ResponseData;
      let text: string;
      try {
        answer = await pool.request({
          method: "POST",
          path,
          headers: o.headersFor ? { ...standardHeaders, ...o.headersFor(request) } : standardHeaders,
          body: request.body(),
          signal,
        });
        text = await answer.body.text();
      } catch (error) {
        throw faultOf(name, error, signal);
      }
      return read(name, answer.statusCode, text);
    },
    subscribe:
      o.subscribe ??
      (() => Promise.reject(new SubgraphFault(name, "UNREACHABLE", `The subgraph "${name}" has no subscriptions.`))),
    close: () => pool.close(),
  };
}

const standardHeaders = {
  "content-type": "application/json",
  accept: "application/graphql-response+json, application/json;q=0.9",
};

function read(name: string, status: number, text: string): SubgraphAnswer {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const reason = status >= 200 && status < 300 ? "NOT_GRAPHQL" : "HTTP_STATUS";
    throw new SubgraphFault(name, reason, `The subgraph "${name}" answered ${status} with something that isn't JSON.`, {
      cause: error,
      status,
    });
  }
  const answer = answerOf(parsed);
  // Servers tell what is wrong with a request by 4xx and an ordinary answer; without one, the status is all there is.
  if (answer && (status < 500 || answer.errors?.length)) return answer;
  const reason = status >= 200 && status < 300 ? "NOT_GRAPHQL" : "HTTP_STATUS";
  throw new SubgraphFault(name, reason, `The subgraph "${name}" answered ${status} with no GraphQL answer.`, {
    status,
  });
}

/** A well-formed answer: an object with data, errors, or both. */
export function answerOf(parsed: unknown): SubgraphAnswer | null {
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return null;
  const { data, errors: reported, extensions } = parsed as Record<string, unknown>;
  if (data !== undefined && data !== null && (typeof data !== "object" || Array.isArray(data))) return null;
  if (reported !== undefined && reported !== null && !Array.isArray(reported)) return null;
  if (data === undefined && !reported) return null;
  return {
    data: data as SubgraphAnswer["data"],
    ...(Array.isArray(reported) && reported.length > 0 && { errors: reported.map(errorOf) }),
    ...(typeof extensions === "object" && extensions !== null && { extensions: extensions as Record<string, unknown> }),
  };
}

function errorOf(given: unknown): GraphQLFormattedError {
  const { message, path, extensions } = (typeof given === "object" && given !== null ? given : {}) as Partial<
    Record<"message" | "path" | "extensions", unknown>
  >;
  return {
    message: typeof message === "string" ? message : "An error without a message.",
    ...(Array.isArray(path) && { path: path as (string | number)[] }),
    ...(typeof extensions === "object" &&
      extensions !== null && { extensions: extensions as GraphQLFormattedError["extensions"] }),
  };
}

function faultOf(name: string, error: unknown, signal: AbortSignal): SubgraphFault {
  if (error instanceof SubgraphFault) return error;
  const { message } = error instanceof Error ? error : new Error(String(error));
  if (signal.aborted) {
    const late = signal.reason instanceof Error && signal.reason.name === "TimeoutError";
    return new SubgraphFault(name, late ? "TIMEOUT" : "ABORTED", `The request to "${name}" was given up: ${message}`, {
      cause: error,
    });
  }
  if (error instanceof errors.ResponseExceededMaxSizeError)
    return new SubgraphFault(name, "TOO_LARGE", `The subgraph "${name}" answered with more than is read.`, {
      cause: error,
    });
  return new SubgraphFault(name, "UNREACHABLE", `The subgraph "${name}" doesn't answer: ${message}`, { cause: error });
}
