// Subscriptions at the bare gateway: what holds for each of its three ways to a client, by the clients themselves.
import { createClient as createSseClient } from "graphql-sse";
import { createClient } from "graphql-ws";
import { request as httpRequest } from "node:http";
import { connect as connectTcp } from "node:net";
import pino from "pino";
import WebSocket from "ws";
import { eventually } from "../testing/world";
import { configSchema } from "./config";
import { serveSupergraph, type RunningBareGateway } from "./serve";
import { testIssuer } from "./testing/issuer";
import { readMultipart } from "./testing/multipart-reader";
import { Shop, type Intercept } from "./testing/shop";

const issuer = testIssuer();
let shop: Shop;
let gateway: RunningBareGateway | undefined;

beforeAll(async () => {
  shop = await new Shop().start();
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  shop.intercept = null;
  shop.asked.length = 0;
  await eventually(() => shop.subscriptions === 0);
});
afterAll(async () => {
  await shop.stop();
  issuer.close();
});

async function serve(given: object = {}): Promise<void> {
  const supergraph = { read: async () => shop.sdl, watch: async () => {} };
  const config = configSchema.parse({ port: 0, ...given });
  gateway = await serveSupergraph({ supergraph, config, watch: false, log: pino({ level: "silent" }) });
}
/** Waits until that many subscriptions run. */
const running = (count: number) =>
  eventually(async () => (await gateway!.metrics.subscriptions.get()).values[0]?.value === count);
const { authentication } = issuer;
const bearer = (sub: string, expiresIn?: number) => issuer.bearer({ sub }, expiresIn);

const added = "subscription { reviewAdded { body product { id name } } }";
const event = (body: string) => ({ id: "r", body, product: { __typename: "Product", id: "p2" } });
const heard = (body: string) => ({ data: { reviewAdded: { body, product: { id: "p2", name: "Product 2" } } } });

interface Listening {
  answers: unknown[];
  /** How it ended: what it was told, or «complete». Null while it goes on. */
  end(): unknown;
  leave(): void;
}
type Listen = (query?: string, authorization?: string) => Listening;

const overSocket: Listen = (query = added, authorization) => {
  const answers: unknown[] = [];
  let end: unknown = null;
  const client = createClient({
    url: gateway!.url.replace("http", "ws"),
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 0,
  });
  client.subscribe(
    { query },
    {
      next: (answer) => void answers.push(answer),
      error: (error) => (end = error),
      complete: () => (end ??= "complete"),
    },
  );
  return { answers, end: () => end, leave: () => void client.dispose() };
};

const overSse: Listen = (query = added, authorization) => {
  const answers: unknown[] = [];
  let end: unknown = null;
  const headers = authorization === undefined ? undefined : { authorization };
  const client = createSseClient({ url: gateway!.url, headers, retryAttempts: 0 });
  client.subscribe(
    { query },
    {
      next: (answer) => void answers.push(answer),
      error: (error) => (end = error),
      complete: () => (end ??= "complete"),
    },
  );
  return { answers, end: () => end, leave: () => client.dispose() };
};

const overMultipart: Listen = (query = added, authorization) => {
  const reader = readMultipart(gateway!.url, query, authorization === undefined ? {} : { authorization });
  let end: unknown = null;
  void reader.done.then((how) => {
    const last = reader.parts.at(-1);
    end = last?.errors ?? (how === "WHOLE" ? "complete" : (reader.status() ?? how));
  });
  return {
    get answers() {
      return reader.payloads();
    },
    end: () => end,
    leave: reader.leave,
  };
};

