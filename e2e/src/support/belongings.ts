import {
  addedDocuments,
  createdKnowledgeBase,
  messagesOf,
  publishedChatbot,
  sentMessage,
  startedConversation,
  untilIngested,
  uploaded,
  waitFor,
  type Caller,
  type SourceFile,
} from "@atrium/testing";
import type { Belongings } from "./entrances";

const guide: SourceFile = {
  filename: "guide.md",
  contentType: "text/markdown",
  content: Buffer.from("# Guide\n\n## Concrete\n\nFresh concrete is kept moist for at least five days.\n"),
};

/** One object of each kind, made through the endpoint by somebody who has just signed up. */
export async function belongingsOf({ client, userId, organizationId, workspaceId }: Caller): Promise<Belongings> {
  const knowledgeBase = await createdKnowledgeBase(client);
  const [document] = await addedDocuments(client, knowledgeBase, [await uploaded(client, guide)]);
  const upload = await uploaded(client, guide);
  await untilIngested(client, knowledgeBase);
  const settings = { name: "Clerk", knowledgeBaseIds: [knowledgeBase] };
  const chatbot = await publishedChatbot(client, settings);
  const conversation = await startedConversation(client, chatbot);
  const question = await sentMessage(client, conversation, "How long is concrete kept moist?");
  const answer = await waitFor(async () =>
    (await messagesOf(client, conversation)).find(({ inReplyToId }) => inReplyToId === question),
  );
  const made = await client.ask(
    `mutation ($draft: CreateChatbotDraftInput!, $invitation: InviteMemberInput!, $key: CreateApiKeyInput!) {
      createChatbotDraft(input: $draft) { draft { id } }
      inviteMember(input: $invitation) { invitation { id } }
      createApiKey(input: $key) { apiKey { id } }
      createProject(input: { name: "Bridge" }) { project { id } }
      requestDataExport(input: { categories: [CONSENTS] }) { dataExport { id } }
    }`,
    {
      draft: settings,
      invitation: { email: `${userId}@example.com`, organizationRole: "MEMBER" },
      key: { name: "Nightly import", permissions: ["knowledge:read"] },
    },
  );
  const seen = await client.ask(
    `query ($organizationId: ID!, $workspaceId: ID!) {
      organization(id: $organizationId) { members { nodes { id } } }
      workspace(id: $workspaceId) { members { nodes { id } } }
      viewer { sessions { nodes { id } } }
    }`,
    { organizationId, workspaceId },
  );
  return {
    organization: organizationId!,
    workspace: workspaceId!,
    member: seen.organization.members.nodes[0].id,
    workspaceMember: seen.workspace.members.nodes[0].id,
    invitation: made.inviteMember.invitation.id,
    project: made.createProject.project.id,
    user: userId,
    session: seen.viewer.sessions.nodes[0].id,
    apiKey: made.createApiKey.apiKey.id,
    knowledgeBase,
    document: document!,
    upload,
    draft: made.createChatbotDraft.draft.id,
    chatbot,
    conversation,
    message: answer.id,
    dataExport: made.requestDataExport.dataExport.id,
  };
}

/** Everything that a member can see of their organization, to be compared with what is there later. */
export async function everythingOf({ client, organizationId, workspaceId }: Caller): Promise<Record<string, unknown>> {
  return client.ask(
    `query ($organizationId: ID!, $workspaceId: ID!) {
      organization(id: $organizationId) {
        name members { nodes { id role } } workspaces { nodes { id name } } invitations { nodes { id status } }
      }
      workspace(id: $workspaceId) { name members { nodes { id role } } }
      projects { nodes { id name status } }
      knowledgeBases(first: 100) { nodes { id name updatedAt documents(first: 20) { nodes {
        id title filename status passageCount sizeBytes updatedAt
      } } } }
      chatbots { nodes { id name publishedVersion updatedAt knowledgeBases { id } } }
      chatbotDrafts { nodes { id settings { name } finalized updatedAt } }
      conversations { nodes { id state messageCount } }
      viewer { sessions { nodes { id endedAt } } apiKeys { nodes { id revokedAt } } }
    }`,
    { organizationId, workspaceId },
  );
}
