import { newUuid } from "@atrium/ids";
import { embeddedTransport, type Envelope } from "@atrium/events";
import { ask, createDraft, givenBot, givenConversation, waitFor } from "./testing-operations";
import { givenPlace, member, startTestChat, type Chat, type Place } from "./testing";

const transport = embeddedTransport({ groups: ["chat"] });
let chat: Chat;
beforeAll(async () => {
  chat = await startTestChat({ transport, env: { CHAT_RATE_LIMIT_FACTOR: "1000" } });
  chat.library.facts.set("helmet", "Helmets are worn on every site.");
});
afterAll(() => chat?.stop());

const envelope = (type: string, subject: string, { organizationId, workspaceId }: Partial<Place>, data: object) =>
  ({
    specversion: "1.0",
    id: newUuid(),
    source: `/atrium/${type.split(".")[0]}`,
    type,
    subject,
    data,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    organizationid: organizationId,
    workspaceid: workspaceId,
  }) as Envelope;

test("a knowledge base that was deleted is taken out of every version and draft, and talks go on without it", async () => {
  const place = givenPlace();
  const ada = member(place);
  const [gone, stays] = [chat.library.givenBase(place.workspaceId), chat.library.givenBase(place.workspaceId)];
  const bot = await givenBot(chat, ada, { knowledgeBaseIds: [gone, stays] });
  const conversationId = await givenConversation(chat, ada, bot.id);
  await chat.run(ada, createDraft, { input: { chatbotId: bot.id } });

  chat.library.bases.get(place.workspaceId)!.delete(gone);
  const deleted = envelope("knowledge.knowledge_base.deleted.v1", gone, place, { knowledgeBaseId: gone });
  await transport.publish([deleted, deleted]);

  const bots = `{ chatbots { nodes { publishedVersion knowledgeBases { id } } }
                  chatbotDrafts { nodes { settings { knowledgeBases { id } } } } }`;
  await waitFor(async () => !JSON.stringify(await chat.run(ada, bots)).includes(gone));
  expect(await chat.run(ada, bots)).toEqual({
    chatbots: { nodes: [{ publishedVersion: 1, knowledgeBases: [{ id: stays }] }] },
    chatbotDrafts: { nodes: [{ settings: { knowledgeBases: [{ id: stays }] } }] },
  });
  expect((await ask(chat, ada, conversationId, "When is a helmet needed?")).route.reason).toBe("KNOWLEDGE");
});

test("with a workspace all that was said in it goes, and nothing of others", async () => {
  const place = givenPlace();
  const neighbour = { ...givenPlace(), organizationId: place.organizationId };
  for (const each of [place, neighbour]) {
    const ada = member(each);
    const bot = await givenBot(chat, ada, { guestAccess: true });
    await chat.run(ada, createDraft, { input: { name: "Unpublished" } });
    await ask(chat, ada, await givenConversation(chat, ada, bot.id), "1+1");
  }
  const { organizationId, workspaceId } = place;
  await transport.publish([envelope("tenancy.workspace.deleted.v1", workspaceId, { organizationId }, { workspaceId })]);
  const tables = [
    "chatbot",
    "chatbot_version",
    "chatbot_draft",
    "open_chatbot",
    "conversation",
    "message",
    "conversation_event",
  ];
  const rowsIn = async (id: string) =>
    Promise.all(
      tables.map(async (table) => (await chat.asOwner(`select from ${table} where workspace_id = $1`, [id])).length),
    );
  await waitFor(async () => (await rowsIn(workspaceId)).every((count) => count === 0));
  expect((await rowsIn(neighbour.workspaceId)).every((count) => count > 0)).toBe(true);
});
