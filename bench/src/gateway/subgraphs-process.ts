import { buildSubgraphSchema } from "@apollo/subgraph";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { execute, parse, type DocumentNode } from "graphql";
import { useServer as serveSockets } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";
import { resolvers, schemas } from "./shop";

// The shop's subgraphs in a process of their own. The same request has the same answer, so each is computed once: what is
// measured is the gateway, and its subgraphs shouldn't be what it waits for.

export type SubgraphsCommand = { publish: number } | "counts";

/** What the subgraphs were asked since they started. */
export interface Counts {
  fetches: Record<string, number>;
  subscriptions: number;
}

const answersMax = 10_000;
const counts: Counts = { fetches: {}, subscriptions: 0 };
const listeners = new Set<(event: object) => void>();

/** Each event as it comes; the subscriber's `return` ends it. */
async function* reviewsAdded(): AsyncGenerator<object> {
  const waiting: object[] = [];
  let wake = () => {};
  const listener = (event: object) => {
    waiting.push(event);
    wake();
  };
  counts.subscriptions++;
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

const subscriptions = { Subscription: { reviewAdded: { subscribe: reviewsAdded } } };

function serve(name: string): Promise<[string, string]> {
  const schema = buildSubgraphSchema([
    {
      typeDefs: parse(schemas[name]!),
      resolvers: { ...resolvers[name], ...(name === "reviews" && subscriptions) } as never,
    },
  ]);
  const documents = new Map<string, DocumentNode>();
  const answers = new Map<string, Buffer>();
  counts.fetches[name] = 0;

  async function answerOf(body: string): Promise<Buffer> {
    const known = answers.get(body);
    if (known) return known;
    const { query, variables, operationName } = JSON.parse(body) as {
      query: string;
      variables?: Record<string, unknown>;
      operationName?: string;
    };
    const document = documents.get(query) ?? parse(query);
    if (documents.size < answersMax) documents.set(query, document);
    const result = await execute({ schema, document, variableValues: variables, operationName });
    const answer = Buffer.from(JSON.stringify(result));
    if (answers.size < answersMax) answers.set(body, answer);
    return answer;
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      counts.fetches[name]!++;
      void answerOf(Buffer.concat(chunks).toString()).then((answer) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
        response.end(answer);
      });
    });
  });
  server.keepAliveTimeout = 120_000;
  serveSockets({ schema }, new WebSocketServer({ server, path: "/graphql" }));
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve([name, `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`]);
    });
  });
}

process.on("message", (command: SubgraphsCommand) => {
  if (command === "counts") return void process.send!({ counts });
  const author = { __typename: "User", id: `u${command.publish % 6}` };
  const event = { id: String(command.publish), body: "Just now.", author };
  for (const listener of listeners) listener({ reviewAdded: event });
});
process.once("disconnect", () => process.exit(0));
void Promise.all(Object.keys(schemas).map(serve)).then((urls) => process.send!({ urls }));
