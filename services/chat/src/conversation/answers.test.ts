import { ask, givenBot, givenConversation, hear, messagesOf, send } from "../testing-operations";
import { givenPlace, member, startTestChat, type Chat } from "../testing";

let chat: Chat;
beforeAll(async () => {
  chat = await startTestChat({ env: { CHAT_RATE_LIMIT_FACTOR: "1000" } });
  chat.library.facts.set("helmet", "Helmets are worn on every site.");
  chat.library.facts.set("gloves", "Gloves are worn when welding.");
});
afterAll(() => chat?.stop());

async function givenTalk(settings: object = {}) {
  const place = givenPlace();
  const ada = member(place);
  const knowledgeBaseId = chat.library.givenBase(place.workspaceId);
  const bot = await givenBot(chat, ada, { knowledgeBaseIds: [knowledgeBaseId], ...settings });
  return { place, ada, bot, knowledgeBaseId, conversationId: await givenConversation(chat, ada, bot.id) };
}

test("a question is answered from the documents, sentence by sentence with where it stands", async () => {
  const { place, ada, conversationId, knowledgeBaseId } = await givenTalk();
  chat.library.asked.length = 0;
  const answer = await ask(chat, ada, conversationId, "When is a helmet or are gloves needed?");
  expect(answer).toMatchObject({
    author: "CHATBOT",
    position: 2,
    text: "Helmets are worn on every site. Gloves are worn when welding.",
    citations: [
      { document: { id: "doc_1" }, documentTitle: "The manual", page: 3, quote: "Helmets are worn on every site." },
      { quote: "Gloves are worn when welding." },
    ],
    route: { tier: 1, reason: "KNOWLEDGE", evidence: 0.9, costMicros: 0 },
  });
  expect(answer.route.explanation).toContain("No model is configured");
  // The bot asks in its own name, in its own workspace.
  expect(chat.library.asked).toEqual([
    {
      question: "When is a helmet or are gloves needed?",
      knowledgeBaseIds: [knowledgeBaseId],
      actor: { kind: "SYSTEM", service: "chat", userId: null, ...place },
    },
  ]);
});

test("of a message that is longer than a question may be, the end is asked", async () => {
  const { ada, conversationId } = await givenTalk();
  chat.library.asked.length = 0;
  const text = `${"😀 ".repeat(2_000)}When is a helmet needed?`;
  expect((await ask(chat, ada, conversationId, text)).route.reason).toBe("KNOWLEDGE");
  const { question } = chat.library.asked[0]!;
  expect(question.length).toBeLessThanOrEqual(2_000);
  expect(question).toMatch(/When is a helmet needed\?$/);
  expect(question).not.toMatch(/\p{Surrogate}/u);
});

test("a document that was deleted meanwhile is no longer cited", async () => {
  const { ada, conversationId } = await givenTalk();
  chat.library.facts.set("ladder", "Ladders were deleted.");
  expect(await ask(chat, ada, conversationId, "Which ladder?")).toMatchObject({
    text: "Ladders were deleted.",
    citations: [],
  });
});

test("what the documents don't say is said to be so, in the bot's words", async () => {
  const plain = await givenTalk();
  expect(await ask(chat, plain.ada, plain.conversationId, "Who won the cup?")).toMatchObject({
    text: "The documents don't say.",
    citations: [],
    route: { tier: 1, reason: "NOT_IN_DOCUMENTS", evidence: 0.1 },
  });
  const german = await givenTalk({ language: "de-AT" });
  expect((await ask(chat, german.ada, german.conversationId, "Wer gewann?")).text).toBe(
    "Das steht nicht in den Dokumenten.",
  );
  const own = await givenTalk({ refusalText: "Ask the office." });
  expect((await ask(chat, own.ada, own.conversationId, "Who won the cup?")).text).toBe("Ask the office.");
});

