import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { explorerPage, explorerPolicy } from "../http/explorer";
import type { Config } from "./config";

/** What is served beside operations: `/health`, `/ready` and `/metrics`. */
export function plainRoutes(o: {
  config: Config;
  state(): { ready: boolean; supergraph: string; subgraphs: readonly string[] };
  metricsText(): Promise<string>;
  metricsType: string;
  log: Logger;
}) {
  const json = "application/json; charset=utf-8";
  return async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = (status: number, type: string, text: string) => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : text);
      request.resume();
    };
    const isKnown = path === "/health" || path === "/ready" || (path === "/metrics" && o.config.telemetry.metrics);
    if (!isKnown) return answer(404, json, '{"errors":[{"message":"There is nothing at this address."}]}');
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      return answer(405, json, '{"errors":[{"message":"Send GET."}]}');
    }
    if (path === "/health") return answer(200, json, '{"status":"ok"}');
    if (path === "/ready") {
      const state = o.state();
      return answer(state.ready ? 200 : 503, json, JSON.stringify(state));
    }
    try {
      answer(200, o.metricsType, await o.metricsText());
    } catch (error) {
      o.log.error({ err: error }, "The metrics couldn't be read.");
      answer(503, json, '{"errors":[{"message":"The metrics can\'t be read at the moment."}]}');
    }
  };
}

/** Somebody with a browser, rather than a client with an operation. */
export const isVisit = ({ method, headers, url }: IncomingMessage): boolean =>
  method === "GET" && (headers.accept ?? "").startsWith("text/html") && !/[?&](query|extensions)=/.test(url!);

export function sendExplorer({ headers }: IncomingMessage, response: ServerResponse): void {
  const nonce = randomBytes(16).toString("base64");
  // It becomes part of a header.
  const host = headers.host && /^[\w.:[\]-]+$/.test(headers.host) ? headers.host : "localhost";
  response.writeHead(200, {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": explorerPolicy(nonce, host),
  });
  response.end(explorerPage(nonce));
}
