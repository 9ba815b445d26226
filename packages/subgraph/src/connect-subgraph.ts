import { actorHeader, actorKeyFor, signActor, systemActor, type Actor } from "@atrium/access";
import { PublicError, type ErrorCode } from "@atrium/errors";
import { GraphQLError, type ExecutionResult } from "graphql";
import type { OperationRequest, Subgraph } from "./operation";
import { ReplicaPools, Replicas } from "./replicas";
import { currentTraceparent } from "./telemetry";
import type { WholeAnswer } from "./whole-answer";

export interface RemoteSubgraph extends Subgraph {
  /** Asks an internal operation in the name of the service `from`. Throws what it threw, when that was public. */
  internal(name: string, input: unknown, from: string): Promise<unknown>;
  close(): Promise<void>;
}

interface ConnectOptions {
  name: string;
  /** Its origin, like `http://knowledge:4002`, or those of its replicas. */
  url: string | readonly string[];
  secret: string;
  /** How many requests may be under way at once to each replica over HTTP/1.1; further ones wait. Subscriptions have connections of their own. */
  connections?: number;
  timeoutMs?: number;
}

// Three heartbeats of the other side.
const silenceMaxMs = 45_000;
const subscriptionsMax = 10_000;

/**
 * A subgraph in other processes, asked over HTTP with signed actors: the same port as one in this process. Its replicas
 * are asked in turn, past those that don't answer.
 */
export function connectSubgraph({
  name,
  url,
  secret,
  connections = 64,
  timeoutMs = 35_000,
}: ConnectOptions): RemoteSubgraph {
  const key = actorKeyFor(name, secret);
  const replicas = new Replicas([url].flat());
  const pools = new ReplicaPools(replicas, {
    connections,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    keepAliveTimeout: 30_000,
  });
  const streams = new ReplicaPools(replicas, {
    connections: subscriptionsMax,
    headersTimeout: timeoutMs,
    bodyTimeout: silenceMaxMs,
  });

  const signed = (actor: Actor, body: string) => ({
    "content-type": "application/json",
    [actorHeader]: signActor(actor, { audience: name, body, key }),
  });

  function posted(request: OperationRequest, accept: string, signal: AbortSignal | undefined) {
    const { query } = request;
    const body = request.body?.() ?? textOf(request);
    const traceparent = currentTraceparent() ?? request.traceparent;
    const headers = {
      ...signed(request.actor, body),
      accept,
      "x-request-id": request.requestId,
      ...(traceparent && { traceparent }),
      ...(request.clientAddress && { "x-forwarded-for": request.clientAddress }),
      ...(request.userAgent && { "user-agent": request.userAgent }),
    };
    // A mutation whose answer is missing may have been carried out.
    const again = !/\bmutation\b/.test(query);
    return [{ method: "POST", path: "/graphql", headers, body, signal } as const, { again }] as const;
  }

  const unavailable = (): ExecutionResult => ({
    errors: [
      new GraphQLError(`The service ${name} doesn't answer.`, {
        extensions: { code: "SERVICE_UNAVAILABLE", service: name },
      }),
    ],
  });

  return {
    name,

    async execute(request) {
      try {
        return resultOf(await pools.requestWhole(...posted(request, "application/json", request.signal)), name);
      } catch {
        return unavailable();
      }
    },

    async subscribe(request) {
      const leaving = leavingWith(request.signal);
      try {
        const asked = posted(request, "text/event-stream", leaving.signal);
        const { statusCode, headers, body } = await streams.request(...asked);
        if (String(headers["content-type"]).startsWith("text/event-stream"))
          return resultsOf(body, leaving, unavailable);
        const text = await body.text();
        leaving.abort();
        return resultOf({ statusCode, text }, name);
      } catch {
        leaving.abort();
        return unavailable();
      }
    },

    async internal(operation, input, from) {
      const body = JSON.stringify(input ?? null);
      const headers = signed(systemActor(from), body);
      const answer = await pools
        .requestWhole({ method: "POST", path: `/internal/${operation}`, headers, body }, { again: true })
        .catch((cause: unknown) => {
          throw new PublicError("SERVICE_UNAVAILABLE", `The service ${name} doesn't answer.`, { cause });
        });
      if (answer.statusCode === 200) return JSON.parse(answer.text);
      const { errors } = resultOf(answer, name) as { errors: GraphQLError[] };
      const code = errors[0]?.extensions.code as ErrorCode;
      const message = errors[0]?.message ?? "";
      throw code === "INTERNAL_SERVER_ERROR" ? new Error(`${name}: ${message}`) : new PublicError(code, message);
    },

    async close() {
      await Promise.all([pools.destroy(), streams.destroy(), replicas.close()]);
    },
  };
}

const textOf = ({ query, variables, operationName }: OperationRequest): string =>
  JSON.stringify({ query, variables, operationName });

/** Aborted with `outer`, and deaf to it once aborted. */
function leavingWith(outer: AbortSignal | undefined): AbortController {
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  leaving.signal.addEventListener("abort", () => outer?.removeEventListener("abort", leave));
  outer?.addEventListener("abort", leave);
  if (outer?.aborted) leave();
  return leaving;
}

function resultOf({ statusCode, text }: WholeAnswer, name: string): ExecutionResult {
  const result = JSON.parse(text) as ExecutionResult;
  // It is our signature that was refused there: no caller can mend that by signing in.
  if (statusCode === 401)
    throw new Error(`${name} refuses this process's signature; do both have the same secret and time?`);
  return withErrors(result);
}

function withErrors(result: ExecutionResult): ExecutionResult {
  if (!result.errors) return result;
  const errors = result.errors.map(({ message, path, extensions }) => new GraphQLError(message, { path, extensions }));
  return { ...result, errors };
}

/** The results in a stream of server-sent events. A stream that breaks off ends with an error that says so. */
function resultsOf(
  body: AsyncIterable<Buffer>,
  leaving: AbortController,
  unavailable: () => ExecutionResult,
): AsyncIterableIterator<ExecutionResult> {
  async function* read() {
    let text = "";
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) {
        text += decoder.decode(chunk, { stream: true });
        const messages = text.split("\n\n");
        text = messages.pop()!;
        for (const message of messages) {
          if (message.startsWith("event: complete")) return void leaving.abort();
          if (message.startsWith("event: next\ndata: "))
            yield withErrors(JSON.parse(message.slice("event: next\ndata: ".length)) as ExecutionResult);
        }
      }
    } catch {
      // Told below: a connection that was lost and one that was cut short look the same to a subscriber.
    }
    const hasLeft = leaving.signal.aborted;
    leaving.abort();
    if (!hasLeft) yield unavailable();
  }
  const results = read();
  return {
    next: () => results.next(),
    async return() {
      // A generator that waits for its next event only returns when that wait ends.
      leaving.abort();
      return results.return(undefined);
    },
    async throw(error) {
      leaving.abort();
      return results.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
