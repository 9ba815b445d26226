import type { ConditionNode, DeferNode, FetchNode, PlanNode, SubscriptionNode } from "@apollo/query-planner";
import type { ClientRequest } from "../client-request";
import { compileFetch } from "./fetch";
import type { IsOfType } from "./rewrites";
import type { Run } from "./run";
import { isTree, valuesAt, type Tree } from "./tree";

/** What compiling needs to know of the schema. */
export interface Compilation {
  isOfType: IsOfType;
  /** Whether a subgraph can be asked for objects of a type by a key. */
  isEntity(subgraph: string, typename: string): boolean;
  /** Whether it names an interface or a union: less than a concrete type says. */
  isAbstract(typename: unknown): boolean;
  /** What several fetches of the plan ask of entities: an entity that one has fetched is the other's too. */
  askedAgain: ReadonlySet<string>;
  /** Whether fields of the plan have arguments from objects above them. */
  hasContexts: boolean;
}

/** What compiling one plan needs to know of that plan. */
export type OfPlan = "askedAgain" | "hasContexts";

/** A node of a plan, compiled: runs for the objects at a path. */
export type Step<Request extends ClientRequest> = (
  run: Run<Request>,
  objects: readonly Tree[],
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
        // While they begin, nothing that they walk over changes.
        const outer = run.walked;
        run.walked = new Map();
        const begun = steps.map((step) => step(run, objects, path));
        run.walked = outer;
        await Promise.all(begun);
      };
    }
    case "Flatten": {
      const step = compileNode<Request>(node.node, compilation);
      const { path: further } = node;
      const walk = compileWalk(further);
      return (run, objects, path) => {
        const found = walk(objects, path.length === 0 ? run.walked : undefined);
        // A step without objects still says that its fetches are done: what is deferred may wait for them.
        return step(run, found, path.length === 0 ? further : [...path, ...further]);
      };
    }
    case "Condition":
      return compileCondition(node, compilation);
    case "Defer":
      return compileWhole(node, compilation);
  }
}

/** The distinct objects at a path of a plan. Of the way there, `walked` knows what another step has gone already. */
function compileWalk(path: readonly (string | number)[]) {
  const prefixes = path.map((_, at) => path.slice(0, at + 1).join("\n"));
  return (objects: readonly Tree[], walked: Map<string, readonly unknown[]> | undefined): readonly Tree[] => {
    let values: readonly unknown[] = objects;
    let from = 0;
    if (walked)
      for (let at = path.length; at > 0 && from === 0; at--) {
        const known = walked.get(prefixes[at - 1]!);
        if (!known) continue;
        values = known;
        from = at;
      }
    for (let at = from; at < path.length; at++) {
      values = valuesAt(values, path[at]!);
      walked?.set(prefixes[at]!, values);
    }
    return values.every(isTree) ? values : values.filter(isTree);
  };
}

/** A plan with deferred parts, for a client that takes the answer as one: each part follows what it depends on. */
function compileWhole<Request extends ClientRequest>(node: DeferNode, compilation: Compilation): Step<Request> {
  const primary = compileNode<Request>(node.primary.node, compilation);
  const parts = node.deferred.map((part) => ({
    step: compileNode<Request>(part.node, compilation),
    depends: part.depends.map(({ id }) => id),
    fetchIds: fetchIdsIn(part.node),
  }));
  const primaryIds = fetchIdsIn(node.primary.node);
  return async (run, objects, path) => {
    // What was never sent, for want of entities or by a condition, is done as well.
    const done = (ids: readonly string[]) => ids.forEach((id) => run.gateOf(id).open());
    await primary(run, objects, path);
    done(primaryIds);
    await Promise.all(
      parts.map(async ({ step, depends, fetchIds }) => {
        await Promise.all(depends.map((id) => run.gateOf(id).opened));
        await step(run, objects, path);
        done(fetchIds);
      }),
    );
  };
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

/** The labels of a plan's deferred parts. */
export function deferLabelsIn(node: PlanNode | SubscriptionNode | undefined, labels = new Set<string>()): Set<string> {
  if (node?.kind === "Condition") for (const each of [node.ifClause, node.elseClause]) deferLabelsIn(each, labels);
  if (node?.kind === "Defer")
    for (const { label, node: inner } of node.deferred) {
      if (label !== undefined) labels.add(label);
      deferLabelsIn(inner, labels);
    }
  return labels;
}

/** What a fetch asks, whichever fetch of the plan it is: the planner's names for operations have numbers. */
export const askedBy = ({ serviceName, operation }: FetchNode): string =>
  `${serviceName} ${operation.replace(/^query\s+[_A-Za-z0-9]+/, "query")}`;

/** What more than one fetch of a plan asks of entities, and whether any has arguments from above them. */
export function knownOf(node: PlanNode | SubscriptionNode | undefined): Pick<Compilation, OfPlan> {
  const asked = new Map<string, number>();
  let hasContexts = false;
  const count = (each: PlanNode | undefined): void => {
    switch (each?.kind) {
      case "Fetch":
        if (each.requires) asked.set(askedBy(each), (asked.get(askedBy(each)) ?? 0) + 1);
        if (each.contextRewrites?.length) hasContexts = true;
        return;
      case "Sequence":
      case "Parallel":
        return each.nodes.forEach(count);
      case "Flatten":
        return count(each.node);
      case "Condition":
        count(each.ifClause);
        return count(each.elseClause);
      case "Defer":
        count(each.primary.node);
        return each.deferred.forEach((deferred) => count(deferred.node));
      default:
    }
  };
  count(node?.kind === "Subscription" ? node.rest : node);
  return { askedAgain: new Set([...asked].flatMap(([key, times]) => (times > 1 ? [key] : []))), hasContexts };
}
