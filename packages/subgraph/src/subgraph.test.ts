import { actorHeader, actorKeyFor, anonymous, signActor, systemActor, type Actor } from "@atrium/access";
import type { ExecutionResult } from "graphql";
import { connectSubgraph, requestLine, type OperationRequest, type RemoteSubgraph } from ".";
import { ada, actorKey, secret, startLibrary } from "./testing/library";

let library: Awaited<ReturnType<typeof startLibrary>>;
let remote: RemoteSubgraph;
beforeEach(async () => {
  library = await startLibrary();
  remote = connectSubgraph({ name: "library", url: library.url, secret });
});
afterEach(async () => {
  await remote.close();
  await library.close();
});

const operation = (query: string, more: Partial<OperationRequest> = {}): OperationRequest => ({
  query,
  actor: ada,
  requestId: "req_1",
  ...more,
});
const codeOf = ({ errors }: ExecutionResult) => errors?.[0]?.extensions.code;
const eventually = async (condition: () => boolean) => {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 5_000) throw new Error("It did not happen within 5 s.");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe("who is answered", () => {
  const body = JSON.stringify({ query: "{ books { nodes { id } } }" });
  const sign = (over: { actor?: Actor; audience?: string; body?: string; key?: Buffer; now?: number } = {}) =>
    signActor(over.actor ?? ada, { audience: "library", body, key: actorKey, ...over });
  const ask = (headers: Record<string, string>, path = "/graphql", method = "POST") =>
    fetch(library.url + path, { method, headers, ...(method === "POST" && { body }) });

  test("the gateway is", async () => {
    const response = await ask({ [actorHeader]: sign() });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ data: { books: { nodes: [{ id: "a" }, { id: "b" }, { id: "c" }] } } });
  });

  test.each([
    ["without a signature", () => ({})],
    ["with a user's own token", () => ({ authorization: "Bearer abc" })],
    ["with rubbish", () => ({ [actorHeader]: "a.b" })],
    ["with a header that was signed for another body", () => ({ [actorHeader]: sign({ body: "{}" }) })],
    [
      "with a header for another subgraph",
      () => ({ [actorHeader]: sign({ audience: "chat", key: actorKeyFor("chat", secret) }) }),
    ],
    [
      "with a header of another installation",
      () => ({ [actorHeader]: sign({ key: actorKeyFor("library", "another secret") }) }),
    ],
    ["with a header that is a minute old", () => ({ [actorHeader]: sign({ now: Date.now() - 60_000 }) })],
  ])("nobody is %s", async (_, headers) => {
    for (const accept of ["application/json", "text/event-stream"]) {
      const response = await ask({ ...headers(), accept });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "UNAUTHENTICATED" } }] });
    }
  });

  test.each([
    ["/", "GET"],
    ["/metrics", "GET"],
    ["/covers/a", "PUT"],
    ["/internal/double", "POST"],
    ["/nothing/here", "GET"],
  ])("nobody is, at %s either", async (path, method) => {
    expect((await ask({}, path, method)).status).toBe(401);
  });

  test("anybody may ask whether it lives and is ready", async () => {
    const health = await ask({}, "/health", "GET");
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
    const ready = await ask({}, "/ready", "GET");
    expect([ready.status, await ready.json()]).toEqual([200, { shelf: { ok: true }, library: { ok: true } }]);
  });

  test("internal operations are for services alone", async () => {
    expect(await remote.internal("double", { number: 21 }, "gateway")).toEqual({ doubled: 42 });
    await expect(remote.internal("halve", {}, "gateway")).rejects.toThrow("No such internal operation.");
    await expect(remote.internal("toString", {}, "gateway")).rejects.toThrow("No such internal operation.");
    expect((await ask({ [actorHeader]: sign() }, "/internal/double")).status).toBe(403);
  });
});

test("smoke: subscription", async () => {
  const events = await remote.subscribe(
    operation('subscription { commentAdded(bookId: "a") { text book { title } } }'),
  );
  if (!(Symbol.asyncIterator in events)) throw new Error(JSON.stringify(events));
  library.shelf.comments.emit("a", "fine");
  expect(await events.next()).toEqual({
    done: false,
    value: { data: { commentAdded: { text: "fine", book: { title: "Book a" } } } },
  });
  await events.return!();
  await eventually(() => library.shelf.openSources === 0);
});
void [anonymous, systemActor, requestLine, codeOf];
