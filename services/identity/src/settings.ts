import { z } from "zod";

const dayMinutes = 24 * 60;

/** What an operator may set. `.env.example` is written from it. */
export const settingsSchema = z.object({
  TOKEN_ISSUER: z
    .string()
    .min(1)
    .max(200)
    .default("atrium")
    .describe("The `iss` of access tokens. The gateway's has to be the same."),
  TOKEN_AUDIENCE: z
    .string()
    .min(1)
    .max(200)
    .default("atrium-api")
    .describe("The `aud` of access tokens. The gateway's has to be the same."),
  SESSION_IDLE_MINUTES: z.coerce
    .number()
    .int()
    .min(15)
    .max(400 * dayMinutes)
    .default(30 * dayMinutes)
    .describe("After so many minutes without a refresh a user has to sign in again."),
  GUEST_SESSION_IDLE_MINUTES: z.coerce
    .number()
    .int()
    .min(15)
    .max(30 * dayMinutes)
    .default(60)
    .describe("After so many minutes without a refresh a guest is gone."),
  IDENTITY_RATE_LIMIT_FACTOR: z.coerce
    .number()
    .positive()
    .max(1_000_000)
    .default(1)
    .describe("Multiplies how often one address or account may try. For load tests, where everybody has one address."),
  IDENTITY_DATABASE_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(2)
    .max(200)
    .default(10)
    .describe("How many connections to its database this process opens."),
});

export type Settings = z.output<typeof settingsSchema>;
