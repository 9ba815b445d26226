import { timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { actorHeader, verifyActor, type Actor } from "@atrium/access";
import { PublicError, type ErrorCode } from "@atrium/errors";
import { causedBy } from "@atrium/events";
import { newUuid } from "@atrium/ids";
import type { ExecutionResult } from "graphql";
import type { Logger } from "pino";
import { z } from "zod";
import type { causeOf } from "./cause";
import { outcomeOf } from "./executor";
import { maskError } from "./masking";
import type { Metrics } from "./metrics";
import type { InternalOperation, OperationRequest, Readiness, RequestFacts, Subgraph } from "./operation";
import { requestLine, routeMatcher, type Route } from "./routes";
import type { Work } from "./work";

const statuses: Record<ErrorCode, number> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  BAD_USER_INPUT: 400,
  RATE_LIMITED: 429,
  QUOTA_EXCEEDED: 403,
  PAYLOAD_TOO_LARGE: 413,
  OPERATION_TOO_COMPLEX: 400,
  SERVICE_UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
};

/** The HTTP status of an answer that is nothing but an error with this code. */
export const statusOf = (code: ErrorCode): number => statuses[code];

// Keeps idle event streams open through proxies, and finds out when the other side has gone.
const heartbeatMs = 15_000;

export interface HttpOptions<Context> {
  subgraph: Subgraph;
  routes: readonly Route<Context>[];
  internal: Readonly<Record<string, InternalOperation>>;
  context(facts: RequestFacts): Context;
  ready(): Promise<Readiness>;
  actorKey: Buffer;
  causeOf: ReturnType<typeof causeOf>;
  metricsToken?: string;
  bodyBytesMax: number;
  refusedBodyMs: number;
  log: Logger;
  metrics: Metrics;
  work: Work;
}

/** What one exchange leaves in the log: no address, no parameters, no body. */
interface Entry {
  route: string;
  outcome: string;
  requestId: string;
  actor?: Actor["kind"];
}

export function httpHandler<Context>(o: HttpOptions<Context>) {
  const match = routeMatcher(o.routes);

  return function handle(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = performance.now();
    const entry: Entry = { route: "unknown", outcome: "ok", requestId: requestIdOf(request) };
    const log = o.log.child({ requestId: entry.requestId });
    const gone = new AbortController();
    response.on("close", () => {
      if (!response.writableFinished) gone.abort();
      const { route, outcome, actor } = entry;
      const quiet = route === "/health" || route === "/ready" || route === "/metrics";
      const line = { method: request.method, route, status: response.statusCode, outcome, actor };
      log[quiet ? "debug" : "info"]({ ...line, durationMs: Math.round(performance.now() - startedAt) }, "Request.");
    });
    response.on("error", () => gone.abort());
    answer(request, response, entry, gone.signal, log).catch((thrown: unknown) => {
      const { message, extensions } = maskError(thrown, log);
      entry.outcome = String(extensions.code);
      o.metrics.errors.inc({ code: entry.outcome });
      if (response.headersSent) return response.destroy();
      if (!request.complete) dropRest(request, o.refusedBodyMs);
      if (typeof extensions.retryAfterSeconds === "number")
        response.setHeader("retry-after", extensions.retryAfterSeconds);
      sendJson(response, statusOf(entry.outcome as ErrorCode), { errors: [{ message, extensions }] });
    });
  };

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    entry: Entry,
    signal: AbortSignal,
    log: Logger,
  ): Promise<void> {
    const { method = "GET", url = "/" } = request;
    // Not read as a URL: one that begins with two slashes would name a host.
    const [pathname = "", search] = url.split("?", 2);
    if (pathname === "/health") {
      entry.route = "/health";
      return sendJson(response, 200, { status: "ok" });
    }
    if (pathname === "/ready") {
      entry.route = "/ready";
      const checks = await o.ready();
      return sendJson(response, Object.values(checks).every(({ ok }) => ok) ? 200 : 503, checks);
    }
    const isGraphql = pathname === "/graphql";
    const bodyBound = method === "POST" && (isGraphql || pathname.startsWith("/internal/"));
    if (!request.headers[actorHeader] && !(pathname === "/metrics" && hasMetricsToken(request))) throw unsigned();
    const body = bodyBound ? await readBody(request, o.bodyBytesMax) : "";

    if (pathname === "/metrics" && hasMetricsToken(request)) return sendMetrics(response, entry);
    const actor = verifyActor(headerOf(request, actorHeader), {
      audience: o.subgraph.name,
      body: bodyBound ? body : requestLine(method, url),
      key: o.actorKey,
    });
    if (!actor) throw unsigned();
    entry.actor = actor.kind;

    if (pathname === "/metrics") return sendMetrics(response, entry);
    if (isGraphql) {
      entry.route = "/graphql";
      if (method !== "POST") {
        response.setHeader("allow", "POST");
        return sendJson(response, 405, errorBody("BAD_USER_INPUT", "GraphQL is asked with POST here."));
      }
      return answerGraphql(request, response, entry, {
        ...readOperation(body),
        ...callerOf(request, entry, actor),
        signal,
      });
    }
    o.work.admit();
    if (bodyBound) {
      entry.route = "/internal";
      if (actor.kind !== "SYSTEM") throw new PublicError("FORBIDDEN", "Internal operations are for services.");
      const name = pathname.slice("/internal/".length);
      const operation = Object.hasOwn(o.internal, name) ? o.internal[name] : undefined;
      if (!operation) throw new PublicError("NOT_FOUND", "No such internal operation.");
      entry.route = `/internal/${name}`;
      const { end } = o.work.begin(signal, null);
      try {
        return sendJson(response, 200, (await operation(parseJson(body))) ?? null);
      } finally {
        end();
      }
    }
    const matched = match(method, pathname);
    if (!matched) throw new PublicError("NOT_FOUND", "There is nothing here.");
    entry.route = matched.route.path;
    const work = o.work.begin(signal, null);
    try {
      const caller = callerOf(request, entry, actor);
      const { requestId, clientAddress = null, userAgent = null } = caller;
      const facts = {
        actor,
        requestId,
        clientAddress,
        userAgent,
        signal: work.signal,
        log,
        now: () => new Date(),
        continueAs: () => {},
      };
      const { params } = matched;
      await causedBy(o.causeOf(caller), async () =>
        matched.route.handle(o.context(facts), {
          ...facts,
          request,
          response,
          params,
          query: new URLSearchParams(search),
        }),
      );
    } catch (error) {
      throw isBrokenOff(error) && (work.signal.aborted || request.socket.destroyed) ? callerGone(error) : error;
    } finally {
      work.end();
    }
  }

  async function answerGraphql(
    request: IncomingMessage,
    response: ServerResponse,
    entry: Entry,
    operation: OperationRequest,
  ): Promise<void> {
    if (!request.headers.accept?.includes("text/event-stream")) {
      const result = await o.subgraph.execute(operation);
      entry.outcome = outcomeOf(result);
      return sendJson(
        response,
        result.data === undefined && entry.outcome === "SERVICE_UNAVAILABLE" ? 503 : 200,
        result,
      );
    }
    const events = await o.subgraph.subscribe(operation);
    if (Symbol.asyncIterator in events) return sendEvents(response, events, operation.signal!);
    entry.outcome = outcomeOf(events);
    sendJson(response, 200, events);
  }

  async function sendMetrics(response: ServerResponse, entry: Entry): Promise<void> {
    entry.route = "/metrics";
    response.setHeader("content-type", o.metrics.registry.contentType);
    response.end(await o.metrics.registry.metrics());
  }

  function hasMetricsToken({ headers }: IncomingMessage): boolean {
    if (!o.metricsToken || !headers.authorization) return false;
    const [given, expected] = [Buffer.from(headers.authorization), Buffer.from(`Bearer ${o.metricsToken}`)];
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
}

