import { composeServices } from "@apollo/composition";
import { parse } from "graphql";
import { createDocuments } from "./documents";
import type { Graph, PlanningRefused } from "./graph";
import { openGraph, SupergraphError } from "./open-graph";
import type { PlannerLimits } from "./planner";

const federation = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])\n`;

function composed(subgraphs: Record<string, string>): string {
  const { supergraphSdl, errors } = composeServices(
    Object.entries(subgraphs).map(([name, sdl]) => ({
      name,
      url: `http://${name}/`,
      typeDefs: parse(federation + sdl),
    })),
  );
  if (errors) throw new Error(errors.join("\n"));
  return supergraphSdl;
}

const shop = composed({
  products: `type Query { products: [Product!] } type Product @key(fields: "id") { id: ID! name: String }`,
  reviews: `type Product @key(fields: "id") { id: ID! reviews: [Review!] } type Review { id: ID! body: String }`,
});

// Every field may be fetched from any of ten subgraphs, at every step: what a planner weighs grows with the power.
const shared = composed(
  Object.fromEntries(
    Array.from({ length: 10 }, (_, n) => [
      `s${n}`,
      `type Query { t: T @shareable } type T @key(fields: "id") { id: ID! t: T @shareable ${Array.from({ length: 10 }, (_, f) => `f${f}: Int @shareable`).join(" ")} own${n}: Int }`,
    ]),
  ),
);
const slow = (alias: string) => {
  const all = Array.from({ length: 10 }, (_, n) => `own${n}`).join(" ");
  return `query Slow { ${alias}: ${"t { f0 f1 f2 f3 ".repeat(12)} ${all} ${"}".repeat(12)} }`.replace(
    /t \{/g,
    `t { ${all}`,
  );
};

const graphs: Graph[] = [];
async function open(sdl: string, limits: Partial<PlannerLimits> = {}) {
  const graph = await openGraph(sdl, { limits });
  graphs.push(graph);
  const documents = createDocuments({ schema: graph.apiSchema, introspection: true });
  return { graph, operation: (text: string) => documents.operationOf(text, undefined) };
}
afterEach(async () => {
  for (const graph of graphs.splice(0)) await graph.close();
});

test("an operation is planned once, whoever asks for it at the same time and however it is written", async () => {
  const { graph, operation } = await open(shop);
  const text = "{ products { name reviews { body } } }";
  const [one, two] = await Promise.all([
    graph.plan(operation(text), { callerKey: "a" }),
    graph.plan(operation(`# another\n${text}`), { callerKey: "b" }),
  ]);
  expect(one).toBe(two);
  expect(graph.plan(operation(text))).toBe(one);
  expect(one.node).toMatchObject({ kind: "Sequence", nodes: [{ serviceName: "products" }, { kind: "Flatten" }] });
});

test("an operation that takes too long to plan is refused, at once the next time, and others are planned", async () => {
  const { graph, operation } = await open(shared, { planningMs: 150, evaluatedPlansMax: 10_000_000 });
  const heavy = operation(slow("a"));
  const refused = expect(graph.plan(heavy)).rejects.toMatchObject({ name: "PlanningRefused", reason: "TOO_SLOW" });
  const light = graph.plan(operation("{ t { f0 } }"));
  await refused;
  await expect(light).resolves.toMatchObject({ node: { kind: "Fetch" } });
  await expect(graph.plan(heavy)).rejects.toMatchObject({ reason: "TOO_SLOW" });
});

test("one that outgrows the thread's memory is refused as well, and the next thread goes on", async () => {
  const { graph, operation } = await open(shared, {
    planningMs: 60_000,
    evaluatedPlansMax: 10_000_000,
    memoryMbMax: 64,
  });
  const heavy = operation(slow("a"));
  await expect(graph.plan(heavy)).rejects.toMatchObject({ reason: "TOO_SLOW" });
  await expect(graph.plan(heavy)).rejects.toMatchObject({ reason: "TOO_SLOW" });
  await expect(graph.plan(operation("{ t { f0 } }"))).resolves.toMatchObject({ node: { kind: "Fetch" } });
});

test("a flood of new operations is its sender's own: others come in turn, what is too much is refused", async () => {
  const { graph, operation } = await open(shop, { waitingPerCallerMax: 20, waitingMax: 25 });
  const ended: string[] = [];
  const flood = Array.from({ length: 40 }, (_, n) =>
    Promise.resolve(graph.plan(operation(`{ a${n}: products { name } }`), { callerKey: "flood" })).then(
      () => ended.push("flood"),
      (error: PlanningRefused) => error.reason,
    ),
  );
  const other = Promise.resolve(graph.plan(operation("{ b: products { name } }"), { callerKey: "other" })).then(() =>
    ended.push("other"),
  );
  const outcomes = await Promise.all(flood);
  await other;
  expect(outcomes.filter((outcome) => outcome === "QUEUE_FULL")).toHaveLength(19);
  expect(ended.indexOf("other")).toBeLessThan(3);
});

test("all callers' waiting operations are bounded together", async () => {
  const { graph, operation } = await open(shop, { waitingMax: 5 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) => graph.plan(operation(`{ a${n}: products { id } }`), { callerKey: `c${n}` })),
  );
  expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(4);
});

test("what nobody waits for any more isn't planned; whoever still waits gets it", async () => {
  const { graph, operation } = await open(shop, { waitingMax: 2 });
  const first = graph.plan(operation("{ a: products { id } }"));
  const [leaving, staying] = [new AbortController(), new AbortController()];
  const alone = graph.plan(operation("{ b: products { id } }"), { signal: leaving.signal });
  const together = operation("{ c: products { id } }");
  const left = graph.plan(together, { signal: leaving.signal });
  const stayed = graph.plan(together, { signal: staying.signal });
  leaving.abort(new Error("gone"));
  await expect(alone).rejects.toThrow("gone");
  await expect(left).rejects.toThrow("gone");
  // Its place is free again.
  const next = graph.plan(operation("{ d: products { id } }"));
  await Promise.all([first, stayed, next]);
});

test("closing ends what runs and what waits, and nothing is planned any more", async () => {
  const { graph, operation } = await open(shop);
  const outcomes = Promise.allSettled([
    graph.plan(operation("{ a: products { id } }")),
    graph.plan(operation("{ b: products { id } }")),
  ]);
  await graph.close();
  expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await expect(graph.plan(operation("{ c: products { id } }"))).rejects.toThrow("closed");
});

test("planning leaves the event loop free", async () => {
  const { graph, operation } = await open(shared, { planningMs: 30_000 });
  const heavy = operation(slow("a"));
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 5);
  await Promise.resolve(graph.plan(heavy)).catch(() => {});
  clearInterval(ticking);
  expect(ticks).toBeGreaterThan(3);
});

test.each([
  ["no schema", "type Query {", /Syntax Error/],
  ["an ordinary schema", "type Query { a: Int }", /./],
  ["a later version of the join specification", shop.replace(/join\/v0\.\d/, "join/v9.9"), /join/],
  [
    "a key that its subgraph doesn't have",
    shop.replace('key: "id"', 'key: "code"'),
    /subgraph "products".*Cannot query field "code"/s,
  ],
])("%s is refused, saying why", async (_, sdl, why) => {
  const opening = openGraph(sdl);
  await expect(opening).rejects.toBeInstanceOf(SupergraphError);
  await expect(opening).rejects.toThrow(why);
});
