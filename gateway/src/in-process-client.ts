import { actorHeader, actorKeyFor, signActor } from "@atrium/access";
import { requestLine, type RunningSubgraph } from "@atrium/subgraph";
import type { SubgraphClient } from "./subgraph-client";

/** Calls a subgraph of this process directly. Whoever started the subgraph stops it. */
export function inProcessClient(subgraph: RunningSubgraph, { secret }: { secret: string }): SubgraphClient {
  const { name } = subgraph;
  const key = actorKeyFor(name, secret);
  return {
    name,
    execute: (request) => subgraph.execute(request),
    subscribe: (request) => subgraph.subscribe(request),
    handle(request, response, { actor, requestId, clientAddress }) {
      const body = requestLine(request.method!, request.url!);
      request.headers[actorHeader] = signActor(actor, { audience: name, body, key });
      request.headers["x-request-id"] = requestId;
      request.headers["x-forwarded-for"] = clientAddress;
      subgraph.handle(request, response);
    },
    ready: () => subgraph.ready(),
    async internal(operation, input) {
      const call = Object.hasOwn(subgraph.internal, operation) ? subgraph.internal[operation] : undefined;
      if (!call) throw new Error(`The service "${name}" has no internal operation "${operation}".`);
      return call(input);
    },
    metrics: () => subgraph.registry.metrics(),
    close: async () => {},
  };
}
