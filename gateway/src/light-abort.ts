import { setMaxListeners } from "node:events";

/**
 * What an `AbortController` does, for what is made for each request: any number may listen to its signal.
 *
 * Before 22, Node gives each signal of its own another prototype, and V8 makes hidden classes for that one object, in the
 * old part of the heap: that takes nine times as long, and what is left of every request stays until the next full
 * collection. `AbortSignal.any` and `fetch` take no other signals than Node's, so whoever needs one of those makes it.
 */
export class LightAbortController {
  readonly signal: AbortSignal = new LightSignal();

  abort(reason?: unknown): void {
    (this.signal as LightSignal).abort(reason);
  }
}

class LightSignal extends EventTarget implements AbortSignal {
  aborted = false;
  reason: unknown = undefined;
  onabort = null;

  constructor() {
    super();
    // Each of an operation's fetches listens, and there may be many.
    setMaxListeners(0, this);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.dispatchEvent(new Event("abort"));
  }
}
