import { z } from "zod";
import { defineEvent } from "../define";
import { personalDataErasedOf, personalDataExportedOf, sensitiveReadOf } from "../of-each-service";

// What activity announces. Everything else that it says is made of what others announce.

/** Somebody used the user interface: how often what was done, and nothing of who. Has no actor. */
export const interactionsRecorded = defineEvent("activity.interactions.recorded.v1", {
  subject: "batchId",
  data: {
    batchId: z.string(),
    counts: z.array(
      z.object({
        /** `VIEW`, `CREATE`, `EDIT`, …; more may come. */
        kind: z.string(),
        count: z.number().int().positive(),
      }),
    ),
  },
});

export const activitySensitiveRead = sensitiveReadOf("activity");
export const activityPersonalDataExported = personalDataExportedOf("activity");
export const activityPersonalDataErased = personalDataErasedOf("activity");
