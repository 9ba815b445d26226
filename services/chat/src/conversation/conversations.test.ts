import type { Actor } from "@atrium/access";
import { newId } from "@atrium/ids";
import {
  ask,
  conversationQuery,
  givenBot,
  givenConversation,
  hear,
  listen,
  messagesOf,
  send,
  sendMessage,
  waitFor,
} from "../testing-operations";
import { givenPlace, guest, member, startTestChat, type Chat } from "../testing";

let chat: Chat;
beforeAll(async () => {
  chat = await startTestChat({ env: { CHAT_RATE_LIMIT_FACTOR: "1000", CHAT_CONVERSATION_MESSAGES_MAX: "6" } });
  chat.library.facts.set("helmet", "Helmets are worn on every site.");
});
afterAll(() => chat?.stop());

const closeConversation = `mutation ($input: CloseConversationInput!) {
  closeConversation(input: $input) { conversation { id state } userErrors { code } } }`;
const rateMessage = `mutation ($input: RateMessageInput!) {
  rateMessage(input: $input) { message { id rating ratingComment } } }`;
const conversationsQuery = `query ($filter: ConversationFilterInput) {
  conversations(filter: $filter) { nodes { id } pageInfo { hasNextPage } } }`;
const updateBot = `mutation ($input: UpdateChatbotInput!) { updateChatbot(input: $input) { chatbot { id } } }`;
const deleteBot = `mutation ($input: DeleteChatbotInput!) { deleteChatbot(input: $input) { deletedChatbotId } }`;

const listed = async (actor: Actor, filter?: object) =>
  (
    await chat.run<{ conversations: { nodes: { id: string }[] } }>(actor, conversationsQuery, { filter })
  ).conversations.nodes.map(({ id }) => id);

async function givenTalk(settings: object = {}) {
  const place = givenPlace();
  const ada = member(place);
  const knowledgeBaseIds = [chat.library.givenBase(place.workspaceId)];
  const bot = await givenBot(chat, ada, { knowledgeBaseIds, ...settings });
  return { place, ada, bot, conversationId: await givenConversation(chat, ada, bot.id) };
}

describe("sending", () => {
  test("a message sent again with its key is the same message, answered once", async () => {
    const { ada, conversationId } = await givenTalk();
    const first = await send(chat, ada, conversationId, "Helmet?", "once");
    const again = await send(chat, ada, conversationId, "Helmet?", "once");
    expect(again.message!.id).toBe(first.message!.id);
    await hear(chat, ada, conversationId);
    expect((await send(chat, ada, conversationId, "Helmet?", "once")).message).toMatchObject({
      id: first.message!.id,
      answerState: "ANSWERED",
    });
    expect(await messagesOf(chat, ada, conversationId)).toHaveLength(2);
  });

  test("sent many times at once with one key, it is one message with one answer", async () => {
    const { ada, conversationId } = await givenTalk();
    await chat.announced();
    const sent = await Promise.all([...Array(8)].map(() => send(chat, ada, conversationId, "Helmet?", "once")));
    expect(new Set(sent.map(({ message }) => message!.id)).size).toBe(1);
    const heard = await hear(chat, ada, conversationId);
    expect(heard.filter(({ kind }) => kind === "MESSAGE_ACCEPTED")).toHaveLength(1);
    expect(await messagesOf(chat, ada, conversationId)).toHaveLength(2);
    expect((await chat.announced()).map(({ type }) => type)).toEqual([
      "chat.message.received.v1",
      "chat.message.answered.v1",
    ]);
  });

  test("a key isn't used for another text, and nothing is written then", async () => {
    const { ada, conversationId } = await givenTalk();
    await send(chat, ada, conversationId, "Helmet?", "once");
    await hear(chat, ada, conversationId);
    expect(await send(chat, ada, conversationId, "Gloves?", "once")).toMatchObject({
      message: null,
      userErrors: [{ code: "IDEMPOTENCY_KEY_REUSED", path: ["idempotencyKey"] }],
    });
    expect(await messagesOf(chat, ada, conversationId)).toHaveLength(2);
  });

  test("messages sent at once are all answered, each in its turn", async () => {
    const { ada, conversationId } = await givenTalk();
    await Promise.all(["1+1", "2+2", "3+3"].map((text) => send(chat, ada, conversationId, text)));
    const messages = await waitFor(async () => {
      const read = await messagesOf(chat, ada, conversationId);
      return read.length === 6 && read;
    });
    expect(messages.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(messages.map(({ inReplyToId }) => inReplyToId).filter(Boolean)).size).toBe(3);
  });

  test.each([
    ["an empty text", { text: "  " }, "input.text"],
    ["more than 8,000 characters", { text: "x".repeat(8_001) }, "input.text"],
    ["a control character", { text: "Hel\u0000met?" }, "input.text"],
    ["half a surrogate pair", { text: "\ud800?" }, "input.text"],
    ["an empty key", { idempotencyKey: "" }, "input.idempotencyKey"],
    ["an id of something else", { conversationId: newId("bot") }, "input.conversationId"],
  ])("%s is refused, naming the field", async (_, wrong, field) => {
    const { ada, conversationId } = await givenTalk();
    const input = { conversationId, text: "Helmet?", idempotencyKey: "once", ...wrong };
    await expect(chat.run(ada, sendMessage, { input })).rejects.toMatchObject({ code: "BAD_USER_INPUT", field });
    expect(await messagesOf(chat, ada, conversationId)).toEqual([]);
  });

  test("a conversation has a length", async () => {
    const { ada, conversationId } = await givenTalk();
    for (const text of ["1+1", "2+2", "3+3"]) await ask(chat, ada, conversationId, text);
    expect(await send(chat, ada, conversationId, "4+4")).toMatchObject({
      message: null,
      userErrors: [{ code: "CONVERSATION_FULL" }],
    });
  });

  test("a bot that was deleted answers no more", async () => {
    const { ada, bot, conversationId } = await givenTalk();
    await chat.run(ada, deleteBot, { input: { chatbotId: bot.id } });
    expect(await send(chat, ada, conversationId, "Helmet?")).toMatchObject({
      message: null,
      userErrors: [{ code: "CHATBOT_DELETED" }],
    });
  });

  test("in somebody else's conversation nobody talks, whatever they may read", async () => {
    const { place, conversationId } = await givenTalk();
    for (const other of [member(place), member(givenPlace()), guest()])
      await expect(send(chat, other, conversationId, "Helmet?")).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await chat.asOwner("select id from message where conversation_id = $1", [conversationId])).toEqual([]);
  });
});

