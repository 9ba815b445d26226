import { readFile } from "node:fs/promises";
import path from "node:path";
import type { GraphQLClient } from "./graphql-client";

/** A file to upload. */
export interface SourceFile {
  filename: string;
  contentType: string;
  content: Uint8Array;
}

const contentTypes: Record<string, string> = {
  ".pdf": "application/pdf",
  ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ".rtf": "application/rtf",
  ".html": "text/html",
  ".md": "text/markdown",
  ".csv": "text/csv",
  ".txt": "text/plain",
};

/** A file of the disk, with the content type that its name's ending stands for. */
export async function fileAt(file: string): Promise<SourceFile> {
  const contentType = contentTypes[path.extname(file)] ?? "application/octet-stream";
  return { filename: path.basename(file), contentType, content: await readFile(file) };
}

export async function createdKnowledgeBase(client: GraphQLClient, input: object = { name: "Papers" }): Promise<string> {
  const { createKnowledgeBase } = await client.ask(
    "mutation ($input: CreateKnowledgeBaseInput!) { createKnowledgeBase(input: $input) { knowledgeBase { id } } }",
    { input },
  );
  return createKnowledgeBase.knowledgeBase.id;
}

/** A file that was announced: where its bytes go. */
export interface AnnouncedUpload {
  id: string;
  url: string;
}

/** Announces a file; `announced` changes what is said of it. */
export async function announcedUpload(
  client: GraphQLClient,
  { filename, contentType, content }: SourceFile,
  announced: { sizeBytes?: number; contentType?: string } = {},
): Promise<AnnouncedUpload> {
  const { createUpload } = await client.ask(
    "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url } } }",
    { input: { filename, contentType, sizeBytes: content.length, ...announced } },
  );
  return createUpload.upload;
}

/** Sends the bytes of an announced upload, without any credentials: the address is what permits it. */
export async function put(url: string, content: Uint8Array): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { method: "PUT", body: Buffer.from(content) });
  return { status: response.status, text: await response.text() };
}

/** Announces a file, sends it, and returns the upload's id. */
export async function uploaded(client: GraphQLClient, file: SourceFile): Promise<string> {
  const { id, url } = await announcedUpload(client, file);
  const { status, text } = await put(url, file.content);
  if (status !== 201) throw new Error(`Uploading ${file.filename} was answered ${status}: ${text}`);
  return id;
}

/** Makes documents of uploads, and returns their ids. */
export async function addedDocuments(
  client: GraphQLClient,
  knowledgeBaseId: string,
  uploadIds: readonly string[],
): Promise<string[]> {
  const { addDocuments } = await client.ask(
    `mutation ($input: AddDocumentsInput!) {
      addDocuments(input: $input) { documents { id } userErrors { code path message } }
    }`,
    { input: { knowledgeBaseId, uploadIds } },
  );
  if (!addDocuments.documents) throw new Error(`Adding documents was refused: ${JSON.stringify(addDocuments)}`);
  return (addDocuments.documents as { id: string }[]).map(({ id }) => id);
}

export interface IngestionProgress {
  document: { id: string; status: string; passageCount: number } | null;
  counts: { queued: number; ingesting: number; ingested: number; failed: number };
}

export const ingestionProgress = `subscription ($knowledgeBaseId: ID!) {
  ingestionProgress(knowledgeBaseId: $knowledgeBaseId) {
    document { id status passageCount }
    counts { queued ingesting ingested failed }
  }
}`;

/** Listens until nothing waits or is being read any more, and returns what was heard. */
export async function untilIngested(
  client: GraphQLClient,
  knowledgeBaseId: string,
  timeoutMs = 60_000,
): Promise<IngestionProgress[]> {
  const subscription = client.subscribe<{ ingestionProgress: IngestionProgress }>(ingestionProgress, {
    knowledgeBaseId,
  });
  try {
    const settled = ({ queued, ingesting }: IngestionProgress["counts"]) => queued + ingesting === 0;
    const heard = await subscription.until((data) => settled(data.ingestionProgress.counts), timeoutMs);
    return heard.map((data) => data.ingestionProgress);
  } finally {
    subscription.stop();
  }
}

/** Uploads files to a knowledge base, waits until each was ingested or refused, and returns the documents' ids. */
export async function ingested(
  client: GraphQLClient,
  knowledgeBaseId: string,
  files: readonly SourceFile[],
): Promise<string[]> {
  const uploads = await Promise.all(files.map((file) => uploaded(client, file)));
  const documents = await addedDocuments(client, knowledgeBaseId, uploads);
  await untilIngested(client, knowledgeBaseId);
  return documents;
}

export interface ReadPassage {
  id: string;
  ordinal: number;
  text: string;
  page: number | null;
  headingPath: string[];
  start: number;
  end: number;
}

/** All passages of a document, in reading order. */
export async function passagesOf(client: GraphQLClient, documentId: string): Promise<ReadPassage[]> {
  type Page = { nodes: ReadPassage[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
  const passages: ReadPassage[] = [];
  for (let after: string | null = null; ;) {
    const { document }: { document: { passages: Page } } = await client.ask(
      `query ($id: ID!, $after: String) { document(id: $id) { passages(first: 100, after: $after) {
        nodes { id ordinal text page headingPath start end }
        pageInfo { hasNextPage endCursor }
      } } }`,
      { id: documentId, after },
    );
    passages.push(...document.passages.nodes);
    if (!document.passages.pageInfo.hasNextPage) return passages;
    after = document.passages.pageInfo.endCursor;
  }
}
