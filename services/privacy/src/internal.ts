import { z } from "zod";
import { consentsOf } from "./consent/queries";
import type { Services } from "./context";
import { exportKey } from "./data-export/queries";

const id = z.string().max(200);
const consentsQuestion = z.object({
  purpose: z.string().max(40),
  people: z.array(z.object({ organizationId: id, userId: id })).max(10_000),
});
const exportQuestion = z.object({ exportId: id });

/** What other services ask; never reachable from outside. Answers stand in the order of the question. */
export const internalOperations = (services: Services) => ({
  /** `{ purpose, people: [{ organizationId, userId }] }` → `{ given: [boolean] }`: as things are now. */
  consents: async (input: unknown) => {
    const { people, purpose } = consentsQuestion.parse(input);
    return { given: await consentsOf(services, people, purpose) };
  },

  /** `{ exportId }` → `{ wrappedKey }` in base64url: opens with the installation's secret; null when it is too late. */
  exportKey: async (input: unknown) => {
    const wrapped = await exportKey(services, exportQuestion.parse(input).exportId);
    return { wrappedKey: wrapped && Buffer.from(wrapped).toString("base64url") };
  },
});
