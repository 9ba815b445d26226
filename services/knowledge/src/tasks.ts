import type { GivenUpJob, Job, RunJobsOptions } from "@atrium/jobs";
import type { PersonalDataService } from "@atrium/personal-data";
import type { Context, Services } from "./context";
import { deleteSomeDocumentsOf } from "./document/commands";
import { giveUpDocument, ingestDocuments } from "./document/ingest";
import type { PrismaClient } from "./generated/prisma/client";
import type { ParsePassages } from "./ingestion/parse";
import { deleteFiles } from "./files";
import { eraseKnowledgeBase } from "./knowledge-base/erase";
import { pruneUploads } from "./upload/commands";

type Tasks = Pick<RunJobsOptions<PrismaClient>, "tasks" | "cron" | "onGivenUp">;

type IngestJobs = readonly (Job<PrismaClient> & { payload: { documentId: string } })[];

/** What the service's jobs do. */
export function tasksOf(services: Services, parsePassages: ParsePassages, people: PersonalDataService): Tasks {
  const inJob = (db: Context["db"]) => ({ ...services, db, parsePassages });
  return {
    tasks: {
      ...people.tasks,
      ingestDocument: {
        together: (jobs: IngestJobs) =>
          ingestDocuments(
            inJob(jobs[0]!.db),
            jobs.map(({ payload: { documentId }, signal }) => ({ documentId, signal })),
          ),
      },
      eraseKnowledgeBase: (payload: { knowledgeBaseId: string }, { db, signal }) =>
        eraseKnowledgeBase(inJob(db), payload, deleteSomeDocumentsOf, signal),
      deleteFiles: (payload: { blobKeys: string[] }) => deleteFiles(services.blobs, payload),
      pruneUploads: (_: unknown, { db }) => pruneUploads(db, services.now()),
    },
    cron: [{ task: "pruneUploads", schedule: "*/15 * * * *", payload: {} }],
    async onGivenUp({ task, payload, db }: GivenUpJob<PrismaClient>) {
      if (task === "ingestDocument") await giveUpDocument(inJob(db), payload as { documentId: string });
    },
  };
}
