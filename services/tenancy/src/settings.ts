import { z } from "zod";

/** What an operator may set. `.env.example` is written from it. */
export const settingsSchema = z.object({
  TENANCY_DATABASE_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(2)
    .max(200)
    .default(10)
    .describe("How many connections to its database this process opens."),
});
