import { buildSubgraphSchema } from "@apollo/subgraph";
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type Server } from "node:http";
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
  return listening(name, server, "/graphql");
}

const listening = (name: string, server: Server, path: string): Promise<[string, string]> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve([name, `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`]);
    });
  });

/** What Atrium's own endpoint asks identity and tenancy with each request; everybody may do everything here. */
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const keyId = "bench";
const operations: Record<string, (input: Record<string, readonly unknown[]>) => unknown> = {
  signingKeys: () => ({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: keyId }] }),
  liveSessions: ({ sessionIds }) => ({ liveSessionIds: sessionIds }),
  memberPermissions: ({ members }) => ({ permissions: members!.map(() => ["*"]) }),
};

function serveOperations(name: string): Promise<[string, string]> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const operation = operations[request.url!.split("/").at(-1)!]!;
      const answer = JSON.stringify(operation(JSON.parse(Buffer.concat(chunks).toString()) as never));
      response.writeHead(200, { "content-type": "application/json" }).end(answer);
    });
  });
  server.keepAliveTimeout = 120_000;
  return listening(name, server, "");
}

/** An access token as identity signs them. */
function tokenOfAda(): string {
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const claims = { iss: "atrium", aud: "atrium-api", sub: "usr_ada", sid: "ses_1", org: "org_1", kind: "USER" };
  const exp = Math.floor(Date.now() / 1_000) + 86_400;
  const signed = `${encoded({ alg: "ES256", kid: keyId })}.${encoded({ ...claims, exp })}`;
  const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

process.on("message", (command: SubgraphsCommand) => {
  if (command === "counts") return void process.send!({ counts });
  const author = { __typename: "User", id: `u${command.publish % 6}` };
  const event = { id: String(command.publish), body: "Just now.", author };
  for (const listener of listeners) listener({ reviewAdded: event });
});
process.once("disconnect", () => process.exit(0));
void Promise.all([
  Promise.all(Object.keys(schemas).map(serve)),
  Promise.all(["identity", "tenancy"].map(serveOperations)),
]).then(([urls, others]) => process.send!({ urls, others, token: tokenOfAda() }));