test("a bot without documents doesn't answer questions, and says why", async () => {
  const { ada, conversationId } = await givenTalk({ knowledgeBaseIds: [] });
  expect(await ask(chat, ada, conversationId, "When is a helmet needed?")).toMatchObject({
    text: "The documents don't say.",
    route: { reason: "NO_KNOWLEDGE_BASE", evidence: null },
  });
});

test("commands, calculations and courtesies are answered without asking the documents", async () => {
  const { ada, conversationId } = await givenTalk();
  chat.library.asked.length = 0;
  expect((await ask(chat, ada, conversationId, "/help")).route.reason).toBe("COMMAND");
  expect((await ask(chat, ada, conversationId, "Can I talk to a person?")).text).toContain("can't connect you");
  expect(await ask(chat, ada, conversationId, "What is 15% of 80?")).toMatchObject({
    text: "15% * 80 = 12",
    route: { reason: "ARITHMETIC" },
  });
  expect((await ask(chat, ada, conversationId, "Thank you!")).route.reason).toBe("SMALL_TALK");
  expect(chat.library.asked).toEqual([]);
});

test("a question that points back is asked together with the one before, until the talk begins anew", async () => {
  const { ada, conversationId } = await givenTalk();
  await ask(chat, ada, conversationId, "When is a helmet needed?");
  chat.library.asked.length = 0;
  expect((await ask(chat, ada, conversationId, "And why is it worn?")).route.reason).toBe("KNOWLEDGE");
  expect(chat.library.asked.map(({ question }) => question)).toEqual(["When is a helmet needed? And why is it worn?"]);
  await ask(chat, ada, conversationId, "/reset");
  expect((await ask(chat, ada, conversationId, "And why is it worn?")).route.reason).toBe("NOT_IN_DOCUMENTS");
});

test("the answer streams as numbered events whose pieces are its text", async () => {
  const { ada, conversationId } = await givenTalk();
  const listening = hear(chat, ada, conversationId);
  const { message } = await send(chat, ada, conversationId, "Helmet and gloves?");
  const heard = await listening;
  expect(heard.map(({ kind }) => kind)).toEqual([
    "MESSAGE_ACCEPTED",
    ...["ANSWER_STARTED", "ANSWER_DELTA", "ANSWER_CITED", "ANSWER_DELTA", "ANSWER_CITED", "ANSWER_DONE"],
  ]);
  expect(heard.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  const answer = (await messagesOf(chat, ada, conversationId))[1]!;
  expect(
    heard
      .filter(({ kind }) => kind === "ANSWER_DELTA")
      .map(({ text }) => text)
      .join(""),
  ).toBe(answer.text);
  expect(heard[0]).toMatchObject({ messageId: message!.id, message: { text: "Helmet and gloves?" } });
  expect(heard.slice(1).every(({ messageId }) => messageId === answer.id)).toBe(true);
  expect(heard[1]!.tier).toBe(1);
  expect(heard[3]!.citations).toEqual([
    { documentTitle: "The manual", quote: "Helmets are worn on every site.", document: { id: "doc_1" } },
  ]);
  expect(heard[6]!.message).toEqual({ id: answer.id, text: answer.text });
});

test("what was accepted and answered is announced, without a word of what was said", async () => {
  const { ada, bot, conversationId } = await givenTalk();
  await chat.announced();
  const answer = await ask(chat, ada, conversationId, "When is a helmet needed?");
  const refusal = await ask(chat, ada, conversationId, "Who won the cup?");
  const about = { conversationId, chatbotId: bot.id };
  const announced = await chat.announced();
  expect(announced).toEqual([
    { type: "chat.message.received.v1", data: { ...about, messageId: answer.inReplyToId } },
    {
      type: "chat.message.answered.v1",
      data: {
        ...about,
        messageId: answer.id,
        tier: 1,
        costMicros: 0,
        citationCount: 1,
        latencyMs: answer.route.latencyMs,
      },
    },
    { type: "chat.message.received.v1", data: { ...about, messageId: refusal.inReplyToId } },
    { type: "chat.message.refused.v1", data: { ...about, messageId: refusal.id, reason: "NOT_IN_DOCUMENTS" } },
  ]);
});
