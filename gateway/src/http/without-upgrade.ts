import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

/**
 * Some clients offer HTTP/2 with every first request (Java's, `curl --http2`), and may be answered in HTTP/1.1. Node
 * stops parsing at the offer, so the connection begins anew with the same request, less the offer.
 */
export function withoutUpgrade(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const offer = ["upgrade", "connection", "http2-settings"];
  const { rawHeaders } = request;
  const lines = [`${request.method} ${request.url} HTTP/1.1`];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (!offer.includes(rawHeaders[i]!.toLowerCase())) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  server.emit("connection", socket);
}
