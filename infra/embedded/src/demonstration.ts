import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Installation } from "./installation";

/** The demonstration's account and what it made; kept with the installation, readable by its user alone. */
export interface Demonstration {
  email: string;
  password: string;
  /** Null until all of it is there. */
  chatbotId: string | null;
}

interface Access {
  /** Of the one endpoint, as this machine reaches it. */
  origin: string;
  signal: AbortSignal;
}

type Ask = <Data>(query: string, variables?: Record<string, unknown>) => Promise<Data>;

const file = "demonstration.json";
const folder = path.resolve(__dirname, "../demo");
const knowledgeBaseName = "About Atrium";
const chatbotName = "Atrium guide";
const patienceMs = 15_000;

/**
 * Makes the demonstration, as a client like any other: an account with a password of this installation's own, a
 * knowledge base about the product, and a bot that answers from it. Whatever an interrupted start has made is found
 * and used, so that nothing is there twice.
 */
export async function makeDemonstration(installation: Installation, access: Access): Promise<Demonstration> {
  let demonstration = installation.read<Demonstration>(file);
  if (demonstration?.chatbotId) return demonstration;
  if (!demonstration) {
    const password = randomBytes(15).toString("base64url");
    demonstration = { email: "demo@atrium.example", password, chatbotId: null };
    // Before the account is made: an account whose password nobody knows would be in the way for ever.
    installation.write(file, demonstration);
  }
  const ask = await signedIn(demonstration, access);
  const knowledgeBaseId = await knowledgeBase(ask);
  await addMissingDocuments(ask, knowledgeBaseId, access);
  const chatbotId = await chatbot(ask, knowledgeBaseId);
  await untilIngested(ask, knowledgeBaseId, access.signal);
  const made = { ...demonstration, chatbotId };
  installation.write(file, made);
  return made;
}

/** The demonstration as an earlier start made it, if any did. */
export const knownDemonstration = (installation: Installation) => installation.read<Demonstration>(file);

interface Authentication {
  accessToken: string | null;
  viewer: { workspace: { id: string } | null } | null;
  userErrors: { code: string; message: string }[];
}

const authentication = "accessToken viewer { workspace { id } } userErrors { code message }";

/** Signs up or, where that has been done, in; waits until the account stands in a workspace. */
async function signedIn({ email, password }: Demonstration, access: Access): Promise<Ask> {
  const ask = asking(access, null);
  const signUp = async () =>
    (
      await ask<{ signUp: Authentication }>(
        `mutation SignUp($input: SignUpInput!) { signUp(input: $input) { ${authentication} } }`,
        { input: { email, password, name: "Demonstration" } },
      )
    ).signUp;
  const signIn = async () =>
    (
      await ask<{ signIn: Authentication }>(
        `mutation SignIn($input: SignInInput!) { signIn(input: $input) { ${authentication} } }`,
        { input: { email, password } },
      )
    ).signIn;
  let answer = await signUp();
  for (const deadline = Date.now() + patienceMs; ; await wait(2_000, undefined, { signal: access.signal })) {
    if (answer.userErrors.some(({ code }) => code !== "EMAIL_TAKEN")) throw refused(answer.userErrors);
    if (answer.accessToken && answer.viewer?.workspace) return asking(access, answer.accessToken);
    if (Date.now() > deadline) throw new Error("its account has no workspace yet");
    answer = await signIn();
  }
}

async function knowledgeBase(ask: Ask): Promise<string> {
  const { knowledgeBases } = await ask<{ knowledgeBases: Nodes<{ id: string; name: string }> }>(
    "query KnowledgeBases { knowledgeBases(first: 100) { edges { node { id name } } } }",
  );
  const found = nodesOf(knowledgeBases).find(({ name }) => name === knowledgeBaseName);
  if (found) return found.id;
  const { createKnowledgeBase } = await ask<{ createKnowledgeBase: { knowledgeBase: { id: string } } }>(
    `mutation CreateKnowledgeBase($input: CreateKnowledgeBaseInput!) {
      createKnowledgeBase(input: $input) { knowledgeBase { id } }
    }`,
    { input: { name: knowledgeBaseName, description: "What Atrium is and how to use it." } },
  );
  return createKnowledgeBase.knowledgeBase.id;
}

async function addMissingDocuments(ask: Ask, knowledgeBaseId: string, access: Access): Promise<void> {
  const { documents } = await ask<{ documents: Nodes<{ filename: string }> }>(
    `query Documents($filter: DocumentFilterInput!) {
      documents(filter: $filter, first: 100) { edges { node { filename } } }
    }`,
    { filter: { knowledgeBaseId } },
  );
  const there = new Set(nodesOf(documents).map(({ filename }) => filename));
  const missing = ownDocuments().filter(({ filename }) => !there.has(filename));
  if (missing.length === 0) return;
  const uploadIds = await Promise.all(missing.map((document) => upload(ask, document, access)));
  const { addDocuments } = await ask<{ addDocuments: { userErrors: Authentication["userErrors"] } }>(
    "mutation AddDocuments($input: AddDocumentsInput!) { addDocuments(input: $input) { userErrors { code message } } }",
    { input: { knowledgeBaseId, uploadIds } },
  );
  if (addDocuments.userErrors.length > 0) throw refused(addDocuments.userErrors);
}