describe("closing and rating", () => {
  test("a closed conversation accepts nothing, can be read, and its listeners hear of it", async () => {
    const { ada, bot, conversationId } = await givenTalk();
    const accepted = await send(chat, ada, conversationId, "Helmet?", "once");
    await hear(chat, ada, conversationId);
    await chat.announced();
    const listening = hear(chat, ada, conversationId, { until: "CONVERSATION_CLOSED", after: 5 });
    const closed = await chat.run(ada, closeConversation, { input: { conversationId } });
    expect(closed).toMatchObject({ closeConversation: { conversation: { state: "CLOSED" }, userErrors: [] } });
    expect((await listening).map(({ number, kind }) => [number, kind])).toEqual([[6, "CONVERSATION_CLOSED"]]);
    expect(await chat.announced()).toEqual([
      {
        type: "chat.conversation.closed.v1",
        data: { conversationId, chatbotId: bot.id, participantId: ada.userId },
      },
    ]);
    expect(await send(chat, ada, conversationId, "Gloves?")).toMatchObject({
      message: null,
      userErrors: [{ code: "CONVERSATION_CLOSED", path: ["conversationId"] }],
    });
    // What was accepted before is still the same message.
    expect((await send(chat, ada, conversationId, "Helmet?", "once")).message!.id).toBe(accepted.message!.id);
    expect(await chat.run(ada, closeConversation, { input: { conversationId } })).toMatchObject({
      closeConversation: { conversation: null, userErrors: [{ code: "ALREADY_CLOSED" }] },
    });
    expect(await messagesOf(chat, ada, conversationId)).toHaveLength(2);
  });

  test("another member closes a conversation with the right to answer in it alone", async () => {
    const { place, conversationId } = await givenTalk();
    const input = { conversationId };
    const reader = member(place, ["conversations:read"]);
    await expect(chat.run(reader, closeConversation, { input })).rejects.toMatchObject({ code: "FORBIDDEN" });
    const stranger = member(place, ["conversations:start"]);
    await expect(chat.run(stranger, closeConversation, { input })).rejects.toMatchObject({ code: "NOT_FOUND" });
    const editor = member(place, ["conversations:read", "conversations:reply"]);
    expect(await chat.run(editor, closeConversation, { input })).toMatchObject({
      closeConversation: { conversation: { state: "CLOSED" } },
    });
  });

  test("the participant rates an answer, and may change their mind", async () => {
    const { place, ada, bot, conversationId } = await givenTalk();
    const answer = await ask(chat, ada, conversationId, "Helmet?");
    await chat.announced();
    await chat.run(ada, rateMessage, { input: { messageId: answer.id, rating: "DOWN", comment: "Too short." } });
    const rated = await chat.run(ada, rateMessage, { input: { messageId: answer.id, rating: "UP" } });
    expect(rated).toEqual({ rateMessage: { message: { id: answer.id, rating: "UP", ratingComment: null } } });
    const about = { conversationId, chatbotId: bot.id, messageId: answer.id };
    expect(await chat.announced()).toEqual([
      { type: "chat.message.rated.v1", data: { ...about, rating: "DOWN" } },
      { type: "chat.message.rated.v1", data: { ...about, rating: "UP" } },
    ]);
    for (const [actor, messageId] of [
      [member(place), answer.id],
      [member(givenPlace()), answer.id],
      [guest(), answer.id],
      [ada, answer.inReplyToId],
      [ada, newId("msg")],
    ] as const)
      await expect(chat.run(actor, rateMessage, { input: { messageId, rating: "DOWN" } })).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
    expect((await messagesOf(chat, ada, conversationId))[1]!.rating).toBe("UP");
  });
});