/** How streams end of which one side is gone. */
const brokenOff = ["ABORT_ERR", "ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET", "EPIPE"];
const isBrokenOff = (error: unknown) => brokenOff.includes((error as NodeJS.ErrnoException | null)?.code ?? "");

// Nobody reads it; it keeps somebody's leaving from being logged as a fault of ours.
const callerGone = (cause: unknown) =>
  new PublicError("SERVICE_UNAVAILABLE", "The transfer was broken off.", { cause });

/** Server-sent events, in the form of the GraphQL over SSE protocol's distinct connections: `next`, then `complete`. */
async function sendEvents(
  response: ServerResponse,
  events: AsyncIterableIterator<ExecutionResult>,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.flushHeaders();
  const heartbeat = setInterval(() => response.write(":\n\n"), heartbeatMs);
  try {
    for await (const result of events) {
      if (signal.aborted) return;
      // A reader who doesn't keep up holds the source back here; the source's queue is bounded and says so.
      if (!response.write(`event: next\ndata: ${JSON.stringify(result)}\n\n`))
        await once(response, "drain", { signal }).catch(() => {});
    }
    response.end("event: complete\ndata:\n\n");
  } finally {
    clearInterval(heartbeat);
  }
}

/**
 * Reads and drops what is still coming of a refused body, until the other side has seen the answer and stops: closing
 * at once would reset the connection before the answer is read. Whoever goes on regardless is cut off.
 */
function dropRest(request: IncomingMessage, withinMs: number): void {
  const cut = setTimeout(() => request.destroy(), withinMs).unref();
  request.on("end", () => clearTimeout(cut)).on("close", () => clearTimeout(cut));
  request.on("error", () => {});
  request.resume();
}

const unsigned = () => new PublicError("UNAUTHENTICATED", "Only the gateway is answered here.");

const errorBody = (code: ErrorCode, message: string) => ({ errors: [{ message, extensions: { code } }] });

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}

function requestIdOf(request: IncomingMessage): string {
  const given = headerOf(request, "x-request-id");
  return given && /^[\w.:-]{1,100}$/.test(given) ? given : newUuid();
}

function callerOf(request: IncomingMessage, { requestId }: Entry, actor: Actor) {
  return {
    actor,
    requestId,
    traceparent: headerOf(request, "traceparent"),
    clientAddress: headerOf(request, "x-forwarded-for"),
    userAgent: headerOf(request, "user-agent"),
  };
}

/** The request's body as text. Throws `PAYLOAD_TOO_LARGE` as soon as it is known to be. */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<string> {
  const tooLarge = () => new PublicError("PAYLOAD_TOO_LARGE", `A request may have ${bytesMax} bytes at the most.`);
  if (Number(request.headers["content-length"]) > bytesMax) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The request outlives a refusal: its connection carries the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const operationBody = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

function readOperation(body: string): Pick<OperationRequest, "query" | "variables" | "operationName"> {
  const parsed = operationBody.safeParse(parseJson(body));
  if (!parsed.success)
    throw new PublicError(
      "BAD_USER_INPUT",
      "The body must be JSON with `query`, and perhaps `variables` and `operationName`.",
      {
        field: parsed.error.issues[0]?.path.join(".") || "body",
      },
    );
  const { query, variables, operationName } = parsed.data;
  return { query, variables: variables ?? undefined, operationName: operationName ?? undefined };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PublicError("BAD_USER_INPUT", "The body is not JSON.", { field: "body" });
  }
}
