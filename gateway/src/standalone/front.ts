import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { OperationParams } from "../client-request";
import { RequestRefused, type Accepts, type Endpoint } from "../endpoint";
import { isEventStream, isIncremental, type Answer, type EventStream } from "../execution/engine";
import type { Operation } from "../graph/operation";
import { compressed } from "../http/compression";
import { answerCors } from "../http/cors";
import { cutOff, sendEvents, type StreamForm } from "../http/event-streams";
import { lingerOver } from "../http/linger";
import { sendIncrementally } from "../http/multipart";
import { accepted, type Accepted } from "../http/negotiation";
import { paramsOf } from "../http/params";
import { answerOfRefusal, formatted, refused } from "../http/refusal";
import { addVary } from "../http/vary";
import { ClientsRequest, type BareRequest } from "./bare-request";
import type { Config } from "./config";
import type { Serving } from "./serving";
import type { Place, Subscribers } from "../subscriptions/subscribers";
import type { Caller } from "./tokens";
import type { RequestSpan, Tracing } from "./tracing";

export interface BareFront {
  /** Which of the graphs it is: the whole one, or a contract. */
  path: string;
  config: Config;
  /** The supergraph that is served now. */
  serving(): Serving;
  callerOf(authorization: string | undefined): Caller | Promise<Caller>;
  subscribers: Subscribers;
  tracing: Tracing | null;
  log: Logger;
}

interface Sent {
  status: number;
  type: NonNullable<Accepted["type"]>;
  text: string;
  cacheControl?: string;
  etag?: string;
  /** What else of the request than its address chooses an answer that may be kept. */
  variesBy?: readonly string[];
}

const noStore = "private, no-store";
// Node's timers know no longer time.
const timerMaxMs = 2 ** 31 - 1;

/** Answers one GraphQL request by the GraphQL over HTTP specification (draft of 2025), straight on Node's server. */
export async function answerGraphQL(front: BareFront, request: IncomingMessage, response: ServerResponse) {
  const { config } = front;
  // Pages alone name an origin; nobody else pays for this.
  if (request.headers.origin !== undefined && answerCors(request, response, { ...config.cors, anyHeader: true }))
    return;
  const how = accepted(request.headers.accept);
  const type = how.type ?? "application/json";
  let client: ClientsRequest | undefined;
  let release: (() => void) | undefined;
  let place: Place | undefined;
  try {
    if (how.type === null) throw notAcceptable();
    const given = paramsOf(request, config);
    const params = given instanceof Promise ? await given : given;
    const found = front.callerOf(request.headers.authorization);
    const caller = found instanceof Promise ? await found : found;
    const span = front.tracing?.begin(request);
    const current = (client = new ClientsRequest(request, caller, front.log, {
      exposePlan: config.exposePlan,
      trustedProxies: config.trustedProxies,
      timeoutMs: config.limits.operationTimeoutMs,
      traceparent: span?.traceparent,
    }));
    response.once("close", () => {
      span?.ended(response.statusCode);
      if (!response.writableFinished) current.clientLeft();
    });
    const serving = front.serving();
    const { endpoint } = serving.at.get(front.path)!;
    release = serving.enter();
    const check = checkOf(request, how.events, span, () => {
      place = front.subscribers.take(current.callerKey, { cut: () => cutOff(response, how.events, stopping) });
      // A subscription takes as long as it takes.
      current.end();
    });
    if (Array.isArray(params)) {
      const accepts = { incremental: false, check: checkOf(request, null, null) };
      const answers = await Promise.all(params.map((each) => answerOne(endpoint, each, current, accepts)));
      return await send(front, request, response, { status: 200, type, text: JSON.stringify(answers) });
    }
    const answer = await endpoint.answer(params, client, { incremental: how.deferred, check });
    if (isEventStream(answer))
      return await sendSubscription(front, request, response, {
        events: place!.counted(answer),
        how: how.events!,
        expiresAt: caller.expiresAt,
      });
    if (isIncremental(answer)) return await sendIncrementally(request, response, answer);
    if (how.onlyEvents)
      return await sendEvents(request, response, once(answer), "SSE", config.subscriptions.heartbeatMs);
    const text = JSON.stringify(answer);
    const lasting = lastingOf(request, serving, client, text);
    return await send(front, request, response, { status: statusOf(answer, how), type, text, ...lasting });
  } catch (error) {
    if (response.destroyed) return;
    if (response.headersSent) return void response.destroy();
    if (error instanceof RequestRefused) {
      const { status, headers, errors } = answerOfRefusal(error, type);
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      // Of an operation's own faults server-sent events tell in an event (graphql-sse's protocol).
      if (how.onlyEvents && (status === 200 || status === 400))
        return await sendEvents(request, response, once({ errors }), "SSE", config.subscriptions.heartbeatMs);
      return await send(front, request, response, { status, type, text: JSON.stringify({ errors }) });
    }
    if (client?.deadline.aborted) {
      const { message } = client.deadline.reason as Error;
      return await send(front, request, response, { status: 504, type, text: errorText("TIMEOUT", message) });
    }
    const faultId = randomUUID();
    front.log.error({ err: error, faultId }, "A fault was masked.");
    const text = errorText("INTERNAL_SERVER_ERROR", "Something went wrong here.", { faultId });
    return await send(front, request, response, { status: 500, type, text });
  } finally {
    place?.leave();
    client?.end();
    release?.();
  }
}