describe("events", () => {
  test("who comes late or back hears what it missed, once and in order", async () => {
    const { ada, conversationId } = await givenTalk();
    await ask(chat, ada, conversationId, "Helmet?");
    const all = await hear(chat, ada, conversationId);
    expect(all.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    const rest = await hear(chat, ada, conversationId, { after: 3 });
    expect(rest.map(({ number }) => number)).toEqual([4, 5]);

    const listening = await listen(chat, ada, conversationId, 5);
    await ask(chat, ada, conversationId, "1+1");
    expect((await listening.next()).value).toMatchObject({ number: 6, kind: "MESSAGE_ACCEPTED" });
    await listening.return(undefined);
  });

  test("events that another process announced out of order, or not at all, are read again", async () => {
    const { ada, conversationId } = await givenTalk();
    const listening = await listen(chat, ada, conversationId);
    const first = listening.next();
    await send(chat, ada, conversationId, "Helmet?");
    expect((await first).value).toMatchObject({ number: 1 });
    const numbers = [1];
    for await (const { number, kind } of listening) {
      numbers.push(number);
      // Repeated and old news change nothing.
      chat.topics.publish(`chat.conversation.${conversationId}`, { number: 1, kind: "MESSAGE_ACCEPTED", data: {} });
      if (kind === "ANSWER_DONE") break;
    }
    expect(numbers).toEqual([1, 2, 3, 4, 5]);
  });

  test("nobody listens to a conversation that they may not see, nor without a name", async () => {
    const { place, conversationId } = await givenTalk();
    const strangers = [member(givenPlace()), guest(), member(place, ["conversations:start"])];
    for (const stranger of strangers)
      await expect(listen(chat, stranger, conversationId)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(listen(chat, { kind: "ANONYMOUS" }, conversationId)).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
    });
    expect(chat.topics.stats().subscribers).toBe(0);
  });

  test("a number that is none is refused", async () => {
    const { ada, conversationId } = await givenTalk();
    await expect(listen(chat, ada, conversationId, -1)).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      field: "after",
    });
  });

  test("when the listener leaves, nothing of it stays", async () => {
    const { ada, conversationId } = await givenTalk();
    const listening = await listen(chat, ada, conversationId);
    const next = listening.next();
    await send(chat, ada, conversationId, "1+1");
    await next;
    expect(chat.topics.stats().subscribers).toBe(1);
    await listening.return(undefined);
    await waitFor(async () => chat.topics.stats().subscribers === 0);
  });
});

