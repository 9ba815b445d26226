import type { GraphQLFormattedError } from "graphql";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, EventStream } from "../execution/engine";
import { SlowConsumer } from "../subscriptions/event-queue";
import { boundary, part, write } from "./multipart";

export type StreamForm = "SSE" | "MULTIPART";

// Longer than a client that still reads takes to read the last part.
const closingMs = 2_000;

/**
 * Sends a subscription's events to one client: by GraphQL over server-sent events («distinct connections»:
 * `event: next`, then `event: complete`), or as `multipart/mixed; subscriptionSpec=1.0` for Apollo's clients
 * (https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol). A client that takes
 * nothing from one heartbeat to the next is gone. Rejects with what breaks the events off, once the client is cut off.
 */
export async function sendEvents(
  _request: IncomingMessage,
  response: ServerResponse,
  events: EventStream,
  how: StreamForm,
  heartbeatMs: number,
): Promise<void> {
  // Who left while it was found out who they are is heard of no more.
  if (response.destroyed) return void events.return?.();
  const form = forms[how];
  response.writeHead(200, {
    "content-type": form.type,
    "cache-control": "private, no-store",
    "x-accel-buffering": "no",
  });
  response.write(form.begin);
  const left = () => void events.return?.();
  response.once("close", left);
  let untaken = 0;
  const heartbeat = setInterval(() => {
    if (response.writableEnded) return;
    const { writableLength } = response;
    if (writableLength === 0) response.write(form.heartbeat);
    else if (writableLength === untaken) response.destroy();
    untaken = writableLength;
  }, heartbeatMs);
  try {
    for await (const event of events) {
      if (response.destroyed || response.writableEnded) return;
      await write(response, form.event(event));
    }
    // Whoever ended the answer before meant to leave out the last word.
    if (!response.writableEnded) response.end(form.end);
  } catch (error) {
    const isSlow = error instanceof SlowConsumer;
    cutOff(
      response,
      how,
      isSlow
        ? { message: error.message, extensions: { code: "SLOW_CONSUMER" } }
        : { message: "Something went wrong here.", extensions: { code: "INTERNAL_SERVER_ERROR" } },
    );
    if (!isSlow) throw error;
  } finally {
    clearInterval(heartbeat);
    response.off("close", left);
  }
}

/**
 * Ends a stream before its events do. Multipart has a last part for the reason; server-sent events have none but a
 * connection that breaks, after which clients subscribe again, where `complete` would tell them that all is said.
 */
export function cutOff(response: ServerResponse, how: StreamForm | null, reason: GraphQLFormattedError): void {
  if (response.destroyed || response.writableEnded) return;
  if (how !== "MULTIPART" || !response.headersSent) return void response.destroy();
  response.end(part({ payload: null, errors: [reason] }) + forms.MULTIPART.end);
  const cut = setTimeout(() => response.destroy(), closingMs);
  response.once("close", () => clearTimeout(cut));
}

const forms: Record<
  StreamForm,
  { type: string; begin: string; heartbeat: string; event(answer: Answer): string; end: string }
> = {
  SSE: {
    type: "text/event-stream; charset=utf-8",
    begin: ":\n\n",
    heartbeat: ":\n\n",
    event: (answer) => `event: next\ndata: ${JSON.stringify(answer)}\n\n`,
    end: "event: complete\ndata:\n\n",
  },
  MULTIPART: {
    type: `multipart/mixed; boundary="${boundary}"; subscriptionSpec=1.0`,
    begin: `\r\n--${boundary}`,
    heartbeat: part({}),
    event: (answer) => part({ payload: answer }),
    end: "--\r\n",
  },
};
