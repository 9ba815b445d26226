import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { actorHeader, actorKeyFor, anonymous, signActor, type Actor } from "@atrium/access";
import { getIntrospectionQuery, type ExecutionResult } from "graphql";
import { connectSubgraph, requestLine, type OperationRequest, type RemoteSubgraph, type Subgraph } from ".";
import { ada, actorKey, secret, startLibrary } from "./testing/library";

let library: Awaited<ReturnType<typeof startLibrary>>;
let remote: RemoteSubgraph;
let others: (typeof library)[];
/** A subgraph that differs, closed after the test. */
async function another(options: Parameters<typeof startLibrary>[0]) {
  const started = await startLibrary(options);
  others.push(started);
  return started;
}
beforeEach(async () => {
  others = [];
  library = await startLibrary();
  remote = connectSubgraph({ name: "library", url: library.url, secret });
});
afterEach(async () => {
  await remote.close();
  for (const { close } of [library, ...others]) await close();
});

const operation = (query: string, more: Partial<OperationRequest> = {}): OperationRequest => ({
  query,
  actor: ada,
  requestId: "req_1",
  ...more,
});
/** The ways to the same subgraph: the embedded shape's and the distributed one's. */
const ways: [string, () => Subgraph][] = [
  ["in this process", () => library.subgraph],
  ["over HTTP", () => remote],
];
async function subscribed(
  subgraph: Subgraph,
  request: OperationRequest,
): Promise<AsyncIterableIterator<ExecutionResult>> {
  const events = await subgraph.subscribe(request);
  if (!(Symbol.asyncIterator in events)) throw new Error(`Not subscribed: ${JSON.stringify(events)}`);
  return events;
}
/** Sends a request to one of the service's routes as the gateway does. */
function askRoute(method: string, url: string, init: RequestInit & { duplex?: "half" } = {}, actor: Actor = ada) {
  const header = signActor(actor, { audience: "library", body: requestLine(method, url), key: actorKey });
  return fetch(library.url + url, { ...init, method, headers: { ...init.headers, [actorHeader]: header } });
}
/** A text of metrics with each one's labels in the order of the alphabet. */
const sorted = (text: string) =>
  text.replace(/\{(.*)\}/g, (_, labels: string) => `{${labels.split(",").sort().join(",")}}`);
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

