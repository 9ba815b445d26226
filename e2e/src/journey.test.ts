import {
  addedDocuments,
  conversationEvents,
  createdKnowledgeBase,
  guest,
  ingestionProgress,
  messagesOf,
  put,
  announcedUpload,
  sentMessage,
  signedUp,
  startAtrium,
  startedConversation,
  type Atrium,
  type Caller,
  type CitedPassage,
  type ConversationEvent,
  type IngestionProgress,
  type SourceFile,
} from "@atrium/testing";
import { belongingsOf, everythingOf } from "./support/belongings";
import { expectToStandThere } from "./support/citations";
import { ask, entrances, graphOf, type Belongings } from "./support/entrances";
import { allFixtures } from "./support/fixtures";

// The tests are the steps of one journey: each begins where the one before has ended.
jest.setTimeout(120_000);

let atrium: Atrium;
let founder: Caller;
let visitor: Caller;
let stranger: Caller;
let knowledgeBaseId: string;
let chatbotId: string;
let conversationId: string;
const documents = new Map<string, string>();

beforeAll(async () => {
  atrium = await startAtrium();
});
afterAll(async () => {
  expect(await atrium?.stop()).toBe(0);
});

test("who signs up stands in a first organization and workspace, and may do everything there", async () => {
  founder = await signedUp(atrium, "The founder");
  const { viewer, organization, workspace } = await founder.client.ask(
    `query ($organizationId: ID!, $workspaceId: ID!) {
      viewer { name email permissions organization { id } workspace { id } }
      organization(id: $organizationId) { members { nodes { role user { id } } } }
      workspace(id: $workspaceId) { members { nodes { role user { id } } } }
    }`,
    { organizationId: founder.organizationId, workspaceId: founder.workspaceId },
  );
  expect(viewer).toMatchObject({ name: "The founder", email: founder.email });
  expect(viewer.permissions).toEqual(expect.arrayContaining(["knowledge:write", "chatbots:publish"]));
  expect(organization.members.nodes).toEqual([{ role: "OWNER", user: { id: founder.userId } }]);
  expect(workspace.members.nodes).toEqual([{ role: "ADMIN", user: { id: founder.userId } }]);
});

test("real files of eight formats are uploaded and ingested, with progress over WebSocket; a scan is refused with a reason", async () => {
  knowledgeBaseId = await createdKnowledgeBase(founder.client, { name: "The company's papers" });
  const files = await allFixtures();
  const uploads = await Promise.all(files.map((file) => sent(file)));

  const progress = founder.client.subscribe<{ ingestionProgress: IngestionProgress }>(ingestionProgress, {
    knowledgeBaseId,
  });
  const none = { queued: 0, ingesting: 0, ingested: 0, failed: 0 };
  expect((await progress.next()).data?.ingestionProgress).toEqual({ document: null, counts: none });
  const ids = await addedDocuments(founder.client, knowledgeBaseId, uploads);
  const heard = await progress.until(
    ({ ingestionProgress: { counts } }) => counts.ingested + counts.failed === files.length,
    60_000,
  );
  progress.stop();

  const counts = heard.map((data) => data.ingestionProgress.counts);
  expect(counts.at(-1)).toEqual({ ...none, ingested: files.length - 1, failed: 1 });
  const settled = counts.map(({ ingested, failed }) => ingested + failed);
  expect(settled).toEqual([...settled].sort((a, b) => a - b));
  expect(heard.some((data) => data.ingestionProgress.document?.status === "INGESTING")).toBe(true);

  files.forEach(({ filename }, i) => documents.set(filename, ids[i]!));
  const { knowledgeBase } = await founder.client.ask(
    `query ($id: ID!) { knowledgeBase(id: $id) { documents(first: 50) { nodes {
      id filename status format pageCount passageCount failure { code message } createdBy { id name }
    } } } }`,
    { id: knowledgeBaseId },
  );
  const nodes = knowledgeBase.documents.nodes as Record<string, unknown>[];
  const byName = Object.fromEntries(nodes.map((node) => [node.filename, node]));
  expect(Object.keys(byName).sort()).toEqual(files.map(({ filename }) => filename).sort());
  expect(Object.fromEntries(nodes.map(({ filename, format }) => [filename, format]))).toMatchObject({
    "ntsb-20071229X02007.pdf": "PDF",
    "testWORD_numbered_list.docx": "DOCX",
    "testPPT_various.pptx": "PPTX",
    "testEXCEL_headers_footers.xlsx": "XLSX",
    "testRTFHyperlinkAndStyles.rtf": "RTF",
    "testHTMLGoodScript.html": "HTML",
    "site-handbook.md": "MARKDOWN",
    "equipment.csv": "CSV",
  });
  expect(byName["ntsb-20080104X00020.pdf"]).toMatchObject({
    status: "INGESTED",
    pageCount: 5,
    failure: null,
    createdBy: { id: founder.userId, name: "The founder" },
  });
  expect(byName["testPDF_jpeg2000.pdf"]).toMatchObject({
    status: "FAILED",
    passageCount: 0,
    failure: { code: "NO_TEXT", message: expect.stringContaining("OCR") },
  });
});

