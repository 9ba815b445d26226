import { createClient, type Client, type ExecutionResult } from "graphql-ws";
import { connect as connectTcp } from "node:net";
import { WebSocket } from "ws";
import { eventually, startHouse, type House } from "./testing/world";

const added = "subscription { documentAdded { id title } }";
const sockets: WebSocket[] = [];
const clients: Client[] = [];

/** A bare socket, and what came of it. */
function open(
  house: House,
  {
    protocol = "graphql-transport-ws",
    path = "/graphql",
    headers = {},
  }: { protocol?: string; path?: string; headers?: Record<string, string> } = {},
) {
  const socket = new WebSocket(house.url.replace("http", "ws") + path, protocol ? [protocol] : [], { headers });
  sockets.push(socket);
  const messages: Record<string, unknown>[] = [];
  socket.on("message", (data) => messages.push(JSON.parse(String(data)) as Record<string, unknown>));
  socket.on("error", () => {});
  const opened = new Promise<void>((resolve) => socket.once("open", () => resolve()));
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once("close", (code, reason) => resolve({ code, reason: String(reason) })),
  );
  const send = (message: unknown) => socket.send(typeof message === "string" ? message : JSON.stringify(message));
  return {
    socket,
    messages,
    opened,
    closed,
    send,
    async init(payload?: object) {
      await opened;
      send({ type: "connection_init", payload });
      await eventually(
        () => messages.some(({ type }) => type === "connection_ack") || socket.readyState === WebSocket.CLOSED,
      );
    },
    subscribe: (query: string, id = "1", variables?: object) =>
      send({ id, type: "subscribe", payload: { query, variables } }),
    last: (id = "1") => messages.filter((message) => message["id"] === id).at(-1),
  };
}

function connect(house: House, token: string): Client {
  const client = createClient({
    url: house.socketUrl,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    lazy: true,
  });
  clients.push(client);
  return client;
}

const errorOf = (message: Record<string, unknown> | undefined) =>
  (message?.["payload"] as { message: string; extensions: Record<string, unknown> }[])[0]!;

afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose();
  for (const socket of sockets.splice(0)) socket.terminate();
});

