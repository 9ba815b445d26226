import { GraphQLError, type ExecutionArgs, type ExecutionResult, type FormattedExecutionResult } from "graphql";
import { CloseCode, handleProtocols, makeServer } from "graphql-ws";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocketServer, type WebSocket } from "ws";
import type { OperationParams } from "../client-request";
import { RequestRefused } from "../endpoint";
import type { Answer, EventStream } from "../execution/engine";
import type { Metrics } from "../metrics";
import { SlowConsumer, slowConsumer } from "../subscriptions/hub";
import type { Config } from "./config";
import { BareRequest, formatted } from "./front";
import type { ServedGraph, Serving } from "./serving";
import type { Caller } from "./tokens";

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
  client: BareRequest;
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
  metrics: Metrics;
  log: Logger;
}): BareSockets {
  const { config, metrics } = o;
  const connections = new Set<Connection>();
  const ofCaller = new Map<string, number>();
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
      const authorization = typeof sent === "string" ? sent : extra.request.headers.authorization;
      try {
        extra.caller = await o.callerOf(authorization);
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
      const client = new BareRequest(extra.request, extra.caller!, o.log, { exposePlan: config.exposePlan });
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
        if (type === "subscription") {
          if ((ofCaller.get(client.callerKey) ?? 0) >= config.subscriptions.perCaller)
            return [
              new GraphQLError(`At most ${config.subscriptions.perCaller} subscriptions at a time.`, {
                extensions: { code: "RATE_LIMITED" },
              }),
            ];
        }
        return {
          schema,
          document,
          operationName: name,
          serving,
          endpoint,
          params,
          client,
        } satisfies Args as Args;
      } catch (error) {
        if (error instanceof RequestRefused) return error.errors;
        throw error;
      }
    },
    // Answers have the form that is sent already.
    onNext: (_ctx, _id, _payload, _args, result) => result as FormattedExecutionResult,
    execute: (args) => run(args as Args) as Promise<ExecutionResult>,
    subscribe: (args) => run(args as Args) as Promise<AsyncIterableIterator<ExecutionResult>>,
  });

  async function run({ serving, endpoint, params, client }: Args): Promise<unknown> {
    const release = serving.enter();
    const { callerKey } = client;
    ofCaller.set(callerKey, (ofCaller.get(callerKey) ?? 0) + 1);
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      release();
      const left = ofCaller.get(callerKey)! - 1;
      if (left > 0) ofCaller.set(callerKey, left);
      else ofCaller.delete(callerKey);
    };
    try {
      const answer = await endpoint.answer(params, client, { incremental: false, check: () => {} });
      if (!(Symbol.asyncIterator in answer)) {
        over();
        return answer;
      }
      metrics.subscriptions.inc();
      return counted(answer, metrics, () => {
        metrics.subscriptions.dec();
        client.clientLeft();
        over();
      });
    } catch (error) {
      over();
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
              if (error instanceof SlowConsumer) return socket.close(slowConsumer, error.message);
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
      const { origin } = request.headers;
      const isOther = origin !== undefined && !config.cors.origins.includes(origin) && !isOwn(origin, request);
      if (isStopping || !config.subscriptions.enabled) return refuse(socket, "503 Service Unavailable");
      if (!o.serving().at.has(pathOf(request))) return refuse(socket, "404 Not Found");
      if (isOther) return refuse(socket, "403 Forbidden");
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

const pathOf = ({ url }: IncomingMessage): string => url!.split("?", 1)[0]!;

/** The stream with its events counted, and told of when it is over, whoever ended it. */
function counted(events: EventStream, metrics: Metrics, over: () => void): EventStream {
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    over();
  };
  const stream: EventStream = {
    async next(): Promise<IteratorResult<Answer, undefined>> {
      try {
        const step = await events.next();
        if (step.done) end();
        else metrics.events.inc();
        return step as IteratorResult<Answer, undefined>;
      } catch (error) {
        end();
        throw error;
      }
    },
    async return() {
      end();
      await events.return?.();
      return { done: true, value: undefined };
    },
    async throw(error) {
      end();
      await events.return?.();
      throw error;
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}

const isOwn = (origin: string, { headers }: IncomingMessage): boolean =>
  URL.canParse(origin) && new URL(origin).host === headers.host;

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
