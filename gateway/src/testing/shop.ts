// A stranger's graph for the tests of the bare gateway: three subgraphs behind ports of their own, which know nothing of
// Atrium, and switches for what they answer.
import { composeServices } from "@apollo/composition";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { execute, parse, type ExecutionResult } from "graphql";
import { useServer as serveSockets } from "graphql-ws/use/ws";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@authenticated", "@requiresScopes"])\n`;

export const schemas = {
  accounts: `${link}
    type Query { me: User, users: [User!]!, audit: [String!] @requiresScopes(scopes: [["audit:read"]]) }
    type Mutation { rename(id: ID!, name: String!): User }
    type User @key(fields: "id") { id: ID!, name: String!, email: String @authenticated }
  `,
  products: `${link}
    type Query { topProducts(first: Int = 5): [Product!]!, slow: Int, word(of: String!): String }
    type Product @key(fields: "upc") { upc: ID!, name: String! }
  `,
  reviews: `${link}
    type Subscription { reviewAdded: Review }
    type Review @key(fields: "id") { id: ID!, body: String!, author: User!, product: Product! }
    type User @key(fields: "id") { id: ID!, reviews: [Review!]! }
    type Product @key(fields: "upc") { upc: ID!, reviews: [Review!]! }
  `,
};

const users = [1, 2].map((n) => ({ id: `u${n}`, name: `Customer ${n}`, email: `${n}@example.com` }));
const products = Array.from({ length: 5 }, (_, n) => ({ upc: `p${n}`, name: `Article ${n}` }));
const reviews = Array.from({ length: 8 }, (_, n) => ({
  id: `r${n}`,
  body: `Opinion ${n}`,
  author: { id: users[n % 2]!.id },
  product: { upc: products[n % 5]!.upc },
}));

export interface Asked {
  subgraph: string;
  headers: IncomingHttpHeaders;
  query: string;
}

export type Shop = Awaited<ReturnType<typeof startShop>>;

export async function startShop() {
  const asked: Asked[] = [];
  const listeners = new Set<(review: object) => void>();
  /** What each subgraph says of how long its answers may be kept. */
  const cacheControl = new Map<string, string>();
  let release = () => {};

  async function* reviewsAdded() {
    const waiting: object[] = [];
    let wake = () => {};
    const listener = (review: object) => {
      waiting.push(review);
      wake();
    };
    listeners.add(listener);
    try {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift()!;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      listeners.delete(listener);
    }
  }

  const resolvers: Record<keyof typeof schemas, object> = {
    accounts: {
      Query: { me: () => users[0], users: () => users, audit: () => ["everything"] },
      Mutation: { rename: (_: unknown, { id, name }: { id: string; name: string }) => ({ id, name }) },
      User: { __resolveReference: ({ id }: { id: string }) => users.find((user) => user.id === id) ?? null },
    },
    products: {
      Query: {
        topProducts: (_: unknown, { first }: { first: number }) => products.slice(0, first),
        slow: () => new Promise((resolve) => (release = () => resolve(1))),
        word: (_: unknown, { of }: { of: string }) => of.repeat(3_000),
      },
      Product: { __resolveReference: ({ upc }: { upc: string }) => products.find((each) => each.upc === upc) ?? null },
    },
    reviews: {
      Subscription: { reviewAdded: { subscribe: reviewsAdded, resolve: (review: object) => review } },
      Review: { __resolveReference: ({ id }: { id: string }) => reviews.find((each) => each.id === id) ?? null },
      User: { reviews: ({ id }: { id: string }) => reviews.filter(({ author }) => author.id === id) },
      Product: { reviews: ({ upc }: { upc: string }) => reviews.filter(({ product }) => product.upc === upc) },
    },
  };

  async function start(name: keyof typeof schemas): Promise<{ name: string; url: string; server: Server }> {
    const schema = buildSubgraphSchema([{ typeDefs: parse(schemas[name]), resolvers: resolvers[name] as never }]);
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { query, variables, operationName } = JSON.parse(String(Buffer.concat(chunks))) as {
          query: string;
          variables?: Record<string, unknown>;
          operationName?: string;
        };
        asked.push({ subgraph: name, headers: request.headers, query });
        void Promise.resolve(
          execute({ schema, document: parse(query), variableValues: variables, operationName }),
        ).then((answer: ExecutionResult) => {
          const policy = cacheControl.get(name);
          if (policy !== undefined) response.setHeader("cache-control", policy);
          response.setHeader("content-type", "application/json");
          response.end(JSON.stringify(answer));
        });
      });
    });
    serveSockets({ schema }, new WebSocketServer({ server, path: "/graphql" }));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { name, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`, server };
  }

  const running = await Promise.all((Object.keys(schemas) as (keyof typeof schemas)[]).map(start));
  const urls = new Map(running.map(({ name, url }) => [name, url]));

  return {
    asked,
    urls,
    cacheControl,
    supergraph: compose(urls),
    /** The same graph with another field: what a deployment changes. */
    changed: compose(urls, { products: schemas.products.replace("slow: Int", "slow: Int, fast: Int") }),
    publish: (id: string) => {
      const review = reviews.find((each) => each.id === id)!;
      for (const listener of listeners) listener(review);
    },
    subscribers: () => listeners.size,
    releaseSlow: () => release(),
    async close() {
      await Promise.all(
        running.map(({ server }) => {
          server.closeAllConnections();
          return new Promise((resolve) => server.close(resolve));
        }),
      );
    },
  };
}

function compose(urls: ReadonlyMap<string, string>, changed: Partial<typeof schemas> = {}): string {
  const services = Object.entries({ ...schemas, ...changed }).map(([name, sdl]) => ({
    name,
    url: urls.get(name)!,
    typeDefs: parse(sdl),
  }));
  const { supergraphSdl, errors } = composeServices(services);
  if (errors) throw new Error(errors.join("\n"));
  return supergraphSdl;
}
