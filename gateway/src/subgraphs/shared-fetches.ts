import type { ClientRequest } from "../client-request";
import { LightAbortController } from "../light-abort";
import { ShortLivedMap } from "./short-lived";
import { SubgraphFault, type SubgraphAnswer, type SubgraphRequest, type SubgraphTransport } from "./transport";

export interface SharedFetches {
  /**
   * The same way to a subgraph, on which a query that is being answered isn't sent again: whoever asks the same
   * meanwhile gets the same answer.
   */
  over<Request extends ClientRequest>(
    transport: SubgraphTransport<Request>,
    o: SharingRules<Request>,
  ): SubgraphTransport<Request>;
}

export interface SharingRules<Request extends ClientRequest> {
  /** All that the subgraph is told of a caller beside the query: only those of whom it is told the same share. */
  toldOf(request: Request): string;
  /** Before `request` gets the answer that the subgraph gave to `first`. */
  onJoined?(request: Request, first: Request): void;
}

/**
 * For the subgraphs of one supergraph. Whoever asks after a mutation's answer, or after an event, must see what has
 * changed: nobody joins a query of any subgraph that was sent before a mutation of any ended, or an event of any came.
 *
 * Where other processes change things as well, `withinTurns` holds more strictly: a query is joined only in the turn of
 * the event loop that it is sent in. All requests that a turn has had arrived when it began, so nobody is told what was
 * read before they asked.
 */
export function createSharedFetches({ withinTurns = false }: { withinTurns?: boolean } = {}): SharedFetches {
  const running = new ShortLivedMap<Flight>();
  const begin = (key: string, flight: Flight) => {
    if (withinTurns && running.isEmpty) setImmediate(() => running.clear());
    running.set(key, flight);
  };
  return {
    over(transport, { toldOf, onJoined }) {
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
            const key = `${name}\n${toldOf(query.request)}\n${body}`;
            const known = running.get(key);
            if (known)
              return known.join(query.signal, () => onJoined?.(query.request, known.first as typeof query.request));
            const begun = new Flight(name, query.request, () => {
              if (running.get(key) === begun) running.delete(key);
            });
            begin(key, begun);
            begun.settleBy(transport.fetch(begun.asked(query, body), timeoutMs));
            return begun.join(query.signal);
          }
        },
        async subscribe(request) {
          const source = await transport.subscribe(request);
          return Symbol.asyncIterator in source ? eachHeard(source, () => running.clear()) : source;
        },
        close: () => transport.close(),
      };
    },
  };
}

/** A fetch on its way, and who waits for it. It is given up when the last of them has gone. */
class Flight {
  readonly #waiters = new Set<Waiter>();
  readonly #given = new LightAbortController();

  constructor(
    private readonly subgraph: string,
    readonly first: ClientRequest,
    private readonly ended: () => void,
  ) {}

  /** What the first asked, but it doesn't end with the first. */
  asked<Request extends ClientRequest>(first: SubgraphRequest<Request>, body: string): SubgraphRequest<Request> {
    return new FirstAsked(first, body, this.#given.signal);
  }

  settleBy(answer: Promise<SubgraphAnswer>): void {
    answer.then(
      (given) => {
        const answer = this.#waiters.size > 1 ? { ...given, isShared: true } : given;
        this.#each((waiter) => {
          waiter.answered?.();
          waiter.resolve(answer);
        });
        this.#end();
      },
      (error: Error) => {
        this.#each((waiter) => waiter.reject(error));
        this.#end();
      },
    );
  }

  join(signal: AbortSignal, answered?: () => void): Promise<SubgraphAnswer> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(signal, resolve, reject, (gone) => this.#leave(gone), answered);
      this.#waiters.add(waiter);
      if (signal.aborted) waiter.handleEvent();
      else signal.addEventListener("abort", waiter);
    });
  }

  #leave(waiter: Waiter): void {
    const { reason } = waiter.signal as { reason: unknown };
    const late = (reason as Error | undefined)?.name === "TimeoutError";
    const message = `The request to "${this.subgraph}" was given up.`;
    waiter.reject(new SubgraphFault(this.subgraph, late ? "TIMEOUT" : "ABORTED", message, { cause: reason }));
    this.#waiters.delete(waiter);
    if (this.#waiters.size > 0) return;
    this.ended();
    this.#given.abort(reason);
  }

  #each(work: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiters) work(waiter);
  }

  #end(): void {
    this.#each((waiter) => waiter.signal.removeEventListener("abort", waiter));
    this.#waiters.clear();
    this.ended();
  }
}

/** A class, since V8 makes a hidden class for each object literal that has a getter. */
class FirstAsked<Request extends ClientRequest> implements SubgraphRequest<Request> {
  traceparent?: string;

  constructor(
    private readonly first: SubgraphRequest<Request>,
    private readonly text: string,
    readonly signal: AbortSignal,
  ) {}

  get kind() {
    return this.first.kind;
  }

  get query() {
    return this.first.query;
  }

  get operationName() {
    return this.first.operationName;
  }

  get request() {
    return this.first.request;
  }

  get variables() {
    return this.first.variables;
  }

  body(): string {
    return this.text;
  }
}

function eachHeard(
  source: AsyncIterableIterator<SubgraphAnswer>,
  heard: () => void,
): AsyncIterableIterator<SubgraphAnswer> {
  const events: AsyncIterableIterator<SubgraphAnswer> = {
    async next() {
      const step = await source.next();
      heard();
      return step;
    },
    return: () => source.return?.() ?? Promise.resolve({ done: true, value: undefined }),
    throw: (error) => source.throw?.(error) ?? Promise.reject(error as Error),
    [Symbol.asyncIterator]: () => events,
  };
  return events;
}

class Waiter {
  constructor(
    readonly signal: AbortSignal,
    readonly resolve: (answer: SubgraphAnswer) => void,
    readonly reject: (fault: Error) => void,
    private readonly leave: (waiter: Waiter) => void,
    readonly answered: (() => void) | undefined,
  ) {}

  handleEvent(): void {
    this.signal.removeEventListener("abort", this);
    this.leave(this);
  }
}
