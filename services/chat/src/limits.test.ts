import { givenBot, givenConversation, messagesOf, send } from "./testing-operations";
import { givenPlace, guest, member, startTestChat, type Chat } from "./testing";

let chat: Chat;
beforeAll(async () => {
  chat = await startTestChat({ env: { CHAT_MESSAGES_PER_MINUTE: "2", CHAT_CONVERSATIONS_PER_MINUTE: "2" } });
});
afterAll(() => chat?.stop());

const limited = { code: "RATE_LIMITED", retryAfterSeconds: expect.any(Number) };

test("a participant sends so many messages a minute, in all conversations together; others aren't held up", async () => {
  const place = givenPlace();
  const [ada, bob] = [member(place), member(place)];
  const bot = await givenBot(chat, ada);
  const [one, two] = [await givenConversation(chat, ada, bot.id), await givenConversation(chat, ada, bot.id)];
  await send(chat, ada, one, "1+1");
  await send(chat, ada, two, "2+2");
  await expect(send(chat, ada, one, "3+3")).rejects.toMatchObject(limited);
  expect((await messagesOf(chat, ada, one)).filter(({ author }) => author === "PARTICIPANT")).toHaveLength(1);
  await send(chat, bob, await givenConversation(chat, bob, bot.id), "1+1");
});

test("a guest begins so many conversations a minute", async () => {
  const bot = await givenBot(chat, member(givenPlace()), { guestAccess: true });
  const gast = guest();
  await givenConversation(chat, gast, bot.id);
  await givenConversation(chat, gast, bot.id);
  await expect(givenConversation(chat, gast, bot.id)).rejects.toMatchObject(limited);
  expect(await chat.asOwner("select from conversation where participant_id = $1", [gast.userId])).toHaveLength(2);
});