describe.each(["embedded", "distributed"] as const)("in the %s shape", (shape) => {
  let house: House;
  let token: string;
  beforeAll(async () => {
    house = await startHouse({ shape, limits: { socket: { initTimeoutMs: 300, sessionCheckIntervalMs: 50 } } });
    ({ token } = house.world.signIn("usr_ada"));
  });
  afterAll(() => house.close());
  afterEach(() => eventually(() => house.world.openSubscriptions === 0));

  const add = (title: string) =>
    house.post("mutation ($title: String!) { addDocument(title: $title) { id } }", { token, variables: { title } });

  test("events reach their subscriber, in order, until they leave", async () => {
    const events = connect(house, token).iterate({ query: added });
    const first = events.next();
    await eventually(() => house.world.openSubscriptions === 1);
    const titles = Array.from({ length: 20 }, (_, i) => `Document ${i}`);
    for (const title of titles) await add(title);
    const received = [await first];
    while (received.length < titles.length) received.push(await events.next());
    expect(
      received.map(
        ({ value }) => (value as ExecutionResult<{ documentAdded: { title: string } }>).data!.documentAdded.title,
      ),
    ).toEqual(titles);
    await events.return!();
    await eventually(() => house.world.openSubscriptions === 0);
  });

  test("queries and mutations work on the socket too", async () => {
    const client = connect(house, token);
    const answer = (query: string) =>
      new Promise((resolve, reject) => {
        let result: unknown;
        client.subscribe(
          { query },
          { next: (value) => (result = value), error: reject, complete: () => resolve(result) },
        );
      });
    expect(await answer("{ viewer { id role } refused }")).toEqual({
      data: { viewer: { id: "usr_ada", role: "editor" }, refused: null },
      errors: [
        {
          message: "No document doc_9 in this workspace.",
          path: ["refused"],
          extensions: { code: "NOT_FOUND", field: "id" },
        },
      ],
    });
    expect(await answer('mutation { addDocument(title: "By socket") { title } }')).toEqual({
      data: { addDocument: { title: "By socket" } },
    });
  });

  test("the token may come in the upgrade's headers, as for HTTP", async () => {
    const socket = open(house, { headers: { authorization: `Bearer ${token}` } });
    await socket.init();
    expect(socket.messages).toEqual([{ type: "connection_ack" }]);
  });

  test.each([
    ["without a token", () => undefined],
    ["with an empty init", () => ({})],
    ["with a tampered token", () => ({ authorization: `Bearer ${token}x` })],
    [
      "with an expired token",
      () => ({ authorization: `Bearer ${house.world.token({ sub: "usr_ada", sid: "ses", kind: "USER", exp: 1 })}` }),
    ],
    ["with something else than a text", () => ({ authorization: { token } })],
    ["with another scheme", () => ({ authorization: `Basic ${token}` })],
  ])("a socket %s is closed with 4401, saying why", async (_, payload) => {
    const socket = open(house);
    await socket.init(payload());
    const { code, reason } = await socket.closed;
    expect([code, reason]).toEqual([4401, expect.stringMatching(/^UNAUTHENTICATED: .+/)]);
    expect(socket.messages).toEqual([]);
  });

  test("a subscription before the init is refused", async () => {
    const socket = open(house);
    await socket.opened;
    socket.subscribe(added);
    expect((await socket.closed).code).toBe(4401);
  });

  test("a socket that never says who it is is closed", async () => {
    expect((await open(house).closed).code).toBe(4408);
  });

  test.each([
    ["garbage", "garbage", 4400],
    ["JSON that is no message", '{"type":"nonsense"}', 4400],
    ["bytes", Buffer.from([0, 1, 2, 255]), 4400],
    ["a second init", '{"type":"connection_init"}', 4429],
    ["a message of a megabyte", `{"type":"ping","payload":{"x":"${"x".repeat(1_000_000)}"}}`, 1009],
  ])("%s closes the socket, and only it", async (_, message, expected) => {
    const [socket, neighbour] = [open(house), open(house)];
    await Promise.all([socket, neighbour].map((one) => one.init({ authorization: `Bearer ${token}` })));
    socket.socket.send(message);
    expect((await socket.closed).code).toBe(expected);
    neighbour.send({ type: "ping" });
    await eventually(() => neighbour.messages.some(({ type }) => type === "pong"));
  });

  test("another protocol is refused", async () => {
    expect((await open(house, { protocol: "" }).closed).code).toBe(4406);
  });

  test("elsewhere there are no sockets", async () => {
    expect((await open(house, { path: "/elsewhere" }).closed).code).toBe(1006);
    expect((await open(house, { headers: { origin: "https://evil.example" } }).closed).code).toBe(1006);
  });

  test.each([
    ["that isn't GraphQL", "subscription {", "GRAPHQL_PARSE_FAILED", /Syntax Error/],
    ["of a field that isn't there", "subscription { nothing }", "GRAPHQL_VALIDATION_FAILED", /nothing/],
    [
      "that is too deep",
      `subscription { documentAdded { ${"parent { ".repeat(30)} id ${"} ".repeat(30)} } }`,
      "OPERATION_TOO_COMPLEX",
      /levels/,
    ],
    [
      "with wrong variables",
      "subscription ($x: Int!) { documentAdded { id @include(if: true) } failing @skip(if: false) }",
      "GRAPHQL_VALIDATION_FAILED",
      /./,
    ],
    ["of a service that fails", "subscription { failing }", "INTERNAL_SERVER_ERROR", /logged as/],
  ])("a subscription %s is answered with an error, and the socket stays", async (_, query, code, message) => {
    const socket = open(house);
    await socket.init({ authorization: `Bearer ${token}` });
    socket.subscribe(query);
    await eventually(() => socket.last() !== undefined);
    const answer = socket.messages.find((one) => one["id"] === "1")!;
    const payload = answer["payload"] as { errors?: unknown[] } | unknown[];
    const [error] = (Array.isArray(payload) ? payload : payload.errors!) as {
      message: string;
      extensions: Record<string, unknown>;
    }[];
    expect([error!.extensions["code"], error!.message]).toEqual([code, expect.stringMatching(message)]);
    expect(JSON.stringify(answer)).not.toContain("secret");
    expect(socket.socket.readyState).toBe(WebSocket.OPEN);
  });

  test("each event is joined with what other services know", async () => {
    const socket = open(house);
    await socket.init({ authorization: `Bearer ${token}` });
    socket.subscribe("subscription { documentAdded { title author { id name role } } }");
    await eventually(() => house.world.openSubscriptions === 1);
    house.world.topics.publish("documentAdded", { id: "doc_j", title: "Joined", author: { id: "usr_ada" } });
    await eventually(() => socket.messages.some(({ type }) => type === "next"));
    const { payload } = socket.messages.find(({ type }) => type === "next")!;
    expect(payload).toEqual({
      data: { documentAdded: { title: "Joined", author: { id: "usr_ada", name: "Name of usr_ada", role: "editor" } } },
    });
    socket.socket.close();
    await eventually(() => house.world.openSubscriptions === 0);
  });

  test("a subscription without the right is refused", async () => {
    const { token: guest } = house.world.signIn("usr_guest", { kind: "GUEST", organizationId: null });
    const socket = open(house);
    await socket.init({ authorization: `Bearer ${guest}` });
    socket.subscribe(added);
    await eventually(() => socket.last() !== undefined);
    expect(JSON.stringify(socket.messages)).toContain("FORBIDDEN");
    expect(house.world.openSubscriptions).toBe(0);
  });

  test("when the session is revoked, its sockets close even if nothing happens on them", async () => {
    const bob = house.world.signIn("usr_bob");
    const socket = open(house);
    await socket.init({ authorization: `Bearer ${bob.token}` });
    socket.subscribe(added);
    await eventually(() => house.world.openSubscriptions === 1);
    house.world.liveSessions.delete(bob.sessionId);
    const { code, reason } = await socket.closed;
    expect([code, reason]).toEqual([4401, "UNAUTHENTICATED: This session has ended."]);
  });
});

