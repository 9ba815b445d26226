// A stranger's graph for the bare gateway's tests: two subgraphs over real HTTP and WebSocket, which can be taken away.
import { composeServices } from "@apollo/composition";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { execute, parse } from "graphql";
import { createHandler as createSseHandler } from "graphql-sse/lib/use/http";
import { useServer as serveSockets } from "graphql-ws/use/ws";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

const federation = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9",
  import: ["@key", "@authenticated", "@requiresScopes", "@shareable"])\n`;

const schemas = {
  products: `${federation}
    type Query { products(first: Int = 3): [Product!]! secret: String @authenticated cost: Int @requiresScopes(scopes: [["money:read"]]) }
    type Product @key(fields: "id") { id: ID! name: String! margin: Int @requiresScopes(scopes: [["money:read", "shop:read"], ["admin"]]) }`,
  reviews: `${federation}
    type Product @key(fields: "id") { id: ID! reviews: [Review!] }
    type Review { id: ID! body: String product: Product }
    type Mutation { addReview(body: String!): Review }
    type Subscription { reviewAdded: Review counted(to: Int!): Int }`,
};

/** Answers in a subgraph's place; false leaves it to the subgraph. */
export type Intercept = (request: IncomingMessage, response: ServerResponse, body: string) => boolean;

export class Shop {
  /** What reached a subgraph, by its name. */
  readonly asked: { subgraph: string; query: string; headers: IncomingHttpHeaders }[] = [];
  subscriptions = 0;
  /** Takes a request out of a subgraph's hands. */
  intercept: Intercept | null = null;
  readonly #listeners = new Set<(event: object) => void>();
  readonly #servers = new Map<string, { server: Server; sockets: WebSocketServer; port: number }>();
  sdl = "";

  async start(): Promise<this> {
    for (const name of Object.keys(schemas) as (keyof typeof schemas)[]) await this.open(name);
    this.sdl = this.supergraph();
    return this;
  }

  supergraph(more: Partial<typeof schemas> = {}): string {
    const { supergraphSdl, errors } = composeServices(
      Object.entries({ ...schemas, ...more }).map(([name, sdl]) => ({
        name,
        url: `http://127.0.0.1:${this.#servers.get(name)!.port}/graphql`,
        typeDefs: parse(sdl),
      })),
    );
    if (errors) throw new Error(errors.join("\n"));
    return supergraphSdl;
  }

  publish(event: object): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Opens a subgraph, on the port that it had before if it was closed. */
  async open(name: keyof typeof schemas): Promise<void> {
    const products = Array.from({ length: 3 }, (_, n) => ({ id: `p${n}`, name: `Product ${n}`, margin: n }));
    const review = (n: number) => ({ id: `r${n}`, body: `Review ${n}`, product: { id: "p1" } });
    const resolvers = {
      products: {
        Query: {
          products: (_: unknown, { first }: { first: number }) => products.slice(0, first),
          secret: () => "hidden",
          cost: () => 7,
        },
        Product: { __resolveReference: ({ id }: { id: string }) => products.find((each) => each.id === id) },
      },
      reviews: {
        Product: {
          __resolveReference: (reference: object) => reference,
          reviews: ({ id }: { id: string }) => [review(Number(id.slice(1)))],
        },
        Mutation: { addReview: (_: unknown, { body }: { body: string }) => ({ ...review(9), body }) },
        Subscription: {
          reviewAdded: { subscribe: () => this.#events() },
          counted: {
            async *subscribe(_: unknown, { to }: { to: number }) {
              for (let n = 1; n <= to; n++) yield { counted: n };
            },
          },
        },
      },
    };
    const schema = buildSubgraphSchema([{ typeDefs: parse(schemas[name]), resolvers: resolvers[name] as never }]);
    const streams = createSseHandler({ schema });
    const server = createServer((request, response) => {
      if (request.headers.accept?.startsWith("text/event-stream")) return void streams(request, response);
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (chunk: string) => (body += chunk));
      request.on("end", () => void this.#answer(name, schema, request, response, body));
    });
    const sockets = new WebSocketServer({ server, path: "/graphql" });
    serveSockets({ schema }, sockets);
    const port = this.#servers.get(name)?.port ?? 0;
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    this.#servers.set(name, { server, sockets, port: (server.address() as AddressInfo).port });
  }

  async #answer(
    subgraph: string,
    schema: ReturnType<typeof buildSubgraphSchema>,
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
  ): Promise<void> {
    if (this.intercept?.(request, response, body)) return;
    const { query, variables, operationName } = JSON.parse(body) as {
      query: string;
      variables?: Record<string, unknown>;
      operationName?: string;
    };
    this.asked.push({ subgraph, query, headers: request.headers });
    const result = await execute({ schema, document: parse(query), variableValues: variables, operationName });
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(result));
  }

  /** Events as they come. A generator would end only after the one that it waits for. */
  #events(): AsyncIterableIterator<object> {
    const waiting: object[] = [];
    let take: ((step: IteratorResult<object>) => void) | null = null;
    const listener = (event: object) => {
      const value = { reviewAdded: event };
      if (!take) return void waiting.push(value);
      take({ done: false, value });
      take = null;
    };
    const end = (): Promise<IteratorResult<object>> => {
      if (this.#listeners.delete(listener)) this.subscriptions--;
      take?.({ done: true, value: undefined });
      return Promise.resolve({ done: true, value: undefined });
    };
    this.subscriptions++;
    this.#listeners.add(listener);
    return {
      next: () => {
        const value = waiting.shift();
        return value ? Promise.resolve({ done: false, value }) : new Promise((resolve) => (take = resolve));
      },
      return: end,
      throw: end,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Cuts every connection of a subgraph and frees its port. */
  async close(name: keyof typeof schemas): Promise<void> {
    const { server, sockets } = this.#servers.get(name)!;
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    this.subscriptions = 0;
    this.#listeners.clear();
  }

  async stop(): Promise<void> {
    for (const name of Object.keys(schemas) as (keyof typeof schemas)[]) await this.close(name).catch(() => {});
  }
}
