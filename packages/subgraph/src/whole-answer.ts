import type { Dispatcher } from "undici";

/** An answer that has arrived. */
export interface WholeAnswer {
  statusCode: number;
  text: string;
}

/**
 * Sends one request and reads its whole answer, by undici's dispatcher: the stream, the promises and the second signal
 * that `request` makes of an answer cost more than the exchange itself. Rejects as soon as the signal is aborted.
 */
export const wholeAnswer = (dispatcher: Dispatcher, options: Dispatcher.RequestOptions): Promise<WholeAnswer> =>
  new Promise((resolve, reject) => {
    const { signal, ...sent } = options;
    const exchange = new Exchange(signal as AbortSignal | null | undefined, resolve, reject);
    if (!exchange.hasEnded) dispatcher.dispatch(sent, exchange);
  });

class Exchange implements Dispatcher.DispatchHandler {
  hasEnded = false;
  #controller: Dispatcher.DispatchController | undefined;
  #statusCode = 0;
  readonly #chunks: Buffer[] = [];

  constructor(
    private readonly signal: AbortSignal | null | undefined,
    private readonly resolve: (answer: WholeAnswer) => void,
    private readonly reject: (error: Error) => void,
  ) {
    if (signal?.aborted) this.handleEvent();
    else signal?.addEventListener("abort", this);
  }

  /** Whoever asked doesn't wait any longer. */
  handleEvent(): void {
    const reason = this.signal!.reason as Error;
    this.#end();
    this.#controller?.abort(reason);
    this.reject(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.hasEnded) controller.abort(new Error("Given up before it began."));
  }

  onResponseStart(_: Dispatcher.DispatchController, statusCode: number): void {
    this.#statusCode = statusCode;
    this.#chunks.length = 0;
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.hasEnded) return;
    this.#end();
    const chunks = this.#chunks;
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    this.resolve({ statusCode: this.#statusCode, text: bytes.toString() });
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.hasEnded) return;
    this.#end();
    this.reject(error);
  }

  #end(): void {
    this.hasEnded = true;
    this.signal?.removeEventListener("abort", this);
  }
}
