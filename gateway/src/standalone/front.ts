import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Claims, ClientRequest, OperationParams } from "../client-request";
import { RequestRefused, type Accepts, type Endpoint } from "../endpoint";
import { isEventStream, isIncremental, type Answer } from "../execution/engine";
import type { Operation } from "../graph/operation";
import { sendIncrementally } from "../http/multipart";
import { accepted, type Accepted } from "../http/negotiation";
import { sendEvents } from "../http/event-streams";
import { traceparentOf } from "../tracing";
import type { Config } from "./config";
import { compressed } from "./compression";
import type { Caller } from "./tokens";

/** A client's request at the bare gateway: made for each, so what few need is made when it is asked for. */
export class BareRequest implements ClientRequest {
  readonly requestId: string;
  readonly headers: IncomingHttpHeaders;
  readonly client: ClientRequest["client"];
  readonly callerKey: string;
  readonly claims: Claims;
  readonly traceparent: string | undefined;
  readonly exposePlan: boolean;
  readonly deadlineAt: number | undefined;
  readonly #presence = new AbortController();
  #patience: AbortController | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(
    incoming: IncomingMessage,
    caller: Caller,
    readonly log: Logger,
    o: { timeoutMs?: number; exposePlan: boolean },
  ) {
    const { headers, socket } = incoming;
    const given = headers["x-request-id"];
    this.requestId = typeof given === "string" && saneRequestId.test(given) ? given : randomUUID();
    this.headers = headers;
    this.client = {
      name: one(headers["apollographql-client-name"]),
      version: one(headers["apollographql-client-version"]),
    };
    this.callerKey = caller.subject ?? socket.remoteAddress ?? "";
    this.claims = caller.claims;
    this.traceparent = traceparentOf(incoming);
    this.exposePlan = o.exposePlan && headers["apollo-expose-query-plan"] === "true";
    this.deadlineAt = o.timeoutMs === undefined ? undefined : Date.now() + o.timeoutMs;
    if (o.timeoutMs !== undefined) this.#timer = setTimeout(() => this.#timeUp(o.timeoutMs!), o.timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#presence.signal;
  }

  get deadline(): AbortSignal {
    return (this.#patience ??= new AbortController()).signal;
  }

  /** The same caller's request with another end. */
  lasting(signal: AbortSignal): BareRequest {
    const { requestId, headers, client, callerKey, claims, traceparent, exposePlan, log } = this;
    const facts = {
      requestId,
      headers,
      client,
      callerKey,
      claims,
      traceparent,
      exposePlan,
      log,
      signal,
      deadline: signal,
    };
    return facts as unknown as BareRequest;
  }

  clientLeft(): void {
    this.#presence.abort(new Error("The client has gone."));
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #timeUp(ms: number): void {
    const late = new DOMException(`An operation may take ${ms} ms at the most.`, "TimeoutError");
    (this.#patience ??= new AbortController()).abort(late);
    this.#presence.abort(late);
  }
}

const saneRequestId = /^[A-Za-z0-9][A-Za-z0-9_.:-]{7,127}$/;
const one = (header: string | string[] | undefined): string | undefined =>
  typeof header === "string" ? header : header?.[0];

export interface BareFront {
  config: Config;
  /** The endpoint of the supergraph that is served now; `release` says that the request has ended. */
  endpoint(): { endpoint: Endpoint<BareRequest>; release(): void };
  callerOf(authorization: string | undefined): Caller | Promise<Caller>;
  log: Logger;
}

/** Answers one GraphQL request by the GraphQL over HTTP specification (draft of 2025), straight on Node's server. */
export async function answerGraphQL(front: BareFront, request: IncomingMessage, response: ServerResponse) {
  const { config, log } = front;
  const how = accepted(request.headers.accept);
  if (how.type === null)
    return send(
      request,
      response,
      config,
      406,
      "application/json",
      refusalBody(
        "NOT_ACCEPTABLE",
        "Nothing that is served here is accepted: application/graphql-response+json, application/json.",
      ),
    );
  let client: BareRequest | undefined;
  let release = () => {};
  try {
    const params = await paramsOf(request, config);
    const caller = await front.callerOf(request.headers.authorization);
    client = new BareRequest(request, caller, log, {
      exposePlan: config.exposePlan,
      timeoutMs: how.events ? undefined : config.limits.operationTimeoutMs,
    });
    const current = client;
    response.once("close", () => {
      if (!response.writableFinished) current.clientLeft();
    });
    const serving = front.endpoint();
    release = serving.release;
    if (Array.isArray(params)) {
      const answers = await Promise.all(
        params.map((each) => one_(serving.endpoint, each as OperationParams, current, plainly(request))),
      );
      return send(request, response, config, 200, how.type, JSON.stringify(answers));
    }
    const answer = await serving.endpoint.answer(params as OperationParams, client, acceptsOf(request, how));
    if (isEventStream(answer))
      return await sendEvents(request, response, answer, how.events!, config.subscriptions.heartbeatMs);
    if (isIncremental(answer)) return await sendIncrementally(request, response, answer);
    return send(request, response, config, statusOf(answer, how), how.type, JSON.stringify(answer));
  } catch (error) {
    if (error instanceof RequestRefused) {
      const { status, headers, errors } = refusal(error, how);
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      return send(request, response, config, status, how.type, JSON.stringify({ errors }));
    }
    if (client?.signal.aborted && response.destroyed) return;
    const faultId = randomUUID();
    log.error({ err: error, faultId }, "A fault was masked.");
    return send(
      request,
      response,
      config,
      500,
      how.type,
      refusalBody("INTERNAL_SERVER_ERROR", "Something went wrong here.", { faultId }),
    );
  } finally {
    client?.end();
    release();
  }
}

async function one_(
  endpoint: Endpoint<BareRequest>,
  params: OperationParams,
  client: BareRequest,
  accepts: Accepts,
): Promise<unknown> {
  try {
    return await endpoint.answer(params, client, accepts);
  } catch (error) {
    if (error instanceof RequestRefused) return { errors: error.errors.map(formatted) };
    throw error;
  }
}

const methodNotAllowed = (message: string) => refused("METHOD_NOT_ALLOWED", message, 405, { allow: "POST" });

const onlyQueries = (operation: Operation): void => {
  if (operation.type === "mutation") throw methodNotAllowed("Mutations are sent by POST.");
};

const noEvents = ({ type }: Operation): void => {
  if (type === "subscription")
    throw refused(
      "BAD_REQUEST",
      "A subscription is answered over WebSocket (graphql-transport-ws), by server-sent events (Accept: text/event-stream) or by multipart/mixed; subscriptionSpec=1.0.",
      400,
    );
};

function plainly({ method }: IncomingMessage): Accepts {
  return method === "GET"
    ? { incremental: false, check: (operation) => (onlyQueries(operation), noEvents(operation)) }
    : { incremental: false, check: noEvents };
}

function acceptsOf(request: IncomingMessage, { events, deferred }: Accepted): Accepts {
  const { check } = plainly(request);
  return {
    incremental: deferred,
    check: events
      ? (operation) => {
          if (operation.type === "mutation" && request.method === "GET") onlyQueries(operation);
        }
      : check,
  };
}

const nothing = Buffer.alloc(0);

async function paramsOf(request: IncomingMessage, config: Config): Promise<unknown> {
  if (request.method === "GET" || request.method === "HEAD") return paramsOfSearch(request, config);
  if (request.method !== "POST") throw refused("METHOD_NOT_ALLOWED", "Send GET or POST.", 405, { allow: "GET, POST" });
  const type = request.headers["content-type"];
  if (type === undefined || !jsonType.test(type))
    throw refused("UNSUPPORTED_MEDIA_TYPE", "Send the request as application/json in UTF-8.", 415);
  const body = await bodyOf(request, config.limits);
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    throw refused("BAD_REQUEST", "The request's body isn't valid JSON.", 400);
  }
  if (!Array.isArray(parsed)) return checked(parsed);
  if (parsed.length === 0 || parsed.length > config.limits.batch)
    throw refused(
      "BAD_REQUEST",
      config.limits.batch === 0
        ? "Send one operation in a request: batches are turned off."
        : `A batch has one to ${config.limits.batch} operations.`,
      400,
    );
  return parsed.map(checked);
}

