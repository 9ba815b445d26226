import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncrementalAnswer } from "../execution/engine";

export const boundary = "-";

/**
 * Sends an answer in parts as `multipart/mixed; deferSpec=20220824`, the form that Apollo's clients read. A client that
 * leaves ends the fetches that still run.
 */
export async function sendIncrementally(
  _request: IncomingMessage,
  response: ServerResponse,
  { initial, subsequent }: IncrementalAnswer,
): Promise<void> {
  response.writeHead(200, {
    "content-type": `multipart/mixed; boundary="${boundary}"; deferSpec=20220824`,
    "cache-control": "private, no-store",
    // Proxies that buffer would hold the first part back until the last is there.
    "x-accel-buffering": "no",
  });
  response.once("close", () => void subsequent.return?.());
  await write(response, `\r\n--${boundary}${part(initial)}`);
  for await (const next of subsequent) {
    if (response.destroyed) return;
    await write(response, part(next) + (next.hasNext ? "" : "--"));
  }
  response.end("\r\n");
}

export const part = (value: unknown): string =>
  `\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${JSON.stringify(value)}\r\n--${boundary}`;

/** Resolves when the client can take more. */
export function write(response: ServerResponse, text: string): Promise<void> | void {
  if (response.destroyed || response.write(text)) return;
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    response.on("drain", go).on("close", go);
  });
}
