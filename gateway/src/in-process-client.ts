import type { ExecutionResult } from "graphql";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { EventStream, OperationRequest, Readiness, SubgraphClient } from "./subgraph-client";

/** What this driver needs of a subgraph that runs in the same process. */
export interface LocalSubgraph {
  name: string;
  execute(request: OperationRequest): Promise<ExecutionResult>;
  subscribe(request: OperationRequest): Promise<EventStream | ExecutionResult>;
  handle(request: IncomingMessage, response: ServerResponse): void;
  ready(): Promise<Readiness>;
  internal?: Record<string, (input: never) => Promise<unknown>>;
}

/** Calls a subgraph of this process directly. Whoever started the subgraph stops it. */
export function inProcessClient(subgraph: LocalSubgraph): SubgraphClient {
  return {
    name: subgraph.name,
    execute: (request) => subgraph.execute(request),
    subscribe: (request) => subgraph.subscribe(request),
    handle: (request, response) => subgraph.handle(request, response),
    ready: () => subgraph.ready(),
    async internal(operation, input) {
      const operations = subgraph.internal ?? {};
      const call = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
      if (!call) throw new Error(`The service "${subgraph.name}" has no internal operation "${operation}".`);
      return call(input as never);
    },
    close: async () => {},
  };
}