const jsonType = /^\s*application\/(?:graphql\+)?json\s*(?:;\s*charset="?utf-?8"?\s*)?$/i;

function checked(given: unknown): OperationParams {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw refused("BAD_REQUEST", "The request's body has to be an object.", 400);
  const { query, operationName, variables, extensions } = given as Record<string, unknown>;
  const fail = (field: string, what: string) => refused("BAD_REQUEST", `"${field}" has to be ${what}.`, 400);
  if (query !== undefined && query !== null && typeof query !== "string") throw fail("query", "a string");
  if (operationName !== undefined && operationName !== null && typeof operationName !== "string")
    throw fail("operationName", "a string");
  if (!isMapOrNothing(variables)) throw fail("variables", "an object");
  if (!isMapOrNothing(extensions)) throw fail("extensions", "an object");
  return {
    query: (query as string | null) ?? undefined,
    operationName: (operationName as string | null) || undefined,
    variables: (variables as OperationParams["variables"] | null) ?? undefined,
    extensions: (extensions as OperationParams["extensions"] | null) ?? undefined,
  };
}

const isMapOrNothing = (value: unknown) =>
  value === undefined || value === null || (typeof value === "object" && !Array.isArray(value));

function paramsOfSearch({ url, headers }: IncomingMessage, { csrfPrevention, limits }: Config): OperationParams {
  // A page of another origin can send a plain GET without asking first, with the browser's cookies.
  const isAsked =
    headers["apollo-require-preflight"] !== undefined ||
    headers["x-apollo-operation-name"] !== undefined ||
    /^application\/json/i.test(headers["content-type"] ?? "");
  if (csrfPrevention && !isAsked)
    throw refused(
      "BAD_REQUEST",
      "Send a header that a browser asks for first, such as apollo-require-preflight: true.",
      400,
    );
  const search = url!.slice(url!.indexOf("?") + 1);
  if (search.length > limits.characters * 3) throw refused("PAYLOAD_TOO_LARGE", "The address is too long.", 414);
  const given = new URLSearchParams(url!.includes("?") ? search : "");
  const parsed = (name: string): unknown => {
    const text = given.get(name);
    if (text === null || text === "") return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw refused("BAD_REQUEST", `"${name}" isn't valid JSON.`, 400);
    }
  };
  return checked({
    query: given.get("query") ?? undefined,
    operationName: given.get("operationName") ?? undefined,
    variables: parsed("variables"),
    extensions: parsed("extensions"),
  });
}

