import { newId } from "@atrium/ids";
import { ask, createDraft, finalizeDraft, givenBot, givenConversation, type Bot } from "../testing-operations";
import { givenPlace, guest, member, startTestChat, type Chat } from "../testing";

let chat: Chat;
beforeAll(async () => {
  chat = await startTestChat({ env: { CHAT_RATE_LIMIT_FACTOR: "1000" } });
  chat.library.facts.set("helmet", "Helmets are worn on every site.");
});
afterAll(() => chat?.stop());

const draftsQuery = "{ chatbotDrafts { nodes { id settings { name } } } }";
const updateDraft = `mutation ($input: UpdateChatbotDraftInput!) {
  updateChatbotDraft(input: $input) { draft { settings { name greeting } } userErrors { code path } } }`;
const testDraft = `mutation ($input: TestChatbotDraftInput!) {
  testChatbotDraft(input: $input) {
    answer { text sentences { citations { quote } } route { tier reason } } userErrors { code } } }`;
const discardDraft = `mutation ($input: DiscardChatbotDraftInput!) {
  discardChatbotDraft(input: $input) { discardedDraftId userErrors { code } } }`;
const botQuery = `query ($id: ID!) {
  chatbot(id: $id) {
    id name publishedVersion guestAccess viewerCanUpdate knowledgeBases { id }
    versions { nodes { version settings { name knowledgeBases { id } } publishedBy { id } } } } }`;
const updateBot = `mutation ($input: UpdateChatbotInput!) {
  updateChatbot(input: $input) { chatbot { id name publishedVersion guestAccess } } }`;
const rollbackBot = `mutation ($input: RollbackChatbotInput!) {
  rollbackChatbot(input: $input) { chatbot { name publishedVersion } userErrors { code path } } }`;
const deleteBot = `mutation ($input: DeleteChatbotInput!) { deleteChatbot(input: $input) { deletedChatbotId } }`;
const attach = `mutation ($input: AttachKnowledgeBaseInput!) {
  attachKnowledgeBase(input: $input) { chatbot { publishedVersion knowledgeBases { id } } userErrors { code } } }`;
const detach = `mutation ($input: DetachKnowledgeBaseInput!) {
  detachKnowledgeBase(input: $input) { chatbot { publishedVersion knowledgeBases { id } } userErrors { code } } }`;

const givenDraft = async (maker: ReturnType<typeof member>, input: object) =>
  (await chat.run<{ createChatbotDraft: { draft: { id: string } } }>(maker, createDraft, { input })).createChatbotDraft
    .draft.id;
const readBot = async (reader: ReturnType<typeof member>, id: string) =>
  (await chat.run<{ chatbot: Bot & { versions: { nodes: object[] } } }>(reader, botQuery, { id })).chatbot;

