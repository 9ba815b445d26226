import type { GraphQLClient } from "@atrium/testing";

/** Somebody's objects, one of each kind that an id names. */
export interface Belongings {
  organization: string;
  workspace: string;
  member: string;
  workspaceMember: string;
  invitation: string;
  project: string;
  user: string;
  session: string;
  apiKey: string;
  knowledgeBase: string;
  document: string;
  upload: string;
  draft: string;
  chatbot: string;
  conversation: string;
  message: string;
  dataExport: string;
}

interface Entrance {
  /** The arguments of a caller who names `theirs` in one place, and is right in all others. */
  given(theirs: Belongings, own: Belongings): Record<string, unknown>;
  /** What a stranger who may do everything at home is told: null, a top-level code, or the code of a refusal. */
  told: string | null;
}

const at = (given: Entrance["given"], told: string | null): Entrance => ({ given, told });
const notFound = (given: Entrance["given"]) => at(given, "NOT_FOUND");
const input = (given: (theirs: Belongings, own: Belongings) => object, told: string | null = "NOT_FOUND") =>
  at((theirs, own) => ({ input: given(theirs, own) }), told);

const messages = () => ({ names: ["MESSAGES"], bucket: "HOUR", ...lastDay() });
const lastDay = () => ({ from: new Date(Date.now() - 86_400_000).toISOString(), to: new Date().toISOString() });

