import type { EphemeralStore } from "@atrium/ephemeral";
import { PublicError } from "@atrium/errors";

interface Limiting {
  ephemeral: EphemeralStore;
}

const limits = {
  /** Reads a whole trail. */
  verifications: { points: 10, windowSeconds: 3600 },
  /** Sends a mail. */
  codes: { points: 5, windowSeconds: 3600 },
  /** Each may leave a record that is kept. */
  consents: { points: 120, windowSeconds: 3600 },
  /** Lets every service collect. */
  exports: { points: 5, windowSeconds: 24 * 3600 },
} as const;

export const limitVerifications = (ctx: Limiting, organizationId: string) =>
  consume(ctx, "verifications", organizationId);
export const limitCodes = (ctx: Limiting, userId: string) => consume(ctx, "codes", userId);
export const limitConsents = (ctx: Limiting, userId: string) => consume(ctx, "consents", userId);
export const limitExports = (ctx: Limiting, userId: string) => consume(ctx, "exports", userId);

async function consume({ ephemeral }: Limiting, name: keyof typeof limits, key: string): Promise<void> {
  const { allowed, retryAfterSeconds } = await ephemeral.consume({ name: `privacy.${name}`, ...limits[name] }, key);
  if (allowed) return;
  throw new PublicError("RATE_LIMITED", `Too often; try again in ${retryAfterSeconds} s.`, { retryAfterSeconds });
}
