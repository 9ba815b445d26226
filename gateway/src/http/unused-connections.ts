import type { Server } from "node:http";
import type { Socket } from "node:net";

/**
 * Browsers and HTTP clients open connections that they may need. Node takes one that has sent nothing for busy, and
 * `closeIdleConnections` leaves it; the returned function closes those.
 */
export function unusedConnectionsOf(server: Server): () => void {
  const connections = new Set<Socket>();
  server.on("connection", (socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  return () => {
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  };
}
