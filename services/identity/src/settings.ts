import { z } from "zod";

const days = (count: number) => count * 24 * 60;

/** What an operator may set; `.env.example` lists each. */
export const settingsSchema = z
  .object({
    TOKEN_ISSUER: z.string().min(1).max(200).default("atrium"),
    TOKEN_AUDIENCE: z.string().min(1).max(200).default("atrium-api"),
    SESSION_IDLE_MINUTES: z.coerce.number().int().min(15).max(days(400)).default(days(30)),
    GUEST_SESSION_IDLE_MINUTES: z.coerce.number().int().min(15).max(days(30)).default(60),
    IDENTITY_RATE_LIMIT_FACTOR: z.coerce.number().positive().max(1_000_000).default(1),
    IDENTITY_DATABASE_CONNECTIONS: z.coerce.number().int().min(2).max(200).default(10),
  })
  .transform((env) => ({
    tokenIssuer: env.TOKEN_ISSUER,
    tokenAudience: env.TOKEN_AUDIENCE,
    sessionIdleMs: { USER: env.SESSION_IDLE_MINUTES * 60_000, GUEST: env.GUEST_SESSION_IDLE_MINUTES * 60_000 },
    rateLimitFactor: env.IDENTITY_RATE_LIMIT_FACTOR,
    databaseConnections: env.IDENTITY_DATABASE_CONNECTIONS,
  }));

export type Settings = z.output<typeof settingsSchema>;