/** Every place of the graph where an id comes in, by the field and the way to the id in its arguments. */
export const entrances: Record<string, Entrance> = {
  "node.id": at(({ document }) => ({ id: document }), null),
  "organization.id": notFound(({ organization }) => ({ id: organization })),
  "workspace.id": notFound(({ workspace }) => ({ id: workspace })),
  "project.id": notFound(({ project }) => ({ id: project })),
  "knowledgeBase.id": notFound(({ knowledgeBase }) => ({ id: knowledgeBase })),
  "document.id": notFound(({ document }) => ({ id: document })),
  "documents.filter.knowledgeBaseId": notFound(({ knowledgeBase }) => ({ filter: { knowledgeBaseId: knowledgeBase } })),
  "searchKnowledge.knowledgeBaseIds": notFound(({ knowledgeBase }) => ({
    knowledgeBaseIds: [knowledgeBase],
    query: "concrete",
  })),
  "searchKnowledge.filter.documentIds": at(
    ({ document }, own) => ({
      knowledgeBaseIds: [own.knowledgeBase],
      query: "concrete",
      filter: { documentIds: [document] },
    }),
    "[]",
  ),
  "answerFromKnowledge.knowledgeBaseIds": notFound(({ knowledgeBase }) => ({
    knowledgeBaseIds: [knowledgeBase],
    question: "How long is concrete kept moist?",
  })),
  "chatbot.id": notFound(({ chatbot }) => ({ id: chatbot })),
  "chatbotDraft.id": notFound(({ draft }) => ({ id: draft })),
  "conversation.id": notFound(({ conversation }) => ({ id: conversation })),
  "conversations.filter.chatbotId": at(({ chatbot }) => ({ filter: { chatbotId: chatbot } }), "[]"),
  "conversations.filter.participantId": at(({ user }) => ({ filter: { participantId: user } }), "[]"),
  "tierReport.chatbotId": at(
    ({ chatbot }) => ({ chatbotId: chatbot, ...lastDay() }),
    JSON.stringify({ messageCount: 0 }),
  ),
  "auditTrail.filter.actorId": at(({ user }) => ({ filter: { actorId: user } }), "[]"),
  "auditTrail.filter.subject": at(({ document }) => ({ filter: { subject: document } }), "[]"),
  "timeline.workspaceId": notFound(({ workspace }) => ({ workspaceId: workspace })),
  "timeline.userId": at(({ user }) => ({ userId: user }), "[]"),
  "timeline.subjectId": at(({ document }) => ({ subjectId: document }), "[]"),
  "metrics.organizationId": notFound(({ organization }) => ({ ...messages(), organizationId: organization })),
  "metrics.workspaceId": notFound(({ workspace }) => ({ ...messages(), workspaceId: workspace })),
  "dashboard.organizationId": notFound(({ organization }) => ({ organizationId: organization })),
  "dashboard.workspaceId": notFound(({ workspace }) => ({ workspaceId: workspace })),
  "dataExport.id": notFound(({ dataExport }) => ({ id: dataExport })),
  "erasure.id": notFound(({ dataExport }) => ({ id: dataExport.replace(/^[a-z]+/, "era") })),

  "revokeApiKey.input.id": input(({ apiKey }) => ({ id: apiKey })),
  "revokeSession.input.id": input(({ session }) => ({ id: session })),
  "switchContext.input.organizationId": input(({ organization }) => ({ organizationId: organization })),
  "switchContext.input.workspaceId": input(({ workspace }, own) => ({
    organizationId: own.organization,
    workspaceId: workspace,
  })),

  "changeMemberRole.input.memberId": input(({ member }) => ({ memberId: member, role: "MEMBER" })),
  "removeMember.input.memberId": input(({ member }) => ({ memberId: member })),
  "transferOrganizationOwnership.input.memberId": input(({ member }) => ({ memberId: member })),
  "addWorkspaceMember.input.workspaceId": input(({ workspace }, own) => ({
    workspaceId: workspace,
    userId: own.user,
    role: "VIEWER",
  })),
  "addWorkspaceMember.input.userId": input(
    ({ user }, own) => ({ workspaceId: own.workspace, userId: user, role: "VIEWER" }),
    "NOT_A_MEMBER",
  ),
  "changeWorkspaceRole.input.memberId": input(({ workspaceMember }) => ({ memberId: workspaceMember, role: "VIEWER" })),
  "removeWorkspaceMember.input.memberId": input(({ workspaceMember }) => ({ memberId: workspaceMember })),
  "inviteMember.input.workspaceRoles.workspaceId": input(
    ({ workspace }) => ({
      email: "somebody@example.com",
      organizationRole: "MEMBER",
      workspaceRoles: [{ workspaceId: workspace, role: "VIEWER" }],
    }),
    "NO_SUCH_WORKSPACE",
  ),
  "resendInvitation.input.invitationId": input(({ invitation }) => ({ invitationId: invitation })),
  "revokeInvitation.input.invitationId": input(({ invitation }) => ({ invitationId: invitation })),
  "updateWorkspace.input.workspaceId": input(({ workspace }) => ({ workspaceId: workspace, name: "Taken over" })),
  "updateProject.input.projectId": input(({ project }) => ({ projectId: project, name: "Taken over" })),
  "archiveProject.input.projectId": input(({ project }) => ({ projectId: project })),
  "deleteProject.input.projectId": input(({ project }) => ({ projectId: project })),

  "updateKnowledgeBase.input.knowledgeBaseId": input(({ knowledgeBase }) => ({
    knowledgeBaseId: knowledgeBase,
    name: "Taken over",
  })),
  "deleteKnowledgeBase.input.knowledgeBaseId": input(({ knowledgeBase }) => ({ knowledgeBaseId: knowledgeBase })),
  "addDocuments.input.knowledgeBaseId": input(({ knowledgeBase }, own) => ({
    knowledgeBaseId: knowledgeBase,
    uploadIds: [own.upload],
  })),
  "addDocuments.input.uploadIds": input(
    ({ upload }, own) => ({ knowledgeBaseId: own.knowledgeBase, uploadIds: [own.upload, upload] }),
    "NO_SUCH_UPLOAD",
  ),
  "updateDocument.input.documentId": input(({ document }) => ({ documentId: document, title: "Taken over" })),
  "reindexDocument.input.documentId": input(({ document }) => ({ documentId: document })),
  "deleteDocument.input.documentId": input(({ document }) => ({ documentId: document })),

  "updateChatbot.input.chatbotId": input(({ chatbot }) => ({ chatbotId: chatbot, name: "Taken over" })),
  "rollbackChatbot.input.chatbotId": input(({ chatbot }) => ({ chatbotId: chatbot, version: 1 })),
  "deleteChatbot.input.chatbotId": input(({ chatbot }) => ({ chatbotId: chatbot })),
  "attachKnowledgeBase.input.chatbotId": input(({ chatbot }, own) => ({
    chatbotId: chatbot,
    knowledgeBaseId: own.knowledgeBase,
  })),
  "attachKnowledgeBase.input.knowledgeBaseId": input(
    ({ knowledgeBase }, own) => ({ chatbotId: own.chatbot, knowledgeBaseId: knowledgeBase }),
    "KNOWLEDGE_BASE_NOT_FOUND",
  ),
  "detachKnowledgeBase.input.chatbotId": input(({ chatbot }, own) => ({
    chatbotId: chatbot,
    knowledgeBaseId: own.knowledgeBase,
  })),
  "detachKnowledgeBase.input.knowledgeBaseId": input(
    ({ knowledgeBase }, own) => ({ chatbotId: own.chatbot, knowledgeBaseId: knowledgeBase }),
    "NOT_ATTACHED",
  ),
  "createChatbotDraft.input.chatbotId": input(({ chatbot }) => ({ chatbotId: chatbot })),
  "createChatbotDraft.input.knowledgeBaseIds": input(
    ({ knowledgeBase }, own) => ({ name: "Clerk", knowledgeBaseIds: [own.knowledgeBase, knowledgeBase] }),
    "KNOWLEDGE_BASE_NOT_FOUND",
  ),
  "updateChatbotDraft.input.draftId": input(({ draft }) => ({ draftId: draft, name: "Taken over" })),
  "updateChatbotDraft.input.knowledgeBaseIds": input(
    ({ knowledgeBase }, own) => ({ draftId: own.draft, knowledgeBaseIds: [knowledgeBase] }),
    "KNOWLEDGE_BASE_NOT_FOUND",
  ),
  "testChatbotDraft.input.draftId": input(({ draft }) => ({ draftId: draft, message: "Hello?" })),
  "finalizeChatbotDraft.input.draftId": input(({ draft }) => ({ draftId: draft })),
  "discardChatbotDraft.input.draftId": input(({ draft }) => ({ draftId: draft })),
  "startConversation.input.chatbotId": input(({ chatbot }) => ({ chatbotId: chatbot })),
  "sendMessage.input.conversationId": input(({ conversation }) => ({
    conversationId: conversation,
    text: "Hello?",
    idempotencyKey: "a stranger's",
  })),
  "rateMessage.input.messageId": input(({ message }) => ({ messageId: message, rating: "DOWN" })),
  "closeConversation.input.conversationId": input(({ conversation }) => ({ conversationId: conversation })),

  "dashboardUpdates.organizationId": notFound(({ organization }) => ({ organizationId: organization })),
  "dashboardUpdates.workspaceId": notFound(({ workspace }) => ({ workspaceId: workspace })),
  "ingestionProgress.knowledgeBaseId": notFound(({ knowledgeBase }) => ({ knowledgeBaseId: knowledgeBase })),
  "conversationEvents.conversationId": notFound(({ conversation }) => ({ conversationId: conversation })),
};