describe("drafts", () => {
  test("a draft is changed, tried and published, and is then done with", async () => {
    const place = givenPlace();
    const ada = member(place);
    const knowledgeBaseId = chat.library.givenBase(place.workspaceId);
    const draftId = await givenDraft(ada, { name: "Helper", knowledgeBaseIds: [knowledgeBaseId] });
    const changed = await chat.run(ada, updateDraft, { input: { draftId, greeting: "Welcome!" } });
    expect(changed).toMatchObject({
      updateChatbotDraft: { draft: { settings: { name: "Helper", greeting: "Welcome!" } } },
    });
    const tried = await chat.run(ada, testDraft, { input: { draftId, message: "When is a helmet needed?" } });
    expect(tried).toMatchObject({
      testChatbotDraft: {
        answer: {
          text: "Helmets are worn on every site.",
          sentences: [{ citations: [{ quote: "Helmets are worn on every site." }] }],
          route: { tier: 1, reason: "KNOWLEDGE" },
        },
      },
    });
    // Trying leaves nothing behind.
    expect(await chat.asOwner("select id from message where workspace_id = $1", [place.workspaceId])).toEqual([]);

    const { finalizeChatbotDraft } = await chat.run<{ finalizeChatbotDraft: { chatbot: Bot } }>(ada, finalizeDraft, {
      input: { draftId },
    });
    expect(finalizeChatbotDraft.chatbot).toMatchObject({ publishedVersion: 1, guestAccess: false });
    for (const [operation, name, more] of [
      [finalizeDraft, "finalizeChatbotDraft", {}],
      [updateDraft, "updateChatbotDraft", { name: "Other" }],
      [testDraft, "testChatbotDraft", { message: "Hello" }],
      [discardDraft, "discardChatbotDraft", {}],
    ] as const) {
      const refused = await chat.run<Record<string, object>>(ada, operation, { input: { draftId, ...more } });
      expect(refused[name]).toMatchObject({ userErrors: [{ code: "ALREADY_FINALIZED" }] });
    }
    expect((await readBot(ada, finalizeChatbotDraft.chatbot.id)).versions.nodes).toHaveLength(1);
  });

  test("published twice at once, a draft becomes one bot", async () => {
    const place = givenPlace();
    const ada = member(place);
    const draftId = await givenDraft(ada, { name: "Helper" });
    const results = await Promise.all(
      [1, 2, 3].map(() => chat.run<{ finalizeChatbotDraft: object }>(ada, finalizeDraft, { input: { draftId } })),
    );
    const refused = results.filter(
      ({ finalizeChatbotDraft }) => "chatbot" in finalizeChatbotDraft && !finalizeChatbotDraft.chatbot,
    );
    expect(refused).toHaveLength(2);
    expect(await chat.asOwner("select id from chatbot where workspace_id = $1", [place.workspaceId])).toHaveLength(1);
  });

  test("a draft of a bot begins with its settings and becomes its next version", async () => {
    const ada = member(givenPlace());
    const bot = await givenBot(chat, ada, { name: "First", guestAccess: true });
    const next = await givenBot(chat, ada, { chatbotId: bot.id, name: "Second" });
    expect(next).toMatchObject({ id: bot.id, name: "Second", publishedVersion: 2, guestAccess: true });
  });

  test("publishing a draft doesn't reopen a bot that was closed to guests meanwhile", async () => {
    const ada = member(givenPlace());
    const bot = await givenBot(chat, ada, { guestAccess: true });
    const draftId = await givenDraft(ada, { chatbotId: bot.id, greeting: "Welcome!" });
    await chat.run(ada, updateBot, { input: { chatbotId: bot.id, guestAccess: false } });
    await chat.run(ada, finalizeDraft, { input: { draftId } });
    expect((await readBot(ada, bot.id)).guestAccess).toBe(false);
    await expect(givenConversation(chat, guest(), bot.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a draft that is thrown away is gone, and one of a deleted bot can't be published", async () => {
    const ada = member(givenPlace());
    const thrown = await givenDraft(ada, { name: "Helper" });
    await chat.run(ada, discardDraft, { input: { draftId: thrown } });
    expect(await chat.run(ada, draftsQuery)).toEqual({ chatbotDrafts: { nodes: [] } });
    await expect(chat.run(ada, finalizeDraft, { input: { draftId: thrown } })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });

    const bot = await givenBot(chat, ada);
    const draftId = await givenDraft(ada, { chatbotId: bot.id });
    await chat.run(ada, deleteBot, { input: { chatbotId: bot.id } });
    const refused = await chat.run(ada, finalizeDraft, { input: { draftId } });
    expect(refused).toMatchObject({
      finalizeChatbotDraft: { chatbot: null, userErrors: [{ code: "CHATBOT_DELETED" }] },
    });
  });

  test.each([
    ["no name", {}, "input.name"],
    ["an empty name", { name: " " }, "input.name"],
    ["a name that is too long", { name: "x".repeat(121) }, "input.name"],
    ["control characters", { name: "a\u0007b" }, "input.name"],
    ["a language that is none", { name: "Helper", language: "klingon!" }, "input.language"],
    ["instructions that are too long", { name: "Helper", instructions: "x".repeat(20_001) }, "input.instructions"],
    ["an id that is none", { name: "Helper", knowledgeBaseIds: ["doc_1"] }, "input.knowledgeBaseIds.0"],
  ])("a draft with %s is refused, naming the field", async (_, input, field) => {
    const place = givenPlace();
    await expect(chat.run(member(place), createDraft, { input })).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      field,
    });
    expect(await chat.asOwner("select id from chatbot_draft where workspace_id = $1", [place.workspaceId])).toEqual([]);
  });

  test("another workspace's knowledge base can't be drafted", async () => {
    const ada = member(givenPlace());
    const foreign = chat.library.givenBase(givenPlace().workspaceId);
    const refused = await chat.run(ada, createDraft, { input: { name: "Spy", knowledgeBaseIds: [foreign] } });
    expect(refused).toMatchObject({
      createChatbotDraft: {
        draft: null,
        userErrors: [{ code: "KNOWLEDGE_BASE_NOT_FOUND", path: ["knowledgeBaseIds", "0"] }],
      },
    });
  });
});

