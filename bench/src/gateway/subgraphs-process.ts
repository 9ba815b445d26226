import { buildSubgraphSchema } from "@apollo/subgraph";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { execute, parse, type DocumentNode } from "graphql";
import { resolvers, schemas } from "./shop";

// The shop's subgraphs in a process of their own. The same request has the same answer, so each is computed once: what is
// measured is the gateway, and its subgraphs shouldn't be what it waits for.

const answersMax = 10_000;
const counts = new Map<string, number>();

function serve(name: string): Promise<[string, string]> {
  const schema = buildSubgraphSchema([{ typeDefs: parse(schemas[name]!), resolvers: resolvers[name] as never }]);
  const documents = new Map<string, DocumentNode>();
  const answers = new Map<string, Buffer>();

  async function answerOf(body: string): Promise<Buffer> {
    const known = answers.get(body);
    if (known) return known;
    const { query, variables, operationName } = JSON.parse(body) as {
      query: string;
      variables?: Record<string, unknown>;
      operationName?: string;
    };
    const document = documents.get(query) ?? parse(query);
    documents.set(query, document);
    const result = await execute({ schema, document, variableValues: variables, operationName });
    const answer = Buffer.from(JSON.stringify(result));
    if (answers.size < answersMax) answers.set(body, answer);
    return answer;
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      void answerOf(Buffer.concat(chunks).toString()).then((answer) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
        response.end(answer);
      });
    });
  });
  server.keepAliveTimeout = 120_000;
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve([name, `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`]);
    });
  });
}

process.on("message", () => process.send!({ counts: [...counts] }));
process.once("disconnect", () => process.exit(0));
void Promise.all(Object.keys(schemas).map(serve)).then((urls) => process.send!({ urls }));
