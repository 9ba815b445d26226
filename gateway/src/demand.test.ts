import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { eventually, startHouse, type House } from "./testing/world";

let house: House;
const start = async (demand?: { costMax?: number; costPerMinuteMax?: number }) => {
  house = await startHouse({ ...(demand && { demand }) });
  return house.world.signIn("usr_ada").token;
};
afterEach(() => house.close());

const documents = "{ documents { id } }";

test("who asks is told what an operation may cost and did; nothing is refused unless the house says so", async () => {
  const token = await start();
  const told = async (headers = {}) => (await house.post(documents, { token, headers })) as { extensions?: unknown };
  expect((await told({ "expose-cost": "true" })).extensions).toEqual({ cost: { estimated: 10, actual: 2, max: null } });
  expect((await told()).extensions).toBeUndefined();
});

test("an operation that may cost too much isn't run, whichever way it comes", async () => {
  const token = await start({ costMax: 15 });
  const expensive = "{ documents { id parent { id } } }";
  expect((await house.post(documents, { token })).errors).toBeUndefined();
  house.world.asked.length = 0;
  const { status, errors } = await house.post(expensive, { token });
  expect([status, errors![0]!.extensions["code"]]).toEqual([400, "OPERATION_TOO_COMPLEX"]);
  expect(errors![0]!.message).toContain("may cost 20; the limit is 15");
  expect(await overSocket(expensive, token)).toMatchObject([{ extensions: { code: "OPERATION_TOO_COMPLEX" } }]);
  expect(house.world.asked).toEqual([]);
});

test("a caller's minute is spent by requests and sockets alike, and each caller has their own", async () => {
  const token = await start({ costPerMinuteMax: 13 });
  // Each is estimated at 10 and costs 2: the third finds 9 left.
  for (let i = 0; i < 2; i++) expect((await house.post(documents, { token })).errors).toBeUndefined();
  const refused = await house.post(documents, { token });
  expect([refused.status, refused.errors![0]!.extensions["code"]]).toEqual([429, "RATE_LIMITED"]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(refused.errors![0]!.extensions["retryAfterSeconds"]).toBe(Number(refused.headers.get("retry-after")));
  expect(await overSocket(documents, token)).toMatchObject([{ extensions: { code: "RATE_LIMITED" } }]);
  const { token: another } = house.world.signIn("usr_bob");
  expect((await house.post(documents, { token: another })).errors).toBeUndefined();
});

test("a subscription is paid for, and so is each of its events", async () => {
  const token = await start({ costPerMinuteMax: 14 });
  const client = clientOf(token);
  const events: unknown[] = [];
  client.subscribe(
    { query: "subscription { documentAdded { id } }" },
    { next: (event) => void events.push(event), error: () => {}, complete: () => {} },
  );
  await eventually(() => house.world.openSubscriptions === 1);
  for (let i = 0; i < 5; i++) house.world.topics.publish("documentAdded", { id: `doc_${i}`, title: "x" });
  await eventually(() => events.length === 5);
  expect((await house.post(documents, { token })).errors).toMatchObject([{ extensions: { code: "RATE_LIMITED" } }]);
  await client.dispose();
});

const clientOf = (token: string) =>
  createClient({
    url: house.socketUrl,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${token}` },
  });

/** The errors of one operation over a socket. */
async function overSocket(query: string, token: string): Promise<unknown> {
  const client = clientOf(token);
  try {
    return await new Promise((resolve, reject) =>
      client.subscribe(
        { query },
        {
          next: ({ errors }) => resolve(errors),
          error: (error) => (Array.isArray(error) ? resolve(error) : reject(error as Error)),
          complete: () => {},
        },
      ),
    );
  } finally {
    await client.dispose();
  }
}
