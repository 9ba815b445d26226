import { z } from "zod";

const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** What an operator may set. `.env.example` is written from it. */
export const settingsSchema = z.object({
  PRIVACY_DATABASE_CONNECTIONS: count(2, 200)
    .default(10)
    .describe("How many connections to its database this process opens."),
  PRIVACY_ANSWER_MINUTES: count(1, 10_000)
    .default(15)
    .describe("How long a service may take with its part of an export or erasure before it is asked again."),
  PRIVACY_ANSWER_ATTEMPTS: count(1, 20)
    .default(4)
    .describe("How often a service is asked before its part is reported as missing."),
  PRIVACY_EXPORT_DAYS: count(1, 30).default(7).describe("How long an export can be fetched."),
  PRIVACY_GRACE_DAYS: count(1, 90)
    .default(30)
    .describe("How many days lie between the request for an erasure and the erasure."),
});

export type PrivacySettings = z.output<typeof settingsSchema>;
