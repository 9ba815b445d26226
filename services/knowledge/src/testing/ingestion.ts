import type { Tenant } from "@atrium/database";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { ingestDocuments, type IngestContext } from "../document/ingest";
import type { ParsePassages, PassagePart } from "../ingestion/parse";
import { documentNow, givenBaseWith, rows, type Member, type TestFile, type World } from "./world";

export interface PassageRow {
  text: string;
  start_offset: number;
  end_offset: number;
  ordinal: number;
}

export const passagesOf = (where: World, actor: Member, documentId: string) =>
  rows<PassageRow>(where, actor, "select * from passage where document_id = $1 order by ordinal", [documentId]);

/** Its passages are in order, without gaps in their numbers, and none is there twice. */
export async function expectSound(where: World, actor: Member, documentId: string): Promise<void> {
  const passages = await passagesOf(where, actor, documentId);
  expect(passages.map(({ ordinal }) => ordinal)).toEqual(passages.map((_, at) => at));
  for (const { text, start_offset, end_offset } of passages) expect(text.length).toBe(end_offset - start_offset);
  const document = await documentNow(where, actor, documentId);
  expect(document).toMatchObject({ status: "INGESTED", passageCount: passages.length });
}

/** What a job gives an ingestion, with a reading of our own in place of the files'. */
export const jobOf = (world: World, tenant: Tenant, parsePassages: ParsePassages): IngestContext => ({
  db: world.database.as(tenant),
  database: world.database,
  blobs: { read: async () => ({ destroy() {} }) } as never,
  topics: world.topics,
  indexes: { refresh() {} } as never,
  now: () => new Date(),
  parsePassages,
});

/** Part of a reading, of one passage. */
export const part = (text: string, start = 0): PassagePart => ({
  start,
  text,
  facts: { format: "TXT", pageCount: null, title: null } as never,
  passages: [
    {
      ordinal: start,
      text,
      start,
      end: start + text.length,
      tokenCount: 1,
      firstPage: null,
      lastPage: null,
      sheet: null,
      headingPath: [],
    },
  ],
});

/** Ingests one document as its job alone would; rejects when it has to be tried again. */
export async function ingestAlone(ctx: IngestContext, documentId: string): Promise<void> {
  const [result] = await ingestDocuments(ctx, [{ documentId, signal: new AbortController().signal }]);
  if (result!.status === "rejected") throw result!.reason;
}

/** A base's documents that wait, and that no job of the service's takes. */
export async function givenWaiting(world: World, actor: Member, ...files: TestFile[]) {
  const { base, documents } = await givenBaseWith(world, actor, ...files);
  const ids = documents.map(({ id }) => id);
  await rows(
    world,
    actor,
    "update document set state = 'QUEUED', ingested_at = null, found_generation = null where id = any ($1)",
    [ids],
  );
  return { base, ids };
}

/** Services in processes of their own beside a world, to be killed; those that are left die with `killAll`. */
export function startingChildren(actor: Member) {
  const children: ChildProcess[] = [];
  return {
    /** Asks one operation when it is up. */
    async start(beside: World, operation: object | null): Promise<{ kill(): Promise<void> }> {
      const task = JSON.stringify({ beside: { home: beside.home, folder: beside.folder }, actor, operation });
      const args = ["--conditions", "@atrium/source", "--import", require.resolve("tsx")];
      const child = spawn(process.execPath, [...args, path.join(__dirname, "child.ts"), task], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.push(child);
      await once(child.stdout!, "data");
      return {
        async kill() {
          child.kill("SIGKILL");
          await once(child, "exit");
        },
      };
    },
    killAll: () => children.splice(0).forEach((child) => child.kill("SIGKILL")),
  };
}
