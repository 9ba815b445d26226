import { createClient, type Client } from "graphql-ws";
import WebSocket from "ws";

export interface GraphQLResponse<Data> {
  status: number;
  headers: Headers;
  data: Data | null;
  errors: { message: string; path?: (string | number)[]; extensions?: Record<string, unknown> & { code?: string } }[];
}

// A test names the fields that it asked for; typing each answer again would say the same twice.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Anything = Record<string, any>;

/** Thrown by `ask` where the operation didn't succeed; carries the whole response. */
export class GraphQLRequestFailed extends Error {
  constructor(readonly response: GraphQLResponse<unknown>) {
    super(response.errors.map(({ message }) => message).join("; ") || `HTTP ${response.status}`);
  }
}

/** The events of one subscription, in order, as they arrive. */
export interface Subscription<Data> {
  /** The next event; rejects when the subscription ended or `timeoutMs` (10 s) has passed. */
  next(timeoutMs?: number): Promise<{ data?: Data | null; errors?: GraphQLResponse<Data>["errors"] }>;
  /** Reads until `found` accepts an event, and returns all that were read. */
  until(found: (data: Data) => boolean, timeoutMs?: number): Promise<Data[]>;
  stop(): void;
}

/** A front end's view of the one endpoint: HTTP for operations, graphql-ws for subscriptions. */
export class GraphQLClient {
  private socket: Client | null = null;
  /** The last close event of the WebSocket, e.g. `{ code: 4401 }`. */
  closed: { code: number; reason: string } | null = null;

  constructor(
    readonly url: string,
    public token: string | null = null,
    private readonly headers: Record<string, string> = {},
  ) {}

  /** Sends one operation and returns whatever comes back; throws only when nothing does. */
  async send<Data = Record<string, unknown>>(
    query: string,
    variables: Record<string, unknown> = {},
    headers: Record<string, string> = {},
  ): Promise<GraphQLResponse<Data>> {
    const response = await fetch(this.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(this.token && { authorization: `Bearer ${this.token}` }),
        ...this.headers,
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const body = (text.startsWith("{") ? JSON.parse(text) : { errors: [{ message: text }] }) as {
      data?: Data;
      errors?: GraphQLResponse<Data>["errors"];
    };
    return { status: response.status, headers: response.headers, data: body.data ?? null, errors: body.errors ?? [] };
  }

  /** The data of an operation that has to succeed. */
  async ask<Data = Anything>(query: string, variables: Record<string, unknown> = {}): Promise<Data> {
    const response = await this.send<Data>(query, variables);
    if (response.errors.length > 0 || !response.data) throw new GraphQLRequestFailed(response);
    return response.data;
  }

  /** The code of the first error of an operation that has to fail. */
  async refusal(query: string, variables: Record<string, unknown> = {}): Promise<string | undefined> {
    const { errors } = await this.send(query, variables);
    return errors[0]?.extensions?.code;
  }

  /** Subscribes over graphql-ws; the socket is opened with the first subscription and shared by the rest. */
  subscribe<Data = Anything>(query: string, variables: Record<string, unknown> = {}): Subscription<Data> {
    type Event = { data?: Data | null; errors?: GraphQLResponse<Data>["errors"] };
    const arrived: Event[] = [];
    let ended: Error | null = null;
    let wake = () => {};
    const stop = this.connection().subscribe<Data>(
      { query, variables },
      {
        next: (event) => {
          arrived.push(event as Event);
          wake();
        },
        error: (error) => {
          ended = Array.isArray(error)
            ? new GraphQLRequestFailed({ status: 200, headers: new Headers(), data: null, errors: error as never })
            : new Error(`The socket closed: ${describe(error)}`);
          wake();
        },
        complete: () => {
          ended ??= new Error("The subscription completed.");
          wake();
        },
      },
    );
    const next = async (timeoutMs = 10_000): Promise<Event> => {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const event = arrived.shift();
        if (event) return event;
        if (ended) throw ended;
        const left = deadline - Date.now();
        if (left <= 0) throw new Error(`No event within ${timeoutMs} ms.`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    };
    const until = async (found: (data: Data) => boolean, timeoutMs = 30_000) => {
      const deadline = Date.now() + timeoutMs;
      const read: Data[] = [];
      for (;;) {
        const { data, errors } = await next(Math.max(1, deadline - Date.now()));
        if (errors?.length) throw new GraphQLRequestFailed({ status: 200, headers: new Headers(), data: null, errors });
        if (!data) continue;
        read.push(data);
        if (found(data)) return read;
      }
    };
    return { next, until, stop };
  }

  async close(): Promise<void> {
    await this.socket?.dispose();
    this.socket = null;
  }

  private connection(): Client {
    this.socket ??= createClient({
      url: this.url.replace(/^http/, "ws"),
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: () => (this.token ? { authorization: `Bearer ${this.token}` } : {}),
      on: {
        closed: (event) => {
          const { code, reason } = event as { code: number; reason: string };
          this.closed = { code, reason };
        },
      },
    });
    return this.socket;
  }
}

function describe(error: unknown): string {
  const { code, reason, message } = error as { code?: number; reason?: string; message?: string };
  return code ? `${code} ${reason ?? ""}`.trim() : (message ?? String(error));
}