async function answerOne(
  endpoint: Endpoint<BareRequest>,
  params: OperationParams,
  client: ClientsRequest,
  accepts: Accepts,
): Promise<unknown> {
  try {
    return await endpoint.answer(params, client, accepts);
  } catch (error) {
    if (error instanceof RequestRefused) return { errors: error.errors.map(formatted) };
    throw error;
  }
}

const errorText = (code: string, message: string, more: object = {}) =>
  JSON.stringify({ errors: [{ message, extensions: { code, ...more } }] });

const notAcceptable = () =>
  refused(
    "NOT_ACCEPTABLE",
    "Nothing that is served here is accepted: application/graphql-response+json, application/json.",
    406,
  );

/** Which operations this request may run. */
const checkOf =
  (
    { method }: IncomingMessage,
    events: Accepted["events"],
    span: RequestSpan | null | undefined,
    subscribes?: () => void,
  ): Accepts["check"] =>
  (operation: Operation) => {
    const { type } = operation;
    span?.resolved(operation);
    if (type === "mutation" && method !== "POST")
      throw refused("METHOD_NOT_ALLOWED", "Mutations are sent by POST.", 405, { allow: "POST" });
    if (type === "subscription" && events === null)
      throw refused(
        "BAD_REQUEST",
        "A subscription is answered over WebSocket (graphql-transport-ws), by server-sent events (Accept: text/event-stream) or by multipart/mixed; subscriptionSpec=1.0.",
        400,
      );
    if (type === "subscription") subscribes?.();
  };

/** Whatever was executed is 200, whether or not all of it could be answered. */
const statusOf = (answer: Answer, { type }: Accepted): number =>
  answer.data === undefined && type !== "application/json" ? 400 : 200;

/** How long an answer may be kept: as subgraphs allow, or not at all; one by `GET` may be asked for again by its `ETag`. */
function lastingOf(
  { method, headers }: IncomingMessage,
  { isAnybodys, variesBy }: Serving,
  client: ClientsRequest,
  text: string,
): Pick<Sent, "cacheControl" | "etag" | "variesBy"> | undefined {
  if (method === "POST") return undefined;
  const seconds = client.policy.publicSeconds;
  const isNobodys = isAnybodys(client) && headers.authorization === undefined && headers.cookie === undefined;
  if (seconds === 0 && !isNobodys) return undefined;
  const cacheControl = seconds > 0 ? `${isNobodys ? "public" : "private"}, max-age=${seconds}` : "private, no-cache";
  // Weak: compressed or not, it is the same answer.
  return { cacheControl, variesBy, etag: `W/"${createHash("sha1").update(text).digest("base64url")}"` };
}

async function send(
  { config }: BareFront,
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, text, cacheControl = noStore, etag, variesBy = [] }: Sent,
): Promise<void> {
  if (response.destroyed) return;
  if (cacheControl !== noStore)
    for (const name of ["accept", "accept-encoding", "origin", ...variesBy]) addVary(response, name);
  if (etag !== undefined) {
    response.setHeader("etag", etag);
    if (status === 200 && matches(request.headers["if-none-match"], etag))
      return void response.writeHead(304, { "cache-control": cacheControl }).end();
  }
  const encoded = config.compression ? await compressed(request.headers["accept-encoding"], text) : null;
  if (encoded) {
    addVary(response, "accept-encoding");
    response.setHeader("content-encoding", encoded.encoding);
  }
  const body = encoded?.body ?? text;
  response.writeHead(status, {
    "content-type": type === "application/json" ? jsonUtf8 : graphqlUtf8,
    "content-length": Buffer.byteLength(body),
    "cache-control": cacheControl,
  });
  response.end(request.method === "HEAD" ? undefined : body);
  lingerOver(request);
}

const jsonUtf8 = "application/json; charset=utf-8";
const graphqlUtf8 = "application/graphql-response+json; charset=utf-8";

const matches = (header: string | undefined, etag: string): boolean =>
  header !== undefined && header.split(",").some((each) => each.trim() === etag || each.trim() === "*");

async function* once(answer: Answer): EventStream {
  yield answer;
}

/** A subscription as a stream of HTTP, which ends with its caller's token. */
async function sendSubscription(
  { config, log }: BareFront,
  request: IncomingMessage,
  response: ServerResponse,
  { events, how, expiresAt = Infinity }: { events: EventStream; how: StreamForm; expiresAt?: number },
): Promise<void> {
  const leftMs = expiresAt - Date.now();
  const lapse = leftMs < timerMaxMs ? setTimeout(() => cutOff(response, how, expired), leftMs) : undefined;
  try {
    await sendEvents(request, response, events, how, config.subscriptions.heartbeatMs);
  } catch (err) {
    log.error({ err }, "A subscription broke off.");
  } finally {
    clearTimeout(lapse);
  }
}

const expired = { message: "The access token has expired.", extensions: { code: "UNAUTHENTICATED" } };
const stopping = { message: "The gateway stops. Subscribe again.", extensions: { code: "SERVICE_UNAVAILABLE" } };
