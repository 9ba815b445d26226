import {
  addedDocuments,
  createdKnowledgeBase,
  GraphQLClient,
  ingestionProgress,
  signedUp,
  startAtrium,
  uploaded,
  type Atrium,
  type Caller,
  type IngestionProgress,
} from "@atrium/testing";
import { fixture } from "./support/fixtures";
import { parts, sentEvents, streamed } from "./support/streamed";

jest.setTimeout(120_000);

let atrium: Atrium;
let owner: Caller;
let knowledgeBaseId: string;
let url: string;

beforeAll(async () => {
  atrium = await startAtrium({ env: { CONTRACTS: "/graphql/app=!audit" } });
  owner = await signedUp(atrium, "The owner");
  knowledgeBaseId = await createdKnowledgeBase(owner.client);
  ({ url } = owner.client);
});
afterAll(async () => {
  expect(await atrium?.stop()).toBe(0);
});

type Heard = { data?: { ingestionProgress: IngestionProgress }; errors?: { extensions: { code: string } }[] };

test.each([
  ["server-sent events", "text/event-stream"],
  ["multipart/mixed", "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"],
])("a document's way into the knowledge base is told by %s, and what identity knows is joined", async (_, accept) => {
  const { response, stop } = await streamed(url, {
    ...{ token: owner.client.token, accept, variables: { knowledgeBaseId } },
    query: ingestionProgress.replace("id status", "id status knowledgeBase { createdBy { name } }"),
  });
  expect(response.status).toBe(200);
  const isEvents = accept === "text/event-stream";
  const events = isEvents ? sentEvents(response) : parts(response);
  const next = async (): Promise<Heard> => {
    for (;;) {
      const { value, done } = await events.next();
      if (done) throw new Error("The stream has ended.");
      if (isEvents) return value as Heard;
      // Between the payloads are words that keep the line open.
      if ("payload" in value) return value["payload"] as Heard;
    }
  };
  const first = await next();
  expect(first.errors).toBeUndefined();
  const file = await uploaded(owner.client, await fixture("site-handbook.md"));
  const [documentId] = await addedDocuments(owner.client, knowledgeBaseId, [file]);
  for (;;) {
    const { data, errors } = await next();
    expect(errors).toBeUndefined();
    const { document } = data!.ingestionProgress as { document: Record<string, unknown> | null };
    if (document?.["id"] !== documentId) continue;
    expect(document!["knowledgeBase"]).toEqual({ createdBy: { name: "The owner" } });
    if (document!["status"] === "INGESTED") break;
  }
  stop();
});

test("a stream ends when its session does, and says why", async () => {
  const again = new GraphQLClient(url);
  const { signIn } = await again.ask("mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }", {
    input: { email: owner.email, password: owner.password },
  });
  again.token = signIn.accessToken;
  const { response } = await streamed(url, {
    ...{ token: again.token, accept: "text/event-stream", query: ingestionProgress, variables: { knowledgeBaseId } },
  });
  const events = sentEvents(response);
  await events.next();
  await again.ask("mutation { signOut { session { id } } }");
  const last = (await events.next()).value as Heard;
  expect(last.errors![0]!.extensions.code).toBe("UNAUTHENTICATED");
  expect((await events.next()).done).toBe(true);
});

test("what comes from another service may come later", async () => {
  const { response } = await streamed(url, {
    ...{ token: owner.client.token, accept: "multipart/mixed;deferSpec=20220824,application/json" },
    query: "{ knowledgeBases { nodes { id ... @defer { createdBy { name } } } } }",
  });
  const received = [];
  for await (const part of parts(response)) received.push(part);
  expect(received[0]).toEqual({ data: { knowledgeBases: { nodes: [{ id: knowledgeBaseId }] } }, hasNext: true });
  expect(received.slice(1).flatMap((part) => part["incremental"])).toEqual([
    { path: ["knowledgeBases", "nodes", 0], data: { createdBy: { name: "The owner" } } },
  ]);
  expect(received.at(-1)!["hasNext"]).toBe(false);
});

test("a contract's path serves the graph without what it leaves out", async () => {
  const app = new GraphQLClient(`${url}/app`, owner.client.token);
  expect(await app.ask("{ knowledgeBases { nodes { id } } }")).toEqual({
    knowledgeBases: { nodes: [{ id: knowledgeBaseId }] },
  });
  const audit = "{ auditTrail { nodes { __typename } } }";
  expect(await app.refusal(audit)).toBe("GRAPHQL_VALIDATION_FAILED");
  expect((await owner.client.ask(audit)).auditTrail.nodes.length).toBeGreaterThan(0);
  const progress = app.subscribe(ingestionProgress, { knowledgeBaseId });
  await progress.next();
  progress.stop();
});

test("a page's cost is what it was asked for", async () => {
  const estimated = async (first: number) => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${owner.client.token}`,
        "expose-cost": "true",
      },
      body: JSON.stringify({ query: `{ documents(first: ${first}) { nodes { id } } }` }),
    });
    const { extensions } = (await response.json()) as { extensions: { cost: { estimated: number } } };
    return extensions.cost.estimated;
  };
  expect([await estimated(1), await estimated(100)]).toEqual([1, 100]);
});
