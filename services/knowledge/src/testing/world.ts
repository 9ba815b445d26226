import { createServer, type Server } from "node:http";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { actorHeader, actorKeyFor, anonymous, signActor, type Actor } from "@atrium/access";
import { folderBlobs } from "@atrium/blobs";
import { testDatabase, type TestDatabase } from "@atrium/database/testing";
import { embeddedTransport, eventsBase } from "@atrium/events";
import { requestLine, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { inProcessTopics } from "@atrium/topics";
import pino from "pino";
import { startKnowledge } from "../main";

const secret = "a secret of the tests, long enough for anything";

export interface World {
  subgraph: RunningSubgraph;
  home: TestDatabase;
  /** Where uploads and files are served, as the gateway would. */
  origin: string;
  stop(): Promise<void>;
}

/** The service with everything real around it: database, jobs, events, files, HTTP. */
export async function startWorld(): Promise<World> {
  const home = await testDatabase("knowledge", path.join(__dirname, "../../prisma/migrations"), { base: [eventsBase] });
  const folder = mkdtempSync(path.join(tmpdir(), "atrium-knowledge-"));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const platform = {
    shape: "embedded",
    secret,
    env: {},
    log: pino({ level: "silent" }),
    publicUrl: origin,
    database: async () => home,
    transport: embeddedTransport({ groups: ["knowledge"] }),
    topics: inProcessTopics(),
    blobs: await folderBlobs(folder),
  } as unknown as Platform;
  const subgraph = await startKnowledge(platform);
  serveRoutes(server, subgraph);
  return {
    subgraph,
    home,
    origin,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await subgraph.stop();
      await home.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// What the gateway does with a service's routes: it signs the request line in nobody's name.
function serveRoutes(server: Server, subgraph: RunningSubgraph): void {
  server.on("request", (request, response) => {
    const body = requestLine(request.method!, request.url!);
    const key = actorKeyFor("knowledge", secret);
    request.headers[actorHeader] = signActor(anonymous, { audience: "knowledge", body, key });
    subgraph.handle(request, response);
  });
}

/** Somebody with all rights in a workspace of their own organization. */
export const memberOf = (organizationId: string, permissions: string[] = ["*"]): Actor => ({
  kind: "USER",
  userId: `usr_${organizationId}`,
  sessionId: "ses_1",
  organizationId,
  workspaceId: `wsp_${organizationId}`,
  permissions,
});

/** Asks in somebody's name; the data, and the first error's code and field where there is one. */
export async function ask(
  { subgraph }: World,
  actor: Actor,
  query: string,
  variables: Record<string, unknown> = {},
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test names the fields that it asked for
): Promise<{ data: any; code?: string; field?: string; message?: string }> {
  const { data, errors } = await subgraph.execute({ query, variables, actor, requestId: "test" });
  const [error] = errors ?? [];
  return {
    data,
    ...(error && {
      code: error.extensions?.code as string,
      field: error.extensions?.field as string | undefined,
      message: error.message,
    }),
  };
}

/** Makes a knowledge base and returns its id. */
export async function givenKnowledgeBase(world: World, actor: Actor, splitting?: object): Promise<string> {
  const { data } = await ask(
    world,
    actor,
    `mutation ($input: CreateKnowledgeBaseInput!) { createKnowledgeBase(input: $input) { knowledgeBase { id } } }`,
    { input: { name: "Handbook", splitting } },
  );
  return data.createKnowledgeBase.knowledgeBase.id;
}

/** Announces a file and sends its bytes; returns the upload's id. */
export async function givenUpload(
  world: World,
  actor: Actor,
  { filename, content, contentType }: { filename: string; content: Buffer | string; contentType: string },
): Promise<string> {
  const bytes = Buffer.from(content);
  const { data } = await ask(world, actor, createUpload, {
    input: { filename, sizeBytes: bytes.length, contentType },
  });
  const { id, url } = data.createUpload.upload;
  const response = await fetch(url, { method: "PUT", body: new Uint8Array(bytes) });
  if (response.status !== 201) throw new Error(await response.text());
  return id;
}

export const createUpload = `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url expiresAt } } }`;

const documentFields = "id title status passageCount format pageCount failure { code message }";

/** Uploads files, makes documents of them, and waits until each is read or has failed. */
export async function givenDocuments(
  world: World,
  actor: Actor,
  knowledgeBaseId: string,
  files: { filename: string; content: Buffer | string; contentType: string }[],
): Promise<
  {
    id: string;
    title: string;
    status: string;
    passageCount: number;
    format: string;
    pageCount: number | null;
    failure: { code: string; message: string } | null;
  }[]
> {
  const uploadIds = [];
  for (const file of files) uploadIds.push(await givenUpload(world, actor, file));
  const { data, message } = await ask(
    world,
    actor,
    `mutation ($input: AddDocumentsInput!) { addDocuments(input: $input) { documents { id } userErrors { code path } } }`,
    { input: { knowledgeBaseId, uploadIds } },
  );
  if (!data?.addDocuments?.documents) throw new Error(message ?? JSON.stringify(data));
  const ids: string[] = data.addDocuments.documents.map(({ id }: { id: string }) => id);
  for (;;) {
    const documents = await Promise.all(
      ids.map(
        async (id) =>
          (await ask(world, actor, `query ($id: ID!) { document(id: $id) { ${documentFields} } }`, { id })).data
            .document,
      ),
    );
    if (documents.every(({ status }) => status === "INGESTED" || status === "FAILED")) return documents;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** One of the documents that the tests read. */
export const fixture = (filename: string, contentType: string) => ({
  filename,
  contentType,
  content: readFileSync(path.join(__dirname, "../../fixtures/documents", filename)),
});