test("a document's file is downloaded again as it was uploaded", async () => {
  const [file] = await allFixtures();
  const { document } = await founder.client.ask("query ($id: ID!) { document(id: $id) { file { url } } }", {
    id: documents.get(file!.filename),
  });
  const response = await fetch(document.file.url);
  expect(response.headers.get("content-disposition")).toContain(`attachment; filename*=UTF-8''${file!.filename}`);
  expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(file!.content))).toBe(true);
});

test.each([
  ["skidded on a patch of packed snow", "ntsb-20080104X00020.pdf", 1, "Analysis"],
  ["airplane cartwheeled counterclockwise", "ntsb-20080109X00035.pdf", 1, "Analysis"],
  ["altimeter setting 30.27 inches", "ntsb-20071229X02007.pdf", 3, "Meteorological Information and Flight Plan"],
  ["harness hooked to an anchor point", "site-handbook.md", null, "Working at height"],
  ["day rate of the concrete pump", "equipment.csv", null, undefined],
  ["blackened salmon julienne", "testRTFHyperlinkAndStyles.rtf", null, undefined],
  ["a new list that starts at six", "testWORD_numbered_list.docx", null, undefined],
])("searching for «%s» finds it in %s", async (query, filename, page, heading) => {
  const { searchKnowledge } = await founder.client.ask(
    `query ($ids: [ID!]!, $query: String!) { searchKnowledge(knowledgeBaseIds: $ids, query: $query, first: 3, explain: true) {
      hits {
        score snippet highlights { start end } document { id title }
        passage { text page headingPath start end }
        explanation { parts { part contribution } words { word } }
      }
    } }`,
    { ids: [knowledgeBaseId], query },
  );
  const [hit] = searchKnowledge.hits;
  expect(hit.document.id).toBe(documents.get(filename));
  expect(hit.passage.page).toBe(page);
  expect(hit.passage.headingPath.at(-1)).toBe(heading);
  expect(hit.passage.end - hit.passage.start).toBe(hit.passage.text.length);
  expect(hit.highlights.length).toBeGreaterThan(0);
  for (const { start, end } of hit.highlights) expect(hit.passage.text.slice(start, end).trim()).not.toBe("");
  expect(hit.passage.text).toContain(hit.snippet);
  const contributions = (hit.explanation.parts as { contribution: number }[]).map(({ contribution }) => contribution);
  expect(contributions.reduce((sum, each) => sum + each, 0)).toBeCloseTo(hit.score, 6);
});

const accident = {
  question: "What was the probable cause of the accident in Tallahassee?",
  says: "The pilot's misjudged clearance over obstacles during final approach.",
  filename: "ntsb-20071229X02007.pdf",
  place: { page: 1, heading: "Probable Cause and Findings" },
};
const concrete = {
  question: "How long is fresh concrete kept moist?",
  says: "Fresh concrete is kept moist for at least five days.",
  filename: "site-handbook.md",
  place: { page: null, heading: "Concrete" },
};

test.each([accident, concrete])("$question", async ({ question, says, filename, place }) => {
  const { answerFromKnowledge } = await founder.client.ask(
    `query ($ids: [ID!]!, $question: String!) { answerFromKnowledge(knowledgeBaseIds: $ids, question: $question) {
      answered text confidence
      sentences { text citations { document { id title } passageId page headingPath start end quote } }
    } }`,
    { ids: [knowledgeBaseId], question },
  );
  const { answered, text, sentences } = answerFromKnowledge;
  expect(answered).toBe(true);
  expect(text).toContain(says);
  for (const { text: sentence, citations } of sentences) {
    expect(text).toContain(sentence);
    expect(citations.length).toBeGreaterThan(0);
    for (const { document, ...citation } of citations) {
      expect(document.id).toBe(documents.get(filename));
      expect({ page: citation.page, heading: citation.headingPath.at(-1) }).toEqual(place);
      await expectToStandThere(founder.client, document.id, citation);
    }
  }
});

