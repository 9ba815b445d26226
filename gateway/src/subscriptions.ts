import {
  GraphQLError,
  isInterfaceType,
  isObjectType,
  print,
  separateOperations,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import type { Logger } from "pino";
import { maskGraphQLError, maskSubgraphError } from "./masking";
import type { Metrics } from "./metrics";
import type { RequestContext } from "./request-context";
import type { EventStream, SubgraphClient } from "./subgraph-client";
import type { LoadedSupergraph } from "./supergraph";

export interface SubscriptionRequest {
  /** Valid against the API's schema. */
  document: DocumentNode;
  operation: OperationDefinitionNode;
  variables: Record<string, unknown>;
  context: RequestContext;
  /** Asked before each event is passed on; rejects when the caller may not see it any more. */
  stillAllowed(): Promise<void>;
}

export type Subscribe = (request: SubscriptionRequest) => Promise<EventStream | ExecutionResult>;

/** Forwards a subscription to the one subgraph that can serve all of it. */
export function createSubscriptions(o: {
  supergraph: LoadedSupergraph;
  subgraphs: ReadonlyMap<string, SubgraphClient>;
  metrics: Metrics;
}): Subscribe {
  // For as long as somebody holds the document.
  const routes = new WeakMap<OperationDefinitionNode, { owner: string; query: string }>();

  function routeOf(document: DocumentNode, operation: OperationDefinitionNode) {
    let route = routes.get(operation);
    if (!route) {
      const alone = separateOperations(document)[operation.name?.value ?? ""]!;
      route = { owner: ownerOf(o.supergraph, alone, operation), query: print(alone) };
      routes.set(operation, route);
    }
    return route;
  }

  return async ({ document, operation, variables, context, stillAllowed }) => {
    const operationName = operation.name?.value;
    try {
      const { owner, query } = routeOf(document, operation);
      const source = await o.subgraphs.get(owner)!.subscribe({
        query,
        variables,
        operationName,
        actor: context.actor,
        requestId: context.requestId,
        traceparent: context.traceparent,
        clientAddress: context.clientAddress,
        userAgent: context.userAgent,
        signal: context.signal,
      });
      const passOn = (result: ExecutionResult) => maskResult(result, owner, context.log);
      if (!(Symbol.asyncIterator in source)) return passOn(source);
      o.metrics.subscriptions.inc();
      return guarded(source, {
        async passOn(result) {
          await stillAllowed();
          o.metrics.events.inc();
          return passOn(result);
        },
        ended: () => o.metrics.subscriptions.dec(),
      });
    } catch (error) {
      return { errors: [maskGraphQLError(error, context.log)] };
    }
  };
}

const maskResult = ({ data, errors }: ExecutionResult, service: string, log: Logger): ExecutionResult => ({
  data,
  ...(errors && {
    errors: errors.map((error) => {
      const { message, path, extensions } = maskSubgraphError(error, service, log);
      return new GraphQLError(message, { path, extensions });
    }),
  }),
});

/** The subgraph whose own schema has all that the operation selects. Throws, naming what it hasn't. */
function ownerOf(supergraph: LoadedSupergraph, document: DocumentNode, operation: OperationDefinitionNode): string {
  const selected = fieldsSelected(supergraph.apiSchema, document);
  const root = supergraph.apiSchema.getSubscriptionType()!.name;
  const entrance = selected.find(({ type }) => type === root)!;
  const candidates = supergraph.subgraphNames
    .map((name) => ({ name, schema: supergraph.subgraphSchema(name) }))
    .filter(({ schema }) => hasField(schema, entrance))
    .map((candidate) => ({ ...candidate, missing: selected.filter((field) => !hasField(candidate.schema, field)) }))
    .sort((a, b) => a.missing.length - b.missing.length);
  const best = candidates[0];
  if (!best) throw new Error(`No subgraph has Subscription.${entrance.field} (operation ${operation.name?.value}).`);
  const faults = best.missing.length > 0 ? [] : validate(best.schema, document, undefined, { maxErrors: 1 });
  if (best.missing.length === 0 && faults.length === 0) return best.name;
  const others = [...new Set(best.missing.map(({ type, field }) => `${type}.${field}`))].join(", ");
  throw new GraphQLError(
    `A subscription may select fields of one service alone, here "${best.name}". ` +
      (others ? `Fields of others: ${others}. Ask for them with a query.` : faults[0]!.message),
    { extensions: { code: "BAD_USER_INPUT", field: "query" } },
  );
}

interface SelectedField {
  type: string;
  field: string;
}

function fieldsSelected(schema: GraphQLSchema, document: DocumentNode): SelectedField[] {
  const fields: SelectedField[] = [];
  const types = new TypeInfo(schema);
  const collect = visitWithTypeInfo(types, {
    Field({ name }) {
      const type = types.getParentType()?.name;
      if (type && !name.value.startsWith("__")) fields.push({ type, field: name.value });
    },
  });
  visit(document, collect);
  return fields;
}

function hasField(schema: GraphQLSchema, { type, field }: SelectedField): boolean {
  const known = schema.getType(type);
  if (!isObjectType(known) && !isInterfaceType(known)) return false;
  const definition = known.getFields()[field];
  // A field that a subgraph only mentions is another's to answer.
  const isMentioned = definition?.astNode?.directives?.some(({ name }) => /(^|__)external$/.test(name.value));
  return definition !== undefined && !isMentioned;
}

/** The source's events, each passed on by `passOn`; ended from outside at once, whatever it waits for. */
function guarded(
  source: EventStream,
  o: { passOn(result: ExecutionResult): Promise<ExecutionResult>; ended(): void },
): EventStream {
  const done = { done: true, value: undefined } as const;
  let hasEnded = false;
  let endWaiting!: (step: typeof done) => void;
  const outsideEnd = new Promise<typeof done>((resolve) => (endWaiting = resolve));
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    endWaiting(done);
    o.ended();
    // Not waited for: a generator returns only after what it waits for, and the operation's signal ends that.
    void Promise.resolve(source.return?.()).catch(() => {});
  };
  return {
    async next() {
      if (hasEnded) return done;
      try {
        const step = await Promise.race([source.next(), outsideEnd]);
        const value = step.done ? undefined : await o.passOn(step.value);
        if (value && !hasEnded) return { done: false, value };
        end();
        return done;
      } catch (error) {
        end();
        throw error;
      }
    },
    async return() {
      end();
      return done;
    },
    async throw(error: unknown) {
      end();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
