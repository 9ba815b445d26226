import { z } from "zod";
import { defineEvent } from "../define";
import { personalDataErasedOf, personalDataExportedOf, sensitiveReadOf } from "../of-each-service";

// What knowledge announces.

export const knowledgeBaseCreated = defineEvent("knowledge.knowledge_base.created.v1", {
  subject: "knowledgeBaseId",
  data: { knowledgeBaseId: z.string() },
});

export const knowledgeBaseUpdated = defineEvent("knowledge.knowledge_base.updated.v1", {
  subject: "knowledgeBaseId",
  data: { knowledgeBaseId: z.string(), changedFields: z.array(z.string()) },
});

/** The base, its documents and its passages are gone. */
export const knowledgeBaseDeleted = defineEvent("knowledge.knowledge_base.deleted.v1", {
  subject: "knowledgeBaseId",
  data: { knowledgeBaseId: z.string() },
});

const document = { documentId: z.string(), knowledgeBaseId: z.string() };

/** A document's bytes are stored and it was added to a base; it can't be searched yet. */
export const documentUploaded = defineEvent("knowledge.document.uploaded.v1", {
  subject: "documentId",
  data: { ...document, contentType: z.string(), sizeBytes: z.number().int().nonnegative() },
});

/** The document's passages can be searched. */
export const documentIngested = defineEvent("knowledge.document.ingested.v1", {
  subject: "documentId",
  data: {
    ...document,
    passageCount: z.number().int().nonnegative(),
    sizeBytes: z.number().int().nonnegative(),
    durationMs: z.number().int().nonnegative(),
  },
});

/** The document can't be searched; its `failure` says why in words. */
export const documentFailed = defineEvent("knowledge.document.failed.v1", {
  subject: "documentId",
  data: { ...document, reason: z.string() },
});

/** The document, its passages and its bytes are gone. */
export const documentDeleted = defineEvent("knowledge.document.deleted.v1", {
  subject: "documentId",
  data: { ...document, sizeBytes: z.number().int().nonnegative() },
});

/** Somebody, or a bot, has searched. Carries the text of the query only with that person's consent. */
export const searchPerformed = defineEvent("knowledge.search.performed.v1", {
  subject: "searchId",
  data: {
    searchId: z.string(),
    knowledgeBaseIds: z.array(z.string()),
    hitCount: z.number().int().nonnegative(),
    topScore: z.number().nullable(),
    latencyMs: z.number().nonnegative(),
    query: z.string().nullable().default(null),
  },
});

export const knowledgeSensitiveRead = sensitiveReadOf("knowledge");
export const knowledgePersonalDataExported = personalDataExportedOf("knowledge");
export const knowledgePersonalDataErased = personalDataErasedOf("knowledge");
