import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { givenBot, givenConversation, hear, messagesOf, send, waitFor } from "../testing-operations";
import type { ChildInput } from "../testing-child";
import { givenPlace, member, startTestChat, type Chat } from "../testing";

let chat: Chat;
beforeEach(async () => {
  chat = await startTestChat({ env: { CHAT_RATE_LIMIT_FACTOR: "1000", CHAT_ANSWER_AGAIN_SECONDS: "1" } });
  chat.library.facts.set("helmet", "Helmets are worn on every site.");
});
afterEach(() => chat?.stop());

async function givenTalk() {
  const place = givenPlace();
  const ada = member(place);
  const bot = await givenBot(chat, ada, { knowledgeBaseIds: [chat.library.givenBase(place.workspaceId)] });
  return { ada, conversationId: await givenConversation(chat, ada, bot.id) };
}

/** The only answer there is, and what was told of it. */
async function theOneAnswer(ada: ReturnType<typeof member>, conversationId: string, secondMs = 1_500) {
  const heard = await hear(chat, ada, conversationId);
  // Time for a second answer to come, if there were one.
  await delay(secondMs);
  const messages = await messagesOf(chat, ada, conversationId);
  expect(messages.map(({ author }) => author)).toEqual(["PARTICIPANT", "CHATBOT"]);
  const announced = (await chat.announced()).map(({ type }) => type);
  expect(announced.filter((type) => type === "chat.message.answered.v1")).toHaveLength(1);
  return { heard, answer: messages[1]! };
}

/** Another process of the service that has accepted the message and is stuck in its answer. */
async function stuckReplica(actor: ChildInput["actor"], message: ChildInput["message"]) {
  const { home, ephemeralUrls } = chat;
  const { ownerUrl, appUrl, appRole } = home;
  const input: ChildInput = { home: { ownerUrl, appUrl, appRole }, ephemeralUrls, actor, message };
  const child = spawn(
    process.execPath,
    ["--conditions=@atrium/source", "--import=tsx", path.join(__dirname, "../testing-child.ts"), JSON.stringify(input)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  for await (const line of createInterface(child.stdout)) if (line === "asked") break;
  return {
    async kill() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

test("a message whose process was killed is answered by another, once", async () => {
  const { ada, conversationId } = await givenTalk();
  const message = { conversationId, text: "When is a helmet needed?", idempotencyKey: "once" };
  await (await stuckReplica(ada, message)).kill();
  const { answer } = await theOneAnswer(ada, conversationId);
  expect(answer.text).toBe("Helmets are worn on every site.");
  // The client that didn't hear of it sends the message again.
  const again = await send(chat, ada, conversationId, message.text, message.idempotencyKey);
  expect(again.message!.answerState).toBe("ANSWERED");
});

test("a message to one replica isn't answered before an earlier one that another replica works on", async () => {
  const { ada, conversationId } = await givenTalk();
  const first = { conversationId, text: "When is a helmet needed?", idempotencyKey: "first" };
  const other = await stuckReplica(ada, first);
  try {
    await send(chat, ada, conversationId, "What is 6 * 7?", "second");
    const messages = await waitFor(async () => {
      const there = await messagesOf(chat, ada, conversationId);
      return there.length === 4 && there;
    });
    expect(messages.slice(2)).toMatchObject([
      { author: "CHATBOT", text: "Helmets are worn on every site." },
      { author: "CHATBOT", text: expect.stringContaining("42") },
    ]);
  } finally {
    await other.kill();
  }
});

test("a message whose answer failed is answered by its job", async () => {
  const { ada, conversationId } = await givenTalk();
  chat.library.answers = false;
  await send(chat, ada, conversationId, "When is a helmet needed?");
  await delay(200);
  expect(await messagesOf(chat, ada, conversationId)).toMatchObject([{ answerState: "PENDING" }]);
  chat.library.answers = true;
  await theOneAnswer(ada, conversationId);
});

test("while a slow answer is under way its job begins as well, and one of them is told", async () => {
  const { ada, conversationId } = await givenTalk();
  chat.library.delayMs = 3_000;
  await send(chat, ada, conversationId, "When is a helmet needed?");
  const { heard } = await theOneAnswer(ada, conversationId, 4_000);
  expect(chat.library.asked.length).toBe(2);
  expect(heard.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
});

test("what was accepted before the service stopped is answered after it started again", async () => {
  const { ada, conversationId } = await givenTalk();
  chat.library.answers = false;
  await send(chat, ada, conversationId, "When is a helmet needed?");
  await chat.restart();
  chat.library.answers = true;
  await theOneAnswer(ada, conversationId);
});

test("when no attempt succeeds, the message says so, and so do the events", async () => {
  const { ada, conversationId } = await givenTalk();
  chat.library.answers = false;
  await send(chat, ada, conversationId, "When is a helmet needed?");
  // Its last attempt is the next one.
  await waitFor(async () => {
    const rows = await chat.asOwner(
      "update graphile_worker._private_jobs set attempts = max_attempts - 1, run_at = now() where locked_at is null returning id",
    );
    return rows.length > 0;
  });
  const heard = await hear(chat, ada, conversationId, { until: "ANSWER_FAILED" });
  expect(heard.map(({ number, kind }) => [number, kind])).toEqual([
    [1, "MESSAGE_ACCEPTED"],
    [2, "ANSWER_FAILED"],
  ]);
  expect(await messagesOf(chat, ada, conversationId)).toMatchObject([{ answerState: "FAILED" }]);
}, 60_000);