describe.each(ways)("an operation, asked %s", (_, way) => {
  test("answers with the context of its own actor", async () => {
    const actor: Actor = { ...ada, organizationId: "org_2" };
    const [ours, theirs, nobodys] = await Promise.all([
      way().execute(operation('{ book(id: "a") { title } }')),
      way().execute(operation('{ book(id: "a") { title } }', { actor })),
      way().execute(operation("{ books { nodes { id } } }", { actor: anonymous })),
    ]);
    expect(ours).toEqual({ data: { book: { title: "Book a" } } });
    expect(theirs).toEqual({ data: { book: null } });
    expect(codeOf(nobodys)).toBe("UNAUTHENTICATED");
  });

  test("loads entities in one batch, each once, and none that its actor may not see", async () => {
    const ids = ["c", "a", "d", "a", "c", "a", "nobody's"];
    const { data } = await way().execute(
      operation("query ($of: [_Any!]!) { _entities(representations: $of) { ... on Book { id similar { title } } } }", {
        variables: { of: ids.map((id) => ({ __typename: "Book", id })) },
      }),
    );
    const similar = [{ title: "Book b" }];
    const both = [{ title: "Book a" }, { title: "Book b" }];
    const [a, c] = [
      { id: "a", similar },
      { id: "c", similar: both },
    ];
    expect(data).toEqual({ _entities: [c, a, null, a, c, a, null] });
    // One load for the references, one for what is next to them; however many references there are.
    expect(library.shelf.loads).toEqual([["c", "a", "d", "nobody's"], ["b"]]);
  });

  test("that meets a fault gets an id, under which the log has the cause and nothing of the row", async () => {
    const { errors } = await way().execute(operation("{ broken }"));
    const { code, faultId } = errors![0]!.extensions;
    expect(code).toBe("INTERNAL_SERVER_ERROR");
    expect(faultId).toMatch(/^[0-9a-f-]{36}$/);
    expect(errors![0]!.path).toEqual(["broken"]);
    expect(JSON.stringify(errors)).not.toMatch(/duplicate|23505/);
    const [line] = library.lines.filter((entry) => entry.faultId === faultId);
    expect(line).toMatchObject({
      level: 50,
      requestId: "req_1",
      path: "broken",
      fault: { type: "Error", code: "23505", message: expect.stringContaining("duplicate key") },
    });
    expect(JSON.stringify(library.lines)).not.toContain("ada@example.com");
  });

  test("with a wrong variable is told which input is at fault", async () => {
    const rename = "mutation ($it: RenameBookInput!) { renameBook(input: $it) { book { id } } }";
    for (const [variables, field] of [
      [{ it: { bookId: "a", title: 7 } }, "input.title"],
      [{ it: { bookId: "a" } }, "input"],
      [{ it: { bookId: "a", title: "x", more: 1 } }, "input"],
      [{}, "input"],
      [{ it: { bookId: "a", title: "\u0000" } }, "input.title"],
    ] as const) {
      const result = await way().execute(operation(rename, { variables }));
      expect(result.errors?.[0]?.extensions).toEqual({ code: "BAD_USER_INPUT", field });
    }
    expect(library.shelf.books.get("a")!.title).toBe("Book a");
  });

  test.each([
    ["that isn't GraphQL", "{ books {", undefined, "query"],
    ["for a field that doesn't exist", "{ boks { nodes { id } } }", undefined, "query"],
    ["of another name", "query A { broken }", "B", "operationName"],
    ["without saying which of two", "query A { broken } query B { broken }", undefined, "operationName"],
    ["by subscription", 'subscription { commentAdded(bookId: "a") { text } }', undefined, "query"],
  ])("%s is refused", async (_, query, operationName, field) => {
    const { data, errors } = await way().execute(operation(query, { operationName }));
    expect(data ?? null).toBeNull();
    expect(errors?.[0]?.extensions).toEqual({ code: "BAD_USER_INPUT", field });
  });

  test("may introspect", async () => {
    const { errors } = await way().execute(operation(getIntrospectionQuery()));
    expect(errors).toBeUndefined();
  });
});

