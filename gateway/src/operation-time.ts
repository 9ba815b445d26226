import { LightAbortController } from "./light-abort";

/**
 * How long one operation may go on: until its client leaves, or until its time is up. Without a limit only the client's
 * leaving ends it: so for subscriptions.
 */
export class OperationTime {
  readonly #presence = new LightAbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  #patience: LightAbortController | undefined;

  constructor(timeoutMs?: number) {
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#timeUp(timeoutMs), timeoutMs);
  }

  /** Aborted by either. */
  get signal(): AbortSignal {
    return this.#presence.signal;
  }

  /** Aborted when the time is up alone. */
  get deadline(): AbortSignal {
    // Few ask for it, and one is made for each operation.
    return (this.#patience ??= new LightAbortController()).signal;
  }

  clientLeft(): void {
    this.#presence.abort(new Error("The client has gone."));
  }

  /** The operation has ended, or may take as long as it takes: its time won't be up. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #timeUp(ms: number): void {
    const late = new DOMException(`An operation may take ${ms} ms at the most.`, "TimeoutError");
    (this.#patience ??= new LightAbortController()).abort(late);
    this.#presence.abort(late);
  }
}
