import { operationFromDocument, printSchema } from "@apollo/federation-internals";
import { QueryPlanner } from "@apollo/query-planner";
import { parse, print } from "graphql";
import { parentPort, workerData } from "node:worker_threads";
import type { PlannerAnswer, PlannerQuestion, PlannerSetup } from "./planner";
import { readSupergraph } from "./read-supergraph";

// Plans operations, one after the other, in a thread of its own: planning takes milliseconds that the event loop needs.

const { sdl, evaluatedPlansMax } = workerData as PlannerSetup;
const supergraph = readSupergraph(sdl);
const schema = supergraph.apiSchema();
const apiSdl = `${printSchema(schema)}\n\n${print(schema.deferDirective().toAST())}`;
// The event loop's thread goes on with it while this one goes on.
parentPort!.postMessage({ apiSdl } satisfies PlannerAnswer);
const planner = new QueryPlanner(supergraph, {
  incrementalDelivery: { enableDefer: true },
  debug: { maxEvaluatedPlans: evaluatedPlansMax },
});

// Some deferred fragments make the planner's fetches depend on each other in a circle, which it follows without end. Its list
// of where to go then takes memory faster than a thread's bound on it notices: the whole process would end.
const listMax = 200_000;
const push = Array.prototype.push;
Array.prototype.push = function <Item>(this: Item[], ...items: Item[]): number {
  if (this.length > listMax) throw new Error("The planner goes round in a circle.");
  return push.apply(this, items);
};

parentPort!.on("message", ({ text, operationName, overrides }: PlannerQuestion) => {
  let answer: PlannerAnswer;
  try {
    const operation = operationFromDocument(schema, parse(text, { noLocation: true }), { operationName });
    const plan = planner.buildQueryPlan(operation, { overrideConditions: new Map(overrides) });
    answer = { plan: JSON.stringify(plan) };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  parentPort!.postMessage(answer);
});
parentPort!.postMessage({ isReady: true } satisfies PlannerAnswer);
