import { z } from "zod";
import { defineEvent } from "../define";
import { personalDataErasedOf, personalDataExportedOf, sensitiveReadOf } from "../of-each-service";

// What privacy announces. A purpose is named by its key (`analytics`); consents stand in the organization of the
// envelope, exports and erasures are of a person in all organizations and name none.

/** A purpose exists, or has a new text: who agreed to an earlier version is asked again. */
export const consentPurposeDefined = defineEvent("privacy.consent_purpose.defined.v1", {
  subject: "purpose",
  data: { purpose: z.string(), purposeVersion: z.number().int().positive(), legalBasis: z.string() },
});

const consent = {
  userId: z.string(),
  purpose: z.string(),
  purposeVersion: z.number().int().positive(),
  /** `REGISTRATION`, `SETTINGS`, `POPUP`, or `ERASURE` for what ends with the person's account; more may come. */
  method: z.string(),
};

/** The person agrees, from now on and to this version. */
export const consentGiven = defineEvent("privacy.consent.given.v1", { subject: "userId", data: consent });

/** The person doesn't agree, or no longer: nothing more is collected for this purpose. */
export const consentWithdrawn = defineEvent("privacy.consent.withdrawn.v1", { subject: "userId", data: consent });

/** `services` are asked for what they hold of the person in these categories; each answers `personal_data.exported`. */
export const exportRequested = defineEvent("privacy.export.requested.v1", {
  subject: "exportId",
  data: {
    exportId: z.string(),
    userId: z.string(),
    categories: z.array(z.string()),
    services: z.array(z.string()),
    attempt: z.number().int().positive(),
  },
});

/** The archive can be fetched. `missing` are the services that didn't answer; its manifest names them too. */
export const exportCompleted = defineEvent("privacy.export.completed.v1", {
  subject: "exportId",
  data: { exportId: z.string(), userId: z.string(), missing: z.array(z.string()) },
});

/** The person will be erased on `dueAt`, unless they cancel before. */
export const erasureScheduled = defineEvent("privacy.erasure.scheduled.v1", {
  subject: "erasureId",
  data: { erasureId: z.string(), userId: z.string(), dueAt: z.iso.datetime() },
});

export const erasureCancelled = defineEvent("privacy.erasure.cancelled.v1", {
  subject: "erasureId",
  data: { erasureId: z.string(), userId: z.string() },
});

/** `services` erase the person now; each answers `personal_data.erased`. */
export const erasureDue = defineEvent("privacy.erasure.due.v1", {
  subject: "erasureId",
  data: {
    erasureId: z.string(),
    userId: z.string(),
    services: z.array(z.string()),
    attempt: z.number().int().positive(),
  },
});

/** The certificate is there. `missing` are the services that didn't answer. */
export const erasureCompleted = defineEvent("privacy.erasure.completed.v1", {
  subject: "erasureId",
  data: { erasureId: z.string(), userId: z.string(), missing: z.array(z.string()) },
});

export const privacySensitiveRead = sensitiveReadOf("privacy");
export const privacyPersonalDataExported = personalDataExportedOf("privacy");
export const privacyPersonalDataErased = personalDataErasedOf("privacy");
