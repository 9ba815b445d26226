import type { ExecutionArgs, ExecutionResult, FormattedExecutionResult, GraphQLFormattedError } from "graphql";
import { CloseCode, handleProtocols, makeServer } from "graphql-ws";
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocketServer, type WebSocket } from "ws";
import type { OperationParams } from "../client-request";
import { RequestRefused } from "../endpoint";
import { isEventStream } from "../execution/engine";
import { isAllowedOrigin } from "../http/cors";
import { formatted, refused } from "../http/refusal";
import type { Metrics } from "../metrics";
import { SlowConsumer, slowConsumer } from "../subscriptions/hub";
import { ClientsRequest } from "./bare-request";
import type { Config } from "./config";
import type { ServedGraph, Serving } from "./serving";
import type { Place, Subscribers } from "../subscriptions/subscribers";
import type { Caller } from "./tokens";
import type { RequestSpan, Tracing } from "./tracing";

export interface BareSockets {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Takes no new sockets, and closes those that are open with 1001. */
  stop(): Promise<void>;
}

interface Connection {
  socket: WebSocket;
  request: IncomingMessage;
  caller: Caller | null;
  isAlive: boolean;
  expiry?: NodeJS.Timeout;
}

type Args = ExecutionArgs & {
  serving: Serving;
  endpoint: ServedGraph["endpoint"];
  params: OperationParams;
  client: ClientsRequest;
  span: RequestSpan | null;
};

const goingAway = 1001;
const messageBytesMax = 256 * 1024;
const initTimeoutMs = 5_000;
const bufferedBytesMax = 4 * 1024 * 1024;
const closingMs = 2_000;

