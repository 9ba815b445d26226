import { newId } from "@atrium/ids";
import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { gunzipSync, brotliDecompressSync } from "node:zlib";
import { startGateway } from ".";
import { eventually, startHouse, supergraph, type House } from "./testing/world";

const json = { "content-type": "application/json" };

/** A request as it is, by a client that changes and follows nothing. */
function raw(url: string, o: { method?: string; path?: string; headers?: Record<string, string>; body?: string } = {}) {
  return new Promise<{ status: number; headers: IncomingMessage["headers"]; body: Buffer }>((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const request = httpRequest(
      { hostname, port, path: o.path ?? "/graphql", method: o.method ?? "GET", headers: o.headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    request.on("error", reject);
    request.end(o.body);
  });
}

describe.each(["embedded", "distributed"] as const)("in the %s shape", (shape) => {
  let house: House;
  let token: string;
  beforeAll(async () => {
    house = await startHouse({ shape });
    ({ token } = house.world.signIn("usr_ada"));
  });
  afterAll(() => house.close());

  test("an operation over three services is answered as one", async () => {
    const query = "{ documents { title author { name role } } viewer { id name role } }";
    const { status, data, errors } = await house.post(query, { token });
    expect({ status, data, errors }).toEqual({
      status: 200,
      errors: undefined,
      data: {
        documents: [
          { title: "One", author: { name: "Name of usr_bob", role: "editor" } },
          { title: "Two", author: { name: "Name of usr_bob", role: "editor" } },
        ],
        viewer: { id: "usr_ada", name: "Ada", role: "editor" },
      },
    });
  });

  test("services learn who asks from the gateway alone: what a client says of itself is dropped", async () => {
    const forged = {
      "x-atrium-actor": "eyJhY3RvciI6eyJraW5kIjoiU1lTVEVNIn19.c2ln",
      "X-Atrium-Actor-Kind": "SYSTEM",
      "x-forwarded-for": "203.0.113.9",
    };
    const { data } = await house.post("{ whoAsks }", { headers: forged });
    expect(data).toEqual({ whoAsks: '{"kind":"ANONYMOUS"}' });
    await house.post("{ viewer { id } }", { token, headers: forged });
    const { facts } = house.world.asked.at(-1)!;
    expect(facts.actor).toMatchObject({ kind: "USER", userId: "usr_ada" });
    expect(facts.clientAddress).toMatch(/127\.0\.0\.1$/);
  });

  test("a sane request id is kept, through to the service and back; another is replaced", async () => {
    const kept = await house.post("{ viewer { id } }", { token, headers: { "x-request-id": "checkout-7f3a:42" } });
    expect(kept.headers.get("x-request-id")).toBe("checkout-7f3a:42");
    expect(house.world.asked.at(-1)!.facts.requestId).toBe("checkout-7f3a:42");
    expect(
      house.world.lines.some((line) => line["msg"] === "Request." && line["requestId"] === "checkout-7f3a:42"),
    ).toBe(true);
    for (const strange of ["short", "has space in it", "x".repeat(500), '{"json":true}']) {
      const { headers } = await house.post("{ viewer { id } }", { token, headers: { "x-request-id": strange } });
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test("a service's errors that are meant for callers arrive with code, field and path", async () => {
    const { status, data, errors } = await house.post("{ refused viewer { id } }", { token });
    expect([status, data]).toEqual([200, { refused: null, viewer: { id: "usr_ada" } }]);
    expect(errors).toEqual([
      {
        message: "No document doc_9 in this workspace.",
        path: ["refused"],
        extensions: { code: "NOT_FOUND", field: "id" },
      },
    ]);
    const { errors: forbidden } = await house.post("{ documents { id } }");
    expect(forbidden![0]).toMatchObject({ message: "Sign in first.", extensions: { code: "UNAUTHENTICATED" } });
  });

  test("a fault is masked, and found in the log by the id that the caller got", async () => {
    const { data, errors } = await house.post("{ broken viewer { id } }", { token });
    expect(data).toEqual({ broken: null, viewer: { id: "usr_ada" } });
    expect(JSON.stringify(errors)).not.toMatch(/duplicate key|stack|constraint/);
    const { faultId, code } = errors![0]!.extensions;
    expect(code).toBe("INTERNAL_SERVER_ERROR");
    expect(errors![0]!.path).toEqual(["broken"]);
    expect(house.world.lines.filter((line) => line["faultId"] === faultId)).toHaveLength(1);
  });

  test("a value that is missing where none may be is an error, not just a null", async () => {
    house.world.unknown.add("usr_bob");
    const { data, errors } = await house.post("{ organization { members { name } } viewer { id } }", { token });
    house.world.unknown.clear();
    expect(data).toEqual({ organization: null, viewer: { id: "usr_ada" } });
    expect(errors).toMatchObject([{ extensions: { code: "NOT_FOUND" } }]);
    expect(errors![0]!.path).toEqual(["organization", "members", 1, "name"]);
  });

  describe("node", () => {
    const [report, draft, secretPlan] = [newId("doc"), newId("doc"), newId("doc")];
    const ask = (id: string, o: { token?: string } = { token }) =>
      house.post(
        "query ($id: ID!) { node(id: $id) { __typename id ... on Document { title author { name } } ... on User { role } } }",
        {
          ...o,
          variables: { id },
        },
      );

    test("finds any object by its id, and the rest of it wherever it is", async () => {
      expect((await ask(report)).data).toEqual({
        node: { __typename: "Document", id: report, title: "By reference", author: { name: "Name of usr_bob" } },
      });
      const user = newId("usr");
      expect((await ask(user)).data).toEqual({ node: { __typename: "User", id: user, role: "editor" } });
    });

    test("finds nothing where its service knows of nothing, or where there is no such kind", async () => {
      house.world.unknown.add(draft);
      for (const id of [draft, newId("zzz"), "", "doc_", "doc_1' or 1=1", "__proto__", "x".repeat(10_000)]) {
        const { data, errors } = await ask(id);
        expect([id, data, errors]).toEqual([id, { node: null }, undefined]);
      }
      const { data } = await house.post(`{ node(id: "${draft}") { id } }`, { token });
      expect(data).toEqual({ node: null });
    });

    test("says what its service says to this caller", async () => {
      house.world.forbidden.add(secretPlan);
      for (const [given, code] of [
        [{ token }, "FORBIDDEN"],
        [{}, "UNAUTHENTICATED"],
      ] as const) {
        const { data, errors } = await ask(secretPlan, given);
        expect(data).toEqual({ node: null });
        expect(errors).toMatchObject([{ path: ["node"], extensions: { code } }]);
      }
    });

    test("asks each service once, however many ids there are", async () => {
      house.world.asked.length = 0;
      const query = `{ a: node(id: "${report}") { id } b: node(id: "${draft}") { id } c: node(id: "${report}") { id } }`;
      const { data } = await house.post(query, { token });
      expect(data).toEqual({ a: { id: report }, b: null, c: { id: report } });
      expect(house.world.asked.map(({ field }) => field).sort()).toEqual(
        [`Document ${report}`, `Document ${draft}`].sort(),
      );
    });
  });

  test("a wrong variable is refused by the gateway, naming the field", async () => {
    const query = "mutation ($input: RenameInput!) { rename(input: $input) { id } }";
    const before = house.world.asked.length;
    const { status, errors } = await house.post(query, { token, variables: { input: { name: 7 } } });
    expect(status).toBe(400);
    expect(errors![0]!.extensions).toEqual({ code: "BAD_USER_INPUT", field: "input.name" });
    const { errors: unknown } = await house.post(query, { token, variables: { input: { name: "Ada", admin: true } } });
    expect(unknown![0]).toMatchObject({
      message: expect.stringContaining("admin") as string,
      extensions: { code: "BAD_USER_INPUT" },
    });
    expect(house.world.asked).toHaveLength(before);
  });

  test("a client that leaves ends its query, not its mutation", async () => {
    for (const [query, isEnded] of [
      ["{ slow }", true],
      ["mutation { slowly }", false],
    ] as const) {
      house.world.asked.length = 0;
      const leaving = new AbortController();
      const answer = fetch(house.endpoint, {
        method: "POST",
        headers: { ...json, authorization: `Bearer ${token}` },
        body: JSON.stringify({ query }),
        signal: leaving.signal,
      }).catch(() => "gone");
      await eventually(() => house.world.asked.length === 1);
      const { signal } = house.world.asked[0]!.facts;
      leaving.abort();
      expect(await answer).toBe("gone");
      if (isEnded) await eventually(() => signal.aborted);
      else {
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(signal.aborted).toBe(false);
      }
      house.world.releaseSlow();
    }
  });

  describe("uploads and files", () => {
    const upload = (name: string, body: RequestInit["body"], headers: Record<string, string> = {}) =>
      fetch(`${house.url}/uploads/${name}`, { method: "PUT", body, headers, duplex: "half" } as RequestInit);

    test("an upload arrives whole, with who sent it", async () => {
      const bytes = randomBytes(5_000_000);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const response = await upload("up_1", bytes, { authorization: `Bearer ${token}` });
      expect([response.status, await response.json()]).toEqual([201, { sizeBytes: 5_000_000, sha256 }]);
      expect(house.world.uploads.at(-1)).toMatchObject({ token: "up_1", complete: true, actor: { userId: "usr_ada" } });
      const chunked = await upload("up_2", new Blob([bytes]).stream());
      expect(await chunked.json()).toEqual({ sizeBytes: 5_000_000, sha256 });
      expect(house.world.uploads.at(-1)!.actor).toEqual({ kind: "ANONYMOUS" });
    });

    test("a service that reads slowly holds the client back, and nothing piles up in between", async () => {
      let open!: () => void;
      house.world.readGate = new Promise((resolve) => (open = resolve));
      const total = 64 * 1024 * 1024;
      const { port } = new URL(house.url);
      const socket = connect(Number(port), "127.0.0.1");
      socket.write(`PUT /uploads/slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${total}\r\n\r\n`);
      const chunk = Buffer.alloc(256 * 1024);
      let sent = 0;
      let answer = "";
      socket.on("data", (data: Buffer) => (answer += String(data)));
      const send = () => {
        while (sent < total) {
          sent += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on("drain", send);
      send();
      let before = -1;
      await eventually(async () => {
        [before] = [sent];
        await new Promise((resolve) => setTimeout(resolve, 100));
        return before === sent;
      });
      // What the kernel's buffers on both ways take, not the whole file.
      expect(sent).toBeLessThan(total / 2);
      house.world.readGate = null;
      open();
      await eventually(() => answer.includes(`"sizeBytes":${total}`), 15_000);
      socket.destroy();
    });

    test("an upload that breaks off isn't taken for a whole one", async () => {
      const { port } = new URL(house.url);
      const socket = connect(Number(port), "127.0.0.1");
      socket.write("PUT /uploads/broken HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n");
      socket.write(Buffer.alloc(100_000));
      const found = () => house.world.uploads.find((candidate) => candidate.token === "broken");
      await eventually(() => (found()?.sizeBytes ?? 0) > 0);
      socket.destroy();
      await eventually(() =>
        house.world.lines.some((line) => line["route"] === "/uploads/:token" && line["status"] === 499),
      );
      expect(found()!.complete).toBe(false);
      expect((await house.post("{ viewer { id } }", { token })).status).toBe(200);
    });

    test("a refusal before the file is read reaches the client", async () => {
      const response = await upload("too-large", new Blob([randomBytes(3_000_000)]).stream()).catch(
        (error: unknown) => error,
      );
      if (!(response instanceof Response)) throw response;
      expect([response.status, await response.json()]).toEqual([
        413,
        { errors: [{ message: "This file is bigger than was said.", extensions: { code: "PAYLOAD_TOO_LARGE" } }] },
      ]);
    });

    test("a file comes as the service sends it; no such file is said as an error with a code", async () => {
      const file = await fetch(`${house.url}/files/report`);
      expect([file.status, await file.text()]).toEqual([200, "the report"]);
      expect(file.headers.get("content-disposition")).toBe('attachment; filename="report.txt"');
      expect(file.headers.get("x-content-type-options")).toBe("nosniff");
      const missing = await fetch(`${house.url}/files/nothing`);
      expect(missing.status).toBe(404);
      expect(await missing.json()).toMatchObject({ errors: [{ extensions: { code: "NOT_FOUND" } }] });
    });

    test("a bad token isn't taken for none there either", async () => {
      expect((await upload("up_3", "x", { authorization: "Bearer a.b.c" })).status).toBe(401);
    });

    test("the tokens in these paths aren't logged or counted", async () => {
      await fetch(`${house.url}/files/a-secret-link`);
      expect(JSON.stringify(house.world.lines)).not.toContain("a-secret-link");
      expect(await (await fetch(`${house.url}/metrics`)).text()).not.toContain("a-secret-link");
    });
  });

  test("the signing keys are served at the usual place", async () => {
    const response = await fetch(`${house.url}/.well-known/jwks.json`);
    expect([response.status, response.headers.get("cache-control")]).toEqual([200, "public, max-age=60"]);
  });

  test("nothing else of a service can be reached", async () => {
    const paths = [
      "/internal/liveSessions",
      "/uploads/../internal/liveSessions",
      "/uploads/%2e%2e/internal/liveSessions",
      "/uploads/..%2finternal%2fliveSessions",
      "/uploads/a/b",
      "/uploads/",
      "//uploads/up_1",
      "/files/a\\b",
      "/knowledge/graphql",
      "http://knowledge/files/report",
      "*",
    ];
    for (const path of paths)
      for (const method of ["GET", "POST", "PUT"]) {
        const { status } = await raw(house.url, { path, method });
        expect([path, method, status]).toEqual([path, method, status === 400 ? 400 : 404]);
      }
  });

  test("/ready names every part that is needed", async () => {
    const response = await fetch(`${house.url}/ready`);
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        ready: true,
        checks: {
          gateway: { ok: true },
          identity: { ok: true },
          "identity.database": { ok: true },
          tenancy: { ok: true },
          "tenancy.database": { ok: true },
          knowledge: { ok: true },
          "knowledge.database": { ok: true },
        },
      },
    ]);
  });
});

describe("when a service is down", () => {
  let house: House;
  beforeAll(async () => {
    house = await startHouse({ shape: "distributed" });
  });
  afterAll(() => house.close());

  test("the rest is answered, the error names the service, and /ready says so", async () => {
    const { token } = house.world.signIn("usr_ada");
    await house.stopServer("knowledge");
    const { status, data, errors } = await house.post("{ refused viewer { name role } }", { token });
    expect([status, data]).toEqual([200, { refused: null, viewer: { name: "Ada", role: "editor" } }]);
    expect(errors).toEqual([
      {
        message: expect.stringContaining("knowledge") as string,
        extensions: { code: "SERVICE_UNAVAILABLE", service: "knowledge" },
      },
    ]);
    // One that never is null in its own schema.
    const list = await house.post("{ documents { id } viewer { name } }", { token });
    expect([list.data, list.errors![0]!.extensions]).toEqual([
      { documents: null, viewer: { name: "Ada" } },
      { code: "SERVICE_UNAVAILABLE", service: "knowledge" },
    ]);
    const ready = await fetch(`${house.url}/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({
      ready: false,
      checks: { knowledge: { ok: false }, identity: { ok: true } },
    });
    expect((await fetch(`${house.url}/health`)).status).toBe(200);
    const file = await fetch(`${house.url}/files/report`);
    expect([file.status, await file.json()]).toMatchObject([
      503,
      { errors: [{ extensions: { code: "SERVICE_UNAVAILABLE" } }] },
    ]);
  });
});

describe("over HTTP", () => {
  let house: House;
  let token: string;
  beforeAll(async () => {
    house = await startHouse({
      cors: { origins: ["https://app.example.com"], localhost: true },
      limits: { bodyTimeoutMs: 300, operationTimeoutMs: 400 },
    });
    ({ token } = house.world.signIn("usr_ada"));
  });
  afterAll(() => house.close());
  const body = JSON.stringify({ query: "{ viewer { id } }" });

  test("what a browser sends without asking first is refused", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) {
      const response = await fetch(house.endpoint, { method: "POST", headers: { "content-type": type }, body });
      expect([type, response.status]).toEqual([type, 400]);
      expect(await response.text()).toContain("Cross-Site Request Forgery");
    }
    expect((await fetch(`${house.endpoint}?query={__typename}`)).status).toBe(400);
    const asked = await fetch(`${house.endpoint}?query={__typename}`, { headers: { "apollo-require-preflight": "1" } });
    expect([asked.status, await asked.json()]).toEqual([200, { data: { __typename: "Query" } }]);
  });

  test("a mutation by GET is refused", async () => {
    const query = encodeURIComponent('mutation { addDocument(title: "X") { id } }');
    const response = await fetch(`${house.endpoint}?query=${query}`, {
      headers: { ...json, authorization: `Bearer ${token}` },
    });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    expect(house.world.documents).toEqual([]);
  });

  test.each([
    ["a batch", JSON.stringify([{ query: "{ viewer { id } }" }]), {}],
    ["JSON that isn't", "{", {}],
    ["no body", "", {}],
    ["a body that isn't an object", '"query"', {}],
    ["null", "null", {}],
    ["bytes that aren't UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), {}],
    ["an operation that isn't a text", '{"query":{"kind":"Document"}}', {}],
    ["variables that aren't an object", '{"query":"{ viewer { id } }","variables":[1]}', {}],
    ["a syntax error", '{"query":"{ viewer"}', {}],
    ["an unknown field", '{"query":"{ nothing }"}', {}],
    ["an operation that isn't there", '{"query":"query A { viewer { id } } query B { viewer { id } }"}', {}],
    ["a subscription", '{"query":"subscription { documentAdded { id } }"}', {}],
  ])("%s is answered with 400 and a code", async (_, sent, more) => {
    const response = await fetch(house.endpoint, { method: "POST", headers: { ...json, ...more }, body: sent });
    expect(response.status).toBe(400);
    const { errors } = (await response.json()) as { errors: { message: string; extensions: { code: string } }[] };
    expect(errors[0]!.extensions.code).toMatch(/^(BAD_|GRAPHQL_|OPERATION_)/);
  });

  test("a compressed body is refused: what it unpacks to is unknown", async () => {
    const response = await fetch(house.endpoint, {
      method: "POST",
      headers: { ...json, "content-encoding": "gzip" },
      body,
    });
    expect(response.status).toBe(415);
  });

  test("a client that offers HTTP/2 is answered in HTTP/1.1, on a connection that goes on", async () => {
    const socket = connect(Number(new URL(house.url).port), "127.0.0.1");
    let answer = "";
    socket.on("data", (data: Buffer) => (answer += String(data)));
    const sent = JSON.stringify({ query: "{ whoAsks }" });
    const offer = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
    const head = (more: string) =>
      `POST /graphql HTTP/1.1\r\nhost: localhost\r\n${more}content-type: application/json\r\ncontent-length: ${sent.length}\r\n\r\n`;
    socket.write(head(offer) + sent.slice(0, 5));
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(sent.slice(5));
    await eventually(() => answer.includes("ANONYMOUS"));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
    answer = "";
    socket.write(head("") + sent);
    await eventually(() => answer.includes("ANONYMOUS"));
    socket.destroy();
  });

  test("a body that drips in is given up", async () => {
    const socket = connect(Number(new URL(house.url).port), "127.0.0.1");
    let answer = "";
    socket.on("data", (data: Buffer) => (answer += String(data)));
    socket.write(
      "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    );
    const closed = new Promise((resolve) => socket.on("close", resolve));
    await eventually(() => answer.includes("408"));
    const answeredAt = performance.now();
    await closed;
    expect(performance.now() - answeredAt).toBeLessThan(3_000);
  });

  test("an operation that takes too long is answered without what was late", async () => {
    const { status, data, errors } = await house.post("{ slow viewer { id } }", { token });
    expect([status, data]).toEqual([200, { slow: null, viewer: { id: "usr_ada" } }]);
    expect(errors![0]!.extensions).toEqual({ code: "SERVICE_UNAVAILABLE", service: "knowledge" });
    house.world.releaseSlow();
  });

  test("answers aren't to be kept, sniffed or framed", async () => {
    for (const path of ["/", "/graphql", "/health", "/nothing"]) {
      const { headers } = await fetch(
        house.url + path,
        path === "/graphql" ? { method: "POST", headers: json, body } : {},
      );
      expect(headers.get("cache-control")).toBe("private, no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    }
  });

  test("long answers are compressed for those who take it", async () => {
    const sent = JSON.stringify({ query: "{ __schema { types { name description fields { name } } } }" });
    const ask = (encoding: string) =>
      raw(house.url, { method: "POST", headers: { ...json, "accept-encoding": encoding }, body: sent });
    const plain = await ask("identity");
    expect(plain.headers["content-encoding"]).toBeUndefined();
    const brotli = await ask("gzip, deflate, br");
    expect([brotli.headers["content-encoding"], brotliDecompressSync(brotli.body)]).toEqual(["br", plain.body]);
    const gzip = await ask("gzip;q=0.8, br;q=0");
    expect([gzip.headers["content-encoding"], gunzipSync(gzip.body)]).toEqual(["gzip", plain.body]);
    expect(gzip.headers["vary"]).toContain("accept-encoding");
  });

  test("pages of allowed origins may call, others not", async () => {
    const preflight = (origin: string) =>
      raw(house.url, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
      });
    for (const origin of ["https://app.example.com", "http://localhost:5173"]) {
      const { status, headers } = await preflight(origin);
      expect([status, headers["access-control-allow-origin"], headers["vary"]]).toEqual([204, origin, "origin"]);
      expect(headers["access-control-allow-credentials"]).toBeUndefined();
    }
    for (const origin of [
      "https://evil.example",
      "https://app.example.com.evil.example",
      "null",
      "http://localhost.evil.example",
    ])
      expect((await preflight(origin)).headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("a browser gets the explorer, which brings all it needs if Apollo's can't be loaded", async () => {
    const response = await fetch(house.endpoint, { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } });
    const page = await response.text();
    const [, nonce] = /'nonce-([^']+)'/.exec(response.headers.get("content-security-policy")!)!;
    expect(page).toContain(`<script nonce="${nonce}">`);
    expect(page).toContain("embeddable-sandbox");
    expect([...page.matchAll(/(?:src|href)="([^"]+)"/g)]).toEqual([]);
    expect(() => new Function(/<script nonce="[^"]+">([\s\S]+)<\/script>/.exec(page)![1]!)).not.toThrow();
  });

  test("the root says what there is, to programs and to people", async () => {
    const program = await fetch(house.url);
    expect(await program.json()).toMatchObject({
      name: "atrium",
      version: "0.1.0",
      links: { "GraphQL endpoint": "/graphql" },
    });
    const person = await fetch(house.url, { headers: { accept: "text/html" } });
    expect(person.headers.get("content-type")).toContain("text/html");
    expect(await person.text()).toContain('href="/graphql"');
  });

  test("metrics count by what the schema and the routes name, and by a bounded number of operation names", async () => {
    for (let i = 0; i < 250; i++) await house.post(`query Op${i} { __typename }`);
    const text = await (await fetch(`${house.url}/metrics`)).text();
    const names = new Set(
      [...text.matchAll(/atrium_gateway_operation_seconds_count\{operation="([^"]+)"/g)].map(([, name]) => name),
    );
    expect(names.size).toBeLessThanOrEqual(204);
    expect(names).toContain("other");
    expect(text).toContain('atrium_gateway_http_requests_total{route="/graphql",method="POST",status="200"}');
    expect(text).toContain('atrium_gateway_fetch_seconds_count{subgraph="identity",outcome="ok"}');
    expect(text).toContain('atrium_operations_total{kind="query",field="viewer"');
    const heads = text.split("\n").filter((line) => line.startsWith("# TYPE"));
    expect(new Set(heads).size).toBe(heads.length);
  });

  test("a persisted operation can be sent by its hash", async () => {
    const query = "{ viewer { id name } }";
    const extensions = { persistedQuery: { version: 1, sha256Hash: createHash("sha256").update(query).digest("hex") } };
    const send = async (sent: object) =>
      (
        await fetch(house.endpoint, {
          method: "POST",
          headers: { ...json, authorization: `Bearer ${token}` },
          body: JSON.stringify(sent),
        })
      ).json();
    expect(await send({ extensions })).toMatchObject({
      errors: [{ extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } }],
    });
    await send({ query, extensions });
    expect(await send({ extensions })).toEqual({ data: { viewer: { id: "usr_ada", name: "Ada" } } });
  });
});

describe("in production's settings", () => {
  let house: House;
  beforeAll(async () => {
    house = await startHouse({ introspection: false, metricsToken: "a-token-for-prometheus", trustedProxies: 1 });
  });
  afterAll(() => house.close());

  test("the schema isn't told, by introspection, suggestions or a page", async () => {
    const { status, errors } = await house.post("{ __schema { types { name } } }");
    expect([status, errors![0]!.extensions["code"]]).toEqual([400, "GRAPHQL_VALIDATION_FAILED"]);
    const { errors: misspelt } = await house.post("{ viewe { id } }");
    expect(misspelt![0]!.message).not.toContain("Did you mean");
    expect((await fetch(house.endpoint, { headers: { accept: "text/html" } })).status).toBe(404);
  });

  test("metrics need their token", async () => {
    const status = async (headers: Record<string, string>) => (await fetch(`${house.url}/metrics`, { headers })).status;
    expect(await status({})).toBe(401);
    expect(await status({ authorization: "Bearer wrong" })).toBe(401);
    expect(await status({ authorization: "Bearer a-token-for-prometheus" })).toBe(200);
  });

  test("behind a proxy, the client's address is what the proxy saw", async () => {
    const { token } = house.world.signIn("usr_ada");
    await house.post("{ viewer { id } }", { token, headers: { "x-forwarded-for": "10.9.9.9, 203.0.113.7" } });
    expect(house.world.asked.at(-1)!.facts.clientAddress).toBe("203.0.113.7");
  });
});

describe("starting and stopping", () => {
  test("a running request is finished, then the port is free at once", async () => {
    const house = await startHouse();
    const { token } = house.world.signIn("usr_ada");
    const answer = house.post("{ slow }", { token });
    await eventually(() => house.world.asked.length === 1);
    const stopped = house.gateway.stop();
    house.world.releaseSlow();
    expect((await answer).data).toEqual({ slow: 1 });
    const answeredAt = performance.now();
    await stopped;
    expect(performance.now() - answeredAt).toBeLessThan(1_000);
    await expect(fetch(house.url)).rejects.toThrow();
    await house.close();
  });

  test("a request that never ends is cut off in time", async () => {
    const house = await startHouse({ drainMs: 200 });
    const { token } = house.world.signIn("usr_ada");
    const answer = house.post("{ slow }", { token }).catch(() => "cut");
    await eventually(() => house.world.asked.length === 1);
    const startedAt = performance.now();
    await house.gateway.stop();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(await answer).toBe("cut");
    house.world.releaseSlow();
    await house.close();
  });

  test("a supergraph with a service that isn't here doesn't start", async () => {
    const house = await startHouse();
    const options = {
      subgraphs: [],
      accessSource: {} as never,
      port: 0,
      host: "127.0.0.1",
      log: { child: () => {} } as never,
    };
    await expect(startGateway({ ...options, supergraph })).rejects.toThrow("identity, knowledge, tenancy");
    await expect(startGateway({ ...options, supergraph: "type Query { a: Int }" })).rejects.toThrow();
    await expect(startHouse({ port: house.gateway.port })).rejects.toThrow(/EADDRINUSE/);
    await house.close();
  });
});
