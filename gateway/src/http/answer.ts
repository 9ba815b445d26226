import type { PublicError } from "@atrium/errors";
import { statusOf } from "@atrium/subgraph";
import type { IncomingMessage, ServerResponse } from "node:http";
import { compressed } from "./compression";
import { addVary } from "./vary";

/** What every answer of the gateway carries, unless what is answered says otherwise. */
export function setStandardHeaders(response: ServerResponse, requestId: string): void {
  response.setHeader("x-request-id", requestId);
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("x-frame-options", "DENY");
  response.setHeader("referrer-policy", "no-referrer");
  response.setHeader("cross-origin-resource-policy", "same-origin");
  response.setHeader("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  response.setHeader("cache-control", "private, no-store");
}

/** Sends a whole text, compressed where the client takes it and it is worth it. */
export async function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, text }: { status: number; type: string; text: string },
): Promise<void> {
  const encoded = await compressed(request.headers["accept-encoding"], text);
  // A text goes out with its headers in one write.
  const body = encoded?.body ?? text;
  if (response.destroyed) return;
  addVary(response, "accept-encoding");
  if (encoded) response.setHeader("content-encoding", encoded.encoding);
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(request.method === "HEAD" ? undefined : body);
}

export const sendJson = (request: IncomingMessage, response: ServerResponse, status: number, value: unknown) =>
  sendText(request, response, { status, type: "application/json; charset=utf-8", text: JSON.stringify(value) });

/** Sends an error in the form that GraphQL errors have, on whatever route. */
export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  error: PublicError,
  status: number = statusOf(error.extensions.code),
): Promise<void> {
  const { retryAfterSeconds } = error.extensions;
  if (retryAfterSeconds !== undefined) response.setHeader("retry-after", retryAfterSeconds);
  if (status === 401) response.setHeader("www-authenticate", 'Bearer realm="atrium"');
  return sendJson(request, response, status, { errors: [{ message: error.message, extensions: error.extensions }] });
}