/** GraphQL over WebSocket (`graphql-transport-ws`) at the bare gateway: every kind of operation. */
export function openBareSockets(o: {
  config: Config;
  serving(): Serving;
  callerOf(authorization: string | undefined): Caller | Promise<Caller>;
  subscribers: Subscribers;
  tracing: Tracing | null;
  metrics: Metrics;
  log: Logger;
}): BareSockets {
  const { config, metrics } = o;
  const connections = new Set<Connection>();
  let isStopping = false;

  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });

  const protocol = makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: initTimeoutMs,
    async onConnect({ connectionParams = {}, extra }) {
      const sent = connectionParams["authorization"] ?? connectionParams["Authorization"];
      try {
        // Browsers can't send it as a header of the upgrade. Rules that pass it on find it where it would be.
        if (typeof sent === "string") extra.request.headers.authorization = headerValue(sent);
        extra.caller = await o.callerOf(extra.request.headers.authorization);
      } catch (error) {
        extra.socket.close(CloseCode.Unauthorized, (error as Error).message.slice(0, 120));
        return false;
      }
      const { expiresAt } = extra.caller;
      if (expiresAt !== undefined && Number.isFinite(expiresAt))
        extra.expiry = setTimeout(
          () => extra.socket.close(CloseCode.Unauthorized, "The access token has expired."),
          Math.min(expiresAt - Date.now(), 2 ** 31 - 1),
        ).unref();
      return true;
    },
    onSubscribe({ extra }, _id, { query, operationName, variables, extensions }) {
      const params: OperationParams = {
        query,
        operationName: operationName ?? undefined,
        variables: variables ?? undefined,
        extensions: extensions ?? undefined,
      };
      const serving = o.serving();
      const { schema, endpoint, operationOf } = serving.at.get(pathOf(extra.request))!;
      try {
        const { document, name, type } = operationOf(query, params.operationName);
        const lasts = type === "subscription";
        const span = lasts || !o.tracing ? null : o.tracing.begin(extra.request);
        span?.resolved({ type, name });
        const client = new ClientsRequest(extra.request, extra.caller!, o.log, {
          exposePlan: config.exposePlan,
          trustedProxies: config.trustedProxies,
          timeoutMs: lasts ? undefined : config.limits.operationTimeoutMs,
          traceparent: span?.traceparent,
        });
        return {
          schema,
          document,
          operationName: name,
          serving,
          endpoint,
          params,
          client,
          span,
        } satisfies Args as Args;
      } catch (error) {
        if (error instanceof RequestRefused) return error.errors;
        throw error;
      }
    },
    // Answers have the form that is sent already.
    onNext: (_ctx, _id, _payload, _args, result) => result as FormattedExecutionResult,
    onError({ extra: { socket } }, _id, _payload, errors) {
      const slow = errors.find(({ originalError }) => originalError instanceof SlowConsumer);
      // What is sent after this goes nowhere.
      if (slow) return void socket.close(slowConsumer, slow.message);
      return errors.map((error) => (error.originalError ? masked(error.originalError) : formatted(error)));
    },
    execute: (args) => run(args as Args) as Promise<ExecutionResult>,
    subscribe: (args) => run(args as Args) as Promise<AsyncIterableIterator<ExecutionResult>>,
  });

  function masked(err: Error): GraphQLFormattedError {
    const faultId = randomUUID();
    o.log.error({ err, faultId }, "A fault was masked.");
    return { message: "Something went wrong here.", extensions: { code: "INTERNAL_SERVER_ERROR", faultId } };
  }

  async function run({ serving, endpoint, params, client, span }: Args): Promise<unknown> {
    const release = serving.enter();
    const over = () => {
      client.end();
      span?.ended();
      release();
    };
    const left = () => {
      client.clientLeft();
      over();
    };
    let place: Place | undefined;
    try {
      const answer = await endpoint.answer(params, client, {
        incremental: false,
        check: ({ type }) => {
          if (type === "subscription") place = o.subscribers.take(client.callerKey, { left });
        },
      });
      if (isEventStream(answer)) return place!.counted(answer);
      if (place) place.leave();
      else over();
      return answer;
    } catch (error) {
      if (place) place.leave();
      else over();
      if (error instanceof RequestRefused) return { errors: error.errors.map(formatted) };
      throw error;
    }
  }

  function opened(socket: WebSocket, request: IncomingMessage): void {
    const connection: Connection = { socket, request, caller: null, isAlive: true };
    connections.add(connection);
    metrics.sockets.inc();
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (data) =>
          new Promise((resolve) => {
            if (socket.readyState !== socket.OPEN) return resolve();
            if (socket.bufferedAmount > bufferedBytesMax) {
              socket.close(slowConsumer, "Events came faster than this client took them.");
              return resolve();
            }
            socket.send(data, () => resolve());
          }),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) =>
          socket.on("message", (data) => {
            take(String(data)).catch((error: unknown) => {
              o.log.error({ err: error }, "A socket's message couldn't be handled.");
              socket.close(CloseCode.InternalServerError, "Internal server error");
            });
          }),
      },
      connection,
    );
    socket.on("pong", () => (connection.isAlive = true));
    socket.on("error", () => {});
    socket.once("close", (code, reason) => {
      connections.delete(connection);
      clearTimeout(connection.expiry);
      metrics.sockets.dec();
      metrics.socketClosed(code);
      void closed(code, String(reason)).catch(() => {});
    });
  }

  const pings = setInterval(() => {
    for (const connection of connections) {
      if (!connection.isAlive) connection.socket.terminate();
      else {
        connection.isAlive = false;
        connection.socket.ping();
      }
    }
  }, config.subscriptions.heartbeatMs);

  return {
    handleUpgrade(request, socket, head) {
      socket.on("error", () => {});
      if (isStopping || !config.subscriptions.enabled) return refuse(socket, "503 Service Unavailable");
      if (!o.serving().at.has(pathOf(request))) return refuse(socket, "404 Not Found");
      if (!isAllowedOrigin(request, config.cors)) return refuse(socket, "403 Forbidden");
      webSockets.handleUpgrade(request, socket, head, opened);
    },
    async stop() {
      isStopping = true;
      clearInterval(pings);
      await Promise.all(
        [...connections].map(async ({ socket }) => {
          const gone = new Promise((resolve) => socket.once("close", resolve));
          socket.close(goingAway, "Going away");
          const cut = setTimeout(() => socket.terminate(), closingMs);
          await gone;
          clearTimeout(cut);
        }),
      );
      webSockets.close();
    },
  };
}

/** What could also have come as a header. */
function headerValue(sent: string): string {
  if (/^[\t -~]*$/.test(sent)) return sent;
  throw refused("UNAUTHENTICATED", "Send the token as: Bearer <token>.", 401);
}

const pathOf = ({ url }: IncomingMessage): string => url!.split("?", 1)[0]!;

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