describe("an operation that asks for too much is refused at once", () => {
  const nested = (depth: number) =>
    "{ books { nodes { ".concat("similar { ".repeat(depth), "id", " }".repeat(depth), " } } }");
  const many = (count: number, text: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => text(index)).join(" ");
  const bomb =
    `{ ...F0 } fragment F40 on Query { broken } ` +
    many(40, (index) => `fragment F${index} on Query { ...F${index + 1} ...F${index + 1} }`);

  test.each([
    ["depth 100", nested(100)],
    [
      "depth 17 by fragments",
      `{ books { nodes { ...A } } } fragment A on Book { ${"similar { ".repeat(8)} ...B ${"} ".repeat(8)} } fragment B on Book { ${"similar { ".repeat(8)} id ${"} ".repeat(8)} }`,
    ],
    ["10,000 aliases", `{ ${many(10_000, (index) => `a${index}: broken`)} }`],
    [
      "10,000 aliases of one fragment",
      `{ ${many(300, (index) => `b${index}: book(id: "a") { ...A }`)} } fragment A on Book { ${many(40, (index) => `a${index}: id`)} }`,
    ],
    ["10,000 times the same field", `{ ${"broken ".repeat(9_000)} }`],
    ["1,000 fragments on one field", `{ ${many(1_200, () => "... on Query { broken }")} }`],
    ["fragments that double 40 times", bomb],
    ["a fragment that spreads itself", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"],
    [
      "an unused fragment that is too deep",
      `{ broken } fragment A on Book { ${"similar { ".repeat(30)} id ${"} ".repeat(30)} }`,
    ],
    ["100,000 tokens", `{ broken ${"@skip(if: false) ".repeat(20_000)} }`],
    ["a million characters", `{ broken } #${"x".repeat(1_000_000)}`],
    ["a value nested 5,000 deep", `{ book(id: ${"[".repeat(4_000)}) { id } }`],
    ["braces nested 5,000 deep", "{a".repeat(4_900)],
    [
      "introspection nested 60 deep",
      `{ __schema { types { ${"fields { type { ".repeat(30)} name ${"} } ".repeat(30)} } } }`,
    ],
    [
      "pages of pages of pages",
      "{ books(first: 100) { nodes { similar { similar { similar { similar { id title } } } } } } }",
    ],
  ])("%s", async (_, query) => {
    const startedAt = performance.now();
    const result = await library.subgraph.execute(operation(query));
    expect(codeOf(result)).toBe("OPERATION_TOO_COMPLEX");
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(library.shelf.loads).toEqual([]);
  });

  test("a page size in a variable counts as much as one in the text", async () => {
    const pages =
      "query ($n: Int! = 100) { books(first: $n) { nodes { similar { similar { similar { id title } } } } } }";
    const small = await library.subgraph.execute(operation(pages, { variables: { n: 1 } }));
    expect(small.errors).toBeUndefined();
    const deeper = pages.replace("id title", "similar { id title }");
    expect(codeOf(await library.subgraph.execute(operation(deeper)))).toBe("OPERATION_TOO_COMPLEX");
    expect(codeOf(await library.subgraph.execute(operation(deeper, { variables: { n: 100 } })))).toBe(
      "OPERATION_TOO_COMPLEX",
    );
  });

  test("what is within every limit is validated in bounded time, too", async () => {
    const query = `{ ${"broken ".repeat(1_000)} }`;
    const startedAt = performance.now();
    await library.subgraph.execute(operation(query));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe.each(ways)("a subscription, made %s", (_, way) => {
  const commentAdded = operation('subscription { commentAdded(bookId: "a") { text book { title } } }');

  test("gives each event, with what belongs to it loaded anew", async () => {
    const events = await subscribed(way(), commentAdded);
    const next = async (text: string) => {
      const step = events.next();
      await eventually(() => library.shelf.comments.listenerCount("a") > 0);
      library.shelf.comments.emit("a", text);
      return (await step).value as ExecutionResult;
    };
    expect(await next("good")).toEqual({ data: { commentAdded: { text: "good", book: { title: "Book a" } } } });
    library.shelf.books.get("a")!.title = "Renamed";
    expect(await next("better")).toEqual({ data: { commentAdded: { text: "better", book: { title: "Renamed" } } } });
    expect(library.shelf.loads).toEqual([["a"], ["a"]]);
    await events.return!();
  });

  test("goes on after an event that failed", async () => {
    const events = await subscribed(way(), commentAdded);
    const first = events.next();
    await eventually(() => library.shelf.comments.listenerCount("a") > 0);
    for (const text of ["break", "mended"]) library.shelf.comments.emit("a", text);
    expect(codeOf((await first).value as ExecutionResult)).toBe("INTERNAL_SERVER_ERROR");
    expect(await events.next()).toMatchObject({ value: { data: { commentAdded: { text: "mended" } } } });
    await events.return!();
  });

  test("asks the policy before it begins", async () => {
    const refused = await way().subscribe({ ...commentAdded, actor: anonymous });
    expect(codeOf(refused as ExecutionResult)).toBe("UNAUTHENTICATED");
    expect(library.shelf.openSources).toBe(0);
  });

  test("is refused for what it may not be", async () => {
    for (const query of ["subscription { nothing }", "subscription { commentAdded { text } }"])
      expect(codeOf((await way().subscribe({ ...commentAdded, query })) as ExecutionResult)).toBe("BAD_USER_INPUT");
  });

  test("lets go of its source when the subscriber leaves, also while it waits", async () => {
    const events = await subscribed(way(), commentAdded);
    const waiting = events.next();
    await eventually(() => library.shelf.openSources === 1);
    await events.return!();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await eventually(() => library.shelf.openSources === 0 && library.shelf.comments.listenerCount("a") === 0);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  test("lets go of its source when the request's signal aborts", async () => {
    const leaving = new AbortController();
    const events = await subscribed(way(), { ...commentAdded, signal: leaving.signal });
    const waiting = events.next();
    await eventually(() => library.shelf.openSources === 1);
    leaving.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await eventually(() => library.shelf.openSources === 0);
  });

  test("ends when the subgraph stops, and says why", async () => {
    const events = await subscribed(way(), commentAdded);
    const last = events.next();
    await eventually(() => library.shelf.openSources === 1);
    await library.subgraph.stop();
    expect(codeOf((await last).value as ExecutionResult)).toBe("SERVICE_UNAVAILABLE");
    expect(await events.next()).toEqual({ done: true, value: undefined });
    expect(library.shelf.openSources).toBe(0);
    expect(codeOf((await way().subscribe(commentAdded)) as ExecutionResult)).toBe("SERVICE_UNAVAILABLE");
  });
});

test("a source that knows nothing of the signal is let go of all the same", async () => {
  const events = await subscribed(library.subgraph, operation("subscription { bookArrived }"));
  const waiting = events.next();
  expect(library.shelf.topics.stats()).toEqual({ topics: 1, subscribers: 1 });
  await events.return!();
  expect(await waiting).toEqual({ done: true, value: undefined });
  await eventually(() => library.shelf.topics.stats().subscribers === 0);
});

test("a subscriber who is too slow is told that events are lost to it, and to begin anew", async () => {
  const events = await subscribed(library.subgraph, operation("subscription { bookArrived }"));
  for (const title of ["one", "two", "three", "four", "five"]) library.shelf.topics.publish("arrivals", title);
  const results: ExecutionResult[] = [];
  for await (const result of events) results.push(result);
  expect(codeOf(results.at(-1)!)).toBe("SERVICE_UNAVAILABLE");
  expect(results.at(-1)!.errors![0]!.message).toMatch(/subscribe again/);
  expect(library.shelf.topics.stats()).toEqual({ topics: 0, subscribers: 0 });
});

describe("stopping and giving up", () => {
  test("what runs may end, nothing more is taken on, and only then is the service closed", async () => {
    const running = remote.execute(operation("{ slow }"));
    await eventually(() => library.shelf.signals.length === 1);
    const stopping = library.subgraph.stop();
    expect(codeOf(await remote.execute(operation("{ broken }")))).toBe("SERVICE_UNAVAILABLE");
    expect((await fetch(`${library.url}/ready`)).status).toBe(503);
    expect((await askRoute("PUT", "/covers/a", { body: "x" })).status).toBe(503);
    expect(library.shelf.closed).toBe(0);
    library.shelf.release();
    expect(await running).toEqual({ data: { slow: 1 } });
    await Promise.all([stopping, library.subgraph.stop()]);
    expect(library.shelf.closed).toBe(1);
  });

  test("what doesn't end in time is aborted", async () => {
    const impatient = await another({ drainMs: 50 });
    const running = impatient.subgraph.execute(operation("{ slow }"));
    await eventually(() => impatient.shelf.signals.length === 1);
    await impatient.subgraph.stop();
    expect(codeOf(await running)).toBe("SERVICE_UNAVAILABLE");
    expect(impatient.shelf.closed).toBe(1);
  });

  test("an operation that takes too long is answered, and its signal aborts", async () => {
    const impatient = await another({ operationTimeoutMs: 50 });
    expect(codeOf(await impatient.subgraph.execute(operation("{ slow }")))).toBe("SERVICE_UNAVAILABLE");
    expect(impatient.shelf.signals[0]!.aborted).toBe(true);
  });

  test("a caller who leaves aborts the operation, in this process and over HTTP", async () => {
    for (const [index, [, way]] of ways.entries()) {
      const leaving = new AbortController();
      const answer = way().execute(operation("{ slow }", { signal: leaving.signal }));
      await eventually(() => library.shelf.signals.length === index + 1);
      leaving.abort();
      expect(codeOf(await answer)).toBe("SERVICE_UNAVAILABLE");
      await eventually(() => library.shelf.signals[index]!.aborted);
    }
  });
});

describe("routes", () => {
  test("get their parameters and the body as a stream", async () => {
    const bytes = Buffer.alloc(3_000_000, 7);
    const body = Readable.toWeb(Readable.from([bytes.subarray(0, 10), bytes.subarray(10)])) as unknown as NonNullable<
      RequestInit["body"]
    >;
    const response = await askRoute("PUT", "/covers/a%20b%2Fc?x=1", { body, duplex: "half" });
    expect(await response.json()).toEqual({ bookId: "a b/c", sizeBytes: 3_000_000 });
  });

  test("answer what they throw with the code and its status", async () => {
    const response = await askRoute("GET", "/covers/a");
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      errors: [{ message: "This book has no cover.", extensions: { code: "NOT_FOUND" } }],
    });
    expect((await askRoute("HEAD", "/covers/a")).status).toBe(404);
  });

  test.each([
    ["GET", "/covers"],
    ["GET", "/covers/"],
    ["GET", "/covers/a/b"],
    ["GET", "/covers/%E0%A4%A"],
    ["DELETE", "/covers/a"],
    ["GET", "//covers/a"],
    ["GET", "//x/covers/a"],
    ["GET", "//"],
  ])("%s %s is nothing", async (method, url) => {
    expect((await askRoute(method, url)).status).toBe(404);
  });

  test("a header that was signed for one address isn't good for another", async () => {
    const header = signActor(ada, { audience: "library", body: requestLine("GET", "/covers/a"), key: actorKey });
    for (const [method, url] of [
      ["GET", "/covers/b"],
      ["PUT", "/covers/a"],
      ["GET", "/covers/a?x=1"],
    ] as const)
      expect((await fetch(library.url + url, { method, headers: { [actorHeader]: header } })).status).toBe(401);
  });

  test("hear of it when the client goes in the middle of its body", async () => {
    const url = "/covers/a";
    const header = signActor(ada, { audience: "library", body: requestLine("PUT", url), key: actorKey });
    const sending = httpRequest(library.url + url, {
      method: "PUT",
      headers: { [actorHeader]: header, "content-length": 1_000_000 },
    });
    sending.on("error", () => {});
    sending.write("the first bytes");
    await eventually(() => library.shelf.signals.length === 1);
    sending.destroy();
    await eventually(() => library.shelf.signals[0]!.aborted);
    await eventually(() => library.lines.some(({ msg }) => msg === "Request."));
    expect(library.lines.filter(({ msg }) => msg === "A fault was masked.")).toEqual([]);
  });
});

describe("requests that aren't right", () => {
  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${library.url}/graphql`, {
      method: "POST",
      body,
      headers: { [actorHeader]: signActor(ada, { audience: "library", body, key: actorKey }), ...headers },
    });

  test.each([
    ["no JSON", "{", "body"],
    ["no query", "{}", "query"],
    ["a batch", '[{"query":"{ broken }"}]', "body"],
    ["variables that aren't an object", '{"query":"{ broken }","variables":[1]}', "variables"],
  ])("%s", async (_, body, field) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "BAD_USER_INPUT", field } }] });
  });

  test("GraphQL by GET", async () => {
    const response = await askRoute("GET", "/graphql?query={broken}");
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("a body that is too large, whether or not it says so", async () => {
    const body = JSON.stringify({ query: "{ broken }", variables: { x: "x".repeat(2_000_000) } });
    const said = await post(body);
    expect([said.status, ((await said.json()) as ExecutionResult).errors![0]!.extensions.code]).toEqual([
      413,
      "PAYLOAD_TOO_LARGE",
    ]);
    const unsaid = httpRequest(`${library.url}/graphql`, { method: "POST", headers: { [actorHeader]: "a.b" } });
    unsaid.on("error", () => {});
    unsaid.write(body);
    const [response] = await once(unsaid, "response");
    expect(response.statusCode).toBe(413);
    unsaid.destroy();
  });
});

describe("a sender whose body is refused while it still comes", () => {
  const bytes = Buffer.alloc(64_000);
  const upload = (url: string) =>
    httpRequest(`${url}/covers/a`, { method: "PUT", headers: { "transfer-encoding": "chunked" } });

  test("reads why", async () => {
    const sending = upload(library.url);
    const answered = once(sending, "response");
    for (let index = 0; index < 200; index++) sending.write(bytes);
    const [response] = await answered;
    expect(response.statusCode).toBe(401);
    response.resume();
    sending.end();
    await once(sending, "close");
  });

  test("and goes on regardless is cut off", async () => {
    const strict = await another({ refusedBodyMs: 50 });
    const socket = connect(Number(new URL(strict.url).port), "127.0.0.1");
    socket.write("PUT /covers/a HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n");
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
    const timer = setInterval(() => socket.write(bytes), 5);
    // Whether it ends with an error depends on who writes last.
    socket.on("error", () => {});
    await new Promise<void>((resolve) => socket.on("close", () => resolve()));
    clearInterval(timer);
  });
});

describe("what is seen from outside", () => {
  test("a request leaves one line, with its id and without personal data", async () => {
    const actor: Actor = { ...ada, userId: "usr_secret" };
    await remote.execute(
      operation('query Ada($title: String!) { a: book(id: "a") { title } b: renamed(title: $title) }', {
        actor,
        requestId: "req_42",
        clientAddress: "203.0.113.9",
        userAgent: "Mozilla/5.0",
        variables: { title: "ada@example.com" },
      }),
    );
    await askRoute("PUT", "/covers/token-that-is-a-secret", { body: "x" });
    await eventually(() => library.lines.filter(({ msg }) => msg === "Request.").length === 2);
    const [graphql, route] = library.lines.filter(({ msg }) => msg === "Request.");
    expect(graphql).toMatchObject({
      requestId: "req_42",
      route: "/graphql",
      status: 200,
      outcome: "BAD_USER_INPUT",
      actor: "USER",
    });
    expect(route).toMatchObject({ method: "PUT", route: "/covers/:bookId", status: 200, outcome: "ok" });
    expect(JSON.stringify(library.lines)).not.toMatch(/usr_secret|203\.0\.113|Mozilla|example\.com|token-that|org_1/);
  });

  test("metrics count by what the schema knows, and show the service's own figures", async () => {
    const measured = await another({
      metricsToken: "the token of the metrics",
      gauges: [
        { name: "atrium_events_waiting", help: "Events that wait.", read: async () => 7 },
        { name: "atrium_broken", help: "Can't be read.", read: () => Promise.reject(new Error("no database")) },
      ],
    });
    await measured.subgraph.execute(operation("query Whatever { books { nodes { id } } }"));
    await measured.subgraph.execute(operation("{ broken }"));
    await measured.subgraph.execute(operation("{ nothing }"));
    const events = await subscribed(
      measured.subgraph,
      operation('subscription { commentAdded(bookId: "a") { text } }'),
    );
    const scrape = (token: string) =>
      fetch(`${measured.url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect((await scrape("another token of metrics")).status).toBe(401);
    const response = await scrape("the token of the metrics");
    const text = sorted(await response.text());
    for (const line of [
      'atrium_operations_total{kind="query",field="books",outcome="ok",subgraph="library"} 1',
      'atrium_operations_total{kind="query",field="broken",outcome="INTERNAL_SERVER_ERROR",subgraph="library"} 1',
      'atrium_operations_total{kind="unknown",field="…",outcome="BAD_USER_INPUT",subgraph="library"} 1',
      'atrium_operation_duration_seconds_count{kind="query",field="books",subgraph="library"} 1',
      'atrium_errors_total{code="INTERNAL_SERVER_ERROR",subgraph="library"} 1',
      'atrium_subscriptions{subgraph="library"} 1',
      'atrium_operations_running{subgraph="library"} 0',
      'atrium_events_waiting{subgraph="library"} 7',
      'atrium_broken{subgraph="library"} Nan',
    ])
      expect(text).toContain(sorted(line));
    expect(text).not.toContain("Whatever");
    await events.return!();
    expect(await measured.subgraph.registry.metrics()).toContain('atrium_subscriptions{subgraph="library"} 0');
  });

  test("readiness names what isn't there, and doesn't say more", async () => {
    const readiness = {
      database: () => Promise.reject(new Error("password authentication failed for user library_app")),
      shelf: async () => {},
    };
    const waiting = await another({ readiness });
    const response = await fetch(`${waiting.url}/ready`);
    expect([response.status, await response.json()]).toEqual([
      503,
      { database: { ok: false, detail: "not reachable" }, shelf: { ok: true }, library: { ok: true } },
    ]);
  });
});

describe("a subgraph that is somewhere else", () => {
  test("and doesn't answer is unavailable, named, and nothing is thrown", async () => {
    const nowhere = connectSubgraph({ name: "library", url: "http://127.0.0.1:1", secret });
    expect((await nowhere.execute(operation("{ broken }"))).errors?.[0]?.extensions).toEqual({
      code: "SERVICE_UNAVAILABLE",
      service: "library",
    });
    expect(codeOf((await nowhere.subscribe(operation("subscription { nothing }"))) as ExecutionResult)).toBe(
      "SERVICE_UNAVAILABLE",
    );
    await expect(nowhere.internal("double", {}, "gateway")).rejects.toMatchObject({
      extensions: { code: "SERVICE_UNAVAILABLE" },
    });
    await nowhere.close();
  });

  test("and refuses our signature is unavailable: its caller needn't sign in", async () => {
    const stranger = connectSubgraph({ name: "library", url: library.url, secret: "another secret" });
    expect(codeOf(await stranger.execute(operation("{ broken }")))).toBe("SERVICE_UNAVAILABLE");
    await stranger.close();
  });

  test("and dies ends its subscriptions with an error", async () => {
    const events = await subscribed(remote, operation('subscription { commentAdded(bookId: "a") { text } }'));
    const last = events.next();
    await eventually(() => library.shelf.openSources === 1);
    library.cut();
    expect(codeOf((await last).value as ExecutionResult)).toBe("SERVICE_UNAVAILABLE");
    expect(await events.next()).toEqual({ done: true, value: undefined });
    await eventually(() => library.shelf.openSources === 0);
  });

  test("a hundred subscriptions don't keep operations waiting", async () => {
    const request = operation('subscription { commentAdded(bookId: "a") { text } }');
    const all = await Promise.all(Array.from({ length: 100 }, () => subscribed(remote, request)));
    const first = all.map((events) => events.next());
    await eventually(() => library.shelf.openSources === 100);
    expect(await remote.execute(operation('{ book(id: "a") { id } }'))).toEqual({ data: { book: { id: "a" } } });
    library.shelf.comments.emit("a", "to all");
    for (const { value } of await Promise.all(first))
      expect(value).toEqual({ data: { commentAdded: { text: "to all" } } });
    await Promise.all(all.map((events) => events.return!()));
    await eventually(() => library.shelf.openSources === 0);
  });
});