function bodyOf(request: IncomingMessage, { bodyBytes, bodyTimeoutMs }: Config["limits"]): Promise<Buffer> {
  const tooLarge = () => refused("PAYLOAD_TOO_LARGE", `A request may have ${bodyBytes} bytes at the most.`, 413);
  return new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"]) > bodyBytes) return reject(tooLarge());
    let body: Buffer = nothing;
    let timer: NodeJS.Timeout | undefined;
    const end = () => {
      clearTimeout(timer);
      request.off("data", take).off("end", done).off("close", gone);
    };
    const take = (chunk: Buffer) => {
      body = body === nothing ? chunk : Buffer.concat([body, chunk]);
      if (body.length > bodyBytes) {
        end();
        reject(tooLarge());
      } else
        timer ??= setTimeout(() => {
          end();
          reject(refused("REQUEST_TIMEOUT", "The request's body didn't arrive in time.", 408));
        }, bodyTimeoutMs);
    };
    const done = () => {
      end();
      resolve(body);
    };
    const gone = () => {
      end();
      reject(refused("BAD_REQUEST", "The client left before its request was complete.", 400));
    };
    request.on("data", take).on("end", done).on("close", gone);
  });
}

export function refused(code: string, message: string, status: number, headers: Record<string, string> = {}) {
  return new RequestRefused([new GraphQLError(message, { extensions: { code, http: { status, headers } } })]);
}

const refusalBody = (code: string, message: string, more: object = {}) =>
  JSON.stringify({ errors: [{ message, extensions: { code, ...more } }] });

interface HttpHint {
  status?: number;
  headers?: Record<string, string>;
}

/** A request that wasn't run: 400 unless it says otherwise; 200 for clients that know of no other status. */
function refusal({ errors }: RequestRefused, { type }: Accepted) {
  const hints = errors.map(({ extensions }) => (extensions["http"] ?? {}) as HttpHint);
  const status = hints.find((hint) => hint.status !== undefined)?.status;
  const headers = Object.assign({}, ...hints.map((hint) => hint.headers)) as Record<string, string>;
  const otherwise = type === "application/json" ? 200 : 400;
  return { status: status ?? otherwise, headers, errors: errors.map(formatted) };
}

/** As it is sent: without what is for HTTP alone. */
export function formatted(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON();
  const { http: _, ...told } = extensions ?? {};
  return { ...rest, ...(Object.keys(told).length > 0 && { extensions: told }) };
}

/** Whatever was executed is 200, whether or not all of it could be answered. */
const statusOf = (answer: Answer, { type }: Accepted): number =>
  answer.data === undefined && type !== "application/json" ? 400 : 200;

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  config: Config,
  status: number,
  type: string,
  text: string,
): Promise<void> {
  if (response.destroyed) return;
  const encoded = config.compression ? await compressed(request.headers["accept-encoding"], text) : null;
  const body = encoded?.body ?? text;
  response.writeHead(status, {
    "content-type": type === "application/json" ? jsonUtf8 : graphqlUtf8,
    "content-length": Buffer.byteLength(body),
    "cache-control": "private, no-store",
    ...(encoded && { "content-encoding": encoded.encoding, vary: "accept-encoding" }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
  if (!request.complete) request.resume();
}

const jsonUtf8 = "application/json; charset=utf-8";
const graphqlUtf8 = "application/graphql-response+json; charset=utf-8";
