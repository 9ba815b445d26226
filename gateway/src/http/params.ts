import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { OperationParams } from "../client-request";
import { refused } from "./refusal";

export interface ParamsLimits {
  bodyBytes: number;
  bodyTimeoutMs: number;
  /** Of a `GET`'s query. */
  characters: number;
  /** Operations in one request; 0 turns batches off. */
  batch: number;
}

/**
 * A request's parameters by the GraphQL over HTTP specification (draft of 2025): of a `POST`'s body, or of the address;
 * several of a batch. Rejects with `RequestRefused`.
 */
export function paramsOf(
  request: IncomingMessage,
  o: { limits: ParamsLimits; csrfPrevention: boolean },
): Promise<OperationParams | OperationParams[]> | OperationParams {
  const { method } = request;
  if (method === "POST") return paramsOfBody(request, o.limits);
  if (method === "GET" || method === "HEAD") return paramsOfSearch(request, o);
  throw refused("METHOD_NOT_ALLOWED", "Send GET or POST.", 405, { allow: "GET, POST" });
}

const jsonType = /^\s*application\/(?:graphql\+)?json\s*(?:;\s*charset="?utf-?8"?\s*)?$/i;

async function paramsOfBody(
  request: IncomingMessage,
  limits: ParamsLimits,
): Promise<OperationParams | OperationParams[]> {
  const { "content-type": type, "content-encoding": encoding } = request.headers;
  // Forms and plain texts are what browsers send to other origins without asking first.
  if (type !== "application/json" && (type === undefined || !jsonType.test(type)))
    throw refused("UNSUPPORTED_MEDIA_TYPE", "Send the request as application/json in UTF-8.", 415);
  if (encoding !== undefined && encoding !== "identity")
    throw refused("UNSUPPORTED_MEDIA_TYPE", "Send the body as it is, without content-encoding.", 415);
  const body = await bodyOf(request, limits);
  let parsed: unknown;
  try {
    parsed = isUtf8(body) ? JSON.parse(body.toString()) : undefined;
  } catch {
    parsed = undefined;
  }
  if (parsed === undefined) throw refused("BAD_REQUEST", "The request's body isn't valid JSON in UTF-8.", 400);
  if (!Array.isArray(parsed)) return checkedParams(parsed);
  if (limits.batch === 0) throw refused("BAD_REQUEST", "Send one operation in a request: batches are turned off.", 400);
  if (parsed.length === 0 || parsed.length > limits.batch)
    throw refused("BAD_REQUEST", `A batch has one to ${limits.batch} operations.`, 400);
  return parsed.map(checkedParams);
}

export function paramsOfSearch(
  { url, headers }: Pick<IncomingMessage, "url" | "headers">,
  { csrfPrevention, limits }: { csrfPrevention: boolean; limits: Pick<ParamsLimits, "characters"> },
): OperationParams {
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
  const start = url!.indexOf("?");
  const search = start === -1 ? "" : url!.slice(start + 1);
  if (search.length > limits.characters * 3) throw refused("PAYLOAD_TOO_LARGE", "The address is too long.", 414);
  const given = new URLSearchParams(search);
  const parsed = (name: string): unknown => {
    const text = given.get(name);
    if (text === null || text === "") return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw refused("BAD_REQUEST", `"${name}" isn't valid JSON.`, 400);
    }
  };
  return checkedParams({
    query: given.get("query") ?? undefined,
    operationName: given.get("operationName") ?? undefined,
    variables: parsed("variables"),
    extensions: parsed("extensions"),
  });
}

/** Parameters from parsed JSON. Throws `RequestRefused` naming the one that is wrong. */
export function checkedParams(given: unknown): OperationParams {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw refused("BAD_REQUEST", "An operation's parameters have to be an object.", 400);
  const { query, operationName, variables, extensions } = given as Record<string, unknown>;
  const fail = (field: string, what: string) => refused("BAD_REQUEST", `"${field}" has to be ${what}.`, 400);
  if (!isTextOrNothing(query)) throw fail("query", "a string");
  if (!isTextOrNothing(operationName)) throw fail("operationName", "a string");
  if (!isMapOrNothing(variables)) throw fail("variables", "an object");
  if (!isMapOrNothing(extensions)) throw fail("extensions", "an object");
  return {
    query: query ?? undefined,
    operationName: operationName || undefined,
    variables: variables ?? undefined,
    extensions: extensions ?? undefined,
  };
}

const isTextOrNothing = (value: unknown): value is string | null | undefined =>
  value === undefined || value === null || typeof value === "string";

const isMapOrNothing = (value: unknown): value is Record<string, unknown> | null | undefined =>
  value === undefined || value === null || (typeof value === "object" && !Array.isArray(value));

function bodyOf(request: IncomingMessage, { bodyBytes, bodyTimeoutMs }: ParamsLimits): Promise<Buffer> {
  const tooLarge = () => refused("PAYLOAD_TOO_LARGE", `A request may have ${bodyBytes} bytes at the most.`, 413);
  return new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"]) > bodyBytes) return reject(tooLarge());
    const chunks: Buffer[] = [];
    let size = 0;
    const late = () => fail(refused("REQUEST_TIMEOUT", "The request's body didn't arrive in time.", 408));
    const timer = setTimeout(late, bodyTimeoutMs);
    const stop = () => {
      clearTimeout(timer);
      request.off("data", take).off("end", done).off("close", gone);
    };
    const fail = (error: Error) => {
      stop();
      reject(error);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyBytes) fail(tooLarge());
      else chunks.push(chunk);
    };
    const done = () => {
      stop();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    };
    const gone = () => fail(refused("BAD_REQUEST", "The client left before its request was complete.", 400));
    request.on("data", take).on("end", done).on("close", gone);
  });
}
