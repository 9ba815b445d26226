import type { ClientRequest } from "../client-request";
import { copyOf, type Tree } from "../execution/tree";
import { SubgraphFault, type SubgraphAnswer, type SubgraphRequest, type SubgraphTransport } from "./transport";

export interface SharedFetches {
  /**
   * The same way to a subgraph, on which a query that is being answered isn't sent again: whoever asks the same
   * meanwhile gets the same answer. `toldOf` is all that the subgraph is told of a caller beside the query; only those
   * of whom it is told the same share.
   */
  over<Request extends ClientRequest>(
    transport: SubgraphTransport<Request>,
    toldOf: (request: Request) => string,
  ): SubgraphTransport<Request>;
}

/**
 * For the subgraphs of one supergraph. What a mutation changed must be seen by whoever asks after its answer, so nobody
 * joins a query of any subgraph that was sent before a mutation of any subgraph ended.
 */
export function createSharedFetches(): SharedFetches {
  const running = new Map<string, Flight>();
  return {
    over(transport, toldOf) {
      const { name } = transport;
      return {
        name,
        async fetch(request, timeoutMs) {
          if (request.kind === "query") return joined(request);
          try {
            return await transport.fetch(request, timeoutMs);
          } finally {
            running.clear();
          }

          function joined(query: typeof request): Promise<SubgraphAnswer> {
            const body = query.body();
            const key = `${name} ${toldOf(query.request)} ${body}`;
            let flight = running.get(key);
            if (!flight) {
              const begun = new Flight(name, () => {
                if (running.get(key) === begun) running.delete(key);
              });
              running.set(key, (flight = begun));
              begun.settleBy(transport.fetch(begun.asked(query, body), timeoutMs));
            }
            return flight.join(query.signal);
          }
        },
        subscribe: (request) => transport.subscribe(request),
        close: () => transport.close(),
      };
    },
  };
}

/** A fetch on its way, and who waits for it. It is given up when the last of them has gone. */
class Flight {
  readonly #waiters = new Set<Waiter>();
  readonly #given = new AbortController();

  constructor(
    private readonly subgraph: string,
    private readonly ended: () => void,
  ) {}

  /** What the first asked, but it doesn't end with the first. */
  asked<Request extends ClientRequest>(first: SubgraphRequest<Request>, body: string): SubgraphRequest<Request> {
    const { kind, query, operationName, request } = first;
    return {
      kind,
      query,
      operationName,
      request,
      get variables() {
        return first.variables;
      },
      body: () => body,
      signal: this.#given.signal,
    };
  }

  settleBy(answer: Promise<SubgraphAnswer>): void {
    answer.then(
      (given) => {
        // Each merges what it gets: all copies are made before the first is handed out and changed.
        this.#each((waiter, at) => {
          waiter.answer = at === 0 ? given : copied(given);
        });
        this.#each((waiter) => waiter.resolve(waiter.answer!));
        this.#end();
      },
      (error: Error) => {
        this.#each((waiter) => waiter.reject(error));
        this.#end();
      },
    );
  }

  join(signal: AbortSignal): Promise<SubgraphAnswer> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(signal, resolve, reject, (gone) => this.#leave(gone));
      this.#waiters.add(waiter);
      if (signal.aborted) waiter.handleEvent();
      else signal.addEventListener("abort", waiter);
    });
  }

  #leave(waiter: Waiter): void {
    const { reason } = waiter.signal as { reason: unknown };
    const late = reason instanceof Error && reason.name === "TimeoutError";
    const message = `The request to "${this.subgraph}" was given up.`;
    waiter.reject(new SubgraphFault(this.subgraph, late ? "TIMEOUT" : "ABORTED", message, { cause: reason }));
    this.#waiters.delete(waiter);
    if (this.#waiters.size > 0) return;
    this.ended();
    this.#given.abort(reason);
  }

  #each(work: (waiter: Waiter, at: number) => void): void {
    let at = 0;
    for (const waiter of this.#waiters) work(waiter, at++);
  }

  #end(): void {
    this.#each((waiter) => waiter.signal.removeEventListener("abort", waiter));
    this.#waiters.clear();
    this.ended();
  }
}

class Waiter {
  answer: SubgraphAnswer | undefined;

  constructor(
    readonly signal: AbortSignal,
    readonly resolve: (answer: SubgraphAnswer) => void,
    readonly reject: (fault: Error) => void,
    private readonly leave: (waiter: Waiter) => void,
  ) {}

  handleEvent(): void {
    this.signal.removeEventListener("abort", this);
    this.leave(this);
  }
}

const copied = ({ data, ...rest }: SubgraphAnswer): SubgraphAnswer => ({
  ...rest,
  data: copyOf(data) as Tree | null | undefined,
});
