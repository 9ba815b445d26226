import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ClientRequest } from "../client-request";
import { httpTransport } from "./http-transport";
import { createSharedFetches } from "./shared-fetches";
import { SubgraphFault, type SubgraphAnswer, type SubgraphRequest, type SubgraphTransport } from "./transport";

const waiting: { body: string; response: ServerResponse; hasGone: Promise<void> }[] = [];
let arrived = () => {};
const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  let body = "";
  request.on("data", (chunk) => (body += String(chunk)));
  request.on("end", () => {
    waiting.push({ body, response, hasGone: new Promise((resolve) => response.once("close", () => resolve())) });
    arrived();
  });
});
let transport: SubgraphTransport;
let shared: SubgraphTransport;
const joined: [string, string][] = [];

beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(() => {
  waiting.length = 0;
  const { port } = server.address() as AddressInfo;
  transport = httpTransport({
    name: "shop",
    url: `http://127.0.0.1:${port}/graphql`,
    subscribe: async () => events(),
  });
  joined.length = 0;
  shared = createSharedFetches().over(transport, {
    toldOf: ({ callerKey }) => callerKey,
    onJoined: ({ requestId }, first) => joined.push([requestId, first.requestId]),
  });
});
afterEach(() => transport.close());

async function* events(): AsyncGenerator<SubgraphAnswer> {
  yield { data: { changed: 1 } };
}

const asked = (
  query: string,
  o: { kind?: "query" | "mutation"; as?: string; id?: string; signal?: AbortSignal } = {},
) => {
  const signal = o.signal ?? new AbortController().signal;
  const request = { callerKey: o.as ?? "", requestId: o.id ?? "", signal, deadline: signal } as ClientRequest;
  const body = JSON.stringify({ query, variables: {} });
  const kind = (o.kind ?? "query") as SubgraphRequest["kind"];
  return shared.fetch({ kind, query, operationName: undefined, variables: {}, body: () => body, request, signal });
};

/** Waits until so many requests have reached the subgraph. */
async function reached(count: number): Promise<void> {
  while (waiting.length < count) await new Promise<void>((resolve) => (arrived = resolve));
}

/** Longer than a request takes to arrive here, for what mustn't. */
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 50));

const answerAll = (answer: object) => waiting.forEach(({ response }) => response.end(JSON.stringify(answer)));

test("who asks what is being asked gets that answer, and is told that others have it too", async () => {
  const answers = Promise.all(["one", "two", "three"].map((id) => asked("{ a { b } }", { id })));
  await reached(1);
  await aMoment();
  expect(waiting).toHaveLength(1);
  answerAll({ data: { a: [{ b: 1 }] } });
  const [first, second, third] = await answers;
  expect(joined).toEqual([
    ["two", "one"],
    ["three", "one"],
  ]);
  for (const answer of [first, second, third]) expect(answer).toEqual({ data: { a: [{ b: 1 }] }, isShared: true });
});

test("nothing is shared with whoever asks something else, or of whom the subgraph is told something else", async () => {
  const answers = Promise.all([asked("{ a }"), asked("{ b }"), asked("{ a }", { as: "ada" })]);
  await reached(3);
  answerAll({ data: {} });
  await answers;
});

test("an answer that has arrived isn't kept", async () => {
  const first = asked("{ a }");
  await reached(1);
  answerAll({ data: { a: 1 } });
  expect(await first).toEqual({ data: { a: 1 } });
  const second = asked("{ a }");
  await reached(2);
  answerAll({ data: { a: 2 } });
  expect(await second).toEqual({ data: { a: 2 } });
});

test("mutations are each sent, and what was asked before one ended isn't joined after it", async () => {
  const before = asked("{ a }");
  await reached(1);
  const mutations = [asked("mutation { m }", { kind: "mutation" }), asked("mutation { m }", { kind: "mutation" })];
  await reached(3);
  waiting[1]!.response.end(`{"data":{"m":1}}`);
  waiting[2]!.response.end(`{"data":{"m":2}}`);
  await Promise.all(mutations);
  const after = asked("{ a }");
  await reached(4);
  waiting[0]!.response.end(`{"data":{"a":"before"}}`);
  expect(await before).toEqual({ data: { a: "before" } });
  const alsoAfter = asked("{ a }");
  await aMoment();
  expect(waiting).toHaveLength(4);
  waiting[3]!.response.end(`{"data":{"a":"after"}}`);
  const answer = { data: { a: "after" }, isShared: true };
  expect(await Promise.all([after, alsoAfter])).toEqual([answer, answer]);
});

test("what was asked before an event isn't joined after it", async () => {
  const before = asked("{ a }");
  await reached(1);
  const signal = new AbortController().signal;
  const request = { signal, deadline: signal } as ClientRequest;
  const subscription = {
    ...{ kind: "subscription" as SubgraphRequest["kind"], query: "subscription { changed }", operationName: undefined },
    ...{ variables: {}, body: () => "", request, signal },
  };
  const source = (await shared.subscribe(subscription)) as AsyncIterableIterator<SubgraphAnswer>;
  expect(await source.next()).toEqual({ done: false, value: { data: { changed: 1 } } });
  const after = asked("{ a }");
  await reached(2);
  answerAll({ data: { a: 1 } });
  await Promise.all([before, after]);
  await source.return!();
});

test("within turns, who asks in the same turn gets the same answer, and who asks later isn't told what was read before", async () => {
  shared = createSharedFetches({ withinTurns: true }).over(transport, { toldOf: ({ callerKey }) => callerKey });
  const first = [asked("{ a }"), asked("{ a }"), asked("{ a }", { as: "ada" })];
  await reached(2);
  await aMoment();
  const later = [asked("{ a }"), asked("{ a }")];
  await reached(3);
  await aMoment();
  expect(waiting).toHaveLength(3);
  waiting.forEach(({ response }, n) => response.end(JSON.stringify({ data: { a: n } })));
  const answers = await Promise.all([...first, ...later]);
  expect(answers.map(({ data }) => data?.["a"])).toEqual([0, 0, 1, 2, 2]);
});

test("who leaves takes nothing from the others; when all have left, the subgraph is let go", async () => {
  const [one, two] = [new AbortController(), new AbortController()];
  const settled = (fetch: Promise<SubgraphAnswer>) => fetch.catch((error: unknown) => error);
  const left = settled(asked("{ a }", { signal: one.signal }));
  const stays = asked("{ a }", { signal: two.signal });
  await reached(1);
  one.abort(Object.assign(new Error("late"), { name: "TimeoutError" }));
  expect(await left).toMatchObject({ reason: "TIMEOUT" });
  answerAll({ data: { a: 1 } });
  expect(await stays).toEqual({ data: { a: 1 } });

  const three = new AbortController();
  const gone = settled(asked("{ c }", { signal: three.signal }));
  await reached(2);
  three.abort();
  expect(await gone).toMatchObject({ reason: "ABORTED" });
  await waiting[1]!.hasGone;
});

test("without an answer, everyone who waited is told the same", async () => {
  const outcomes = Promise.allSettled([asked("{ a }"), asked("{ a }")]);
  await reached(1);
  waiting[0]!.response.destroy();
  for (const outcome of await outcomes)
    expect(outcome.status === "rejected" && outcome.reason).toBeInstanceOf(SubgraphFault);
  const again = asked("{ a }");
  await reached(2);
  waiting[1]!.response.end(`{"data":{"a":1}}`);
  expect(await again).toEqual({ data: { a: 1 } });
});
