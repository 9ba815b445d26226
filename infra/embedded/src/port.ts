import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { StartRefused } from "./refusals";

export interface ReservedPort {
  port: number;
  /** The address to listen on. */
  host: string;
  /** How people write it in an address. */
  name: string;
  /** Where this machine itself reaches it. */
  address: string;
  /** Gives it up, so that the gateway can have it. */
  release(): Promise<void>;
}

/**
 * Takes the endpoint's port before anything is started, and answers there that Atrium is starting until it is
 * released. Refuses when the port can't be had.
 */
export async function reservePort(port: number, host: string): Promise<ReservedPort> {
  // `localhost` may mean ::1 as well, and clients differ in which they try first: somebody else's server there would
  // get a part of the requests.
  if (host === "localhost" && port !== 0) await (await listen(port, "::1"))?.release();
  const address = host === "localhost" ? "127.0.0.1" : host;
  const reserved = await listen(port, address);
  if (!reserved)
    throw new StartRefused(`This machine has no address ${host}. Choose another: HOST=localhost npm start`);
  const everywhere = host === "0.0.0.0" || host === "::";
  const bracketed = (name: string) => (name.includes(":") ? `[${name}]` : name);
  return {
    ...reserved,
    host: address,
    name: everywhere ? "localhost" : bracketed(host),
    address: everywhere ? "127.0.0.1" : bracketed(address),
  };
}

/** Null where this machine has no such address. */
async function listen(port: number, host: string): Promise<{ port: number; release(): Promise<void> } | null> {
  const server = createServer((_, response) => {
    response.writeHead(503, { "content-type": "text/plain", "retry-after": "1", connection: "close" });
    response.end("Atrium is starting.\n");
  });
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  } catch (error) {
    return explain(error as NodeJS.ErrnoException, port);
  }
  return {
    port: (server.address() as AddressInfo).port,
    release: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function explain(error: NodeJS.ErrnoException, port: number): null {
  if (error.code === "EADDRNOTAVAIL" || error.code === "EAFNOSUPPORT" || error.code === "ENOTFOUND") return null;
  if (error.code === "EADDRINUSE") throw new StartRefused(portTaken(port));
  if (error.code === "EACCES")
    throw new StartRefused(`This user may not listen on port ${port}. Choose one above 1023: PORT=4000 npm start`);
  throw error;
}

export const portTaken = (port: number) =>
  `Port ${port} is taken. Stop what uses it, or choose another: PORT=${port < 65_535 ? port + 1 : 4000} npm start`;
