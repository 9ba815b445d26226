import { createServer, type AddressInfo } from "node:net";
import {
  addedDocuments,
  announcedUpload,
  conversationEvents,
  createdKnowledgeBase,
  ingested,
  ingestionProgress,
  messagesOf,
  passagesOf,
  publishedChatbot,
  put,
  sendMessage,
  signedUp,
  startAtrium,
  startedConversation,
  temporaryData,
  untilIngested,
  uploaded,
  waitFor,
  type Atrium,
  type Caller,
  type ConversationEvent,
  type DataDirectory,
  type GraphQLClient,
  type IngestionProgress,
  type SourceFile,
} from "@atrium/testing";
import { fixture } from "./support/fixtures";

jest.setTimeout(300_000);

let data: DataDirectory;
let atrium: Atrium;
let env: Record<string, string>;
let ada: Caller;
let files: SourceFile[];
/** What an ingestion that nothing disturbs makes of each file. */
const undisturbed = new Map<string, Text[]>();

type Text = { ordinal: number; text: string; start: number; end: number };

beforeAll(async () => {
  data = temporaryData();
  env = { PORT: `${await freePort()}`, CHAT_RATE_LIMIT_FACTOR: "1000" };
  atrium = await startAtrium({ dataDirectory: data.path, env });
  ada = await signedUp(atrium);
  const small = [
    "ntsb-20071229X02007.pdf",
    "testWORD_various.docx",
    "testEXCEL_headers_footers.xlsx",
    "site-handbook.md",
  ];
  files = [ledger(), ...(await Promise.all(small.map(fixture)))];
  const knowledgeBaseId = await createdKnowledgeBase(ada.client);
  const documents = await ingested(ada.client, knowledgeBaseId, files);
  for (const [i, { filename }] of files.entries()) undisturbed.set(filename, await textsOf(documents[i]!));
  expect(undisturbed.get("ledger.csv")!.length).toBeGreaterThan(300);
});
afterAll(async () => {
  await atrium?.stop();
  await data?.remove();
});

/** Ends the process with nothing getting to clean up, and starts it again on the same data and port. */
async function crash(options?: { sparing?: "database" }): Promise<void> {
  await atrium.kill(options);
  atrium = await startAtrium({ dataDirectory: data.path, env });
}

describe("ingestion", () => {
  const isLedger = ({ document }: IngestionProgress, id: string) => document?.id === id;
  const moments: [string, ((progress: IngestionProgress, ledgerId: string) => boolean) | null][] = [
    ["as soon as the documents were added", null],
    ["when the first of them is being read", ({ document }) => document?.status === "INGESTING"],
    [
      "when a part of the biggest is stored",
      (progress, id) => isLedger(progress, id) && progress.document!.passageCount > 0,
    ],
    ["when the first of them is ingested", ({ counts }) => counts.ingested > 0],
  ];

  test.each(moments)("killed %s ends with every document ingested once", async (_, reached) => {
    const { knowledgeBaseId, documents } = await added(reached);
    await crash({ sparing: "database" });
    await untilIngested(ada.client, knowledgeBaseId);
    await expectEachOnce(knowledgeBaseId, documents);
  });

  test("killed together with its database, and again while it heals, ends with every document ingested once", async () => {
    const { knowledgeBaseId, documents } = await added(
      (progress, id) => isLedger(progress, id) && progress.document!.passageCount > 0,
    );
    await crash();
    await crash({ sparing: "database" });
    await crash();
    await untilIngested(ada.client, knowledgeBaseId);
    await expectEachOnce(knowledgeBaseId, documents);
  });

  test("killed before addDocuments has answered, all of its documents are there or none", async () => {
    const knowledgeBaseId = await createdKnowledgeBase(ada.client);
    const uploads = await Promise.all(files.map((file) => uploaded(ada.client, file)));
    const answer = addedDocuments(ada.client, knowledgeBaseId, uploads).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, 15));
    await crash({ sparing: "database" });
    const answered = await answer;
    let documents = await documentsOf(knowledgeBaseId);
    expect([0, files.length]).toContain(documents.length);
    if (answered) expect(documents.map(({ id }) => id).sort()).toEqual([...answered].sort());
    if (documents.length === 0) {
      await addedDocuments(ada.client, knowledgeBaseId, uploads);
      documents = await documentsOf(knowledgeBaseId);
    }
    await untilIngested(ada.client, knowledgeBaseId);
    await expectEachOnce(
      knowledgeBaseId,
      documents.map(({ id }) => id),
    );
  });

  test("killed while a file is being sent, the file can be sent again to the same address", async () => {
    const file = await fixture("site-handbook.md");
    const { id, url } = await announcedUpload(ada.client, file);
    const half = new ReadableStream({
      start: (controller) => controller.enqueue(file.content.subarray(0, file.content.length / 2)),
    });
    const sending = fetch(url, { method: "PUT", body: half, duplex: "half" } as RequestInit).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await crash({ sparing: "database" });
    expect(await sending).toBeNull();
    expect((await put(url, file.content)).status).toBe(201);
    const knowledgeBaseId = await createdKnowledgeBase(ada.client);
    const documents = await addedDocuments(ada.client, knowledgeBaseId, [id]);
    await untilIngested(ada.client, knowledgeBaseId);
    expect(await textsOf(documents[0]!)).toEqual(undisturbed.get("site-handbook.md"));
  });

  /** Adds all files to a new base and waits until the moment has come. */
  async function added(reached: ((progress: IngestionProgress, ledgerId: string) => boolean) | null) {
    const knowledgeBaseId = await createdKnowledgeBase(ada.client);
    const uploads = await Promise.all(files.map((file) => uploaded(ada.client, file)));
    const subscription = ada.client.subscribe<{ ingestionProgress: IngestionProgress }>(ingestionProgress, {
      knowledgeBaseId,
    });
    await subscription.next();
    const documents = await addedDocuments(ada.client, knowledgeBaseId, uploads);
    if (reached) await subscription.until((heard) => reached(heard.ingestionProgress, documents[0]!));
    const { knowledgeBase } = await ada.client.ask(
      "query ($id: ID!) { knowledgeBase(id: $id) { ingestion { queued ingesting } } }",
      { id: knowledgeBaseId },
    );
    // Otherwise the moment was missed and nothing would be shown.
    expect(knowledgeBase.ingestion.queued + knowledgeBase.ingestion.ingesting).toBeGreaterThan(0);
    return { knowledgeBaseId, documents };
  }

  async function expectEachOnce(knowledgeBaseId: string, documents: readonly string[]): Promise<void> {
    const found = await documentsOf(knowledgeBaseId);
    expect(found.map(({ id }) => id).sort()).toEqual([...documents].sort());
    for (const { id, filename, ...state } of found) {
      const texts = await textsOf(id);
      expect(texts).toEqual(undisturbed.get(filename));
      expect(state).toEqual({ status: "INGESTED", failure: null, passageCount: texts.length });
    }
    const { searchKnowledge } = await ada.client.ask(
      `query ($id: ID!) { searchKnowledge(knowledgeBaseIds: [$id], query: "invoice of the supplier", first: 100) {
        hits { document { id } passage { start } }
      } }`,
      { id: knowledgeBaseId },
    );
    const places = (searchKnowledge.hits as object[]).map((hit) => JSON.stringify(hit));
    expect(places).toHaveLength(100);
    expect(new Set(places).size).toBe(places.length);
  }
});

