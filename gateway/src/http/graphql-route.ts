import { HeaderMap } from "@apollo/server";
import { PublicError } from "@atrium/errors";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { OperationParams } from "../client-request";
import type { Authentication } from "../authentication";
import type { Limits, OperationGate } from "../limits";
import { OperationTime } from "../operation-time";
import { factsOf, RequestContext } from "../request-context";
import type { ServedGraph } from "../served-graph";
import { readsStreams, type Streams } from "../streams";
import { sendError, sendText } from "./answer";
import { parseJson, readBody } from "./body";
import { credentialsOf } from "./incoming";
import { checkedParams, paramsOfSearch } from "./params";
import { refused } from "./refusal";

export interface GraphQLRoute {
  streams: Streams;
  authentication: Authentication;
  gate: OperationGate;
  limits: Limits;
  trustedProxies: number;
}

/** Answers one GraphQL request over HTTP. */
export async function answerGraphQL(
  { streams, authentication, gate, limits, trustedProxies }: GraphQLRoute,
  { apollo, endpoint }: ServedGraph,
  {
    request,
    response,
    requestId,
    log,
  }: { request: IncomingMessage; response: ServerResponse; requestId: string; log: Logger },
): Promise<void> {
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    const unsupported = new PublicError("BAD_USER_INPUT", "Send the body as it is, without content-encoding.");
    return sendError(request, response, unsupported, 415);
  }
  const body = await bodyOf(request, limits);
  const search = searchOf(request);
  gate.admit((body as { query?: unknown } | null | undefined)?.query ?? new URLSearchParams(search).get("query"));
  if (endpoint && readsStreams(request))
    return streams.answer(endpoint, { request, response, requestId, log, params: () => paramsOf(request, body) });
  const { actor } = await authentication.authenticate(credentialsOf(request));

  const time = new OperationTime(limits.operationTimeoutMs);
  const left = () => time.clientLeft();
  response.once("close", left);
  try {
    const answer = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: request.method!.toUpperCase(),
        headers: headerMap(request),
        search,
        body,
      },
      context: async () => new RequestContext({ ...factsOf(request, trustedProxies), requestId, log }, actor, time),
    });
    if (answer.body.kind !== "complete") throw new Error("The gateway has no incremental delivery.");
    for (const [name, value] of answer.headers) {
      // Nothing that depends on a caller may be kept by anything in between.
      if (name !== "cache-control" && name !== "content-length") response.setHeader(name, value);
    }
    const type = answer.headers.get("content-type") ?? "application/json; charset=utf-8";
    await sendText(request, response, { status: answer.status ?? 200, type, text: answer.body.string });
  } finally {
    time.stop();
    response.off("close", left);
  }
}

// Node's server takes no longer headers, the address among them.
const addressCharactersMax = 16_384;
// A form's or a plain text's body is left unread: what browsers send unasked is never an operation.
const json = /^\s*application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i;

async function bodyOf(request: IncomingMessage, limits: Limits): Promise<unknown> {
  if (request.method !== "POST") return undefined;
  const bytes = await readBody(request, { bytesMax: limits.bodyBytesMax, timeoutMs: limits.bodyTimeoutMs });
  return json.test(request.headers["content-type"] ?? "") ? parseJson(bytes) : undefined;
}

/** The parameters of a request that Apollo Server doesn't look at. Throws `RequestRefused`. */
function paramsOf(request: IncomingMessage, body: unknown): OperationParams {
  // Other types are what browsers send to other origins without asking first.
  if (request.method === "POST" && body === undefined)
    throw refused("BAD_REQUEST", "Send the request as application/json in UTF-8.", 415);
  if (request.method === "POST") return checkedParams(body);
  return paramsOfSearch(request, { csrfPrevention: true, limits: { characters: addressCharactersMax } });
}

const searchOf = (request: IncomingMessage) => {
  const start = request.url!.indexOf("?");
  return start === -1 ? "" : request.url!.slice(start);
};

// All that Apollo Server reads: what is sent, what is taken, and what browsers don't send to other origins unasked.
const readHeaders = ["content-type", "accept", "x-apollo-operation-name", "apollo-require-preflight"];

function headerMap(request: IncomingMessage): HeaderMap {
  const headers = new HeaderMap();
  for (const name of readHeaders) {
    const value = request.headers[name];
    if (value !== undefined) headers.set(name, String(value));
  }
  return headers;
}
