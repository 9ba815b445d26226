import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, EventStream } from "../execution/engine";
import { boundary, part, write } from "./multipart";

/**
 * Sends a subscription's events to one client: by GraphQL over server-sent events («distinct connections»:
 * `event: next`, then `event: complete`), or as `multipart/mixed; subscriptionSpec=1.0` for Apollo's clients.
 */
export async function sendEvents(
  _request: IncomingMessage,
  response: ServerResponse,
  events: EventStream,
  how: "SSE" | "MULTIPART",
  heartbeatMs: number,
): Promise<void> {
  const form = how === "SSE" ? serverSent : multipart;
  response.writeHead(200, {
    "content-type": form.type,
    "cache-control": "private, no-store",
    connection: "keep-alive",
    "x-accel-buffering": "no",
  });
  response.write(form.begin);
  const left = () => void events.return?.();
  response.once("close", left);
  const heartbeat = setInterval(() => {
    if (response.writableLength === 0) response.write(form.heartbeat);
  }, heartbeatMs);
  try {
    for await (const event of events) {
      if (response.destroyed || response.writableEnded) return;
      await write(response, form.event(event));
    }
    // Whoever ended the answer before meant to leave out the last word.
    if (!response.writableEnded) response.end(form.end);
  } catch (error) {
    response.destroy(error as Error);
  } finally {
    clearInterval(heartbeat);
    response.off("close", left);
  }
}

const serverSent = {
  type: "text/event-stream; charset=utf-8",
  begin: ":\n\n",
  heartbeat: ":\n\n",
  event: (answer: Answer) => `event: next\ndata: ${JSON.stringify(answer)}\n\n`,
  end: "event: complete\ndata:\n\n",
};

const multipart = {
  type: `multipart/mixed; boundary="${boundary}"; subscriptionSpec=1.0`,
  begin: `\r\n--${boundary}`,
  heartbeat: part({}),
  event: (answer: Answer) => part({ payload: answer }),
  end: "--\r\n",
};
