import { createServer, type Server } from "node:http";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { actorHeader, actorKeyFor, anonymous, signActor, type Actor } from "@atrium/access";
import { folderBlobs } from "@atrium/blobs";
import { openDatabase, type Database } from "@atrium/database";
import { testDatabase, type TestDatabase } from "@atrium/database/testing";
import { embeddedTransport, eventsBase } from "@atrium/events";
import { personalDataBase } from "@atrium/personal-data";
import { requestLine, type Platform, type RunningSubgraph } from "@atrium/subgraph";
import { inProcessTopics, type InProcessTopics } from "@atrium/topics";
import pino from "pino";
import { PrismaClient } from "../generated/prisma/client";
import { startKnowledge } from "../main";

const secret = "a secret of the tests, long enough for anything";

export interface World {
  subgraph: RunningSubgraph;
  home: TestDatabase;
  /** For looking at rows, in a tenant's name. */
  database: Database<PrismaClient>;
  /** Where uploads and files are served, as the gateway would. */
  origin: string;
  /** Where the blob store keeps its files. */
  folder: string;
  topics: InProcessTopics;
  /** What the service has logged as a warning or worse. */
  warnings: string[];
  /** Moves the service's clock on, for good. */
  advance(ms: number): void;
  /** Ends the service and leaves its database and files, to look at or to go on with. */
  pause(): Promise<void>;
  stop(): Promise<void>;
}

interface Options {
  env?: NodeJS.ProcessEnv;
  /** Another world, on whose database and files this one runs as well. */
  beside?: Pick<World, "home" | "folder"> & { topics?: InProcessTopics };
}

