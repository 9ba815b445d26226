import { actorHeader, actorKeyFor, signActor } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import { connectSubgraph, describeFault, ReplicaPools, Replicas, requestLine, type Readiness } from "@atrium/subgraph";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Logger } from "pino";
import { sendError } from "./http/answer";
import type { RouteCaller, SubgraphClient } from "./subgraph-client";

// Uploads and downloads take as long as the client's line takes, but not for ever without a byte.
const silenceMaxMs = 60_000;
const streamsMax = 256;
const readyTimeoutMs = 5_000;

/** What concerns one connection alone, and what is the gateway's to know or to say. */
const keptBack = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "host",
  "authorization",
  "cookie",
  "x-api-key",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

/** Calls a subgraph in other processes, over connections that are kept, with the actor signed for each request. */
export function httpClient({
  name,
  url,
  secret,
  log,
}: {
  name: string;
  /** Its origin, or those of its replicas. */
  url: string | readonly string[];
  secret: string;
  log: Logger;
}): SubgraphClient {
  const key = actorKeyFor(name, secret);
  const remote = connectSubgraph({ name, url, secret });
  const replicas = new Replicas([url].flat());
  const streams = new ReplicaPools(replicas, {
    connections: streamsMax,
    headersTimeout: silenceMaxMs,
    bodyTimeout: silenceMaxMs,
    keepAliveTimeout: 30_000,
  });

  async function forward(request: IncomingMessage, response: ServerResponse, caller: RouteCaller): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const method = request.method as "GET";
    const exchange = {
      method,
      path: request.url!,
      headers: {
        ...forwarded(request.headers),
        "x-request-id": caller.requestId,
        ...(caller.clientAddress && { "x-forwarded-for": caller.clientAddress }),
        [actorHeader]: signActor(caller.actor, {
          audience: name,
          body: requestLine(request.method!, request.url!),
          key,
        }),
      },
      body: hasBody(request) ? bodyOf(request) : null,
      signal: gone.signal,
    };
    const { statusCode, headers, body } = await streams.request(exchange, { again: method === "GET" });
    response.writeHead(statusCode, forwarded(headers));
    await pipeline(body, response);
  }

  return {
    name,
    execute: (request) => remote.execute(request),
    subscribe: (request) => remote.subscribe(request),
    internal: (operation, input) => remote.internal(operation, input, "gateway"),
    handle(request, response, caller) {
      forward(request, response, caller).catch(async (error: unknown) => {
        if (response.destroyed) return;
        log.error(
          { fault: describeFault(error), service: name, requestId: caller.requestId },
          "A request couldn't be passed on.",
        );
        if (response.headersSent) return void response.destroy();
        const unavailable = new PublicError(
          "SERVICE_UNAVAILABLE",
          `The service "${name}" doesn't answer at the moment.`,
        );
        await sendError(request, response, unavailable);
      });
    },
    async ready() {
      const signal = AbortSignal.timeout(readyTimeoutMs);
      const outcomes = await streams.requestAll({ method: "GET", path: "/ready", signal });
      const answers = await Promise.all(
        outcomes.map(async (outcome) =>
          outcome.status === "fulfilled" ? ((await outcome.value.body.json()) as Readiness) : null,
        ),
      );
      return readinessOfReplicas(name, answers);
    },
    async close() {
      await Promise.all([remote.close(), streams.destroy(), replicas.close()]);
    },
  };
}

/** One replica that has all it needs is enough; how many there are is said where they aren't all. */
function readinessOfReplicas(name: string, answers: readonly (Readiness | null)[]): Readiness {
  const isReady = (answer: Readiness | null) => answer !== null && Object.values(answer).every(({ ok }) => ok);
  const ready = answers.filter(isReady).length;
  const best = answers.find(isReady) ?? answers.find((answer) => answer !== null);
  if (!best) throw new Error(`The service "${name}" doesn't answer.`);
  if (ready === 0 || ready === answers.length) return best;
  return { ...best, [name]: { ok: true, detail: `${ready} of ${answers.length} replicas` } };
}

function forwarded(headers: IncomingMessage["headers"]): Record<string, string | string[]> {
  const named = String(headers.connection ?? "")
    .toLowerCase()
    .split(/\s*,\s*/);
  const entries = Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] =>
      entry[1] !== undefined && !keptBack.has(entry[0]) && !named.includes(entry[0]),
  );
  return Object.fromEntries(entries);
}

const hasBody = ({ headers }: IncomingMessage) =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/**
 * The request's body as a stream of its own: whoever reads it may give up half-way, and the client's connection stays
 * whole for the answer.
 */
function bodyOf(request: IncomingMessage): PassThrough {
  const body = new PassThrough();
  request.pipe(body);
  request.once("close", () => {
    if (!request.complete) body.destroy(new Error("The client left before its request was complete."));
  });
  body.once("close", () => {
    request.unpipe(body);
    request.resume();
  });
  body.on("error", () => {});
  return body;
}
