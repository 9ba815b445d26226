import { PublicError } from "@atrium/errors";
import { describeFault } from "@atrium/subgraph";
import { GraphQLError, type ExecutionArgs, type ExecutionResult } from "graphql";
import { CloseCode, handleProtocols, makeServer, type Context, type SubscribePayload } from "graphql-ws";
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { WebSocketServer, type WebSocket } from "ws";
import type { PersistedOperations } from "./admission/persisted";
import type { Operation } from "./graph/operation";
import type { Authentication, Caller, Credentials, Proof } from "./authentication";
import { refusalErrors } from "./executor";
import { isAllowedOrigin, type Cors } from "./http/cors";
import { clientNameOf, credentialsOf, pathOf, stripInternalHeaders } from "./http/incoming";
import type { Limits, OperationGate } from "./limits";
import { maskGraphQLError } from "./masking";
import type { Metrics } from "./metrics";
import { OperationTime } from "./operation-time";
import { factsOf, RequestContext } from "./request-context";
import { hasAllOf, signedIn } from "./rights";
import type { ServedGraph } from "./served-graph";
import { askedSince } from "./subscriptions/asked-since";
import { SlowConsumer, slowConsumer } from "./subscriptions/event-queue";
import { underSpan } from "./tracing";

const goingAway = 1001;
const tryAgainLater = 1013;
// The number that graphql-ws's clients take as final.
const tooManyRequests = CloseCode.TooManyInitialisationRequests;
// Longer than a close handshake takes; a peer that doesn't answer is cut off.
const closeHandshakeMs = 2_000;
const messageWindowMs = 10_000;

export interface Sockets {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes every socket with 1001 and takes no new ones. */
  stop(): Promise<void>;
}

/** One client's socket, from its opening on. */
interface Connection {
  socket: WebSocket;
  request: IncomingMessage;
  path: string;
  served: ServedGraph;
  log: Logger;
  /** Set once the client has said who it is. */
  proof?: Proof;
  caller?: Caller;
  /** Who this is, found out after the given moment. */
  callerSince: (moment: number) => Promise<Caller>;
  isAlive: boolean;
  messages: { windowStartedAt: number; count: number };
  operations: Map<string, OperationTime>;
}

type SocketContext = Context<Record<string, unknown>, Connection>;
type OperationArgs = ExecutionArgs & {
  contextValue: RequestContext;
  operation: Operation;
  payload: SubscribePayload;
  connection: Connection;
};