/** The service with everything real around it: database, jobs, events, files, HTTP. */
export async function startWorld({ env = {}, beside }: Options = {}): Promise<World> {
  const migrations = path.join(__dirname, "../../prisma/migrations");
  const home = beside?.home ?? (await testDatabase("knowledge", migrations, { base: [eventsBase, personalDataBase] }));
  const folder = beside?.folder ?? mkdtempSync(path.join(tmpdir(), "atrium-knowledge-"));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const topics = beside?.topics ?? inProcessTopics();
  const warnings: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void warnings.push(line) });
  let aheadMs = 0;
  const platform = {
    shape: "embedded",
    secret,
    env,
    log,
    publicUrl: origin,
    database: async () => home,
    transport: embeddedTransport({ groups: ["knowledge"] }),
    topics,
    blobs: await folderBlobs(folder),
  } as unknown as Platform;
  const subgraph = await startKnowledge(platform, { now: () => new Date(Date.now() + aheadMs) });
  serveRoutes(server, subgraph);
  const database = openDatabase({ url: home.appUrl, createClient: (adapter) => new PrismaClient({ adapter }), log });
  const pause = async () => {
    server.closeAllConnections();
    server.close();
    await subgraph.stop();
  };
  return {
    subgraph,
    home,
    database,
    origin,
    folder,
    topics,
    warnings,
    advance: (ms) => void (aheadMs += ms),
    pause,
    async stop() {
      await pause();
      await database.close();
      if (beside) return;
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

/** Somebody of an organization with one workspace; with all rights unless told. */
export const memberOf = (organizationId: string, permissions: string[] = ["*"]) =>
  ({
    kind: "USER",
    userId: `usr_${organizationId}`,
    sessionId: "ses_1",
    organizationId,
    workspaceId: `wsp_${organizationId}`,
    permissions,
  }) satisfies Actor;

export type Member = ReturnType<typeof memberOf>;

/** Rows that a tenant may see. */
export const rows = <Row extends object>({ database }: World, tenant: Member, sql: string, values: unknown[] = []) =>
  database.as(tenant).sql<Row>(sql, values);

/** What a tenant's changes have announced, in order. */
export async function announced(
  { database }: World,
  { organizationId }: Member,
): Promise<{ type: string; data: object }[]> {
  return database.asService().sql(
    `select type, data from (
       select position, organization_id, type, data from published_event
       union all select position, organization_id, type, data from outbox_event
     ) as event where organization_id = $1 order by position`,
    [organizationId],
  );
}

/** The names of all stored files, wherever they lie. */
export const storedFiles = ({ folder }: World): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

/** Waits until `check` answers with something; fails after a while. */
export async function eventually<Value>(check: () => Promise<Value | null | undefined | false>): Promise<Value> {
  const until = Date.now() + 20_000;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > until) throw new Error(`It never came to pass: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

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
  { filename, content, contentType }: TestFile,
): Promise<string> {
  const bytes = Buffer.from(content);
  const { id, url } = await givenAnnouncement(world, actor, { filename, contentType, sizeBytes: bytes.length });
  const { status, error } = await send(url, bytes);
  if (status !== 201) throw new Error(`${filename}: ${error?.message}`);
  return id;
}

export const createUpload = `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url expiresAt } } }`;

/** Announces a file, and sends nothing yet. */
export async function givenAnnouncement(
  world: World,
  actor: Actor,
  input: { filename: string; sizeBytes: number; contentType: string },
): Promise<{ id: string; url: string; expiresAt: string }> {
  const { data, message } = await ask(world, actor, createUpload, { input });
  if (!data?.createUpload) throw new Error(message);
  return data.createUpload.upload;
}

/** PUTs bytes; the status, and the code and field of a refusal. A stream goes without a length. */
export async function put(
  url: string,
  bytes: Buffer | ReadableStream<Uint8Array>,
): Promise<{ status: number; code?: string; field?: string }> {
  const { status, error } = await send(url, bytes);
  const { code, field } = error?.extensions ?? {};
  return { status, ...(code && { code }), ...(field && { field }) };
}

async function send(url: string, bytes: Buffer | ReadableStream<Uint8Array>) {
  const body = Buffer.isBuffer(bytes) ? new Uint8Array(bytes) : bytes;
  const response = await fetch(url, { method: "PUT", body, duplex: "half" } as RequestInit);
  const answer = (await response.json()) as {
    errors?: { message: string; extensions: { code: string; field?: string } }[];
  };
  return { status: response.status, error: answer.errors?.[0] };
}

export interface TestFile {
  filename: string;
  content: Buffer | string;
  contentType: string;
}

export interface TestDocument {
  id: string;
  title: string;
  status: "QUEUED" | "INGESTING" | "INGESTED" | "FAILED";
  passageCount: number;
  format: string | null;
  pageCount: number | null;
  failure: { code: string; message: string } | null;
}

/** Makes documents of uploads; the payload, and the first error's code and field. */
export async function addDocuments(world: World, actor: Actor, knowledgeBaseId: string, uploadIds: string[]) {
  const mutation = `mutation ($input: AddDocumentsInput!) {
    addDocuments(input: $input) { documents { id title status } userErrors { code path } } }`;
  const { data, ...error } = await ask(world, actor, mutation, { input: { knowledgeBaseId, uploadIds } });
  return { payload: data?.addDocuments as { documents: TestDocument[] | null; userErrors: object[] } | null, ...error };
}

const documentFields = "id title status passageCount format pageCount failure { code message }";

/** A document as it is now; null where there is none. */
export async function documentNow(world: World, actor: Actor, id: string): Promise<TestDocument | null> {
  const { data } = await ask(world, actor, `query ($id: ID!) { document(id: $id) { ${documentFields} } }`, { id });
  return data?.document ?? null;
}

/** Waits until each document is read or has failed. */
export async function settled(world: World, actor: Member, ids: readonly string[]): Promise<TestDocument[]> {
  const open = "select 1 from document where id = any ($1) and state in ('QUEUED', 'INGESTING') limit 1";
  await eventually(async () => (await rows(world, actor, open, [ids])).length === 0);
  return Promise.all(ids.map(async (id) => (await documentNow(world, actor, id))!));
}

/** Uploads files, makes documents of them, and waits until each is read or has failed. */
export async function givenDocuments(
  world: World,
  actor: Member,
  knowledgeBaseId: string,
  files: readonly TestFile[],
): Promise<TestDocument[]> {
  const uploadIds = [];
  for (const file of files) uploadIds.push(await givenUpload(world, actor, file));
  const { payload, message } = await addDocuments(world, actor, knowledgeBaseId, uploadIds);
  if (!payload?.documents) throw new Error(message ?? JSON.stringify(payload));
  return settled(
    world,
    actor,
    payload.documents.map(({ id }) => id),
  );
}

/** A base with documents that are read. */
export async function givenBaseWith(
  world: World,
  actor: Member,
  ...files: TestFile[]
): Promise<{ base: string; documents: TestDocument[] }> {
  const base = await givenKnowledgeBase(world, actor);
  return { base, documents: await givenDocuments(world, actor, base, files) };
}

export const markdown = (filename: string, content: string): TestFile => ({
  filename,
  content,
  contentType: "text/markdown",
});

export interface TestHit {
  score: number;
  snippet: string;
  passage: { id: string; text: string; page: number | null; headingPath: string[]; start: number; end: number };
  document: { id: string; title: string };
  highlights: { start: number; end: number }[];
  explanation: { parts: { part: string; contribution: number }[] } | null;
}

/** What a search finds; more variables are its other arguments. */
export async function search(
  world: World,
  actor: Actor,
  base: string | string[],
  query: string,
  more: { first?: number; mode?: string; filter?: object; explain?: boolean; rerank?: boolean } = {},
) {
  const { data, ...error } = await ask(
    world,
    actor,
    `query ($ids: [ID!]!, $query: String!, $first: Int, $mode: SearchMode, $filter: SearchFilterInput, $explain: Boolean,
            $rerank: Boolean) {
       searchKnowledge(knowledgeBaseIds: $ids, query: $query, first: $first, mode: $mode, filter: $filter,
                       explain: $explain, rerank: $rerank) {
         hits { score snippet passage { id text page headingPath start end } document { id title }
                highlights { start end } explanation { parts { part contribution } } } } }`,
    { ids: [base].flat(), query, ...more },
  );
  return { hits: (data?.searchKnowledge.hits ?? []) as TestHit[], ...error };
}

/** One of the documents that the tests read. */
export const fixture = (filename: string, contentType: string) => ({
  filename,
  contentType,
  content: readFileSync(path.join(__dirname, "../../fixtures/documents", filename)),
});
