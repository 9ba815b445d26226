import type { QueryPlan } from "@apollo/query-planner";
import { isAbstractType, isInterfaceType, isObjectType, type GraphQLFormattedError } from "graphql";
import type { ClientRequest } from "../client-request";
import { entityTypesOf } from "../graph/entity-types";
import type { Operation } from "../graph/operation";
import { PlanningFailed } from "../graph/graph";
import { createPlannedOperations } from "../graph/planned-operation";
import { spelledOut } from "../graph/spelled-out";
import { SubgraphFault, type SubgraphAnswer } from "../subgraphs/transport";
import { completed } from "./complete";
import type { Answer, Engine, EngineOptions, EventStream, Prepared } from "./engine";
import { runIncrementally } from "./incremental";
import type { Compilation, OfPlan } from "./plan";
import { PreparedOperation } from "./prepared";
import { readAhead } from "./read-ahead";
import { Run } from "./run";

/** Our executor of Apollo's query plans. */
export function createEngine<Request extends ClientRequest>(options: EngineOptions<Request>): Engine<Request> {
  const { apiSchema, supergraphSchema } = options.graph;
  const prepared = new WeakMap<QueryPlan, PreparedOperation<Request>>();
  const entityTypes = entityTypesOf(supergraphSchema);
  const compilation: Omit<Compilation, OfPlan> = {
    isEntity: (subgraph, typename) => entityTypes.get(subgraph)?.has(typename) ?? true,
    isAbstract: (name) => typeof name === "string" && isAbstractType(supergraphSchema.getType(name)),
    isOfType(typename, condition) {
      if (typename === condition) return true;
      const abstract = supergraphSchema.getType(condition);
      const type = typeof typename === "string" ? supergraphSchema.getType(typename) : undefined;
      return isAbstractType(abstract) && (isObjectType(type) || isInterfaceType(type))
        ? supergraphSchema.isSubType(abstract, type)
        : false;
    },
  };

  const plannedOperations = createPlannedOperations(supergraphSchema);
  // What the planner failed on as it was.
  const plannedOtherwise = new WeakMap<Operation, Operation>();

  function compiled(operation: Operation, plan: QueryPlan): Prepared {
    let each = prepared.get(plan);
    if (!each || each.operation !== operation) {
      each = new PreparedOperation<Request>(operation, plan, { schema: apiSchema, compilation });
      prepared.set(plan, each);
    }
    return each;
  }

  /** Other ways to plan the same. What a caller may not see is asked of nobody, so that isn't widened. */
  function* otherwise(operation: Operation): Generator<Operation> {
    yield spelledOut(operation, apiSchema);
    if (!operation.answered?.denied) yield spelledOut(operation, apiSchema, { widened: true });
  }

  const known = (given: Prepared): PreparedOperation<Request> => given as PreparedOperation<Request>;

  return {
    prepare(operation, variables, o) {
      const wanted = plannedOperations.plannedFor(operation, variables);
      const planned = plannedOtherwise.get(wanted) ?? wanted;
      const plan = options.graph.plan(planned, o);
      if (!(plan instanceof Promise)) return compiled(planned, plan);
      return plan.then(
        (each) => compiled(planned, each),
        async (error: unknown) => {
          if (!(error instanceof PlanningFailed) || planned !== wanted) throw error;
          for (const other of otherwise(wanted)) {
            try {
              const found = compiled(other, await options.graph.plan(other, o));
              plannedOtherwise.set(wanted, other);
              return found;
            } catch (again) {
              if (!(again instanceof PlanningFailed)) throw again;
            }
          }
          throw error;
        },
      );
    },

    async execute(given, variables, request) {
      const operation = known(given);
      const run = new Run(options, variables, request, operation.isMutation);
      const { node } = operation.plan;
      if (node?.kind === "Subscription") throw new Error("A subscription is subscribed to.");
      if (node) await operation.stepOf(node)(run, [run.root], []);
      return completed(operation, run, operation.shapeFor(variables, false), run.root);
    },

    executeIncrementally: (given, variables, request) =>
      runIncrementally(known(given), new Run(options, variables, request, known(given).isMutation)),

    async subscribe(given, variables, request, { requestOfEvent, throwsFaults = false } = {}) {
      const operation = known(given);
      const { node } = operation.plan;
      if (node?.kind !== "Subscription") throw new Error("Only a subscription is subscribed to.");
      const { serviceName } = node.primary;
      const runFor = (who: Request) => new Run(options, variables, who, false);
      try {
        const transport = options.transports.get(serviceName);
        if (!transport) throw new SubgraphFault(serviceName, "UNREACHABLE", `There is no way to "${serviceName}".`);
        const source = await transport.subscribe(operation.primary.planned(runFor(request)));
        if (!(Symbol.asyncIterator in source)) return refusal(source, serviceName, request);
        const arriving = readAhead(source, serviceName);
        return eventsOf(arriving, async (event) => {
          const run = runFor(requestOfEvent ? await requestOfEvent(arriving.arrivedAt) : request);
          // Whoever made the event may hand it to others as well, and joins change it.
          operation.primary.take(run, node.rest ? structuredClone(event) : event);
          if (node.rest) await operation.stepOf(node.rest)(run, [run.root], []);
          return completed(operation, run, operation.shapeFor(variables, false), run.root);
        });
      } catch (error) {
        if (throwsFaults || !(error instanceof SubgraphFault)) throw error;
        return { errors: [options.describeFault(error, request)] };
      }
    },
  };

  /** A subscription that didn't begin has no data at all. */
  function refusal(answer: SubgraphAnswer, subgraph: string, request: Request): Answer {
    const errors: readonly GraphQLFormattedError[] = answer.errors ?? [];
    if (errors.length > 0) return { errors: errors.map((error) => options.describeError(error, subgraph, request)) };
    const fault = new SubgraphFault(subgraph, "NOT_GRAPHQL", `"${subgraph}" answered a subscription with no events.`);
    return { errors: [options.describeFault(fault, request)] };
  }
}

function eventsOf(source: AsyncIterableIterator<SubgraphAnswer>, join: (event: SubgraphAnswer) => Promise<Answer>) {
  const events: EventStream = {
    async next() {
      const step = await source.next();
      return step.done ? { done: true, value: undefined } : { done: false, value: await join(step.value) };
    },
    async return() {
      await source.return?.();
      return { done: true, value: undefined };
    },
    async throw(error) {
      await source.return?.();
      throw error;
    },
    [Symbol.asyncIterator]: () => events,
  };
  return events;
}