/** GraphQL over WebSocket at the endpoint's own path: subscriptions, and other operations for clients that want one socket. */
export function openSockets(o: {
  /** The graph and its contracts by their paths. */
  at: ReadonlyMap<string, ServedGraph>;
  authentication: Authentication;
  gate: OperationGate;
  operations: PersistedOperations;
  limits: Limits;
  cors: Cors;
  trustedProxies: number;
  metrics: Metrics;
  log: Logger;
}): Sockets {
  const { authentication, limits, metrics } = o;
  const connections = new Set<Connection>();
  const ofUser = new Map<string, number>();
  let isStopping = false;

  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: limits.socket.messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: (protocols) => handleProtocols(protocols),
  });

  const protocol = makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: limits.socket.initTimeoutMs,
    async onConnect(ctx) {
      const connection = ctx.extra;
      try {
        const proof = await authentication.verify(credentialsFrom(ctx));
        if (proof.kind === "NONE")
          throw new PublicError("UNAUTHENTICATED", "Send an access token as connectionParams.authorization.");
        const caller = await authentication.resolve(proof);
        if (connection.socket.readyState !== connection.socket.OPEN) return false;
        const { userId } = signedIn(caller.actor);
        if ((ofUser.get(userId) ?? 0) >= limits.socket.perUserMax)
          throw new PublicError("RATE_LIMITED", `At most ${limits.socket.perUserMax} sockets at a time.`);
        ofUser.set(userId, (ofUser.get(userId) ?? 0) + 1);
        connection.proof = proof;
        connection.caller = caller;
        return true;
      } catch (error) {
        closeWith(connection, error);
        return false;
      }
    },
    async onSubscribe(ctx, id, payload) {
      try {
        return await prepare(ctx, id, payload);
      } catch (error) {
        return [maskGraphQLError(error, ctx.extra.log)];
      }
    },
    execute: (args) => executeOnce(args as OperationArgs),
    subscribe: async (args) => {
      const { operation, variableValues, contextValue, connection } = args as OperationArgs;
      const stillAllowed = (arrivedAt: number) => recheck(connection, contextValue, arrivedAt);
      const { subscribe } = connection.served;
      return subscribe({ operation, variables: variableValues ?? {}, context: contextValue, stillAllowed });
    },
    onError({ extra: { socket, log } }, _id, _payload, errors) {
      const slow = errors.find(({ originalError }) => originalError instanceof SlowConsumer);
      // What is sent after this goes nowhere.
      if (slow) return void socket.close(slowConsumer, slow.message);
      return errors.map((error) => maskGraphQLError(error, log).toJSON());
    },
    onComplete(ctx, id) {
      const { operations } = ctx.extra;
      operations.get(id)?.stop();
      operations.get(id)?.clientLeft();
      operations.delete(id);
    },
  });

  /** Everything that can be refused, before anything is run. */
  async function prepare(
    ctx: SocketContext,
    id: string,
    payload: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const connection = ctx.extra;
    if (Object.keys(ctx.subscriptions).length > limits.socket.operationsMax)
      throw new PublicError(
        "RATE_LIMITED",
        `At most ${limits.socket.operationsMax} operations at a time on one socket.`,
      );
    const client = clientNameOf(connection.request);
    try {
      o.operations.checked(payload.query, { client, log: connection.log });
    } catch (error) {
      return refusalErrors(error);
    }
    o.gate.admit(payload.query);
    const { schema, documents } = connection.served;
    const variables = payload.variables ?? {};
    let operation: Operation;
    try {
      operation = documents.operationOf(payload.query, payload.operationName ?? undefined);
      documents.variablesOf(operation, variables);
    } catch (error) {
      return refusalErrors(error);
    }
    o.gate.checkCost(schema, operation.document, operation.definition, variables);

    const { actor } = await connection.callerSince(performance.now());
    const isSubscription = operation.type === "subscription";
    const time = new OperationTime(isSubscription ? undefined : limits.operationTimeoutMs);
    connection.operations.set(id, time);
    const requestId = randomUUID();
    const log = connection.log.child({ requestId });
    const facts = { ...factsOf(connection.request, o.trustedProxies), client, requestId, log };
    const contextValue = new RequestContext(facts, actor, time);
    const args: OperationArgs = {
      schema,
      document: operation.document,
      operationName: payload.operationName,
      variableValues: variables,
      operation,
      contextValue,
      payload,
      connection,
    };
    return args;
  }

  const executeOnce = ({ payload, contextValue, connection }: OperationArgs): Promise<ExecutionResult> =>
    underSpan(`WebSocket ${connection.path}`, connection.request.headers, async (traceparent) => {
      const { query, operationName, variables } = payload;
      const answer = await connection.served.apollo.executeOperation(
        { query, operationName: operationName ?? undefined, variables: variables ?? undefined },
        { contextValue: traceparent === undefined ? contextValue : contextValue.within(traceparent) },
      );
      if (answer.body.kind !== "single") throw new Error("The gateway has no incremental delivery.");
      const { data, errors, extensions } = answer.body.singleResult;
      return {
        ...(data !== undefined && { data }),
        ...(errors && {
          errors: errors.map(
            ({ message, path, locations: _, extensions: said }) =>
              new GraphQLError(message, { path, extensions: said }),
          ),
        }),
        ...(extensions && { extensions }),
      };
    });

  /** Who this is now. A session that has ended takes its socket along. */
  async function resolveAgain(connection: Connection): Promise<Caller> {
    try {
      return (connection.caller = await authentication.resolve(connection.proof!));
    } catch (error) {
      if (error instanceof PublicError && error.extensions.code === "UNAUTHENTICATED") closeWith(connection, error);
      throw error;
    }
  }

  /** Before each event: the subgraph decided with the rights of the subscriber as they were, so none may be lost since. */
  async function recheck(connection: Connection, context: RequestContext, arrivedAt: number): Promise<RequestContext> {
    const { actor } = await connection.callerSince(arrivedAt);
    if (hasAllOf(actor, context.actor)) return context.as(actor);
    throw new PublicError("FORBIDDEN", "What you may do here has changed. Subscribe again.");
  }

  function opened(socket: WebSocket, request: IncomingMessage, path: string, served: ServedGraph): void {
    const openedAt = performance.now();
    const connection: Connection = {
      socket,
      request,
      path,
      served,
      log: o.log.child({ socketId: randomUUID() }),
      callerSince: askedSince(() => resolveAgain(connection)),
      isAlive: true,
      messages: { windowStartedAt: openedAt, count: 0 },
      operations: new Map(),
    };
    connections.add(connection);
    metrics.sockets.inc();
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: (data) =>
          new Promise((resolve) => {
            // A socket that broke meanwhile is closing; the message has nowhere to go.
            if (socket.readyState !== socket.OPEN) return resolve();
            socket.send(data, () => resolve());
          }),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) => socket.on("message", (data) => void receive(connection, String(data), take)),
      },
      connection,
    );
    socket.on("pong", () => (connection.isAlive = true));
    socket.on("error", (error) => connection.log.debug({ fault: describeFault(error) }, "Socket error."));
    socket.once("close", (code, reason) => {
      connections.delete(connection);
      metrics.sockets.dec();
      metrics.socketClosed(code);
      if (connection.caller) release(signedIn(connection.caller.actor).userId);
      for (const time of connection.operations.values()) time.clientLeft();
      void closed(code, String(reason)).catch((error: unknown) =>
        connection.log.error({ fault: describeFault(error) }, "Cleaning up after a socket failed."),
      );
      connection.log.info({ code, durationMs: Math.round(performance.now() - openedAt) }, "Socket closed.");
    });
  }

  async function receive(connection: Connection, data: string, take: (data: string) => Promise<void>): Promise<void> {
    const { socket, messages } = connection;
    const now = performance.now();
    if (now - messages.windowStartedAt > messageWindowMs) Object.assign(messages, { windowStartedAt: now, count: 0 });
    if (++messages.count > limits.socket.messagesMax)
      return socket.close(tooManyRequests, "RATE_LIMITED: too many messages");
    if (socket.bufferedAmount > limits.socket.bufferedBytesMax) return socket.terminate();
    try {
      await take(data);
    } catch (error) {
      connection.log.error({ fault: describeFault(error) }, "A socket's message couldn't be handled.");
      socket.close(CloseCode.InternalServerError, "Internal server error");
    }
  }

  function release(userId: string): void {
    const left = ofUser.get(userId)! - 1;
    if (left > 0) ofUser.set(userId, left);
    else ofUser.delete(userId);
  }

  const pings = setInterval(() => {
    for (const connection of connections) {
      if (!connection.isAlive) {
        connection.socket.terminate();
        continue;
      }
      connection.isAlive = false;
      connection.socket.ping();
    }
  }, limits.socket.pingIntervalMs);

  let isChecking = false;
  const sessionChecks = setInterval(() => {
    if (isChecking) return;
    isChecking = true;
    const identified = [...connections].filter(({ proof }) => proof !== undefined);
    const checks = identified.map(async (connection) => {
      // While it can't be checked, nothing is sent either: each event asks for itself.
      const lives = await authentication.alive(connection.proof!).catch(() => true);
      if (!lives) closeWith(connection, new PublicError("UNAUTHENTICATED", "This session has ended."));
    });
    void Promise.all(checks).finally(() => (isChecking = false));
  }, limits.socket.sessionCheckIntervalMs);

  return {
    handleUpgrade(request, socket, head) {
      socket.on("error", (error) => o.log.debug({ fault: describeFault(error) }, "Socket error before the handshake."));
      stripInternalHeaders(request);
      if (isStopping || connections.size >= limits.socket.totalMax) return refuse(socket, "503 Service Unavailable");
      const path = pathOrNothing(request);
      const served = o.at.get(path);
      if (!served) return refuse(socket, "404 Not Found");
      if (!isAllowedOrigin(request, o.cors)) return refuse(socket, "403 Forbidden");
      webSockets.handleUpgrade(request, socket, head, (opening) => opened(opening, request, path, served));
    },
    async stop() {
      isStopping = true;
      clearInterval(pings);
      clearInterval(sessionChecks);
      const closing = [...connections].map(async ({ socket }) => {
        const closed = new Promise((resolve) => socket.once("close", resolve));
        socket.close(goingAway, "Going away");
        await Promise.race([closed, delay(closeHandshakeMs, undefined, { ref: false })]);
        socket.terminate();
        await closed;
      });
      await Promise.all(closing);
      webSockets.close();
    },
  };
}