test("what no document says isn't answered", async () => {
  const { answerFromKnowledge } = await founder.client.ask(
    `query ($ids: [ID!]!) { answerFromKnowledge(knowledgeBaseIds: $ids, question: "What is the capital of Mongolia?") {
      answered sentences { text }
    } }`,
    { ids: [knowledgeBaseId] },
  );
  expect(answerFromKnowledge).toEqual({ answered: false, sentences: [] });
});

test("a bot is drafted with the knowledge base, tried out and published", async () => {
  const { createChatbotDraft } = await founder.client.ask(
    `mutation ($input: CreateChatbotDraftInput!) {
      createChatbotDraft(input: $input) { draft { id finalized } userErrors { code } }
    }`,
    { input: { name: "Clerk", greeting: "What would you like to know?", knowledgeBaseIds: [knowledgeBaseId] } },
  );
  const draftId = createChatbotDraft.draft.id;
  const { testChatbotDraft } = await founder.client.ask(
    `mutation ($input: TestChatbotDraftInput!) {
      testChatbotDraft(input: $input) { answer { text route { tier reason } } userErrors { code } }
    }`,
    { input: { draftId, message: concrete.question } },
  );
  expect(testChatbotDraft.answer).toEqual({ text: concrete.says, route: { tier: 1, reason: "KNOWLEDGE" } });
  expect((await founder.client.ask("{ chatbots { nodes { id } } }")).chatbots.nodes).toEqual([]);

  const { finalizeChatbotDraft } = await founder.client.ask(
    `mutation ($input: FinalizeChatbotDraftInput!) {
      finalizeChatbotDraft(input: $input) {
        chatbot { id name publishedVersion guestAccess knowledgeBases { id name } } userErrors { code }
      }
    }`,
    { input: { draftId } },
  );
  expect(finalizeChatbotDraft.chatbot).toEqual({
    id: expect.stringMatching(/^bot_/),
    name: "Clerk",
    publishedVersion: 1,
    guestAccess: false,
    knowledgeBases: [{ id: knowledgeBaseId, name: "The company's papers" }],
  });
  chatbotId = finalizeChatbotDraft.chatbot.id;
});

test("a message is answered by the bot at tier 1, streamed over WebSocket with its citations", async () => {
  conversationId = await talk(founder);
});

test("a guest can't talk to the bot until it is opened to guests, and then gets the same answer", async () => {
  visitor = await guest(atrium);
  const start = "mutation ($id: ID!) { startConversation(input: { chatbotId: $id }) { conversation { id } } }";
  expect(await visitor.client.refusal(start, { id: chatbotId })).toBe("NOT_FOUND");
  await founder.client.ask(
    "mutation ($id: ID!) { updateChatbot(input: { chatbotId: $id, guestAccess: true }) { chatbot { guestAccess } } }",
    { id: chatbotId },
  );
  const { openChatbot } = await visitor.client.ask("query ($id: ID!) { openChatbot(id: $id) { name greeting } }", {
    id: chatbotId,
  });
  expect(openChatbot).toEqual({ name: "Clerk", greeting: "What would you like to know?" });
  await talk(visitor);
});

test("a guest sees nothing but themself and their own conversations", async () => {
  const theirs = await belongingsOfFounder();
  const own = { ...theirs, organization: "org_00000000000000000000000000" };
  const graph = await graphOf(visitor.client);
  // Talking to this bot is what a guest may do, and looking at what was said.
  const permitted = ["startConversation.input.chatbotId", "conversations.filter.chatbotId"];
  for (const [path, { given, told }] of Object.entries(entrances)) {
    if (permitted.includes(path)) continue;
    const answer = await ask(visitor.client, graph, path, given(theirs, own));
    const nothing = (told === "[]" && answer === "[]") || (told === null && answer === null);
    if (!nothing) expect([path, answer]).toEqual([path, shut]);
  }
  for (const list of ["knowledgeBases", "documents", "chatbots", "chatbotDrafts", "projects", "workspaces"])
    expect([list, await visitor.client.refusal(`{ ${list} { nodes { id } } }`)]).toEqual([list, "FORBIDDEN"]);
  const { viewer, conversations, organizations } = await visitor.client.ask(
    "{ viewer { id email organization { id } permissions } conversations { nodes { id } } organizations { nodes { id } } }",
  );
  expect(viewer).toEqual({ id: visitor.userId, email: null, organization: null, permissions: [] });
  expect(organizations.nodes).toEqual([]);
  expect(conversations.nodes).toHaveLength(1);
  expect(conversations.nodes).not.toContainEqual({ id: conversationId });

  const another = await guest(atrium);
  expect((await another.client.ask("{ conversations { nodes { id } } }")).conversations.nodes).toEqual([]);
  expect(
    await another.client.refusal("query ($id: ID!) { conversation(id: $id) { id } }", conversations.nodes[0]),
  ).toBe("NOT_FOUND");
});