describe.each([
  {
    way: "graphql-ws",
    listen: overSocket,
    expired: { code: 4401, reason: "The access token has expired." },
    tooMany: [{ extensions: { code: "RATE_LIMITED" } }],
    stopped: { code: 1001 },
  },
  {
    way: "graphql-sse",
    listen: overSse,
    expired: expect.any(Error) as unknown,
    tooMany: { response: { status: 429 } },
    stopped: expect.any(Error) as unknown,
  },
  {
    way: "multipart",
    listen: overMultipart,
    expired: [{ extensions: { code: "UNAUTHENTICATED" } }],
    tooMany: 429,
    stopped: [{ extensions: { code: "SERVICE_UNAVAILABLE" } }],
  },
])("over $way", ({ way, listen, expired, tooMany, stopped }) => {
  test("events come in order, joined, until their source ends", async () => {
    await serve();
    const [joined, counted] = [listen(), listen("subscription { counted(to: 50) }")];
    await eventually(() => shop.subscriptions === 1 && counted.end() !== null);
    expect(counted.end()).toBe("complete");
    const numbers = Array.from({ length: 50 }, (_, n) => ({ data: { counted: n + 1 } }));
    expect(counted.answers).toEqual(numbers);
    for (const body of ["one", "two", "three"]) shop.publish(event(body));
    await eventually(() => joined.answers.length === 3);
    expect(joined.answers).toEqual(["one", "two", "three"].map(heard));
    joined.leave();
    await eventually(() => shop.subscriptions === 0);
  });

  test("they end with their caller's token", async () => {
    await serve({ authentication });
    const [short, long] = [listen(added, bearer("ada", 2)), listen(added, bearer("eve", 60))];
    await eventually(() => short.end() !== null);
    if (typeof expired === "object" && !(expired instanceof RegExp))
      expect(short.end()).toMatchObject(expired as object);
    shop.publish(event("after"));
    await eventually(() => long.answers.length === 1);
    expect([short.answers, long.end()]).toEqual([[], null]);
    long.leave();
  });

  test("a caller has so many, whichever way they came, and gets their places back", async () => {
    await serve({ subscriptions: { perCaller: 3 }, authentication });
    const others = [overSocket, overSse, overMultipart].map((open) => open(added, bearer("ada")));
    await running(3);
    const refused = listen(added, bearer("ada"));
    await eventually(() => refused.end() !== null || refused.answers.length > 0);
    if (way === "graphql-ws") expect(refused.answers).toMatchObject([{ errors: tooMany }]);
    else if (typeof tooMany === "number") expect(refused.end()).toBe(tooMany);
    else expect(refused.end()).toMatchObject(tooMany);
    const someoneElse = listen(added, bearer("eve"));
    await running(4);
    others[0]!.leave();
    await running(3);
    const next = listen(added, bearer("ada"));
    await running(4);
    // A place is taken before its events are listened for.
    await eventually(() => {
      shop.publish(event("to both"));
      return next.answers.length > 0 && someoneElse.answers.length > 0;
    });
    for (const each of [...others, someoneElse, next]) each.leave();
  });

  test("they end when the gateway stops, and it stops at once", async () => {
    await serve();
    const listening = listen();
    await eventually(() => shop.subscriptions === 1);
    const startedAt = Date.now();
    await gateway!.stop();
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    await eventually(() => listening.end() !== null);
    expect(listening.end()).toMatchObject(stopped as object);
  });

  test("a subgraph that is killed in mid-stream comes back without the client noticing", async () => {
    await serve();
    const listening = listen();
    await eventually(() => shop.subscriptions === 1);
    shop.publish(event("before"));
    await eventually(() => listening.answers.length === 1);
    await shop.close("reviews");
    await shop.open("reviews");
    await eventually(() => shop.subscriptions === 1);
    shop.publish(event("after"));
    await eventually(() => listening.answers.length === 2);
    expect([listening.answers, listening.end()]).toEqual([[heard("before"), heard("after")], null]);
    listening.leave();
  });
});

describe("heartbeats", () => {
  const beats = { subscriptions: { heartbeatMs: 50 } };

  test("of sockets are pings: a client that doesn't answer is gone", async () => {
    await serve(beats);
    const socket = new WebSocket(gateway!.url.replace("http", "ws"), "graphql-transport-ws");
    let pings = 0;
    socket.on("ping", () => pings++);
    await eventually(() => pings > 3);
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.pause();
    await eventually(async () => (await gateway!.metrics.sockets.get()).values[0]?.value === 0);
    socket.resume();
    expect(await closed).toBe(1006);
  });

  test("of streams are comments, or parts without a payload", async () => {
    await serve(beats);
    const reader = readMultipart(gateway!.url, added);
    await eventually(() => reader.parts.length > 3);
    expect(reader.parts.slice(0, 3)).toEqual([{}, {}, {}]);
    reader.leave();
    let text = "";
    const request = httpRequest(
      gateway!.url,
      { method: "POST", headers: { "content-type": "application/json", accept: "text/event-stream" } },
      (response) => response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk)),
    );
    request.on("error", () => {});
    request.end(JSON.stringify({ query: added }));
    await eventually(() => text.startsWith(":\n\n:\n\n:\n\n"));
    request.destroy();
  });
});

