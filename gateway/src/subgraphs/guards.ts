import type { ClientRequest } from "../client-request";
import type { Observer } from "../observing/observer";
import { SubgraphFault, type FaultReason, type SubgraphTransport } from "./transport";

export interface GuardOptions {
  /** How long one attempt may take. */
  timeoutMs: number;
  /** Fetches that run at a time, and that wait for their turn; more fail at once. */
  concurrencyMax: number;
  waitingMax: number;
  /** How often a query is sent again when it had no answer. */
  retriesMax: number;
  /** Retries in relation to requests, so that a subgraph in trouble isn't asked twice as much. */
  retryShare: number;
  /** The breaker opens when so many of the last fetches, of at least `breakerFetchesMin`, had no answer. */
  breakerShare: number;
  breakerFetchesMin: number;
  breakerWindowMs: number;
  /** How long it stays open before one fetch is let through to try. */
  breakerPauseMs: number;
}

export const defaultGuards: GuardOptions = {
  timeoutMs: 30_000,
  concurrencyMax: 500,
  waitingMax: 1_000,
  retriesMax: 2,
  retryShare: 0.2,
  breakerShare: 0.5,
  breakerFetchesMin: 20,
  breakerWindowMs: 10_000,
  breakerPauseMs: 5_000,
};

// What says that the subgraph is in trouble, rather than its caller or us.
const troubles: ReadonlySet<FaultReason> = new Set<FaultReason>(["UNREACHABLE", "TIMEOUT", "NOT_GRAPHQL"]);

// A refusal (4xx) is about this request: callers with bad tokens mustn't open the breaker for others.
const isServerFault = ({ reason, status }: SubgraphFault): boolean =>
  reason === "HTTP_STATUS" && (status === undefined || status >= 500);

const isTrouble = (error: unknown): boolean =>
  !(error instanceof SubgraphFault) || troubles.has(error.reason) || isServerFault(error);

/** What a second try may mend. An answer that arrived and is wrong will be wrong again. */
const mayMend = (error: unknown): boolean =>
  error instanceof SubgraphFault && (error.reason === "UNREACHABLE" || isServerFault(error));

const firstPauseMs = 25;

/** A way to a subgraph that fails fast, never asks too much at once, and asks again only where that is harmless. */
export function guarded<Request extends ClientRequest>(
  transport: SubgraphTransport<Request>,
  options: Partial<GuardOptions> = {},
  observer: Observer = {},
): SubgraphTransport<Request> {
  const o = { ...defaultGuards, ...options };
  const { name } = transport;
  const breaker = createBreaker(name, o, observer);
  const turns = createTurns(name, o);
  const retries = createBudget(o.retryShare);

  return {
    name,
    async fetch(request) {
      const observation = observer.fetchStarted?.(name, request.request);
      if (observation?.traceparent !== undefined) request.traceparent = observation.traceparent;
      retries.earn();
      for (let tries = 0; ; tries++) {
        let probe: Probe | undefined;
        let hasTurn = false;
        try {
          probe = breaker.admit();
          const turn = turns.take(request.signal);
          if (turn) await turn;
          hasTurn = true;
          const answer = await transport.fetch(request, o.timeoutMs);
          breaker.succeeded(probe);
          observation?.ended(answer.errors === undefined ? "ok" : "errors");
          return answer;
        } catch (error) {
          if (probe) breaker.failed(probe, error);
          const reason = error instanceof SubgraphFault ? error.reason : "UNREACHABLE";
          const again =
            request.kind === "query" &&
            mayMend(error) &&
            tries < o.retriesMax &&
            !request.signal.aborted &&
            retries.spend();
          if (!again) {
            observation?.ended(reason);
            throw error;
          }
          observer.retried?.(name, reason);
        } finally {
          if (hasTurn) turns.release();
        }
        await pause(firstPauseMs * 2 ** tries * (0.5 + Math.random()), request.signal);
      }
    },
    // A socket is opened when the first event is waited for, so nothing is known of it here; whoever subscribes tries again.
    subscribe: (request) => transport.subscribe(request),
    close: () => transport.close(),
  };
}

function createTurns(name: string, { concurrencyMax, waitingMax }: GuardOptions) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    /** Resolves when it is this fetch's turn; undefined when it is at once. */
    take(signal: AbortSignal): Promise<void> | undefined {
      if (running < concurrencyMax) {
        running++;
        return undefined;
      }
      if (waiting.length >= waitingMax)
        throw new SubgraphFault(name, "OVERLOADED", `Too many requests wait for the subgraph "${name}".`);
      return new Promise((resolve, reject) => {
        const start = () => {
          signal.removeEventListener("abort", leave);
          running++;
          resolve();
        };
        const leave = () => {
          waiting.splice(waiting.indexOf(start), 1);
          reject(new SubgraphFault(name, "ABORTED", `The request to "${name}" was given up while it waited.`));
        };
        waiting.push(start);
        signal.addEventListener("abort", leave, { once: true });
      });
    },
    release(): void {
      running--;
      if (running < concurrencyMax) waiting.shift()?.();
    },
  };
}

/** A bucket that requests fill and retries empty. */
function createBudget(share: number) {
  const most = 10;
  let tokens = most;
  return {
    earn: () => void (tokens = Math.min(most, tokens + share)),
    spend(): boolean {
      if (tokens < 1) return false;
      tokens--;
      return true;
    },
  };
}

type Probe = "ORDINARY" | "PROBE";

/** Closed, open, half open (M. Nygard, Release It!): counts over two halves of a sliding window. */
function createBreaker(name: string, o: GuardOptions, observer: Observer) {
  let state: "CLOSED" | "OPEN" | "HALF_OPEN" = "CLOSED";
  let openedAt = 0;
  let halfStartedAt = performance.now();
  let current = { fetches: 0, failures: 0 };
  let before = { fetches: 0, failures: 0 };

  const turn = (to: typeof state) => {
    if (state === to) return;
    state = to;
    observer.breakerChanged?.(name, to);
  };
  const slide = (now: number) => {
    const halves = (now - halfStartedAt) / (o.breakerWindowMs / 2);
    if (halves < 1) return;
    before = halves < 2 ? current : { fetches: 0, failures: 0 };
    current = { fetches: 0, failures: 0 };
    halfStartedAt = now;
  };

  return {
    admit(): Probe {
      if (state === "CLOSED") return "ORDINARY";
      if (state === "OPEN" && performance.now() - openedAt >= o.breakerPauseMs) {
        turn("HALF_OPEN");
        return "PROBE";
      }
      throw new SubgraphFault(name, "BREAKER_OPEN", `"${name}" didn't answer lately; it is tried again shortly.`);
    },
    succeeded(probe: Probe): void {
      if (probe === "PROBE") {
        current = { fetches: 0, failures: 0 };
        before = { fetches: 0, failures: 0 };
        turn("CLOSED");
      }
      if (state !== "CLOSED") return;
      slide(performance.now());
      current.fetches++;
    },
    failed(probe: Probe, error: unknown): void {
      const isFailure = isTrouble(error);
      const now = performance.now();
      if (probe === "PROBE") {
        // A caller who left has tried nothing: the next one does.
        openedAt = isFailure ? now : now - o.breakerPauseMs;
        return turn("OPEN");
      }
      if (state !== "CLOSED" || !isFailure) return;
      slide(now);
      current.fetches++;
      current.failures++;
      const fetches = current.fetches + before.fetches;
      const failures = current.failures + before.failures;
      if (fetches < o.breakerFetchesMin || failures < fetches * o.breakerShare) return;
      openedAt = now;
      turn("OPEN");
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
