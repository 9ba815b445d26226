import { z } from "zod";
import { defineEvent } from "./define";

// What every service announces, each under its own name: a service publishes its own types alone.

/**
 * Somebody read what they may read and what its owner would want to know of: for the audit trail. A query appends it
 * on its own handle, before it answers.
 */
export const sensitiveReadOf = <Service extends string>(service: Service) =>
  defineEvent(`${service}.sensitive.read.v1`, {
    subject: "subjectId",
    data: {
      /** What was read: a conversation, an export, an organization whose trail was read. */
      subjectId: z.string(),
      /** `AUDIT_TRAIL`, `DATA_EXPORT`, `CONVERSATION`; more may come. */
      kind: z.string(),
      /** How many records. */
      count: z.number().int().nonnegative().default(1),
    },
  });

/** The service has collected what it holds of a person; the parts lie encrypted in the blob store. */
export const personalDataExportedOf = <Service extends string>(service: Service) =>
  defineEvent(`${service}.personal_data.exported.v1`, {
    subject: "exportId",
    data: {
      exportId: z.string(),
      userId: z.string(),
      attempt: z.number().int().positive(),
      /** One for each noun that holds something of the person. */
      parts: z.array(
        z.object({
          noun: z.string(),
          /** What it holds, in the service's own words. */
          holds: z.string(),
          category: z.string(),
          legalBasis: z.string(),
          records: z.number().int().nonnegative(),
          blobKey: z.string(),
          /** Of the records as they will stand in the archive, before encryption. */
          sha256: z.string(),
          sizeBytes: z.number().int().nonnegative(),
        }),
      ),
    },
  });

/** The service has erased or anonymized what it held of a person, and says what it keeps and under which law. */
export const personalDataErasedOf = <Service extends string>(service: Service) =>
  defineEvent(`${service}.personal_data.erased.v1`, {
    subject: "erasureId",
    data: {
      erasureId: z.string(),
      userId: z.string(),
      attempt: z.number().int().positive(),
      nouns: z.array(
        z.object({
          noun: z.string(),
          erased: z.number().int().nonnegative(),
          retained: z.number().int().nonnegative(),
          /** Why the retained records stay; null when none does. */
          law: z.string().nullable(),
        }),
      ),
    },
  });
