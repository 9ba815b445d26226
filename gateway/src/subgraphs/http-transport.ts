import type { GraphQLFormattedError } from "graphql";
import type { IncomingHttpHeaders } from "node:http";
import { buildConnector, Client, Pool, type Dispatcher } from "undici";
import type { ClientRequest } from "../client-request";
import { SubgraphFault, type SubgraphAnswer, type SubgraphRequest, type SubgraphTransport } from "./transport";

export interface HttpTransportOptions<Request extends ClientRequest> {
  name: string;
  url: string;
  /** What goes with each request beside the content's type: rules of the gateway, never the client's own by default. */
  headersFor?(request: SubgraphRequest<Request>): Record<string, string> | undefined;
  /** Connections at a time. */
  connections?: number;
  /** Of one answer, after decompression. */
  answerBytesMax?: number;
  /** Whether HTTP/2 is used where the subgraph offers it (over TLS). */
  http2?: boolean;
  /** Certificates of authorities to trust instead of Node's own, as PEM. */
  ca?: string;
  /** Told of each answer's headers. */
  onAnswered?(headers: IncomingHttpHeaders, request: SubgraphRequest<Request>): void;
  subscribe?: SubgraphTransport<Request>["subscribe"];
  /** Closes what `subscribe` has opened. */
  onClose?(): Promise<void>;
}

const answerBytesMax = 32 * 1024 * 1024;
// Requests at a time over one connection of HTTP/2, as its servers commonly allow.
const streamsMax = 100;
/** Tells a subgraph how many milliseconds whoever asked will still wait: what takes longer needn't be finished. */
export const timeLeftHeader = "x-time-left-ms";

