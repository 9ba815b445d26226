import { setTimeout as delay } from "node:timers/promises";
import { PublicError } from "@atrium/errors";

const stopped = () =>
  new PublicError("SERVICE_UNAVAILABLE", "This service is stopping; try again.", { retryAfterSeconds: 1 });

/** What a subgraph is doing now, and the way to bring it to an end. */
export type Work = ReturnType<typeof workInProgress>;

/** A subscription's end: asked for by the subscriber (nothing to say), or by the subgraph (`reason`). */
export interface SubscriptionEnd {
  readonly signal: AbortSignal;
  readonly reason: PublicError | null;
  close(): void;
}

export function workInProgress(onCount: (running: number) => void) {
  let stopping = false;
  let running = 0;
  const idle = new Set<() => void>();
  const aborts = new Set<AbortController>();
  const subscriptions = new Set<(reason: PublicError) => void>();

  const changed = (by: number) => {
    running += by;
    onCount(running);
    if (running === 0) for (const notify of idle) notify();
  };

  return {
    get stopping() {
      return stopping;
    },

    /** Throws once the subgraph is stopping. */
    admit(): void {
      if (stopping) throw stopped();
    },

    /** Counts one piece of work until `end`. `interrupted` rejects when it is aborted: nobody waits, or it took too long. */
    begin(outer: AbortSignal | undefined, timeoutMs: number | null) {
      const controller = new AbortController();
      const { signal } = controller;
      const abort = (reason: unknown) => controller.abort(reason);
      const outerAborted = () => abort(new PublicError("SERVICE_UNAVAILABLE", "The caller has gone away."));
      const tooLong = () =>
        abort(new PublicError("SERVICE_UNAVAILABLE", `This took longer than ${timeoutMs! / 1000} s and was given up.`));
      const timer = timeoutMs === null ? undefined : setTimeout(tooLong, timeoutMs);
      const interrupted = new Promise<never>((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
      );
      interrupted.catch(() => {});
      if (outer?.aborted) outerAborted();
      outer?.addEventListener("abort", outerAborted, { once: true });
      aborts.add(controller);
      changed(1);
      let ended = false;
      const end = () => {
        if (ended) return;
        ended = true;
        clearTimeout(timer);
        outer?.removeEventListener("abort", outerAborted);
        aborts.delete(controller);
        changed(-1);
      };
      return { signal, interrupted, end };
    },

    openSubscription(outer: AbortSignal | undefined): SubscriptionEnd {
      const controller = new AbortController();
      let reason: PublicError | null = null;
      const end = (why: PublicError | null) => {
        reason ??= why;
        subscriptions.delete(end);
        outer?.removeEventListener("abort", close);
        controller.abort();
      };
      const close = () => end(null);
      subscriptions.add(end);
      outer?.addEventListener("abort", close, { once: true });
      if (outer?.aborted) close();
      return {
        signal: controller.signal,
        get reason() {
          return reason;
        },
        close,
      };
    },

    /** Admits nothing more, ends the subscriptions, waits for what runs and aborts what still runs after `drainMs`. */
    async drain(drainMs: number): Promise<void> {
      stopping = true;
      for (const end of [...subscriptions]) end(stopped());
      const empty = async (withinMs: number) => {
        if (running === 0) return;
        const done = new AbortController();
        await Promise.race([
          new Promise<void>((resolve) => idle.add(resolve)),
          delay(withinMs, undefined, { signal: done.signal }).catch(() => {}),
        ]);
        done.abort();
      };
      await empty(drainMs);
      for (const controller of aborts) controller.abort(stopped());
      // What heeds its signal ends now, before its database is closed under it.
      await empty(1_000);
    },
  };
}
