import { createClient, type Client } from "graphql-ws";
import WebSocket from "ws";
import type { ClientRequest } from "../client-request";
import { answerOf } from "./http-transport";
import { SubgraphFault, type SubgraphAnswer, type SubgraphRequest, type SubgraphTransport } from "./transport";

// A socket that nobody subscribes over is kept for a while: the next subscriber often comes soon.
const idleMs = 10_000;
const keepAliveMs = 15_000;
// A subgraph that takes a socket and says nothing, at first or later, is away.
const answerMs = 10_000;
const clientsMax = 1_000;

/**
 * Subscriptions of a subgraph over `graphql-transport-ws`: one socket for all subscriptions that are sent with the same
 * headers, which are the socket's `connectionParams` as well. A socket that is lost ends them with `SubgraphFault`.
 */
export function socketSource<Request extends ClientRequest>(o: {
  name: string;
  /** `ws:` or `wss:`. */
  url: string;
  headersFor?(request: SubgraphRequest<Request>): Record<string, string> | undefined;
  /** Of one message; a larger one loses the socket. */
  eventBytesMax: number;
}): { subscribe: SubgraphTransport<Request>["subscribe"]; close(): Promise<void> } {
  const clients = new Map<string, Client>();

  function clientFor(headers: Record<string, string>): Client {
    const key = JSON.stringify(headers);
    const known = clients.get(key);
    if (known) return known;
    let silence: NodeJS.Timeout | undefined;
    const client = createClient({
      url: o.url,
      webSocketImpl: class extends WebSocket {
        constructor(address: string, protocols: string | string[]) {
          super(address, protocols, {
            headers,
            perMessageDeflate: false,
            handshakeTimeout: answerMs,
            maxPayload: o.eventBytesMax,
          });
        }
      },
      connectionParams: headers,
      lazy: true,
      lazyCloseTimeout: idleMs,
      keepAlive: keepAliveMs,
      connectionAckWaitTimeout: answerMs,
      // Whoever listens decides when it is tried again.
      retryAttempts: 0,
      onNonLazyError: () => {},
      on: {
        ping: (isTheirs) => {
          if (isTheirs) return;
          clearTimeout(silence);
          silence = setTimeout(() => client.terminate(), answerMs).unref();
        },
        pong: () => clearTimeout(silence),
        closed: () => {
          clearTimeout(silence);
          if (clients.get(key) === client) clients.delete(key);
        },
      },
    });
    if (clients.size >= clientsMax) throw new SubgraphFault(o.name, "OVERLOADED", `Too many sockets to "${o.name}".`);
    clients.set(key, client);
    return client;
  }

  return {
    async subscribe(request) {
      const { query, operationName, variables, signal } = request;
      if (signal.aborted) throw new SubgraphFault(o.name, "ABORTED", `The subscription at "${o.name}" was given up.`);
      const events = clientFor(o.headersFor?.(request) ?? {}).iterate({
        query,
        operationName,
        variables: variables as Record<string, unknown>,
      });
      const leave = () => void events.return?.();
      signal.addEventListener("abort", leave, { once: true });
      const source: AsyncIterableIterator<SubgraphAnswer> = {
        async next() {
          try {
            const step = await events.next();
            if (step.done) {
              signal.removeEventListener("abort", leave);
              return { done: true, value: undefined };
            }
            const value = answerOf(step.value);
            if (!value) throw new SubgraphFault(o.name, "NOT_GRAPHQL", `"${o.name}" sent an event that is none.`);
            return { done: false, value };
          } catch (error) {
            signal.removeEventListener("abort", leave);
            // What refuses a subscription ends it.
            if (Array.isArray(error)) return { done: false, value: { errors: error as SubgraphAnswer["errors"] } };
            throw error instanceof SubgraphFault
              ? error
              : new SubgraphFault(o.name, "UNREACHABLE", `The socket to "${o.name}" was lost.`, { cause: error });
          }
        },
        async return() {
          signal.removeEventListener("abort", leave);
          await events.return?.();
          return { done: true, value: undefined };
        },
        async throw(error) {
          await events.return?.();
          throw error;
        },
        [Symbol.asyncIterator]: () => source,
      };
      return source;
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.dispose()));
    },
  };
}