/** Any GraphQL server, by the GraphQL over HTTP specification: `POST`, JSON both ways, connections kept. */
export function httpTransport<Request extends ClientRequest>(
  o: HttpTransportOptions<Request>,
): SubgraphTransport<Request> {
  const { name } = o;
  const { origin, pathname, search } = new URL(o.url);
  const path = `${pathname}${search}`;
  const bytesMax = o.answerBytesMax ?? answerBytesMax;
  const options = {
    connections: o.connections ?? 100,
    allowH2: o.http2 ?? true,
    keepAliveTimeout: 30_000,
    // Each request brings its own deadline.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const connect = buildConnector({ allowH2: options.allowH2, ca: o.ca });
  const queries = new Pool(origin, { ...options, factory: (_, given) => sharedClient(origin, given, connect) });
  // Of requests that share a connection, undici sends some again when it is lost: mutations share none.
  const others = new Pool(origin, { ...options, connect, pipelining: 1 });

  return {
    name,
    fetch: (request, timeoutMs) =>
      new Promise((resolve, reject) => {
        const headers: Record<string, string> = { ...standardHeaders, ...o.headersFor?.(request) };
        const left = timeLeft(request.request, timeoutMs);
        if (left !== undefined) headers[timeLeftHeader] = String(left);
        const traceparent = request.traceparent ?? request.request.traceparent;
        if (traceparent !== undefined) headers["traceparent"] = traceparent;
        const heard = o.onAnswered && ((given: IncomingHttpHeaders) => o.onAnswered!(given, request));
        const exchange = new Exchange(name, request.signal, timeoutMs, bytesMax, resolve, reject, heard);
        if (request.signal.aborted) return exchange.handleEvent();
        const isQuery = request.kind === "query";
        const pool = isQuery ? queries : others;
        pool.dispatch({ method: "POST", path, headers, body: request.body(), idempotent: isQuery }, exchange);
      }),
    subscribe:
      o.subscribe ??
      (() => Promise.reject(new SubgraphFault(name, "UNREACHABLE", `The subgraph "${name}" has no subscriptions.`))),
    async close() {
      await Promise.all([queries.close(), others.close(), o.onClose?.()]);
    },
  };
}

/** A connection that takes many requests at once if it turns out to be HTTP/2, and one at a time otherwise. */
function sharedClient(origin: string, options: object, connect: buildConnector.connector): Client {
  const client = new Client(origin, {
    ...options,
    connect: (given, done) =>
      connect(given, (...outcome) => {
        const [, socket] = outcome;
        client.pipelining = socket && "alpnProtocol" in socket && socket.alpnProtocol === "h2" ? streamsMax : 1;
        done(...outcome);
      }),
  });
  return client;
}

function timeLeft({ deadlineAt }: ClientRequest, timeoutMs: number | undefined): number | undefined {
  if (deadlineAt === undefined) return timeoutMs;
  return Math.max(0, Math.min(deadlineAt - Date.now(), timeoutMs ?? Infinity));
}

/**
 * One request and its answer, as undici's dispatcher hands it over: without the stream, the promises and the second
 * signal that `request` makes of it, which cost more than the exchange itself.
 */
class Exchange implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #bytes = 0;
  #length: string | undefined;
  readonly #chunks: Buffer[] = [];
  readonly #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(
    private readonly subgraph: string,
    private readonly signal: AbortSignal,
    timeoutMs: number | undefined,
    private readonly bytesMax: number,
    private readonly resolve: (answer: SubgraphAnswer) => void,
    private readonly reject: (fault: SubgraphFault) => void,
    private readonly heard?: (headers: IncomingHttpHeaders) => void,
  ) {
    signal.addEventListener("abort", this);
    if (timeoutMs !== undefined)
      this.#timer = setTimeout(() => {
        const message = `The subgraph "${subgraph}" took longer than ${timeoutMs} ms.`;
        this.#fail(new SubgraphFault(subgraph, "TIMEOUT", message));
      }, timeoutMs);
  }

  /** The caller has gone, or its time is up. */
  handleEvent(): void {
    const { reason } = this.signal as { reason: unknown };
    const late = (reason as Error | undefined)?.name === "TimeoutError";
    const message = `The request to "${this.subgraph}" was given up.`;
    this.#fail(new SubgraphFault(this.subgraph, late ? "TIMEOUT" : "ABORTED", message, { cause: reason }));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#hasEnded) controller.abort(new Error("Given up before it began."));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.#length = headers["content-length"];
    const encoding = headers["content-encoding"];
    // It wasn't asked to: what small bytes unpack to isn't found out.
    if (encoding !== undefined && encoding !== "identity") {
      const message = `The subgraph "${this.subgraph}" answered in an encoding that it wasn't asked for: ${String(encoding)}.`;
      this.#fail(new SubgraphFault(this.subgraph, "NOT_GRAPHQL", message, { status }));
    }
    this.heard?.(headers);
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#hasEnded) return;
    this.#bytes += chunk.length;
    if (this.#bytes <= this.bytesMax) return void this.#chunks.push(chunk);
    const message = `The subgraph "${this.subgraph}" answered with more than ${this.bytesMax} bytes.`;
    this.#fail(new SubgraphFault(this.subgraph, "TOO_LARGE", message, { status: this.#status }));
  }

  onResponseEnd(_: Dispatcher.DispatchController): void {
    if (this.#hasEnded) return;
    if (this.#length !== undefined && Number(this.#length) !== this.#bytes)
      return this.onResponseError(_, new Error(`${this.#bytes} bytes of ${this.#length} came.`));
    try {
      const chunks = this.#chunks;
      const answer = readAnswer(this.subgraph, this.#status, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
      this.#end();
      this.resolve(answer);
    } catch (error) {
      this.#fail(error as SubgraphFault);
    }
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const message = `The subgraph "${this.subgraph}" doesn't answer: ${error.message}`;
    this.#fail(new SubgraphFault(this.subgraph, "UNREACHABLE", message, { cause: error }));
  }

  #fail(fault: SubgraphFault): void {
    if (this.#hasEnded) return;
    this.#end();
    this.#controller?.abort(fault);
    this.reject(fault);
  }

  #end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.signal.removeEventListener("abort", this);
  }
}

const standardHeaders = {
  "content-type": "application/json",
  accept: "application/graphql-response+json, application/json;q=0.9",
};

/** An answer as it came; throws `SubgraphFault` where it is none. */
export function readAnswer(name: string, status: number, body: Buffer): SubgraphAnswer {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch (error) {
    const reason = status >= 200 && status < 300 ? "NOT_GRAPHQL" : "HTTP_STATUS";
    throw new SubgraphFault(name, reason, `The subgraph "${name}" answered ${status} with something that isn't JSON.`, {
      cause: error,
      status,
    });
  }
  const answer = answerOf(parsed);
  // Servers tell what is wrong with a request by 4xx and an ordinary answer; without one, the status is all there is.
  if (answer && (status < 500 || answer.errors?.length)) return answer;
  const reason = status >= 200 && status < 300 ? "NOT_GRAPHQL" : "HTTP_STATUS";
  throw new SubgraphFault(name, reason, `The subgraph "${name}" answered ${status} with no GraphQL answer.`, {
    status,
  });
}

/** A well-formed answer: an object with data, errors, or both. */
export function answerOf(parsed: unknown): SubgraphAnswer | null {
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return null;
  const { data, errors: reported, extensions } = parsed as Record<string, unknown>;
  if (data !== undefined && data !== null && (typeof data !== "object" || Array.isArray(data))) return null;
  if (reported !== undefined && reported !== null && !Array.isArray(reported)) return null;
  if (data === undefined && !reported) return null;
  return {
    data: data as SubgraphAnswer["data"],
    ...(Array.isArray(reported) && reported.length > 0 && { errors: reported.map(errorOf) }),
    ...(typeof extensions === "object" && extensions !== null && { extensions: extensions as Record<string, unknown> }),
  };
}

function errorOf(given: unknown): GraphQLFormattedError {
  const { message, path, extensions } = (typeof given === "object" && given !== null ? given : {}) as Partial<
    Record<"message" | "path" | "extensions", unknown>
  >;
  return {
    message: typeof message === "string" ? message : "An error without a message.",
    ...(Array.isArray(path) && { path: path as (string | number)[] }),
    ...(typeof extensions === "object" &&
      extensions !== null && { extensions: extensions as GraphQLFormattedError["extensions"] }),
  };
}
