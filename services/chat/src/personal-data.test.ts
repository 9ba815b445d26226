import { newId } from "@atrium/ids";
import { answerForPeople, type PersonalData } from "@atrium/personal-data";
import { held } from "./personal-data";
import { givenPlace, member, startTestChat, type Chat } from "./testing";

let chat: Chat;
beforeAll(async () => {
  chat = await startTestChat();
});
afterAll(() => chat.stop());

const erase = (userId: string) =>
  answerForPeople({
    service: "chat",
    held,
    database: chat.database,
    now: () => new Date(),
    emailsOf: async () => [],
  } as unknown as Parameters<typeof answerForPeople>[0]).tasks.erasePersonalData({
    erasureId: newId("era"),
    userId,
    attempt: 1,
  });

/** A bot that somebody made, and a conversation that somebody else has with it; without a word of the API. */
async function given(maker: ReturnType<typeof member>, participant: ReturnType<typeof member>) {
  const { draft } = (
    await chat.run<{ createChatbotDraft: { draft: { id: string } } }>(
      maker,
      `mutation { createChatbotDraft(input: { name: "Clerk" }) { draft { id } } }`,
    )
  ).createChatbotDraft;
  const { chatbot } = (
    await chat.run<{ finalizeChatbotDraft: { chatbot: { id: string } } }>(
      maker,
      `mutation { finalizeChatbotDraft(input: { draftId: "${draft.id}" }) { chatbot { id } } }`,
    )
  ).finalizeChatbotDraft;
  const { conversation } = (
    await chat.run<{ startConversation: { conversation: { id: string } } }>(
      participant,
      `mutation { startConversation(input: { chatbotId: "${chatbot.id}" }) { conversation { id } } }`,
    )
  ).startConversation;
  await chat.run(
    participant,
    `mutation { sendMessage(input: { conversationId: "${conversation.id}", text: "Hello", idempotencyKey: "1" }) { message { id } } }`,
  );
  return { chatbotId: chatbot.id, conversationId: conversation.id };
}

const tables = [
  "conversation",
  "message",
  "conversation_event",
  "pending_question",
  "chatbot",
  "chatbot_version",
  "chatbot_draft",
];
const textOf = async (): Promise<string> => {
  const all = await Promise.all(
    tables.map((table) => chat.asOwner<{ text: string }>(`select t::text as text from ${table} t`)),
  );
  return all
    .flat()
    .map(({ text }) => text)
    .join("\n");
};

test("what the person said is gone in every organization; what they made stays and no longer says by whom", async () => {
  const [one, two] = [givenPlace(), givenPlace()];
  const ada = member(one);
  const bob = member(two);
  const hers = await given(ada, ada);
  const his = await given(bob, { ...bob, userId: ada.userId });
  const kept = await given(bob, bob);
  await erase(ada.userId);
  expect(await textOf()).not.toContain(ada.userId);
  expect(await textOf()).not.toContain(hers.conversationId);
  expect(await textOf()).not.toContain(his.conversationId);
  expect(await textOf()).toContain(kept.conversationId);
  const [bot] = await chat.asOwner<{ created_by_id: string }>("select created_by_id from chatbot where id = $1", [
    hers.chatbotId,
  ]);
  expect(bot).toEqual({ created_by_id: "erased" });
  const found = await chat.run<{ chatbot: { name: string; createdBy: null } }>(
    member(one),
    `{ chatbot(id: "${hers.chatbotId}") { name createdBy { id } } }`,
  );
  expect(found.chatbot).toEqual({ name: "Clerk", createdBy: null });
});

test("acting for one person, the service reads and deletes that person's rows alone", async () => {
  const place = givenPlace();
  const [ada, bob] = [member(place), member(place)];
  const { conversationId } = await given(bob, bob);
  await given(bob, ada);
  const service = chat.database.asService({ userId: ada.userId });
  for (const table of ["conversation", "message"]) {
    const rows = await service.sql<{ person: string }>(`select participant_id as person from ${table}`);
    expect(new Set(rows.map(({ person }) => person))).toEqual(new Set([ada.userId]));
  }
  expect(await service.sql("delete from conversation where id = $1 returning id", [conversationId])).toEqual([]);
  expect(await chat.database.asService().sql("delete from conversation returning id")).toEqual([]);
  const records = [];
  const person = { userId: ada.userId, emails: [], db: service, now: new Date() };
  for await (const record of (held.message as PersonalData).records(person as never)) records.push(record);
  expect(records).toContainEqual(expect.objectContaining({ author: "PARTICIPANT", text: "Hello" }));
});

test("a published version says something else of nobody but of who was erased", async () => {
  const place = givenPlace();
  const ada = member(place);
  const { chatbotId } = await given(ada, ada);
  await expect(
    chat.asOwner("update chatbot_version set published_by_id = 'usr_other' where chatbot_id = $1", [chatbotId]),
  ).rejects.toThrow("does not change");
});

test("reading another's conversation is announced, reading one's own isn't", async () => {
  const place = givenPlace();
  const [ada, bob] = [member(place), member(place)];
  const { conversationId } = await given(ada, bob);
  await chat.announced();
  const read = `{ conversation(id: "${conversationId}") { messages { nodes { text } } } }`;
  const reads = async () => (await chat.announced()).filter(({ type }) => type === "chat.sensitive.read.v1");
  await chat.run(bob, read);
  expect(await reads()).toEqual([]);
  await chat.run(ada, read);
  expect(await reads()).toEqual([
    expect.objectContaining({ data: expect.objectContaining({ subjectId: conversationId, kind: "CONVERSATION" }) }),
  ]);
});
