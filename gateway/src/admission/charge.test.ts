import { buildSchema, getOperationAST, parse } from "graphql";
import pino from "pino";
import type { ClientRequest } from "../client-request";
import { RequestRefused } from "../endpoint";
import type { Operation } from "../graph/operation";
import { localBudget } from "./budget";
import { createCharge } from "./charge";
import { createCostModel } from "./cost";

const schema = buildSchema(`
  directive @listSize(slicingArguments: [String!]) on FIELD_DEFINITION
  type Query { books(first: Int): [Book] @listSize(slicingArguments: ["first"]) }
  type Subscription { book: Book }
  type Book { title: String }`);
const model = createCostModel(schema, schema, { listSize: 10 });

const operationOf = (text: string): Operation => {
  const document = parse(text);
  const definition = getOperationAST(document)!;
  return { key: text, document, definition, name: undefined, type: definition.operation };
};
const lines: { msg: string; fault?: string }[] = [];
const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]) });
const by = (callerKey: string) => ({ callerKey, log }) as ClientRequest;
const charging = (o: { mode?: "MEASURE" | "ENFORCE"; costMax?: number; perMinute?: number } = {}) =>
  createCharge({
    model,
    mode: o.mode ?? "ENFORCE",
    costMax: o.costMax ?? 1_000,
    ...(o.perMinute !== undefined && { budget: localBudget(o.perMinute) }),
    isAsked: () => false,
  });
const ten = operationOf("{ books(first: 10) { title } }");
const refusedWith = (code: string) => ({
  errors: [expect.objectContaining({ extensions: expect.objectContaining({ code }) as object })],
});

beforeEach(() => {
  lines.length = 0;
  jest.useFakeTimers();
});
afterEach(() => jest.useRealTimers());

test("each caller has a budget, and what an answer didn't cost is given back", async () => {
  const charge = charging({ perMinute: 25 });
  const settle = await charge(ten, {}, by("a"));
  settle({ data: { books: [{ title: "x" }] } });
  await charge(ten, {}, by("a"));
  await charge(ten, {}, by("a"));
  await expect(charge(ten, {}, by("a"))).rejects.toMatchObject(refusedWith("RATE_LIMITED"));
  await charge(ten, {}, by("b"));
  jest.advanceTimersByTime(60_000);
  await charge(ten, {}, by("a"));
});

test.each([
  ["failed", { data: null, errors: [{ message: "no" }] }],
  ["is still to come", { data: { books: [] }, hasNext: true }],
])("an answer that %s gives nothing back", async (_, answer) => {
  const charge = charging({ perMinute: 19 });
  (await charge(ten, {}, by("a")))(answer);
  await expect(charge(ten, {}, by("a"))).rejects.toMatchObject(refusedWith("RATE_LIMITED"));
});

test("an answer is credited to the minute in which it was asked for", async () => {
  const charge = charging({ perMinute: 19 });
  const settle = await charge(ten, {}, by("a"));
  jest.advanceTimersByTime(60_000);
  settle({ data: { books: [] } });
  await charge(ten, {}, by("a"));
  await expect(charge(ten, {}, by("a"))).rejects.toMatchObject(refusedWith("RATE_LIMITED"));
});

test("more events of a subscription than was estimated are spent", async () => {
  const charge = charging({ perMinute: 4 });
  const settle = await charge(operationOf("subscription { book { title } }"), {}, by("a"));
  for (let i = 0; i < 4; i++) settle({ data: { book: { title: "x" } } });
  await expect(charge(operationOf("{ books(first: 1) { title } }"), {}, by("a"))).rejects.toThrow(RequestRefused);
});

test("what is measured only isn't refused but logged", async () => {
  const charge = charging({ mode: "MEASURE", costMax: 5, perMinute: 1 });
  for (const operation of [ten, operationOf("{ books { title } }")]) await charge(operation, {}, by("a"));
  expect(lines.map(({ fault }) => fault)).toEqual([
    expect.stringMatching(/may cost 10; the limit is 5/),
    expect.stringMatching(/"books" has to be asked for/),
  ]);
  await expect(charging({ costMax: 5 })(ten, {}, by("a"))).rejects.toMatchObject(refusedWith("OPERATION_TOO_COMPLEX"));
});
