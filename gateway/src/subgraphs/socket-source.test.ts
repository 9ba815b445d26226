import { OperationTypeNode } from "graphql";
import type { AddressInfo } from "node:net";
import pino from "pino";
import { WebSocketServer, type WebSocket } from "ws";
import type { ClientRequest } from "../client-request";
import { socketSource } from "./socket-source";
import type { SubgraphAnswer, SubgraphRequest } from "./transport";

let server: WebSocketServer;
let source: ReturnType<typeof socketSource>;

async function subgraph(
  onMessage: (socket: WebSocket, message: { type: string; id: string; payload?: unknown }) => void,
) {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) =>
    socket.on("message", (data: Buffer) =>
      onMessage(socket, JSON.parse(data.toString()) as { type: string; id: string }),
    ),
  );
  await new Promise((resolve) => server.once("listening", resolve));
  source = socketSource({
    name: "reviews",
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    headersFor: ({ request }) => ({ "x-caller": request.callerKey }),
    eventBytesMax: 1_000_000,
  });
}
afterEach(async () => {
  await source.close();
  for (const socket of server.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
});

function subscription(callerKey = "a", signal = new AbortController().signal): SubgraphRequest {
  const request: ClientRequest = {
    requestId: "r",
    signal,
    deadline: signal,
    client: {},
    callerKey,
    claims: { isAuthenticated: false, scopes: new Set(), policies: () => new Set() },
    log: pino({ level: "silent" }),
  };
  return {
    kind: OperationTypeNode.SUBSCRIPTION,
    query: "subscription { a }",
    operationName: undefined,
    variables: {},
    body: () => "",
    request,
    signal,
  };
}
const open = async (...given: Parameters<typeof subscription>) =>
  (await source.subscribe(subscription(...given))) as AsyncIterableIterator<SubgraphAnswer>;
const send = (socket: WebSocket, message: object) => socket.send(JSON.stringify(message));

test("subscriptions with the same headers share a socket, others have their own", async () => {
  await subgraph((socket, { type, id }) => {
    if (type === "connection_init") send(socket, { type: "connection_ack" });
    if (type === "subscribe") send(socket, { id, type: "next", payload: { data: { a: 1 } } });
  });
  const streams = await Promise.all([open("a"), open("a"), open("b")]);
  for (const stream of streams) expect((await stream.next()).value).toEqual({ data: { a: 1 } });
  expect(server.clients.size).toBe(2);
  for (const stream of streams) await stream.return!();
});

test("a refusal is the last answer; what is none, and a lost socket, are faults", async () => {
  await subgraph((socket, { type, id, payload }) => {
    if (type === "connection_init") send(socket, { type: "connection_ack" });
    if (type !== "subscribe") return;
    if (server.clients.size === 1 && payload) send(socket, { id, type: "error", payload: [{ message: "no" }] });
  });
  const refused = await open();
  expect(await refused.next()).toEqual({ done: false, value: { errors: [{ message: "no" }] } });
  expect((await refused.next()).done).toBe(true);
  await source.close();
  for (const socket of server.clients) socket.terminate();
  server.removeAllListeners("connection");
  server.on("connection", (socket) => socket.once("message", () => socket.terminate()));
  await expect((await open("c")).next()).rejects.toMatchObject({ reason: "UNREACHABLE" });
});

test("a subscription of a caller who has gone isn't begun", async () => {
  await subgraph(() => {});
  const leaving = new AbortController();
  leaving.abort();
  await expect(open("a", leaving.signal)).rejects.toMatchObject({ reason: "ABORTED" });
  expect(server.clients.size).toBe(0);
});

test("a subgraph that takes the socket and says nothing is away", async () => {
  await subgraph(() => {});
  await expect((await open()).next()).rejects.toMatchObject({ reason: "UNREACHABLE" });
}, 20_000);