/**
 * Places that take an id and shut nobody out by themselves, each with its reason: a bot that is open to guests is open to
 * everybody, and anybody may be invited whose id is known.
 */
export const openEntrances = ["openChatbot.id", "inviteMember.input.userId"];

interface TypeReference {
  kind: string;
  name: string | null;
  ofType: TypeReference | null;
}

interface InputValue {
  name: string;
  type: TypeReference;
}

interface RootField {
  name: string;
  operation: "query" | "mutation" | "subscription";
  args: InputValue[];
  type: TypeReference;
}

/** The graph as the endpoint describes it: what can be asked, and where ids come in. */
export interface Graph {
  fields: Map<string, RootField>;
  inputs: Map<string, InputValue[]>;
  /** The fields of an object type. */
  outputs: Map<string, string[]>;
}

export async function graphOf(client: GraphQLClient): Promise<Graph> {
  const reference = "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
  const { __schema } = await client.ask(`{ __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types {
      kind name
      fields { name type { ${reference} } args { name type { ${reference} } } }
      inputFields { name type { ${reference} } }
    }
  } }`);
  const types = __schema.types as { name: string; fields: RootField[] | null; inputFields: InputValue[] | null }[];
  const roots = ["query", "mutation", "subscription"] as const;
  const fields = roots.flatMap((operation) => {
    const root = types.find(({ name }) => name === __schema[`${operation}Type`].name);
    return root!.fields!.map((field): [string, RootField] => [field.name, { ...field, operation }]);
  });
  return {
    fields: new Map(fields),
    inputs: new Map(types.map(({ name, inputFields }) => [name, inputFields ?? []])),
    outputs: new Map(types.map((type) => [type.name, type.fields?.map(({ name }) => name) ?? []])),
  };
}

