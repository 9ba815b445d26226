import type { GraphQLFormattedError } from "graphql";
import type { ClientRequest } from "../client-request";
import type { SubgraphFault } from "../subgraphs/transport";
import type { EngineOptions } from "./engine";
import type { Tree } from "./tree";

// A subgraph may report an error for each item of a long list, and each may stand at many places.
const errorsMax = 1_000;

/** One operation while it runs; for what is deferred of it, a branch with errors of its own. */
export class Run<Request extends ClientRequest> {
  readonly errors: GraphQLFormattedError[] = [];
  extensions: Record<string, unknown> | undefined;
  /** What stands at paths from the root, while steps of the plan begin beside each other. */
  walked: Map<string, readonly unknown[]> | undefined;

  constructor(
    readonly options: EngineOptions<Request>,
    readonly variables: Readonly<Record<string, unknown>>,
    readonly request: Request,
    readonly isMutation: boolean,
    readonly root: Tree = {},
    /** Entities that are being fetched or have been: by what was asked of them, then by their representation. */
    readonly fetched = new Map<string, Map<string, FetchedEntity>>(),
    /** The fetches that are done, by the planner's ids, and who waits for them. */
    readonly done = new Map<string, Gate>(),
  ) {}

  /** A mutation heeds the deadline alone, so that a client that leaves doesn't cut it in two. */
  get signal(): AbortSignal {
    return this.isMutation ? this.request.deadline : this.request.signal;
  }

  branch(): Run<Request> {
    return new Run(this.options, this.variables, this.request, this.isMutation, this.root, this.fetched, this.done);
  }

  report(error: GraphQLFormattedError): void {
    if (this.errors.length < errorsMax) this.errors.push(error);
  }

  pass(extensions: Record<string, unknown>): void {
    for (const name of this.options.extensionsPassed ?? [])
      if (Object.hasOwn(extensions, name)) (this.extensions ??= {})[name] = extensions[name];
  }

  gateOf(fetchId: string): Gate {
    let gate = this.done.get(fetchId);
    if (!gate) {
      let open = () => {};
      const opened = new Promise<void>((resolve) => (open = resolve));
      this.done.set(fetchId, (gate = { opened, open }));
    }
    return gate;
  }
}

/** One entity of a fetch that was sent. */
export interface FetchedEntity {
  sent: Promise<SentFetch>;
  index: number;
}

/** How a fetch of entities ended. */
export type SentFetch =
  | { entities: readonly unknown[]; errors: ReadonlyMap<number, readonly GraphQLFormattedError[]> }
  | { fault: SubgraphFault };

interface Gate {
  opened: Promise<void>;
  open(): void;
}
