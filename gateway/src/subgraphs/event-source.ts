import type { IncomingHttpHeaders } from "node:http";
import { Pool, type Dispatcher } from "undici";
import type { ClientRequest } from "../client-request";
import { answerOf, readAnswer } from "./http-transport";
import { SubgraphFault, type SubgraphAnswer, type SubgraphRequest, type SubgraphTransport } from "./transport";

// A subgraph that takes a request and says nothing at first is away. Later silence is no sign: few send heartbeats.
const answerMs = 10_000;
const subscriptionsMax = 1_000;
const refusalBytesMax = 1024 * 1024;

/**
 * Subscriptions of a subgraph by GraphQL over server-sent events, each over a request of its own («distinct connections
 * mode» of https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md). A stream that breaks off before its
 * `complete` ends with `SubgraphFault`.
 */
export function eventSource<Request extends ClientRequest>(o: {
  name: string;
  /** `http:` or `https:`. */
  url: string;
  headersFor?(request: SubgraphRequest<Request>): Record<string, string> | undefined;
  /** Of one event. */
  eventBytesMax: number;
}): { subscribe: SubgraphTransport<Request>["subscribe"]; close(): Promise<void> } {
  const { name } = o;
  const { origin, pathname, search } = new URL(o.url);
  const pool = new Pool(origin, {
    connections: subscriptionsMax,
    allowH2: true,
    headersTimeout: answerMs,
    bodyTimeout: 0,
  });
  let running = 0;

  async function begin(request: SubgraphRequest<Request>, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const traceparent = request.traceparent ?? request.request.traceparent;
    try {
      return await pool.request({
        method: "POST",
        path: `${pathname}${search}`,
        headers: {
          "content-type": "application/json",
          // Servers compare the whole of it.
          accept: "text/event-stream",
          ...o.headersFor?.(request),
          ...(traceparent !== undefined && { traceparent }),
        },
        body: request.body(),
        signal,
      });
    } catch (error) {
      const message = `The subgraph "${name}" doesn't answer: ${(error as Error).message}`;
      throw new SubgraphFault(name, signal.aborted ? "ABORTED" : "UNREACHABLE", message, { cause: error });
    }
  }

  return {
    async subscribe(request) {
      if (request.signal.aborted)
        throw new SubgraphFault(name, "ABORTED", `The subscription at "${name}" was given up.`);
      if (running >= subscriptionsMax) throw new SubgraphFault(name, "OVERLOADED", `Too many streams from "${name}".`);
      running++;
      const left = new AbortController();
      const leave = () => left.abort();
      request.signal.addEventListener("abort", leave, { once: true });
      let hasEnded = false;
      const end = () => {
        if (hasEnded) return;
        hasEnded = true;
        running--;
        request.signal.removeEventListener("abort", leave);
        left.abort();
      };
      try {
        const { statusCode, headers, body } = await begin(request, left.signal);
        if (statusCode === 200 && isPlain(headers) && mediaTypeOf(headers) === "text/event-stream")
          return streamOf(name, answersIn(name, body, o.eventBytesMax), end);
        const refusal = readAnswer(name, statusCode, await bounded(name, body));
        end();
        return refusal;
      } catch (error) {
        end();
        throw error;
      }
    },
    close: () => pool.destroy(),
  };
}

const mediaTypeOf = ({ "content-type": type }: IncomingHttpHeaders) => type?.split(";", 1)[0]!.trim().toLowerCase();

// No encoding was asked for: what small bytes unpack to isn't found out. `none` is what graphql-sse's servers send.
const isPlain = ({ "content-encoding": encoding = "identity" }: IncomingHttpHeaders) =>
  encoding === "identity" || encoding === "none";

async function bounded(name: string, body: Dispatcher.ResponseData["body"]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if ((bytes += chunk.length) > refusalBytesMax) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw lost(name, error);
  }
  return Buffer.concat(chunks);
}

const lost = (name: string, cause?: unknown) =>
  new SubgraphFault(name, "UNREACHABLE", `The stream from "${name}" was lost.`, { cause });

async function* answersIn(
  name: string,
  body: AsyncIterable<Buffer>,
  bytesMax: number,
): AsyncGenerator<SubgraphAnswer, undefined> {
  for await (const { event, data } of serverSentEvents(name, body, bytesMax)) {
    if (event === "complete") return;
    if (event !== "next") continue;
    const answer = answerOf(parsed(data));
    if (!answer) throw new SubgraphFault(name, "NOT_GRAPHQL", `"${name}" sent an event that is none.`);
    yield answer;
  }
  throw lost(name);
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** The events of a stream, by https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. */
async function* serverSentEvents(name: string, body: AsyncIterable<Buffer>, bytesMax: number) {
  const decoder = new TextDecoder();
  let rest = "";
  let event = "";
  let data: string[] = [];
  let characters = 0;
  const reading = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step = await reading.next().catch((error: unknown) => {
        throw lost(name, error);
      });
      if (step.done) return;
      const text = rest + decoder.decode(step.value, { stream: true });
      // A carriage return at the end may be the first half of a line's end.
      const whole = text.endsWith("\r") ? text.slice(0, -1) : text;
      const lines = whole.split(/\r\n|\n|\r/);
      rest = lines.pop()! + text.slice(whole.length);
      for (const line of lines) {
        if (line === "") {
          if (event !== "" || data.length > 0) yield { event, data: data.join("\n") };
          [event, data, characters] = ["", [], 0];
          continue;
        }
        const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
        if (field === "event") event = value ?? "";
        if (field !== "data") continue;
        data.push(value ?? "");
        characters += line.length;
      }
      if (characters + rest.length > bytesMax)
        throw new SubgraphFault(name, "TOO_LARGE", `"${name}" sent an event of more than ${bytesMax} bytes.`);
    }
  } finally {
    await reading.return?.();
  }
}

/** What it yields until somebody leaves, who needn't wait for what it waits for. */
function streamOf(
  name: string,
  answers: AsyncGenerator<SubgraphAnswer, undefined>,
  end: () => void,
): AsyncIterableIterator<SubgraphAnswer> {
  const done = { done: true, value: undefined } as const;
  let hasLeft = false;
  const stream: AsyncIterableIterator<SubgraphAnswer> = {
    async next() {
      if (hasLeft) return done;
      try {
        const step = await answers.next();
        if (step.done) end();
        return hasLeft ? done : step;
      } catch (error) {
        end();
        if (hasLeft) return done;
        throw error instanceof SubgraphFault ? error : lost(name, error);
      }
    },
    async return() {
      hasLeft = true;
      end();
      return done;
    },
    async throw(error) {
      hasLeft = true;
      end();
      throw error;
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