test("killed while answers are under way, every message has one answer after the restart", async () => {
  const question = "How long is fresh concrete kept moist?";
  const knowledgeBaseId = await createdKnowledgeBase(ada.client);
  await ingested(ada.client, knowledgeBaseId, [await fixture("site-handbook.md")]);
  const chatbotId = await publishedChatbot(ada.client, { name: "Clerk", knowledgeBaseIds: [knowledgeBaseId] });
  const conversations = await Promise.all(Array.from({ length: 24 }, () => startedConversation(ada.client, chatbotId)));
  const send = async (conversationId: string): Promise<string> => {
    const input = { conversationId, text: question, idempotencyKey: "the one message" };
    return (await ada.client.ask(sendMessage, { input })).sendMessage.message.id;
  };
  const sent = conversations.map((conversation) => send(conversation).catch(() => null));
  await Promise.race(sent);
  await crash({ sparing: "database" });
  const accepted = await Promise.all(sent);

  for (const [i, conversation] of conversations.entries()) {
    // Whoever got no answer sends again, and so does whoever isn't sure.
    const messageId = await send(conversation);
    if (accepted[i]) expect(messageId).toBe(accepted[i]);
    const messages = await waitFor(async () => {
      const read = await messagesOf(ada.client, conversation);
      return read.some(({ author }) => author === "CHATBOT") && read;
    }, 30_000);
    expect(messages).toMatchObject([
      { id: messageId, author: "PARTICIPANT", answerState: "ANSWERED" },
      { inReplyToId: messageId, author: "CHATBOT", text: "Fresh concrete is kept moist for at least five days." },
    ]);
    const events = await eventsOf(ada.client, conversation);
    expect(events.map(({ number }) => number)).toEqual(events.map((_, n) => n + 1));
    expect(events.filter(({ kind }) => kind === "MESSAGE_ACCEPTED" || kind === "ANSWER_DONE")).toHaveLength(2);
  }
  // Only now: an answer that comes twice would come late.
  for (const conversation of conversations) expect(await messagesOf(ada.client, conversation)).toHaveLength(2);
});

test("after all these crashes a start is as clean as the first, and so is the end", async () => {
  await crash();
  expect(atrium.newFaults()).toEqual([]);
  const { viewer } = await ada.client.ask("{ viewer { id } }");
  expect(viewer.id).toBe(ada.userId);
  expect(await atrium.stop()).toBe(0);
  atrium = await startAtrium({ dataDirectory: data.path, env });
});

async function documentsOf(knowledgeBaseId: string) {
  const { knowledgeBase } = await ada.client.ask(
    `query ($id: ID!) { knowledgeBase(id: $id) { documents(first: 100) { nodes {
      id filename status passageCount failure { code }
    } } } }`,
    { id: knowledgeBaseId },
  );
  return knowledgeBase.documents.nodes as { id: string; filename: string }[];
}

const textsOf = async (documentId: string): Promise<Text[]> =>
  (await passagesOf(ada.client, documentId)).map(({ ordinal, text, start, end }) => ({ ordinal, text, start, end }));

async function eventsOf(client: GraphQLClient, conversationId: string): Promise<ConversationEvent[]> {
  const subscription = client.subscribe<{ conversationEvents: ConversationEvent }>(conversationEvents, {
    conversationId,
  });
  const heard = await subscription.until(({ conversationEvents: { kind } }) => kind === "ANSWER_DONE");
  subscription.stop();
  return heard.map((event) => event.conversationEvents);
}

/** A table that takes a while to be read: several thousand invoices. */
function ledger(): SourceFile {
  const rows = Array.from(
    { length: 8_000 },
    (_, i) =>
      `${i + 1},supplier ${(i * 7919) % 97},invoice of delivery ${i + 1} to yard ${i % 5},${(i * 37) % 9000}.50`,
  );
  const content = Buffer.from(["Number,Supplier,Subject,Amount EUR", ...rows].join("\n"));
  return { filename: "ledger.csv", contentType: "text/csv", content };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
