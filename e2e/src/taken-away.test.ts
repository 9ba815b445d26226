import {
  createdKnowledgeBase,
  guest,
  ingestionProgress,
  publishedChatbot,
  sendMessage,
  signedUp,
  startAtrium,
  startedConversation,
  uploaded,
  addedDocuments,
  type Atrium,
  type Caller,
  type GraphQLClient,
} from "@atrium/testing";
import { fixture } from "./support/fixtures";

jest.setTimeout(60_000);

let atrium: Atrium;
let owner: Caller;
let knowledgeBaseId: string;

beforeAll(async () => {
  atrium = await startAtrium();
  owner = await signedUp(atrium, "The owner");
  knowledgeBaseId = await createdKnowledgeBase(owner.client);
});
afterAll(async () => {
  await atrium?.stop();
});

const read = "{ knowledgeBases { nodes { id } } }";
const write = 'mutation { createKnowledgeBase(input: { name: "Notes" }) { knowledgeBase { id } } }';

test("a changed role counts from the next request on, with the same token", async () => {
  const { client, workspaceMemberId } = await givenMember("EDITOR");
  await client.ask(write);
  await owner.client.ask(
    `mutation ($id: ID!) { changeWorkspaceRole(input: { memberId: $id, role: VIEWER }) {
      workspaceMember { role } userErrors { code }
    } }`,
    { id: workspaceMemberId },
  );
  expect(await client.refusal(write)).toBe("FORBIDDEN");
  await client.ask(read);
});

test("who was removed reads nothing with their next request, and their subscription ends with the next event", async () => {
  const { client, memberId } = await givenMember("EDITOR");
  const progress = client.subscribe(ingestionProgress, { knowledgeBaseId });
  await progress.next();
  await client.ask(read);
  await owner.client.ask(
    "mutation ($id: ID!) { removeMember(input: { memberId: $id }) { member { id } userErrors { code } } }",
    { id: memberId },
  );
  expect(await client.refusal(read)).toBe("FORBIDDEN");
  expect(await client.refusal(write)).toBe("FORBIDDEN");
  expect(await client.refusal(`{ knowledgeBase(id: "${knowledgeBaseId}") { name } }`)).toBe("FORBIDDEN");

  await addedDocuments(owner.client, knowledgeBaseId, [
    await uploaded(owner.client, await fixture("site-handbook.md")),
  ]);
  await expect(progress.next()).rejects.toMatchObject({
    response: { errors: [{ extensions: { code: "FORBIDDEN" } }] },
  });
});

test("a revoked session is refused with its next request, and its socket is closed though nothing happens on it", async () => {
  const { client } = await signedInAgain(owner);
  const progress = client.subscribe(ingestionProgress, { knowledgeBaseId });
  await progress.next();
  const { viewer } = await client.ask("{ viewer { sessions { nodes { id isCurrent } } } }");
  const { id } = viewer.sessions.nodes.find(({ isCurrent }: { isCurrent: boolean }) => isCurrent);
  await owner.client.ask("mutation ($id: ID!) { revokeSession(input: { id: $id }) { session { endedAt } } }", { id });

  const { status, errors } = await client.send(read);
  expect([status, errors[0]?.extensions?.code]).toEqual([401, "UNAUTHENTICATED"]);
  await expect(progress.next(10_000)).rejects.toThrow("4401");
  expect(client.closed?.code).toBe(4401);
  await owner.client.ask(read);
});

test("who has signed out is out, by the token and by the refresh token", async () => {
  const { client, refreshToken } = await signedInAgain(owner);
  await client.ask("mutation { signOut { session { id } } }");
  expect((await client.send(read)).status).toBe(401);
  const { refreshSession } = await atrium
    .client()
    .ask(
      "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) { accessToken userErrors { code } } }",
      { token: refreshToken },
    );
  expect(refreshSession).toEqual({ accessToken: null, userErrors: [{ code: "INVALID_REFRESH_TOKEN" }] });
});