describe("rights", () => {
  let house: House;
  beforeAll(async () => {
    // The periodic check is as good as off: what is seen here is seen before the event.
    house = await startHouse({
      limits: {
        socket: {
          sessionCheckIntervalMs: 60_000,
          operationsMax: 3,
          perUserMax: 2,
          messagesMax: 50,
          pingIntervalMs: 100,
        },
      },
    });
  });
  afterAll(() => house.close());
  const publish = (title: string) => house.world.topics.publish("documentAdded", { id: "doc_x", title });

  test("an event isn't sent to a session that ended just before it", async () => {
    const bob = house.world.signIn("usr_bob");
    const socket = open(house);
    await socket.init({ authorization: `Bearer ${bob.token}` });
    socket.subscribe(added);
    await eventually(() => house.world.openSubscriptions === 1);
    house.world.liveSessions.delete(bob.sessionId);
    publish("Not for Bob");
    expect((await socket.closed).code).toBe(4401);
    expect(JSON.stringify(socket.messages)).not.toContain("Not for Bob");
    await eventually(() => house.world.openSubscriptions === 0);
  });

  test("nor to somebody who lost a right since; a gained one ends nothing", async () => {
    const eve = house.world.signIn("usr_eve", { permissions: ["knowledge:read"] });
    const socket = open(house);
    await socket.init({ authorization: `Bearer ${eve.token}` });
    socket.subscribe(added);
    await eventually(() => house.world.openSubscriptions === 1);
    house.world.permissions.set("usr_eve org_1", ["knowledge:read", "flows:read"]);
    publish("Still for Eve");
    await eventually(() => JSON.stringify(socket.messages).includes("Still for Eve"));
    house.world.permissions.set("usr_eve org_1", ["flows:read"]);
    publish("Not for Eve");
    await eventually(() => socket.last()?.["type"] === "error");
    expect(errorOf(socket.last()).extensions).toEqual({ code: "FORBIDDEN" });
    expect(JSON.stringify(socket.messages)).not.toContain("Not for Eve");
    await eventually(() => house.world.openSubscriptions === 0);
  });

  test("while rights can't be checked, nothing is sent", async () => {
    const { token } = house.world.signIn("usr_ada");
    const socket = open(house);
    await socket.init({ authorization: `Bearer ${token}` });
    socket.subscribe(added);
    await eventually(() => house.world.openSubscriptions === 1);
    house.world.accessIsDown = true;
    publish("Unchecked");
    await eventually(() => socket.last()?.["type"] === "error");
    house.world.accessIsDown = false;
    expect(errorOf(socket.last()).extensions).toEqual({ code: "SERVICE_UNAVAILABLE" });
    expect(JSON.stringify(socket.messages)).not.toContain("Unchecked");
  });

  test("a caller has so many sockets, operations and messages, and gets them back", async () => {
    const { token } = house.world.signIn("usr_many");
    const init = { authorization: `Bearer ${token}` };
    const [first, second, third] = [open(house), open(house), open(house)];
    await first.init(init);
    await second.init(init);
    await third.init(init);
    expect(await third.closed).toEqual({ code: 4429, reason: "RATE_LIMITED: At most 2 sockets at a time." });

    for (const id of ["1", "2", "3", "4"]) first.subscribe(added, id);
    await eventually(() => first.last("4") !== undefined);
    expect(errorOf(first.last("4")).extensions).toEqual({ code: "RATE_LIMITED" });
    first.send({ id: "1", type: "complete" });
    await eventually(() => house.world.openSubscriptions === 2);
    first.subscribe(added, "5");
    await eventually(() => house.world.openSubscriptions === 3);

    for (let i = 0; i < 60; i++) second.send({ type: "ping" });
    expect((await second.closed).code).toBe(4429);
    const again = open(house);
    await again.init(init);
    expect(again.socket.readyState).toBe(WebSocket.OPEN);
  });

  test("a client that doesn't answer pings is gone", async () => {
    const { token } = house.world.signIn("usr_silent");
    const socket = open(house);
    await socket.init({ authorization: `Bearer ${token}` });
    socket.subscribe(added);
    await eventually(() => house.world.openSubscriptions === 1);
    socket.socket.pause();
    await eventually(() => house.world.openSubscriptions === 0);
  });
});

