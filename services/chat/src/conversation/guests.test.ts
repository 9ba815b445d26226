import { newId } from "@atrium/ids";
import {
  ask,
  conversationQuery,
  createDraft,
  givenBot,
  givenConversation,
  hear,
  listen,
  messagesOf,
  send,
  sendMessage,
} from "../testing-operations";
import { givenPlace, guest, member, startTestChat, type Chat } from "../testing";

let chat: Chat;
beforeAll(async () => {
  chat = await startTestChat({ env: { CHAT_RATE_LIMIT_FACTOR: "1000" } });
  chat.library.facts.set("helmet", "Helmets are worn on every site.");
});
afterAll(() => chat?.stop());

const updateBot = `mutation ($input: UpdateChatbotInput!) { updateChatbot(input: $input) { chatbot { id } } }`;
const openQuery = "query ($id: ID!) { openChatbot(id: $id) { id name greeting } }";

async function givenOpenBot() {
  const place = givenPlace();
  const ada = member(place);
  const knowledgeBaseIds = [chat.library.givenBase(place.workspaceId)];
  const settings = { name: "Helper", greeting: "Welcome!", instructions: "Be secretive.", guestAccess: true };
  return { place, ada, bot: await givenBot(chat, ada, { ...settings, knowledgeBaseIds }) };
}

test("a guest finds a bot that is open, talks to it and gets a cited answer, but no document", async () => {
  const { place, bot } = await givenOpenBot();
  const gast = guest();
  expect(await chat.run(gast, openQuery, { id: bot.id })).toEqual({
    openChatbot: { id: bot.id, name: "Helper", greeting: "Welcome!" },
  });
  const conversationId = await givenConversation(chat, gast, bot.id);
  const listening = hear(chat, gast, conversationId);
  await send(chat, gast, conversationId, "When is a helmet needed?");
  const heard = await listening;
  expect(heard.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  expect(heard[3]!.citations).toEqual([
    { documentTitle: "The manual", quote: "Helmets are worn on every site.", document: null },
  ]);
  expect(heard[4]!.message!.text).toBe("Helmets are worn on every site.");
  const [question, answer] = await messagesOf(chat, gast, conversationId);
  expect(question).toMatchObject({ text: "When is a helmet needed?", answerState: "ANSWERED" });
  expect(answer!.citations).toMatchObject([{ document: null, documentTitle: "The manual" }]);
  // It is the bot's workspace that the talk belongs to.
  const rows = await chat.asOwner(
    "select organization_id, workspace_id, participant_kind from conversation where id = $1",
    [conversationId],
  );
  expect(rows).toEqual([
    { organization_id: place.organizationId, workspace_id: place.workspaceId, participant_kind: "GUEST" },
  ]);
});

test("members of the workspace see a guest's conversation with the right to", async () => {
  const { place, ada, bot } = await givenOpenBot();
  const gast = guest();
  const conversationId = await givenConversation(chat, gast, bot.id);
  await ask(chat, gast, conversationId, "When is a helmet needed?");
  expect(await messagesOf(chat, ada, conversationId)).toHaveLength(2);
  await expect(
    chat.run(member(place, ["conversations:start"]), conversationQuery, { id: conversationId }),
  ).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a guest sees its own conversations and nothing else", async () => {
  const { ada, bot } = await givenOpenBot();
  const [gast, other] = [guest(), guest()];
  const own = await givenConversation(chat, gast, bot.id);
  const others = await givenConversation(chat, other, bot.id);
  const members = await givenConversation(chat, ada, bot.id);
  expect(await chat.run(gast, "{ conversations { nodes { id chatbot { id } } } }")).toEqual({
    conversations: { nodes: [{ id: own, chatbot: null }] },
  });
  for (const id of [others, members]) {
    await expect(chat.run(gast, conversationQuery, { id })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(send(chat, gast, id, "Helmet?")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(listen(chat, gast, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
  const representations = [own, others, members]
    .map((id) => ({ __typename: "Conversation", id }))
    .concat({ __typename: "Chatbot", id: bot.id });
  const entities = `query ($representations: [_Any!]!) {
    _entities(representations: $representations) { ... on Chatbot { name } ... on Conversation { id } } }`;
  expect(await chat.run(gast, entities, { representations })).toEqual({ _entities: [{ id: own }, null, null, null] });
  for (const [operation, variables] of [
    ["query ($id: ID!) { chatbot(id: $id) { id } }", { id: bot.id }],
    ["{ chatbots { nodes { id } } }", {}],
    ["{ chatbotDrafts { nodes { id } } }", {}],
    [createDraft, { input: { name: "Mine" } }],
    [updateBot, { input: { chatbotId: bot.id, name: "Mine" } }],
  ] as const)
    await expect(chat.run(gast, operation, variables)).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("a bot that isn't open doesn't exist for a guest", async () => {
  const ada = member(givenPlace());
  const { id } = await givenBot(chat, ada);
  for (const unknown of [id, newId("bot")]) {
    await expect(chat.run(guest(), openQuery, { id: unknown })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(givenConversation(chat, guest(), unknown)).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
});

test("once a bot is closed to guests, a guest's conversation goes no further", async () => {
  const { ada, bot } = await givenOpenBot();
  const gast = guest();
  const conversationId = await givenConversation(chat, gast, bot.id);
  await chat.run(ada, updateBot, { input: { chatbotId: bot.id, guestAccess: false } });
  const input = { conversationId, text: "Helmet?", idempotencyKey: "once" };
  expect(await chat.run(gast, sendMessage, { input })).toMatchObject({
    sendMessage: { message: null, userErrors: [{ code: "CHATBOT_NOT_OPEN" }] },
  });
  await expect(chat.run(gast, openQuery, { id: bot.id })).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(await messagesOf(chat, gast, conversationId)).toEqual([]);
});

test("a guest's own handle writes nothing", async () => {
  const { bot } = await givenOpenBot();
  const gast = guest();
  const conversationId = await givenConversation(chat, gast, bot.id);
  const db = chat.database.as(gast);
  expect(await db.sql("update conversation set participant_kind = 'USER' returning id")).toEqual([]);
  expect(await db.sql("delete from open_chatbot returning chatbot_id")).toEqual([]);
  const insert = db.sql("insert into open_chatbot values ($1, $2, $3, 'x', 'x')", [bot.id, newId("org"), newId("wsp")]);
  await expect(insert).rejects.toMatchObject({ code: "42501" });
  expect(await db.sql("select id from conversation")).toEqual([{ id: conversationId }]);
});

test("without a token nobody gets anywhere", async () => {
  const { bot } = await givenOpenBot();
  const nobody = { kind: "ANONYMOUS" } as const;
  await expect(chat.run(nobody, openQuery, { id: bot.id })).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  await expect(givenConversation(chat, nobody, bot.id)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  await expect(chat.run(nobody, "{ conversations { nodes { id } } }")).rejects.toMatchObject({
    code: "UNAUTHENTICATED",
  });
});