interface OwnDocument {
  filename: string;
  content: Buffer;
}

/** What the product says of itself; answers cite each under its heading. */
export function ownDocuments(): OwnDocument[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".md"));
  return names.map((name) => {
    const content = readFileSync(path.join(folder, name));
    const heading = /^# (.+)$/m.exec(content.toString("utf8"))?.[1];
    return { filename: heading ? `${heading}.md` : name, content };
  });
}

async function upload(ask: Ask, { filename, content }: OwnDocument, { origin, signal }: Access): Promise<string> {
  const { createUpload } = await ask<{ createUpload: { upload: { id: string; url: string } } }>(
    "mutation CreateUpload($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url } } }",
    { input: { filename, contentType: "text/markdown", sizeBytes: content.length } },
  );
  const { id, url } = createUpload.upload;
  // The address is the one that clients use, which may lead through a proxy that isn't there yet.
  const { pathname } = new URL(url);
  const response = await fetch(new URL(pathname, origin), { method: "PUT", body: content, signal });
  if (!response.ok) throw new Error(`${filename} wasn't taken: ${await response.text()}`);
  return id;
}

async function chatbot(ask: Ask, knowledgeBaseId: string): Promise<string> {
  const { chatbots, chatbotDrafts } = await ask<{
    chatbots: Nodes<{ id: string; name: string }>;
    chatbotDrafts: Nodes<{ id: string; settings: { name: string } }>;
  }>(`query Chatbots {
    chatbots(first: 100) { edges { node { id name } } }
    chatbotDrafts(first: 100) { edges { node { id settings { name } } } }
  }`);
  const found = nodesOf(chatbots).find(({ name }) => name === chatbotName);
  if (found) return found.id;
  const begun = nodesOf(chatbotDrafts).find(({ settings }) => settings.name === chatbotName);
  const { finalizeChatbotDraft } = await ask<{
    finalizeChatbotDraft: { chatbot: { id: string } | null; userErrors: Authentication["userErrors"] };
  }>(
    `mutation FinalizeChatbotDraft($input: FinalizeChatbotDraftInput!) {
      finalizeChatbotDraft(input: $input) { chatbot { id } userErrors { code message } }
    }`,
    { input: { draftId: begun?.id ?? (await beginDraft(ask, knowledgeBaseId)) } },
  );
  if (!finalizeChatbotDraft.chatbot) throw refused(finalizeChatbotDraft.userErrors);
  return finalizeChatbotDraft.chatbot.id;
}

async function beginDraft(ask: Ask, knowledgeBaseId: string): Promise<string> {
  const { createChatbotDraft } = await ask<{
    createChatbotDraft: { draft: { id: string } | null; userErrors: Authentication["userErrors"] };
  }>(
    `mutation CreateChatbotDraft($input: CreateChatbotDraftInput!) {
      createChatbotDraft(input: $input) { draft { id } userErrors { code message } }
    }`,
    {
      input: {
        name: chatbotName,
        greeting: "Hello. Ask me what Atrium is, who may do what in it, or how answers are cited.",
        knowledgeBaseIds: [knowledgeBaseId],
        guestAccess: true,
      },
    },
  );
  if (!createChatbotDraft.draft) throw refused(createChatbotDraft.userErrors);
  return createChatbotDraft.draft.id;
}

/** A question asked before this would find nothing; after `patienceMs` it goes on in the background all the same. */
async function untilIngested(ask: Ask, id: string, signal: AbortSignal): Promise<void> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await wait(100, undefined, { signal })) {
    const { knowledgeBase } = await ask<{ knowledgeBase: { ingestion: { queued: number; ingesting: number } } }>(
      "query Ingestion($id: ID!) { knowledgeBase(id: $id) { ingestion { queued ingesting } } }",
      { id },
    );
    if (knowledgeBase.ingestion.queued + knowledgeBase.ingestion.ingesting === 0) return;
  }
}

interface Nodes<Node> {
  edges: { node: Node }[];
}

const nodesOf = <Node>({ edges }: Nodes<Node>) => edges.map(({ node }) => node);

const refused = (errors: readonly { message: string }[]) => new Error(errors.map(({ message }) => message).join(" "));

function asking({ origin, signal }: Access, token: string | null): Ask {
  return async <Data>(query: string, variables: Record<string, unknown> = {}) => {
    const response = await fetch(`${origin}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
      signal,
    });
    const { data, errors } = (await response.json()) as { data?: Data; errors?: { message: string }[] };
    if (errors?.length || !data) throw refused(errors ?? [{ message: `HTTP ${response.status}` }]);
    return data;
  };
}
