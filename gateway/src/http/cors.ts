import type { IncomingMessage, ServerResponse } from "node:http";
import { addVary } from "./vary";

const preflightSeconds = 600;
const allowedMethods = "GET, HEAD, POST, PUT";
const allowedHeaders =
  "authorization, content-type, x-api-key, x-request-id, traceparent, tracestate, apollo-require-preflight, " +
  "apollographql-client-name, apollographql-client-version, range";
const exposedHeaders = "x-request-id, retry-after, content-disposition, content-range, accept-ranges, etag";

export interface Cors {
  /** Other origins whose pages may call the API: `https://app.example.com`; `*` for all. */
  origins: readonly string[];
  /** Any port of this machine too: for front ends under development. */
  localhost?: boolean;
  /** Whether such pages may send their visitors' cookies. */
  credentials?: boolean;
  /** Whether they may send whatever headers they ask for, rather than those that Atrium knows. */
  anyHeader?: boolean;
}

/** Whether a page of this origin may call us: none named (no browser, or a plain navigation), our own, or allowed. */
export function isAllowedOrigin(request: IncomingMessage, cors: Cors): boolean {
  const origin = request.headers.origin;
  if (origin === undefined) return true;
  if (cors.origins.includes(origin) || cors.origins.includes("*")) return true;
  if (!URL.canParse(origin)) return false;
  const { host, hostname } = new URL(origin);
  if (host === request.headers.host) return true;
  return cors.localhost === true && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

/** Says to the browser what pages of other origins may do. Returns true when the request was only the question. */
export function answerCors(request: IncomingMessage, response: ServerResponse, cors: Cors): boolean {
  const { origin } = request.headers;
  addVary(response, "origin");
  if (origin !== undefined && isAllowedOrigin(request, cors)) {
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", exposedHeaders);
    if (cors.credentials) response.setHeader("access-control-allow-credentials", "true");
  }
  const isPreflight = request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
  if (!isPreflight) return false;
  if (response.hasHeader("access-control-allow-origin")) {
    response.setHeader("access-control-allow-methods", allowedMethods);
    const asked = cors.anyHeader ? request.headers["access-control-request-headers"] : undefined;
    response.setHeader("access-control-allow-headers", asked ?? allowedHeaders);
    response.setHeader("access-control-max-age", preflightSeconds);
  }
  response.writeHead(204).end();
  return true;
}