describe("published bots", () => {
  test("changes become versions, and an earlier one can be published again", async () => {
    const ada = member(givenPlace());
    const { id } = await givenBot(chat, ada, { name: "First" });
    await chat.run(ada, updateBot, { input: { chatbotId: id, name: "Second" } });
    // The same again, and guest access, make no version.
    await chat.run(ada, updateBot, { input: { chatbotId: id, name: "Second" } });
    await chat.run(ada, updateBot, { input: { chatbotId: id, guestAccess: true } });
    expect(await readBot(ada, id)).toMatchObject({ name: "Second", publishedVersion: 2, guestAccess: true });

    const rolledBack = await chat.run(ada, rollbackBot, { input: { chatbotId: id, version: 1 } });
    expect(rolledBack).toMatchObject({ rollbackChatbot: { chatbot: { name: "First", publishedVersion: 1 } } });
    await chat.run(ada, updateBot, { input: { chatbotId: id, name: "Third" } });
    expect(await readBot(ada, id)).toMatchObject({
      name: "Third",
      publishedVersion: 3,
      guestAccess: true,
      viewerCanUpdate: true,
      versions: {
        nodes: [
          { version: 3, settings: { name: "Third" }, publishedBy: { id: ada.userId } },
          { version: 2, settings: { name: "Second" } },
          { version: 1, settings: { name: "First" } },
        ],
      },
    });
    for (const [version, code] of [
      [3, "ALREADY_PUBLISHED"],
      [4, "VERSION_NOT_FOUND"],
    ] as const) {
      const refused = await chat.run(ada, rollbackBot, { input: { chatbotId: id, version } });
      expect(refused).toMatchObject({ rollbackChatbot: { userErrors: [{ code, path: ["version"] }] } });
    }
  });

  test("two changes at once become two versions", async () => {
    const ada = member(givenPlace());
    const { id } = await givenBot(chat, ada);
    await Promise.all(
      ["One", "Two", "Three"].map((name) => chat.run(ada, updateBot, { input: { chatbotId: id, name } })),
    );
    expect((await readBot(ada, id)).versions.nodes).toHaveLength(4);
  });

  test("the database itself keeps a version from changing", async () => {
    const place = givenPlace();
    const { id } = await givenBot(chat, member(place));
    const change = chat.database.as(place).sql("update chatbot_version set name = 'Other' where chatbot_id = $1", [id]);
    await expect(change).rejects.toThrow("is published and does not change");
  });

  test("a conversation keeps the version it began with", async () => {
    const place = givenPlace();
    const ada = member(place);
    const { id } = await givenBot(chat, ada, { name: "First", refusalText: "The first doesn't know." });
    const conversationId = await givenConversation(chat, ada, id);
    await chat.run(ada, updateBot, { input: { chatbotId: id, refusalText: "The second doesn't know." } });
    expect((await ask(chat, ada, conversationId, "Who won the cup?")).text).toBe("The first doesn't know.");
    const later = await givenConversation(chat, ada, id);
    expect((await ask(chat, ada, later, "Who won the cup?")).text).toBe("The second doesn't know.");
  });

  test("knowledge bases are attached and detached, each as a version", async () => {
    const place = givenPlace();
    const ada = member(place);
    const { id: chatbotId } = await givenBot(chat, ada);
    const knowledgeBaseId = chat.library.givenBase(place.workspaceId);
    const input = { chatbotId, knowledgeBaseId };
    expect(await chat.run(ada, attach, { input })).toMatchObject({
      attachKnowledgeBase: { chatbot: { publishedVersion: 2, knowledgeBases: [{ id: knowledgeBaseId }] } },
    });
    expect(await chat.run(ada, attach, { input })).toMatchObject({
      attachKnowledgeBase: { chatbot: null, userErrors: [{ code: "ALREADY_ATTACHED" }] },
    });
    const foreign = chat.library.givenBase(givenPlace().workspaceId);
    expect(await chat.run(ada, attach, { input: { chatbotId, knowledgeBaseId: foreign } })).toMatchObject({
      attachKnowledgeBase: { chatbot: null, userErrors: [{ code: "KNOWLEDGE_BASE_NOT_FOUND" }] },
    });
    expect(await chat.run(ada, detach, { input })).toMatchObject({
      detachKnowledgeBase: { chatbot: { publishedVersion: 3, knowledgeBases: [] } },
    });
    expect(await chat.run(ada, detach, { input })).toMatchObject({
      detachKnowledgeBase: { chatbot: null, userErrors: [{ code: "NOT_ATTACHED" }] },
    });
  });

  test("while knowledge doesn't answer, nothing is attached", async () => {
    const place = givenPlace();
    const ada = member(place);
    const { id: chatbotId } = await givenBot(chat, ada);
    const knowledgeBaseId = chat.library.givenBase(place.workspaceId);
    chat.library.answers = false;
    try {
      await expect(chat.run(ada, attach, { input: { chatbotId, knowledgeBaseId } })).rejects.toMatchObject({
        code: "SERVICE_UNAVAILABLE",
      });
    } finally {
      chat.library.answers = true;
    }
    expect((await readBot(ada, chatbotId)).knowledgeBases).toEqual([]);
  });

  test("a deleted bot is nowhere to be found", async () => {
    const ada = member(givenPlace());
    const { id } = await givenBot(chat, ada, { guestAccess: true });
    expect(await chat.run(ada, deleteBot, { input: { chatbotId: id } })).toEqual({
      deleteChatbot: { deletedChatbotId: id },
    });
    const open = "query ($id: ID!) { openChatbot(id: $id) { id } }";
    const representations = [{ __typename: "Chatbot", id }];
    const entities =
      "query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on Chatbot { id } } }";
    await expect(readBot(ada, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(chat.run(guest(), open, { id })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(givenConversation(chat, ada, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(chat.run(ada, deleteBot, { input: { chatbotId: id } })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await chat.run(ada, entities, { representations })).toEqual({ _entities: [null] });
    expect(await chat.run(ada, "{ chatbots { nodes { id } } }")).toEqual({ chatbots: { nodes: [] } });
  });
});

describe("rights", () => {
  const place = givenPlace();
  const owner = member(place);

  test.each<[string, string[], string, (id: string) => object]>([
    ["draft", ["chatbots:read"], createDraft, () => ({ input: { name: "Helper" } })],
    ["change", ["chatbots:write"], updateBot, (chatbotId) => ({ input: { chatbotId, name: "Other" } })],
    ["publish", ["chatbots:write"], rollbackBot, (chatbotId) => ({ input: { chatbotId, version: 1 } })],
    ["delete", ["chatbots:write", "chatbots:publish"], deleteBot, (chatbotId) => ({ input: { chatbotId } })],
    ["read", ["conversations:start"], botQuery, (id) => ({ id })],
    [
      "attach knowledge that one may not read",
      ["chatbots:write", "chatbots:publish"],
      attach,
      (chatbotId) => ({ input: { chatbotId, knowledgeBaseId: newId("kb") } }),
    ],
  ])("to %s a bot takes the right to", async (_, permissions, operation, variables) => {
    const { id } = await givenBot(chat, owner);
    await expect(chat.run(member(place, permissions), operation, variables(id))).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    expect(await readBot(owner, id)).toMatchObject({ publishedVersion: 1, name: "Ada's helper" });
  });
});