describe("a subscription's service that goes away", () => {
  let house: House;
  beforeAll(async () => {
    house = await startHouse({ shape: "distributed", limits: { socket: { serviceAwayMaxMs: 3_000 } } });
  });
  afterAll(() => house.close());
  const publish = (title: string) => house.world.topics.publish("documentAdded", { id: "doc_x", title });

  async function listening(userId: string) {
    const { token } = house.world.signIn(userId);
    const socket = open(house);
    await socket.init({ authorization: `Bearer ${token}` });
    socket.subscribe(added);
    await eventually(() => house.world.openSubscriptions === 1);
    return socket;
  }
  const lost = async () => {
    await house.stopServer("knowledge");
    await eventually(() => house.world.openSubscriptions === 0);
  };

  test("comes back without the client noticing", async () => {
    const socket = await listening("usr_ada");
    publish("Before");
    await eventually(() => JSON.stringify(socket.messages).includes("Before"));
    await lost();
    await house.restartServer("knowledge");
    await eventually(() => house.world.openSubscriptions === 1);
    publish("After");
    await eventually(() => JSON.stringify(socket.messages).includes("After"));
    expect(socket.messages.map(({ type }) => type)).toEqual(["connection_ack", "next", "next"]);
    socket.socket.close();
    await eventually(() => house.world.openSubscriptions === 0);
  });

  test("is asked again with the rights of then", async () => {
    const socket = await listening("usr_eve");
    await lost();
    house.world.permissions.set("usr_eve org_1", ["flows:read"]);
    await house.restartServer("knowledge");
    await eventually(() => socket.last() !== undefined);
    expect(errorOf(socket.last()).extensions).toEqual({ code: "FORBIDDEN" });
    expect(house.world.openSubscriptions).toBe(0);
  });

  test("ends it when it stays away, and is named", async () => {
    const socket = await listening("usr_bob");
    await lost();
    await eventually(() => socket.last()?.["type"] === "complete");
    await house.restartServer("knowledge");
    expect(socket.messages.at(-2)!["payload"]).toMatchObject({
      errors: [{ extensions: { code: "SERVICE_UNAVAILABLE", service: "knowledge" } }],
    });
  });

  test("isn't asked again for a client that left meanwhile", async () => {
    const socket = await listening("usr_leaver");
    await lost();
    socket.socket.close();
    await socket.closed;
    await house.restartServer("knowledge");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(house.world.openSubscriptions).toBe(0);
  });
});

