import { createHmac, randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import {
  addedDocuments,
  announcedUpload,
  createdKnowledgeBase,
  guest,
  messagesOf,
  passagesOf,
  publishedChatbot,
  put,
  sendMessage,
  sentMessage,
  signedUp,
  startAtrium,
  startedConversation,
  temporaryData,
  untilIngested,
  uploaded,
  waitFor,
  type Atrium,
  type Caller,
  type DataDirectory,
  type SourceFile,
} from "@atrium/testing";
import WebSocket from "ws";
import { belongingsOf, everythingOf } from "./support/belongings";
import { ask, entrances, graphOf, idPaths, openEntrances, type Belongings } from "./support/entrances";
import { allFixtures, fixture } from "./support/fixtures";
import { hostileFiles } from "./support/hostile-files";

jest.setTimeout(120_000);

let data: DataDirectory;
let atrium: Atrium;
let ada: Caller;
let bob: Caller;
let adas: Belongings;
let bobs: Belongings;
/** What was good twenty minutes ago. */
let stale: { accessToken: string; refreshToken: string; uploadUrl: string; fileUrl: string };

const handbook: SourceFile = {
  filename: "handbook.md",
  contentType: "text/markdown",
  content: Buffer.from("# Handbook\n\nA scaffold is inspected every seven days.\n"),
};

beforeAll(async () => {
  data = temporaryData();
  stale = await twentyMinutesAgo();
  atrium = await startAtrium({ dataDirectory: data.path });
  [ada, bob] = await Promise.all([signedUp(atrium, "Ada"), signedUp(atrium, "Bob")]);
  [adas, bobs] = await Promise.all([belongingsOf(ada), belongingsOf(bob)]);
});
afterAll(async () => {
  await atrium?.stop();
  await data?.remove();
});

// Whatever a test tried: the process that was started still answers, and took nothing for a fault of its own.
afterEach(async () => {
  expect((await fetch(`${atrium.origin}/ready`)).status).toBe(200);
  expect(atrium.process.exitCode).toBeNull();
  expect(atrium.newFaults()).toEqual([]);
});

/** Does something, and checks that neither organization has changed by it. */
async function changingNothing(work: () => Promise<void>): Promise<void> {
  const before = [await everythingOf(ada), await everythingOf(bob)];
  await work();
  expect([await everythingOf(ada), await everythingOf(bob)]).toEqual(before);
}

describe("who is asking", () => {
  const signIn = `mutation ($email: String!, $password: String!) {
    signIn(input: { email: $email, password: $password }) { accessToken refreshToken userErrors { code } }
  }`;

  test("a wrong password and an unknown address get the same refusal, and no session", async () => {
    await changingNothing(async () => {
      const { email, password } = ada;
      for (const credentials of [
        { email, password: `${password}x` },
        { email: `nobody-${email}`, password },
      ])
        expect((await atrium.client().ask(signIn, credentials)).signIn).toEqual({
          accessToken: null,
          refreshToken: null,
          userErrors: [{ code: "INVALID_CREDENTIALS" }],
        });
    });
  });

  test("an expired token is refused with 401, and its session goes on by its refresh token", async () => {
    const { status, errors } = await atrium.client(stale.accessToken).send("{ viewer { id } }");
    expect([status, errors[0]?.extensions?.code]).toEqual([401, "UNAUTHENTICATED"]);
    const { refreshSession } = await atrium
      .client()
      .ask(
        "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) { accessToken userErrors { code } } }",
        { token: stale.refreshToken },
      );
    expect(refreshSession.userErrors).toEqual([]);
    expect((await atrium.client(refreshSession.accessToken).ask("{ viewer { name } }")).viewer.name).toBe("Early");
  });

  test.each([
    ["another organization in its claims", (token: string) => withClaims(token, { org: bob.organizationId })],
    ["another user in its claims", (token: string) => withClaims(token, { sub: bob.userId })],
    ["a longer life in its claims", (token: string) => withClaims(token, { exp: 4_102_444_800 })],
    ["no signature and the algorithm none", (token: string) => unsigned(token)],
    ["a signature by the public key as if it were a password", (token: string) => signedByPublicKey(token)],
    ["its last characters cut off", (token: string) => token.slice(0, -4)],
    ["somebody else's signature", (token: string) => `${bodyOf(token)}.${bob.client.token!.split(".")[2]}`],
  ])("a token with %s is refused everywhere, and changes nothing", async (_, tampered) => {
    const client = atrium.client(await tampered(ada.client.token!));
    await changingNothing(async () => {
      for (const operation of [
        "{ viewer { id } }",
        "{ knowledgeBases { nodes { id } } }",
        'mutation { createKnowledgeBase(input: { name: "Taken over" }) { knowledgeBase { id } } }',
      ]) {
        const { status, errors, data: given } = await client.send(operation);
        expect([status, errors[0]?.extensions?.code, given]).toEqual([401, "UNAUTHENTICATED", null]);
      }
      await expect(
        client.subscribe('subscription { ingestionProgress(knowledgeBaseId: "kb") { document { id } } }').next(),
      ).rejects.toThrow("4401");
      expect(client.closed).toEqual({ code: 4401, reason: expect.stringContaining("UNAUTHENTICATED") });
    });
  });

  test("a subscription without a token is closed with 4401 before it begins", async () => {
    const nobody = atrium.client();
    await expect(
      nobody
        .subscribe("subscription ($id: ID!) { conversationEvents(conversationId: $id) { number } }", {
          id: adas.conversation,
        })
        .next(),
    ).rejects.toThrow("4401 UNAUTHENTICATED");
    // A client that subscribes without having said who it is.
    const socket = new WebSocket(atrium.url.replace("http", "ws"), "graphql-transport-ws");
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    const heard: string[] = [];
    socket.on("message", (message) => heard.push(String(message)));
    socket.on("open", () =>
      socket.send(
        JSON.stringify({
          id: "1",
          type: "subscribe",
          payload: { query: `subscription { conversationEvents(conversationId: "${adas.conversation}") { number } }` },
        }),
      ),
    );
    expect(await closed).toBe(4401);
    expect(heard).toEqual([]);
  });
});

describe("another tenant's id", () => {
  test("is tried at every place of the graph that takes one", async () => {
    const tried = [...Object.keys(entrances), ...openEntrances];
    expect(tried.sort()).toEqual(idPaths(await graphOf(ada.client)).sort());
  });

  test("is as good as none, whatever takes it, and changes nothing", async () => {
    const graph = await graphOf(bob.client);
    await changingNothing(async () => {
      for (const [entrance, { given, told }] of Object.entries(entrances))
        expect([entrance, await ask(bob.client, graph, entrance, given(adas, bobs))]).toEqual([entrance, told]);
    });
    // One that nobody has gets the same answers: they don't tell what exists.
    const nobodys = Object.fromEntries(
      Object.entries(adas).map(([kind, id]) => [kind, id.replace(/_.*/, "_01h00000000000000000000000")]),
    ) as unknown as Belongings;
    for (const [entrance, { given, told }] of Object.entries(entrances))
      expect([entrance, await ask(bob.client, graph, entrance, given(nobodys, bobs))]).toEqual([entrance, told]);
  });

  test("without a token is UNAUTHENTICATED at every entrance", async () => {
    const graph = await graphOf(atrium.client());
    const nobody = atrium.client();
    for (const [entrance, { given }] of Object.entries(entrances)) {
      if (graph.fields.get(entrance.split(".")[0]!)!.operation === "subscription") continue;
      const answer = await ask(nobody, graph, entrance, given(adas, bobs));
      expect([entrance, answer]).toEqual([entrance, entrance === "node.id" ? null : "UNAUTHENTICATED"]);
    }
  });

  test("finds nothing by node, of whatever kind", async () => {
    const kinds = ["organization", "workspace", "project", "user", "knowledgeBase", "document", "chatbot"] as const;
    const query = `query (${kinds.map((kind) => `$${kind}: ID!`).join(", ")}) {
      ${kinds.map((kind) => `${kind}: node(id: $${kind}) { __typename id }`).join("\n")}
    }`;
    const found = await ada.client.ask(query, { ...adas });
    for (const kind of kinds) expect(found[kind]).toMatchObject({ id: adas[kind] });
    expect(await bob.client.ask(query, { ...adas })).toEqual(Object.fromEntries(kinds.map((kind) => [kind, null])));
  });

  test("gives nothing away beside one's own, in one operation and at the same moment", async () => {
    const query = `query ($own: ID!, $theirs: ID!) {
      own: node(id: $own) { ... on Document { title knowledgeBase { name } } }
      theirs: node(id: $theirs) { ... on Document { title knowledgeBase { name } } }
    }`;
    const expected = { own: { title: expect.any(String), knowledgeBase: { name: expect.any(String) } }, theirs: null };
    const asked = Array.from({ length: 40 }, async (_, i) => {
      const [who, own, theirs] = i % 2 ? [ada, adas, bobs] : [bob, bobs, adas];
      return who.client.ask(query, { own: own.document, theirs: theirs.document });
    });
    for (const answer of await Promise.all(asked)) expect(answer).toEqual(expected);
  });

  test("can't be put through _entities, which the endpoint doesn't have", async () => {
    for (const query of [
      `{ _entities(representations: [{ __typename: "Document", id: "${adas.document}" }]) { __typename } }`,
      "{ _service { sdl } }",
    ])
      expect(await bob.client.refusal(query)).toBe("GRAPHQL_VALIDATION_FAILED");
  });

  test("finds no passage when it is put into the filter of a search", async () => {
    const search = `query ($own: ID!, $documents: [ID!]) {
      searchKnowledge(knowledgeBaseIds: [$own], query: "concrete", filter: { documentIds: $documents }) { hits { document { id } } }
    }`;
    const hits = async (documents: string[]) =>
      (await bob.client.ask(search, { own: bobs.knowledgeBase, documents })).searchKnowledge.hits;
    expect(await hits([adas.document])).toEqual([]);
    expect(await hits([adas.document, bobs.document])).toEqual([{ document: { id: bobs.document } }]);
    const both = `query ($bases: [ID!]!) { searchKnowledge(knowledgeBaseIds: $bases, query: "concrete") { hits { score } } }`;
    expect(await bob.client.refusal(both, { bases: [bobs.knowledgeBase, adas.knowledgeBase] })).toBe("NOT_FOUND");
  });

  test("can't be put into the address of a file", async () => {
    const linkOf = async ({ client }: Caller, id: string) =>
      new URL((await client.ask("query ($id: ID!) { document(id: $id) { file { url } } }", { id })).document.file.url);
    const own = await linkOf(bob, bobs.document);
    const theirs = await linkOf(ada, adas.document);
    expect((await fetch(own)).status).toBe(200);
    const [claims, mac] = own.pathname.replace("/files/", "").split(".") as [string, string];
    const otherClaims = Buffer.from(Buffer.from(claims, "base64url").toString().replace(bobs.document, adas.document));
    for (const token of [
      `${otherClaims.toString("base64url")}.${mac}`,
      `${theirs.pathname.replace("/files/", "").split(".")[0]}.${mac}`,
      `${claims}.`,
      claims,
      `${claims}.${mac.slice(1)}`,
      adas.document,
    ])
      expect([token, await refusedFile(token)]).toEqual([token, "404 NOT_FOUND"]);
    for (const token of ["..%2f..%2finstallation.json", "..%5c..%5cinstallation.json"])
      expect([token, await refusedFile(token)]).toEqual([token, expect.stringMatching(/^(400|404) /)]);
  });

  test("guessed or used up, the address of an upload takes nothing", async () => {
    await changingNothing(async () => {
      const { id, url } = await announcedUpload(ada.client, handbook);
      for (const token of [id, "x", url.split("/").at(-1)!.slice(0, -1)])
        expect(await refusedPut(`${atrium.origin}/uploads/${token}`, handbook.content)).toMatchObject({
          status: 404,
          code: "NOT_FOUND",
        });
      expect((await put(url, handbook.content)).status).toBe(201);
      expect(await refusedPut(url, handbook.content)).toMatchObject({ status: 409, code: "CONFLICT" });
    });
  });

  test("addresses of files and uploads end after their fifteen minutes", async () => {
    expect(await refusedFile(stale.fileUrl.split("/").at(-1)!)).toBe("404 NOT_FOUND");
    expect(await refusedPut(stale.uploadUrl, handbook.content)).toMatchObject({ status: 404, code: "NOT_FOUND" });
  });
});

describe("an upload", () => {
  const create = `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { upload { id filename url } } }`;

  test.each([
    ["of no bytes", { sizeBytes: 0 }, "BAD_USER_INPUT", "input.sizeBytes"],
    ["of fewer than no bytes", { sizeBytes: -1 }, "BAD_USER_INPUT", "input.sizeBytes"],
    ["of half a byte", { sizeBytes: 1.5 }, "BAD_USER_INPUT", "input.sizeBytes"],
    ["of a terabyte", { sizeBytes: 1e12 }, "PAYLOAD_TOO_LARGE", "input.sizeBytes"],
    ["of a picture", { contentType: "image/png" }, "BAD_USER_INPUT", "input.contentType"],
    ["without a name", { filename: " " }, "BAD_USER_INPUT", "input.filename"],
    ["with too long a name", { filename: "x".repeat(256) }, "BAD_USER_INPUT", "input.filename"],
    ["with a control character in its name", { filename: "a\u0000.md" }, "BAD_USER_INPUT", "input.filename"],
    ["with ../ in its name", { filename: "../../../etc/passwd" }, "BAD_USER_INPUT", "input.filename"],
    ["with ..\\ in its name", { filename: "..\\..\\boot.ini" }, "BAD_USER_INPUT", "input.filename"],
  ])("%s isn't taken", async (_, wrong, code, field) => {
    const given = { filename: "a.md", contentType: "text/markdown", sizeBytes: 10, ...wrong };
    const { errors, data: answer } = await ada.client.send(create, { input: given });
    expect(errors[0]?.extensions).toMatchObject({ code, field });
    expect(answer?.createUpload ?? null).toBeNull();
  });

  const larger = Buffer.concat([handbook.content, Buffer.from("One more line.\n")]);
  const smaller = handbook.content.subarray(0, 20);

  test.each([
    ["bigger than announced", (url: string) => refusedPut(url, larger), [400]],
    // As it comes, or once all of it has come: a gateway in between may hand it on at once.
    ["bigger than announced, its length untold", (url: string) => refusedPut(url, stream(larger)), [413, 400]],
    ["smaller than announced", (url: string) => refusedPut(url, smaller), [400]],
    ["smaller than announced, its length untold", (url: string) => refusedPut(url, stream(smaller)), [400]],
  ])("%s is refused, nothing of it is kept, and the right file can still be sent", async (_, send, statuses) => {
    await changingNothing(async () => {
      const { id, url } = await announcedUpload(ada.client, handbook);
      const { status, code } = await send(url);
      expect(statuses).toContain(status);
      expect(code).toBe(status === 413 ? "PAYLOAD_TOO_LARGE" : "BAD_USER_INPUT");
      expect(await refusedAdding(id)).toEqual({ code: "NOT_UPLOADED", path: ["uploadIds", "0"] });
      expect((await put(url, handbook.content)).status).toBe(201);
    });
  });

  test("of another type than announced is refused by its content, whatever it is called", async () => {
    const files = await Promise.all(["testWORD_various.docx", "testHTMLGoodScript.html"].map(fixture));
    for (const { content } of [...files, handbook]) {
      const { id, url } = await announcedUpload(ada.client, {
        filename: "report.pdf",
        contentType: "application/pdf",
        content,
      });
      expect(await refusedPut(url, content)).toMatchObject({ status: 400, code: "BAD_USER_INPUT", field: "body" });
      expect(await refusedAdding(id)).toEqual({ code: "NOT_UPLOADED", path: ["uploadIds", "0"] });
    }
  });

  test("that breaks off halfway isn't taken for whole", async () => {
    const { id, url } = await announcedUpload(ada.client, handbook);
    const leaving = new AbortController();
    const broken = fetch(url, {
      method: "PUT",
      duplex: "half",
      signal: leaving.signal,
      body: new ReadableStream({
        start: (controller) => controller.enqueue(handbook.content.subarray(0, 10)),
        pull: () => new Promise((resolve) => setTimeout(resolve, 50)).then(() => leaving.abort()),
      }),
    } as RequestInit);
    await expect(broken).rejects.toThrow();
    expect(await refusedAdding(id)).toEqual({ code: "NOT_UPLOADED", path: ["uploadIds", "0"] });
    expect((await put(url, handbook.content)).status).toBe(201);
  });

  async function refusedAdding(uploadId: string): Promise<unknown> {
    const { addDocuments } = await ada.client.ask(
      `mutation ($input: AddDocumentsInput!) { addDocuments(input: $input) { documents { id } userErrors { code path } } }`,
      { input: { knowledgeBaseId: adas.knowledgeBase, uploadIds: [uploadId] } },
    );
    expect(addDocuments.documents).toBeNull();
    return addDocuments.userErrors[0];
  }
});

test("files that can't be read say why and what to do, and the good one among them is ingested", async () => {
  const knowledgeBaseId = await createdKnowledgeBase(ada.client, { name: "Hostile papers" });
  const hostile = await hostileFiles();
  const uploads = await Promise.all([...hostile, handbook].map((file) => uploaded(ada.client, file)));
  const documents = await addedDocuments(ada.client, knowledgeBaseId, uploads);
  await untilIngested(ada.client, knowledgeBaseId, 90_000);
  for (const [i, { filename, code, advice }] of hostile.entries()) {
    const { document } = await ada.client.ask(
      "query ($id: ID!) { document(id: $id) { filename status passageCount failure { code message } } }",
      { id: documents[i] },
    );
    expect(document).toEqual({
      filename,
      status: "FAILED",
      passageCount: 0,
      failure: { code, message: expect.stringMatching(advice) },
    });
    expect(await passagesOf(ada.client, documents[i]!)).toEqual([]);
  }
  expect(await passagesOf(ada.client, documents.at(-1)!)).toHaveLength(1);
  await ada.client.ask(
    "mutation ($id: ID!) { deleteKnowledgeBase(input: { knowledgeBaseId: $id }) { deletedKnowledgeBaseId } }",
    { id: knowledgeBaseId },
  );
});

test("no name of a file has become a path", async () => {
  // Folders of what was deleted go while they are listed.
  const listing = waitFor(async () => {
    try {
      return readdirSync(data.path, { recursive: true, encoding: "utf8" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  });
  const names = (await listing).map((name) => path.basename(name));
  const given = (await allFixtures()).map(({ filename }) => filename);
  for (const name of [...given, handbook.filename, "passwd", "boot.ini"]) expect(names).not.toContain(name);
});

describe("an operation", () => {
  const nested = (levels: number) => `{ viewer ${"{ user ".repeat(levels)}{ id }${" }".repeat(levels)} }`;
  const tooMuch: [string, string][] = [
    ["of a million characters", `{ viewer { id } } # ${"x".repeat(1_000_000)}`],
    ["a hundred levels deep", nested(100)],
    ["with ten thousand aliases", `{ ${Array.from({ length: 10_000 }, (_, i) => `a${i}: viewer { id }`).join(" ")} }`],
    ["whose fragments spread each other", "query { ...a } fragment a on Query { ...b } fragment b on Query { ...a }"],
  ];

  test.each(tooMuch)("%s is refused before it is run, over HTTP and over WebSocket", async (_, query) => {
    const { data: given, errors } = await ada.client.send(query);
    expect([given, errors[0]?.extensions?.code]).toEqual([null, "OPERATION_TOO_COMPLEX"]);
    if (query.length > 200_000) return; // more than a socket's message may have
    await expect(ada.client.subscribe(query).next()).rejects.toMatchObject({
      response: { errors: [{ extensions: { code: "OPERATION_TOO_COMPLEX" } }] },
    });
  });

  test("of more than a megabyte is refused unread", async () => {
    const { status, errors } = await ada.client.send("{ viewer { id } }", { padding: "x".repeat(2 ** 20) });
    expect([status, errors[0]?.extensions?.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  const million = "concrete ".repeat(110_000);
  test.each([
    [
      "a search",
      "query",
      "query ($text: String!, $id: ID!) { searchKnowledge(knowledgeBaseIds: [$id], query: $text) { hits { score } } }",
    ],
    [
      "a question",
      "question",
      "query ($text: String!, $id: ID!) { answerFromKnowledge(knowledgeBaseIds: [$id], question: $text) { text } }",
    ],
    [
      "a name",
      "input.name",
      "mutation ($text: String!) { createKnowledgeBase(input: { name: $text }) { knowledgeBase { id } } }",
    ],
  ])("%s of a million characters is refused, by its field", async (_, field, query) => {
    await changingNothing(async () => {
      const variables = { text: million, ...(query.includes("$id") && { id: adas.knowledgeBase }) };
      const { errors } = await ada.client.send(query, variables);
      expect(errors[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", field });
    });
  });

  test("with a value of the wrong form is refused, by its field", async () => {
    for (const [query, field] of [
      ['{ document(id: "kb_1") { id } }', "id"],
      [
        '{ documents(filter: { knowledgeBaseId: "\'; drop table document; --" }) { nodes { id } } }',
        "filter.knowledgeBaseId",
      ],
      ['{ knowledgeBases(after: "not a cursor") { nodes { id } } }', "after"],
      ["{ knowledgeBases(first: 101) { nodes { id } } }", "first"],
      ['mutation { createKnowledgeBase(input: { name: "" }) { knowledgeBase { id } } }', "input.name"],
    ] as const)
      expect((await ada.client.send(query)).errors[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", field });
  });
});

describe("a message", () => {
  const question = "How long is concrete kept moist?";
  const send = ({ client }: Caller, input: object) => client.ask(sendMessage, { input });

  test("sent twice with one key is one message with one answer, also when both come at once", async () => {
    const conversationId = await startedConversation(ada.client, adas.chatbot);
    const input = { conversationId, text: question, idempotencyKey: randomUUID() };
    const sent = await Promise.all(Array.from({ length: 8 }, () => send(ada, input)));
    sent.push(await send(ada, input));
    expect(new Set(sent.map((each) => each.sendMessage.message.id)).size).toBe(1);
    await answerIn(conversationId);
    sent.push(await send(ada, input));
    expect(new Set(sent.map((each) => each.sendMessage.message.id)).size).toBe(1);
    expect((await messagesOf(ada.client, conversationId)).map(({ author }) => author)).toEqual([
      "PARTICIPANT",
      "CHATBOT",
    ]);
  });

  test("with another text under a used key is refused, and the first stays as it is", async () => {
    const conversationId = await startedConversation(ada.client, adas.chatbot);
    await sentMessage(ada.client, conversationId, question, "the key");
    await answerIn(conversationId);
    const { sendMessage: refused } = await send(ada, {
      conversationId,
      text: "Another one?",
      idempotencyKey: "the key",
    });
    expect(refused).toMatchObject({
      message: null,
      userErrors: [{ code: "IDEMPOTENCY_KEY_REUSED", path: ["idempotencyKey"] }],
    });
    expect((await messagesOf(ada.client, conversationId))[0]).toMatchObject({ text: question });
    expect(await messagesOf(ada.client, conversationId)).toHaveLength(2);
  });

  test("that is empty, too long or without a key is refused, by its field", async () => {
    const conversationId = await startedConversation(ada.client, adas.chatbot);
    for (const [wrong, field] of [
      [{ text: " " }, "input.text"],
      [{ text: "x".repeat(1_000_000) }, "input.text"],
      [{ idempotencyKey: "" }, "input.idempotencyKey"],
    ] as const) {
      const input = { conversationId, text: question, idempotencyKey: "a key", ...wrong };
      const { errors } = await ada.client.send(sendMessage, { input });
      expect(errors[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", field });
    }
    expect(await messagesOf(ada.client, conversationId)).toEqual([]);
  });

  test("in a guest's conversation can't be sent by another guest, nor by the bot's owner", async () => {
    const chatbot = await publishedChatbot(bob.client, { name: "Open", guestAccess: true });
    const [one, other] = [await guest(atrium), await guest(atrium)];
    const conversationId = await startedConversation(one.client, chatbot);
    for (const who of [other, ada, bob])
      expect(
        await who.client.refusal(sendMessage, { input: { conversationId, text: question, idempotencyKey: "k" } }),
      ).toBe("NOT_FOUND");
    expect(await messagesOf(one.client, conversationId)).toEqual([]);
  });

  const answerIn = (conversationId: string) =>
    waitFor(async () => (await messagesOf(ada.client, conversationId)).find(({ author }) => author === "CHATBOT"));
});

/** Starts the product with its clock twenty minutes slow, and keeps what it gives out. */
async function twentyMinutesAgo(): Promise<typeof stale> {
  const clock = path.join(__dirname, "support/shifted-clock.cjs");
  const env = { NODE_OPTIONS: `--require ${clock}`, SHIFTED_CLOCK_MS: `${-20 * 60 * 1000}` };
  const early = await startAtrium({ dataDirectory: data.path, env });
  try {
    const { client, refreshToken } = await signedUp(early, "Early");
    const knowledgeBaseId = await createdKnowledgeBase(client);
    const [document] = await addedDocuments(client, knowledgeBaseId, [await uploaded(client, handbook)]);
    const { url: uploadUrl } = await announcedUpload(client, handbook);
    const { document: read } = await client.ask("query ($id: ID!) { document(id: $id) { file { url } } }", {
      id: document,
    });
    const fileUrl: string = read.file.url;
    expect((await fetch(fileUrl)).status).toBe(200);
    return { accessToken: client.token!, refreshToken, uploadUrl, fileUrl };
  } finally {
    await early.stop();
  }
}

async function refusedFile(token: string): Promise<string> {
  const response = await fetch(`${atrium.origin}/files/${token}`);
  const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
  return `${response.status} ${errors[0]!.extensions.code}`;
}

/** Sends bytes that have to be refused, to an address of whichever start. */
async function refusedPut(url: string, body: Uint8Array | ReadableStream): Promise<{ status: number; code: string }> {
  const address = `${atrium.origin}${new URL(url).pathname}`;
  const options = { method: "PUT", body, ...(body instanceof ReadableStream && { duplex: "half" }) };
  const response = await fetch(address, options as RequestInit);
  const { errors } = (await response.json()) as { errors: { extensions: { code: string; field?: string } }[] };
  return { status: response.status, ...errors[0]!.extensions };
}

const stream = (bytes: Uint8Array) =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });

const bodyOf = (token: string) => token.split(".").slice(0, 2).join(".");
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const decoded = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as object;

function withClaims(token: string, claims: object): string {
  const [header, payload, signature] = token.split(".") as [string, string, string];
  return `${header}.${encoded({ ...decoded(payload), ...claims })}.${signature}`;
}

function unsigned(token: string): string {
  const [header, payload] = token.split(".") as [string, string];
  return `${encoded({ ...decoded(header), alg: "none" })}.${payload}.`;
}

async function signedByPublicKey(token: string): Promise<string> {
  const [header, payload] = token.split(".") as [string, string];
  const { keys } = (await (await fetch(`${atrium.origin}/.well-known/jwks.json`)).json()) as { keys: object[] };
  const body = `${encoded({ ...decoded(header), alg: "HS256" })}.${payload}`;
  return `${body}.${createHmac("sha256", JSON.stringify(keys[0])).update(body).digest("base64url")}`;
}