describe("who sees what", () => {
  test("a member sees their own conversations, and with the right those of the whole workspace", async () => {
    const { place, ada, bot, conversationId } = await givenTalk();
    const talker = member(place, ["conversations:start"]);
    const own = await givenConversation(chat, talker, bot.id);
    expect(await listed(talker)).toEqual([own]);
    expect(await listed(talker, { participantId: ada.userId })).toEqual([]);
    await expect(chat.run(talker, conversationQuery, { id: conversationId })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    expect(await listed(member(place, ["conversations:read"]))).toEqual([own, conversationId]);
    expect(await listed(ada, { participantId: talker.userId })).toEqual([own]);
    expect(await listed(ada, { chatbotId: newId("bot") })).toEqual([]);
    await chat.run(ada, closeConversation, { input: { conversationId } });
    expect(await listed(ada, { state: "OPEN" })).toEqual([own]);
    expect(await listed(ada, { state: "CLOSED" })).toEqual([conversationId]);
    await expect(listed(member(place, ["chatbots:read"]))).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  test("a second organization sees none of it, by any entrance", async () => {
    const { place, ada, bot, conversationId } = await givenTalk();
    const { id: messageId } = await ask(chat, ada, conversationId, "Helmet?");
    // The same person, standing elsewhere, is another organization's member too.
    for (const eve of [member(givenPlace()), { ...ada, ...givenPlace() }, { ...ada, workspaceId: newId("wsp") }]) {
      const denied = { code: "NOT_FOUND" };
      await expect(chat.run(eve, conversationQuery, { id: conversationId })).rejects.toMatchObject(denied);
      await expect(chat.run(eve, "query ($id: ID!) { chatbot(id: $id) { id } }", { id: bot.id })).rejects.toMatchObject(
        denied,
      );
      await expect(
        chat.run(eve, "query ($id: ID!) { openChatbot(id: $id) { id } }", { id: bot.id }),
      ).rejects.toMatchObject(denied);
      await expect(listen(chat, eve, conversationId)).rejects.toMatchObject(denied);
      await expect(givenConversation(chat, eve, bot.id)).rejects.toMatchObject(denied);
      await expect(chat.run(eve, closeConversation, { input: { conversationId } })).rejects.toMatchObject(denied);
      await expect(chat.run(eve, rateMessage, { input: { messageId, rating: "UP" } })).rejects.toMatchObject(denied);
      await expect(chat.run(eve, updateBot, { input: { chatbotId: bot.id, name: "Eve's" } })).rejects.toMatchObject(
        denied,
      );
      expect(await listed(eve)).toEqual([]);
      expect(await chat.run(eve, "{ chatbots { nodes { id } } chatbotDrafts { nodes { id } } }")).toEqual({
        chatbots: { nodes: [] },
        chatbotDrafts: { nodes: [] },
      });
      const representations = [
        { __typename: "Chatbot", id: bot.id },
        { __typename: "Conversation", id: conversationId },
      ];
      const entities = `query ($representations: [_Any!]!) {
        _entities(representations: $representations) { ... on Chatbot { name } ... on Conversation { chatbotName } } }`;
      expect(await chat.run(eve, entities, { representations })).toEqual({ _entities: [null, null] });
      const period = { from: "2026-01-01T00:00:00Z", to: "2026-12-31T00:00:00Z" };
      const report = `query ($from: DateTime!, $to: DateTime!) { tierReport(from: $from, to: $to) { messageCount } }`;
      expect(await chat.run(eve, report, period)).toEqual({ tierReport: { messageCount: 0 } });
    }
    expect(place.workspaceId).toBeDefined();
  });

  test("the database shows another tenant no row, whatever is asked", async () => {
    const { ada, conversationId } = await givenTalk({ guestAccess: true });
    await ask(chat, ada, conversationId, "Helmet?");
    const tables = [
      "chatbot",
      "chatbot_version",
      "chatbot_draft",
      "open_chatbot",
      "conversation",
      "message",
      "conversation_event",
    ];
    for (const tenant of [givenPlace(), {}, { ...givenPlace(), userId: ada.userId }])
      for (const table of tables) expect(await chat.database.as(tenant).sql(`select * from ${table}`)).toEqual([]);
    // Whoever stands nowhere sees which bots are open, and nothing of others.
    const nobody = chat.database.as({ userId: newId("usr") });
    for (const table of tables.filter((name) => name !== "open_chatbot"))
      expect(await nobody.sql(`select * from ${table}`)).toEqual([]);
  });
});

test("what was asked and answered is counted, by tier", async () => {
  const { ada, bot, conversationId } = await givenTalk();
  await ask(chat, ada, conversationId, "Helmet?");
  await ask(chat, ada, conversationId, "Who won the cup?");
  const report = `query ($from: DateTime!, $to: DateTime!, $chatbotId: ID) {
    tierReport(from: $from, to: $to, chatbotId: $chatbotId) {
      messageCount conversationCount tiers { tier answerCount refusalCount costMicros latencyMsP95 } } }`;
  const period = { from: new Date(Date.now() - 60_000), to: new Date(Date.now() + 60_000) };
  const variables = { from: period.from.toISOString(), to: period.to.toISOString(), chatbotId: bot.id };
  expect(await chat.run(ada, report, variables)).toEqual({
    tierReport: {
      messageCount: 2,
      conversationCount: 1,
      tiers: [{ tier: 1, answerCount: 2, refusalCount: 1, costMicros: 0, latencyMsP95: expect.any(Number) }],
    },
  });
  const swapped = { ...variables, from: variables.to, to: variables.from };
  await expect(chat.run(ada, report, swapped)).rejects.toMatchObject({ code: "BAD_USER_INPUT", field: "to" });
});