const named = (type: TypeReference): TypeReference => (type.ofType ? named(type.ofType) : type);

const written = ({ kind, name, ofType }: TypeReference): string =>
  kind === "NON_NULL" ? `${written(ofType!)}!` : kind === "LIST" ? `[${written(ofType!)}]` : name!;

/** Every way to an id in the arguments of a root field, as `field.input.knowledgeBaseIds`. */
export function idPaths({ fields, inputs }: Graph): string[] {
  const within = ({ name, type }: InputValue): string[] => {
    const { name: typeName } = named(type);
    if (typeName === "ID") return [name];
    return (inputs.get(typeName!) ?? []).flatMap(within).map((rest) => `${name}.${rest}`);
  };
  return [...fields.values()].flatMap((field) => field.args.flatMap(within).map((rest) => `${field.name}.${rest}`));
}

/** Asks one root field with these arguments and says what came: the code of an error or refusal, null, or what was given away. */
export async function ask(
  client: GraphQLClient,
  graph: Graph,
  path: string,
  given: Record<string, unknown>,
): Promise<string | null> {
  const { name, operation, args, type } = graph.fields.get(path.split(".")[0]!)!;
  const used = args.filter((argument) => argument.name in given);
  const selection = selectionOf(graph, named(type).name!);
  const text = `${operation} (${used.map((each) => `$${each.name}: ${written(each.type)}`).join(", ")}) {
    ${name}(${used.map((each) => `${each.name}: $${each.name}`).join(", ")}) ${selection}
  }`;
  const { data, errors } = await (operation === "subscription"
    ? firstEvent(client, text, given)
    : client.send(text, given));
  if (errors.length > 0) return errors[0]!.extensions?.code ?? errors[0]!.message;
  const answer = data?.[name] as Record<string, unknown> | null | undefined;
  if (!answer) return null;
  const [refusal] = (answer.userErrors ?? []) as { code: string }[];
  if (refusal) return refusal.code;
  return JSON.stringify(answer.nodes ?? answer.hits ?? answer);
}

function selectionOf({ outputs }: Graph, typeName: string): string {
  const has = outputs.get(typeName) ?? [];
  if (has.includes("userErrors")) return "{ __typename userErrors { code } }";
  if (has.includes("nodes")) return "{ nodes { __typename } }";
  if (has.includes("hits")) return "{ hits { __typename } }";
  if (has.includes("messageCount") && !has.includes("id")) return "{ messageCount }";
  return "{ __typename }";
}

async function firstEvent(client: GraphQLClient, text: string, variables: Record<string, unknown>) {
  const subscription = client.subscribe<Record<string, unknown>>(text, variables);
  try {
    const { data = null, errors = [] } = await subscription.next();
    return { data, errors };
  } catch (error) {
    const { response } = error as { response?: { errors: { message: string; extensions?: { code?: string } }[] } };
    if (!response) throw error;
    return { data: null, errors: response.errors };
  } finally {
    subscription.stop();
  }
}