function credentialsFrom({ connectionParams = {}, extra }: SocketContext): Credentials {
  const sent = (...names: string[]) => {
    const value = names.map((name) => connectionParams[name]).find((given) => given !== undefined && given !== null);
    if (value !== undefined && typeof value !== "string")
      throw new PublicError("UNAUTHENTICATED", `connectionParams.${names[0]} has to be a text.`);
    return value;
  };
  const authorization = sent("authorization", "Authorization");
  const apiKey = sent("x-api-key", "apiKey");
  return authorization === undefined && apiKey === undefined ? credentialsOf(extra.request) : { authorization, apiKey };
}

/** Closes with a code by which a graphql-ws client knows whether to try again, and a reason in words. */
function closeWith({ socket, log }: Connection, error: unknown): void {
  const known = error instanceof PublicError ? error : undefined;
  if (!known) log.error({ fault: describeFault(error) }, "A socket couldn't be opened.");
  const code = known?.extensions.code;
  const closeCode =
    code === "UNAUTHENTICATED"
      ? CloseCode.Unauthorized
      : code === "RATE_LIMITED"
        ? tooManyRequests
        : code === "SERVICE_UNAVAILABLE"
          ? tryAgainLater
          : CloseCode.InternalServerError;
  // A close frame has room for 123 bytes.
  socket.close(closeCode, known ? `${code}: ${known.message}`.slice(0, 120) : "Internal server error");
}

function pathOrNothing(request: IncomingMessage): string {
  try {
    return pathOf(request);
  } catch {
    return "";
  }
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
