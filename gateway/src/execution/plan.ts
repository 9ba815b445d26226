import type { ConditionNode, PlanNode, SubscriptionNode } from "@apollo/query-planner";
import type { ClientRequest } from "../client-request";
import { compileFetch } from "./fetch";
import type { IsOfType } from "./rewrites";
import type { Run } from "./run";
import { objectsAt, type Tree } from "./tree";

/** What compiling needs to know of the schema. */
export interface Compilation {
  isOfType: IsOfType;
  /** Whether it names an interface or a union: less than a concrete type says. */
  isAbstract(typename: unknown): boolean;
}

/** A node of a plan, compiled: runs for the objects at a path. */
export type Step<Request extends ClientRequest> = (
  run: Run<Request>,
  objects: ReadonlySet<Tree>,
  path: readonly (string | number)[],
) => Promise<void> | void;

export function compileNode<Request extends ClientRequest>(
  node: PlanNode | undefined,
  compilation: Compilation,
): Step<Request> {
  switch (node?.kind) {
    case undefined:
      return () => {};
    case "Fetch":
      return compileFetch<Request>(node, compilation).run;
    case "Sequence": {
      const steps = node.nodes.map((child) => compileNode<Request>(child, compilation));
      return async (run, objects, path) => {
        for (const step of steps) await step(run, objects, path);
      };
    }
    case "Parallel": {
      const steps = node.nodes.map((child) => compileNode<Request>(child, compilation));
      return async (run, objects, path) => {
        await Promise.all(steps.map((step) => step(run, objects, path)));
      };
    }
    case "Flatten": {
      const step = compileNode<Request>(node.node, compilation);
      const { path: further } = node;
      return (run, objects, path) => {
        const found = objectsAt(objects, further);
        // A step without objects still says that its fetches are done: what is deferred may wait for them.
        return step(run, found, path.length === 0 ? further : [...path, ...further]);
      };
    }
    case "Condition":
      return compileCondition(node, compilation);
    case "Defer":
      throw new Error("A deferred part of a plan is run by what delivers it.");
  }
}

function compileCondition<Request extends ClientRequest>(
  { condition, ifClause, elseClause }: ConditionNode,
  compilation: Compilation,
): Step<Request> {
  const whenTrue = compileNode<Request>(ifClause, compilation);
  const whenFalse = compileNode<Request>(elseClause, compilation);
  return (run, objects, path) => (run.variables[condition] ? whenTrue : whenFalse)(run, objects, path);
}

/** The ids of the fetches in a part of a plan: what is deferred waits for them by these. */
export function fetchIdsIn(node: PlanNode | SubscriptionNode | undefined): string[] {
  switch (node?.kind) {
    case "Fetch":
      return node.id === undefined ? [] : [node.id];
    case "Sequence":
    case "Parallel":
      return node.nodes.flatMap(fetchIdsIn);
    case "Flatten":
      return fetchIdsIn(node.node);
    case "Condition":
      return [...fetchIdsIn(node.ifClause), ...fetchIdsIn(node.elseClause)];
    case "Defer":
      return [...fetchIdsIn(node.primary.node), ...node.deferred.flatMap((deferred) => fetchIdsIn(deferred.node))];
    default:
      return [];
  }
}