test("a refresh token that comes back after its use ends the session, since one of its two owners is a thief", async () => {
  const { refreshToken } = await signedInAgain(owner);
  const refresh = async (token: string) =>
    (
      await atrium
        .client()
        .ask(
          "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) { accessToken refreshToken userErrors { code } } }",
          { token },
        )
    ).refreshSession;
  const renewed = await refresh(refreshToken);
  const newest = await refresh(renewed.refreshToken);
  await atrium.client(newest.accessToken).ask(read);
  expect((await refresh(refreshToken)).userErrors).toEqual([{ code: "INVALID_REFRESH_TOKEN" }]);
  expect((await atrium.client(newest.accessToken).send(read)).status).toBe(401);
  expect((await refresh(newest.refreshToken)).userErrors).toEqual([{ code: "INVALID_REFRESH_TOKEN" }]);
});

test("a revoked API key is refused with its next request", async () => {
  const { createApiKey } = await owner.client.ask(
    `mutation { createApiKey(input: { name: "Import", permissions: ["knowledge:read"] }) { secret apiKey { id } } }`,
  );
  const client = atrium.client(createApiKey.secret);
  await client.ask(read);
  expect(await client.refusal(write)).toBe("FORBIDDEN");
  await owner.client.ask("mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { revokedAt } } }", {
    id: createApiKey.apiKey.id,
  });
  expect((await client.send(read)).status).toBe(401);
});

test("a bot that is closed to guests takes no more of their messages", async () => {
  const chatbotId = await publishedChatbot(owner.client, { name: "Clerk", guestAccess: true });
  const { client } = await guest(atrium);
  const conversationId = await startedConversation(client, chatbotId);
  await owner.client.ask(
    "mutation ($id: ID!) { updateChatbot(input: { chatbotId: $id, guestAccess: false }) { chatbot { id } } }",
    { id: chatbotId },
  );
  const input = { conversationId, text: "Hello?", idempotencyKey: "1" };
  const { sendMessage: sent } = await client.ask(sendMessage, { input });
  expect(sent).toMatchObject({ message: null, userErrors: [{ code: "CHATBOT_NOT_OPEN" }] });
});

/** Somebody who was invited to the owner's workspace, has accepted, and stands there. */
async function givenMember(
  role: string,
): Promise<{ client: GraphQLClient; memberId: string; workspaceMemberId: string }> {
  const { organizationId, workspaceId } = owner;
  const member = await signedUp(atrium, "A member");
  const { inviteMember } = await owner.client.ask(
    "mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { token userErrors { code message } } }",
    { input: { email: member.email, organizationRole: "MEMBER", workspaceRoles: [{ workspaceId, role }] } },
  );
  const { acceptInvitation } = await member.client.ask(
    `mutation ($token: String!) { acceptInvitation(input: { token: $token }) { member { id } userErrors { code } } }`,
    { token: inviteMember.token },
  );
  const { switchContext } = await member.client.ask(
    `mutation ($input: SwitchContextInput!) { switchContext(input: $input) { accessToken userErrors { code } } }`,
    { input: { organizationId, workspaceId } },
  );
  const { workspace } = await owner.client.ask(
    "query ($id: ID!) { workspace(id: $id) { members { nodes { id user { id } } } } }",
    { id: workspaceId },
  );
  const members = workspace.members.nodes as { id: string; user: { id: string } }[];
  return {
    client: atrium.client(switchContext.accessToken),
    memberId: acceptInvitation.member.id,
    workspaceMemberId: members.find(({ user }) => user.id === member.userId)!.id,
  };
}

async function signedInAgain({ email, password }: Caller): Promise<{ client: GraphQLClient; refreshToken: string }> {
  const { signIn } = await atrium
    .client()
    .ask("mutation ($input: SignInInput!) { signIn(input: $input) { accessToken refreshToken } }", {
      input: { email, password },
    });
  return { client: atrium.client(signIn.accessToken), refreshToken: signIn.refreshToken };
}
