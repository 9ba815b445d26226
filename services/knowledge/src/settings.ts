import { z } from "zod";

const MB = 1024 * 1024;

/** What an operator may set. `.env.example` is written from it. */
export const settingsSchema = z.object({
  KNOWLEDGE_UPLOAD_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(1024)
    .max(512 * MB)
    .default(200 * MB)
    .describe("How big an uploaded file may be."),
  KNOWLEDGE_INDEX_BYTES_MAX: z.coerce
    .number()
    .int()
    .min(16 * MB)
    .default(1024 * MB)
    .describe("How much memory the indexes of one process may take together; those unused for longest go first."),
  KNOWLEDGE_READING_PROCESSES: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(2)
    .describe("How many files are read at once, each in a process of its own."),
  KNOWLEDGE_DATABASE_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(2)
    .max(200)
    .default(10)
    .describe("How many connections to its database this process opens."),
});