test("a burst of events asks for the session and the rights a few times, and none is lost", async () => {
  const house = await startHouse({ limits: { socket: { sessionCheckIntervalMs: 60_000 } } });
  const { token } = house.world.signIn("usr_ada");
  const socket = open(house);
  await socket.init({ authorization: `Bearer ${token}` });
  for (const id of ["1", "2", "3"]) socket.subscribe(added, id);
  await eventually(() => house.world.openSubscriptions === 3);
  house.world.internalCalls.length = 0;
  const titles = Array.from({ length: 20 }, (_, n) => `Burst ${n}`);
  for (const title of titles) house.world.topics.publish("documentAdded", { id: "doc_x", title });
  const heardBy = (id: string) =>
    socket.messages.flatMap((message) =>
      message["id"] === id && message["type"] === "next"
        ? [(message["payload"] as { data: { documentAdded: { title: string } } }).data.documentAdded.title]
        : [],
    );
  await eventually(() => ["1", "2", "3"].every((id) => heardBy(id).length === titles.length));
  for (const id of ["1", "2", "3"]) expect(heardBy(id)).toEqual(titles);
  const asked = house.world.internalCalls.filter(({ operation }) => operation === "liveSessions");
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.length).toBeLessThan(8);
  await house.close();
});

test("a client that takes events too slowly is let go with a code of its own", async () => {
  const house = await startHouse({ limits: { socket: { eventsMax: 5 } } });
  const { token } = house.world.signIn("usr_ada");
  const socket = open(house);
  await socket.init({ authorization: `Bearer ${token}` });
  socket.subscribe(added);
  await eventually(() => house.world.openSubscriptions === 1);
  socket.socket.pause();
  const title = "x".repeat(1024 * 1024);
  for (let n = 0; n < 40; n++) house.world.topics.publish("documentAdded", { id: "doc_x", title });
  await eventually(() => house.world.openSubscriptions === 0);
  socket.socket.resume();
  expect((await socket.closed).code).toBe(4413);
  await house.close();
});

test("stopping closes every socket with 1001, ends what ran on it, and refuses new ones", async () => {
  const house = await startHouse();
  const { token } = house.world.signIn("usr_ada");
  const socket = open(house);
  await socket.init({ authorization: `Bearer ${token}` });
  socket.subscribe(added);
  await eventually(() => house.world.openSubscriptions === 1);
  const text = await (await fetch(`${house.url}/metrics`)).text();
  expect(text).toMatch(/^atrium_gateway_sockets 1$/m);
  expect(text).toMatch(/^atrium_gateway_subscriptions 1$/m);
  const unused = connectTcp(house.gateway.port, "127.0.0.1").on("error", () => {});
  await new Promise((resolve) => unused.once("connect", resolve));
  const startedAt = Date.now();
  await house.gateway.stop();
  expect(Date.now() - startedAt).toBeLessThan(5_000);
  expect(await socket.closed).toEqual({ code: 1001, reason: "Going away" });
  await eventually(() => house.world.openSubscriptions === 0);
  await house.close();
});
