import { readFileSync } from "node:fs";
import { createDocuments } from "../graph/documents";
import type { Graph } from "../graph/graph";
import { openGraph } from "../graph/open-graph";
import { supergraphFile } from "../supergraph-file";
import { createCostModel } from "./cost";

let graph: Graph;
let estimate: (query: string, variables?: Record<string, unknown>) => number;
beforeAll(async () => {
  graph = await openGraph(readFileSync(supergraphFile, "utf8"));
  const model = createCostModel(graph.apiSchema, graph.supergraphSchema, { listSize: 10 });
  const { operationOf, variablesOf } = createDocuments({ schema: graph.apiSchema, introspection: true });
  estimate = (query, variables) => {
    const operation = operationOf(query, undefined);
    return model.estimate(operation, variablesOf(operation, variables));
  };
});
afterAll(() => graph.close());

describe("the house's own lists", () => {
  test.each([
    ["nodes", "{ documents(first: $first) { nodes { id title } } }"],
    ["edges", "{ documents(first: $first) { edges { cursor node { id } } pageInfo { hasNextPage } } }"],
    ["lists in lists", "{ conversations(first: $first) { nodes { id messages(first: 5) { nodes { id } } } } }"],
  ])("a page of a hundred costs a hundred times what a page of one does: %s", (_, query) => {
    const costs = (first: number) => estimate(query.replace("$first", String(first)));
    expect(costs(100)).toBe(100 * costs(1));
    const byVariable = `query ($first: Int!) ${query}`;
    expect(estimate(byVariable, { first: 100 })).toBe(costs(100));
  });

  test("a page that names no size has the default's", () => {
    expect(estimate("{ documents { nodes { id } } }")).toBe(20);
  });

  test("a search costs more than a list, and a model's answer more than a search", () => {
    const search = estimate('{ searchKnowledge(knowledgeBaseIds: [], query: "x", first: 5) { hits { score } } }');
    const answer = estimate('{ answerFromKnowledge(knowledgeBaseIds: [], question: "x") { __typename } }');
    expect(search).toBe(10 + 5);
    expect(answer).toBe(50);
  });
});
