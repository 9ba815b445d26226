import type { IncomingMessage } from "node:http";

// How long a client may go on sending what nobody reads any more.
const lingerMs = 2_000;

/**
 * A request that was answered before it was complete: the rest is dropped for a while, then the connection is cut.
 * To close at once would reset it, and the answer could be lost on a client that is still sending.
 */
export function lingerOver(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  const cut = setTimeout(() => request.socket.destroy(), lingerMs);
  request.once("close", () => clearTimeout(cut));
}
