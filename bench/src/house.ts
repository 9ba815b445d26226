import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { signedUp, startAtrium, type Atrium, type Caller, type GraphQLClient } from "@atrium/testing";

export const root = path.resolve(__dirname, "../..");

/** A file to be ingested. */
export interface SourceFile {
  filename: string;
  contentType: string;
  content: Buffer;
}

const contentTypes: Record<string, string> = {
  ".pdf": "application/pdf",
  ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ".rtf": "application/rtf",
  ".html": "text/html",
};

const documents = path.join(root, "services/knowledge/fixtures/documents");

// Pages that are pictures, and a page without text: rightly refused.
const unreadable = ["testPDF_twoAuthors.pdf", "testPDF_jpeg2000.pdf", "testHTML_head.html"];

/** Accident reports of several pages, and office documents: those that knowledge's tests read. */
export const sourceFiles = (pattern = /\.(pdf|docx|pptx|xlsx|rtf|html)$/): SourceFile[] =>
  readdirSync(documents)
    .filter((filename) => pattern.test(filename) && !unreadable.includes(filename))
    .map((filename) => ({
      filename,
      contentType: contentTypes[path.extname(filename)]!,
      content: readFileSync(path.join(documents, filename)),
    }));

/** Starts the product without demonstration data, with limits on sign-ins and messages that a load test doesn't meet. */
export const startHouse = (env: Record<string, string> = {}, dataDirectory?: string): Promise<Atrium> =>
  startAtrium({
    dataDirectory,
    env: { IDENTITY_RATE_LIMIT_FACTOR: "1000", CHAT_RATE_LIMIT_FACTOR: "1000", LOG_LEVEL: "error", ...env },
  });

export async function createKnowledgeBase(client: GraphQLClient, name: string): Promise<string> {
  const { createKnowledgeBase: payload } = await client.ask(
    `mutation ($input: CreateKnowledgeBaseInput!) { createKnowledgeBase(input: $input) { knowledgeBase { id } } }`,
    { input: { name } },
  );
  return payload.knowledgeBase.id as string;
}

/** Uploads files and returns the uploads' ids. */
export async function upload(client: GraphQLClient, files: readonly SourceFile[]): Promise<string[]> {
  return inParallel(files, 4, async ({ filename, contentType, content }) => {
    const { createUpload } = await client.ask(
      `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url } } }`,
      { input: { filename, contentType, sizeBytes: content.length } },
    );
    const { id, url } = createUpload.upload as { id: string; url: string };
    const response = await fetch(url, { method: "PUT", body: new Uint8Array(content) });
    if (!response.ok) throw new Error(`PUT ${filename}: ${response.status} ${await response.text()}`);
    return id;
  });
}

/** Makes documents of uploads and resolves once all are ingested; says how many passages they have, and how long it took. */
export async function ingest(
  client: GraphQLClient,
  knowledgeBaseId: string,
  uploadIds: readonly string[],
): Promise<{ passages: number; ms: number }> {
  const begun = performance.now();
  for (let from = 0; from < uploadIds.length; from += 50) {
    const { addDocuments } = await client.ask(
      `mutation ($input: AddDocumentsInput!) { addDocuments(input: $input) { userErrors { code message } } }`,
      { input: { knowledgeBaseId, uploadIds: uploadIds.slice(from, from + 50) } },
    );
    if (addDocuments.userErrors.length > 0) throw new Error(JSON.stringify(addDocuments.userErrors));
  }
  const progress = client.subscribe(
    `subscription ($id: ID!) { ingestionProgress(knowledgeBaseId: $id) { counts { queued ingesting ingested failed } } }`,
    { id: knowledgeBaseId },
  );
  const events = await progress.until(
    ({ ingestionProgress: { counts } }) =>
      counts.queued + counts.ingesting === 0 && counts.ingested + counts.failed > 0,
    180_000,
  );
  const ms = performance.now() - begun;
  progress.stop();
  const { failed } = events.at(-1)!.ingestionProgress.counts;
  if (failed > 0) throw new Error(`${failed} documents weren't ingested.`);
  return { passages: await countPassages(client, knowledgeBaseId), ms };
}

async function countPassages(client: GraphQLClient, knowledgeBaseId: string): Promise<number> {
  let passages = 0;
  let after: string | null = null;
  do {
    const { documents: page } = (await client.ask(
      `query ($id: ID!, $after: String) { documents(filter: { knowledgeBaseId: $id }, first: 100, after: $after) {
         nodes { passageCount } pageInfo { hasNextPage endCursor } } }`,
      { id: knowledgeBaseId, after },
    )) as { documents: { nodes: { passageCount: number }[]; pageInfo: { hasNextPage: boolean; endCursor: string } } };
    passages += page.nodes.reduce((sum, { passageCount }) => sum + passageCount, 0);
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after);
  return passages;
}

/** So many people, invited to the owner's workspace and standing in it; their access tokens. */
export async function colleagues(atrium: Atrium, owner: Caller, count: number): Promise<string[]> {
  const { organizationId, workspaceId } = owner;
  return inParallel(Array.from({ length: count }), 8, async (_, n) => {
    const person = await signedUp(atrium, `Colleague ${n + 1}`);
    const { inviteMember } = await owner.client.ask(
      `mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { token userErrors { code } } }`,
      {
        input: {
          email: person.email,
          organizationRole: "MEMBER",
          workspaceRoles: [{ workspaceId, role: "VIEWER" }],
        },
      },
    );
    const { acceptInvitation } = await person.client.ask(
      `mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { userErrors { code message } } }`,
      { input: { token: inviteMember.token } },
    );
    if (acceptInvitation.userErrors.length > 0) throw new Error(JSON.stringify(acceptInvitation.userErrors));
    const { switchContext } = await person.client.ask(
      `mutation ($input: SwitchContextInput!) { switchContext(input: $input) { accessToken } }`,
      { input: { organizationId, workspaceId } },
    );
    return switchContext.accessToken as string;
  });
}

/** Does `work` for each item, so many at a time; the results are in the items' order. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index]!, index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}