test("a second organization sees none of it, by every entrance", async () => {
  stranger = await signedUp(atrium, "A stranger");
  expect(stranger.organizationId).not.toBe(founder.organizationId);
  // Open to guests, it is open to everybody.
  await founder.client.ask(
    "mutation ($id: ID!) { updateChatbot(input: { chatbotId: $id, guestAccess: false }) { chatbot { id } } }",
    { id: chatbotId },
  );
  const theirs = await belongingsOfFounder();
  const own = await belongingsOf(stranger);
  const [before, ownBefore] = [await everythingOf(founder), await everythingOf(stranger)];
  const seen = JSON.stringify(ownBefore);
  for (const id of Object.values(theirs)) expect(seen).not.toContain(id);

  const graph = await graphOf(stranger.client);
  for (const [path, { given, told }] of Object.entries(entrances))
    expect([path, await ask(stranger.client, graph, path, given(theirs, own))]).toEqual([path, told]);

  expect(await everythingOf(founder)).toEqual(before);
  expect(await everythingOf(stranger)).toEqual(ownBefore);
});

test("nothing of all this was a fault", () => {
  expect(atrium.newFaults()).toEqual([]);
});

async function sent(file: SourceFile): Promise<string> {
  const { id, url } = await announcedUpload(founder.client, file);
  expect(new URL(url).origin).toBe(atrium.origin);
  const { status, text } = await put(url, file.content);
  expect({ status, ...JSON.parse(text) }).toEqual({ status: 201, uploadId: id, sizeBytes: file.content.length });
  return id;
}

/** Asks the bot in somebody's name, checks what is streamed, and returns the conversation. */
async function talk({ client, userId }: Caller): Promise<string> {
  const conversation = await startedConversation(client, chatbotId);
  const subscription = client.subscribe<{ conversationEvents: ConversationEvent }>(conversationEvents, {
    conversationId: conversation,
  });
  const questionId = await sentMessage(client, conversation, accident.question);
  const heard = await subscription.until((data) => data.conversationEvents.kind === "ANSWER_DONE");
  subscription.stop();

  const events = heard.map((data) => data.conversationEvents);
  expect(events.map(({ number }) => number)).toEqual(events.map((_, i) => i + 1));
  const kinds = events.map(({ kind }) => kind);
  expect(kinds.slice(0, 2)).toEqual(["MESSAGE_ACCEPTED", "ANSWER_STARTED"]);
  expect(new Set(kinds.slice(2, -1))).toEqual(new Set(["ANSWER_DELTA", "ANSWER_CITED"]));
  expect(events[1]).toMatchObject({ tier: 1 });
  const streamed = events.flatMap(({ kind, text }) => (kind === "ANSWER_DELTA" ? [text] : [])).join("");
  const cited = events.flatMap(({ citations }) => citations);
  expect(streamed).toContain(accident.says);
  expect(cited[0]).toMatchObject({
    documentTitle: "ntsb-20071229X02007",
    page: 1,
    headingPath: expect.arrayContaining(["Probable Cause and Findings"]),
  } satisfies Partial<CitedPassage>);
  for (const citation of cited) await expectToStandThere(founder.client, documents.get(accident.filename)!, citation);

  const [question, answer, ...more] = await messagesOf(client, conversation);
  expect(more).toEqual([]);
  expect(question).toMatchObject({ id: questionId, author: "PARTICIPANT", answerState: "ANSWERED" });
  expect(answer).toMatchObject({
    inReplyToId: questionId,
    author: "CHATBOT",
    text: streamed,
    route: { tier: 1, reason: "KNOWLEDGE" },
    citations: cited,
  });
  const { conversation: read } = await client.ask("query ($id: ID!) { conversation(id: $id) { participant { id } } }", {
    id: conversation,
  });
  expect(read.participant).toEqual({ id: userId });
  return conversation;
}

let ofFounder: Promise<Belongings> | null = null;

/** The founder's objects of this journey, and one of each further kind. */
async function belongingsOfFounder(): Promise<Belongings> {
  ofFounder ??= belongingsOf(founder).then(async (others) => ({
    ...others,
    knowledgeBase: knowledgeBaseId,
    document: documents.get("site-handbook.md")!,
    chatbot: chatbotId,
    conversation: conversationId,
    message: (await messagesOf(founder.client, conversationId))[1]!.id,
  }));
  return ofFounder;
}

const shut = expect.stringMatching(/^(FORBIDDEN|NOT_FOUND)$/);