describe("a client that never reads", () => {
  const never = (accept: string) => {
    const body = JSON.stringify({ query: added });
    const socket = connectTcp(gateway!.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\naccept: ${accept}\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
    );
    socket.pause();
    return socket;
  };
  const large = "x".repeat(1024 * 1024);

  test.each(["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])(
    "of %s is let go when too much waits, without a gap that looks whole, and others hear on",
    async (accept) => {
      await serve({ subscriptions: { queued: 5 } });
      const socket = never(accept);
      await eventually(() => shop.subscriptions === 1);
      const listening = overSocket();
      await running(2);
      for (let n = 1; n <= 30; n++) {
        shop.publish(event(large));
        await eventually(() => listening.answers.length === n);
      }
      let text = "";
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket
        .setEncoding("utf8")
        .on("data", (chunk: string) => (text += chunk))
        .resume();
      await closed;
      await running(1);
      expect(text.split("reviewAdded").length).toBeLessThan(25);
      expect(text.includes("SLOW_CONSUMER")).toBe(accept.startsWith("multipart"));
      expect(text).not.toContain("complete");
      expect([listening.answers.length, listening.end()]).toEqual([30, null]);
      listening.leave();
    },
  );

  test("is gone after two heartbeats, though little waits", async () => {
    await serve({ subscriptions: { heartbeatMs: 100 } });
    const socket = never("text/event-stream");
    await eventually(() => shop.subscriptions === 1);
    for (let n = 0; n < 8; n++) shop.publish(event(large));
    await eventually(() => shop.subscriptions === 0);
    socket.destroy();
  });
});

test("events that come faster than they can be joined wait; too many of them end it with an error", async () => {
  await serve();
  const held: (() => void)[] = [];
  const hold: Intercept = (_, response, body) => {
    if (!body.includes("_entities")) return false;
    held.push(() =>
      response
        .writeHead(200, { "content-type": "application/json" })
        .end('{"data":{"_entities":[{"__typename":"Product","name":"Product 2"}]}}'),
    );
    return true;
  };
  shop.intercept = hold;
  const listening = overSocket();
  await eventually(() => shop.subscriptions === 1);
  for (let n = 0; n < 500; n++) shop.publish(event(String(n)));
  await eventually(() => held.length > 0);
  shop.intercept = null;
  held.shift()!();
  await eventually(() => listening.answers.length === 500, 25_000);
  expect(listening.answers).toEqual(Array.from({ length: 500 }, (_, n) => heard(String(n))));

  shop.intercept = hold;
  for (let n = 0; n < 1_100; n++) shop.publish(event(String(n)));
  await eventually(() => held.length > 0);
  // The subgraph is let go at once, the client when the join that runs has ended.
  await eventually(() => shop.subscriptions === 0);
  held.shift()!();
  await eventually(() => listening.end() !== null);
  expect(listening.answers.slice(500)).toMatchObject([
    heard("0"),
    { errors: [{ extensions: { reason: "OVERLOADED", serviceName: "reviews" } }] },
  ]);
});

describe("a subgraph that sends server-sent events", () => {
  const bySse = { subgraphs: { reviews: { subscriptionProtocol: "sse" } } };

  test("is asked once for all who ask the same, with what the rules pass on, and let go with the last", async () => {
    await serve({ ...bySse, headers: [{ propagate: "x-tenant" }] });
    const listening = [overSse(), overSocket(), overMultipart()];
    await running(3);
    await eventually(() => shop.subscriptions === 1);
    const other = readMultipart(gateway!.url, added, { "x-tenant": "b" });
    await eventually(() => shop.subscriptions === 2);
    for (const body of ["one", "zwölf 🏠\r\n"]) shop.publish(event(body));
    await eventually(() =>
      [...listening.map(({ answers }) => answers), other.payloads()].every(({ length }) => length === 2),
    );
    for (const { answers } of listening) expect(answers).toEqual([heard("one"), heard("zwölf 🏠\r\n")]);
    for (const { leave } of listening) leave();
    await eventually(() => shop.subscriptions === 1);
    other.leave();
  });

  test("ends what it ends", async () => {
    await serve(bySse);
    const counted = overSse("subscription { counted(to: 3) }");
    await eventually(() => counted.end() !== null);
    expect([counted.answers.length, counted.end()]).toEqual([3, "complete"]);
  });

  test("that is killed comes back without the client noticing; one that stays away is named", async () => {
    await serve({ ...bySse, subscriptions: { awayMs: 2_000 } });
    const listening = overSocket();
    await eventually(() => shop.subscriptions === 1);
    await shop.close("reviews");
    await shop.open("reviews");
    await eventually(() => shop.subscriptions === 1);
    shop.publish(event("after"));
    await eventually(() => listening.answers.length === 1);
    expect(listening.answers).toEqual([heard("after")]);
    await shop.close("reviews");
    try {
      await eventually(() => listening.end() !== null);
      expect(listening.answers.at(-1)).toMatchObject({ errors: [{ extensions: { serviceName: "reviews" } }] });
    } finally {
      await shop.open("reviews");
    }
  });

  test("has an address that fits", () => {
    const parse = (given: object) => () => configSchema.parse({ subgraphs: { reviews: given } });
    expect(parse({ subscriptionUrl: "https://reviews.example/events" })).toThrow(/subscriptionUrl/);
    expect(parse({ subscriptionProtocol: "sse", subscriptionUrl: "wss://reviews.example/events" })).toThrow(
      /begins with ws: or wss: for the protocol ws, with http: or https: for sse/,
    );
    expect(parse({ subscriptionProtocol: "sse", subscriptionUrl: "https://reviews.example/events" })).not.toThrow();
    expect(parse({ subscriptionUrl: "wss://reviews.example/events" })).not.toThrow();
  });
});
