import { createHmac } from "node:crypto";
import type { RateLimit } from "@atrium/ephemeral";
import { PublicError } from "@atrium/errors";
import type { Context } from "./context";

const minutes = (count: number) => count * 60;
const hours = (count: number) => count * 3600;

/**
 * What one address, one account and both together may ask for. Whoever exceeds a limit waits, longer each time; asking
 * again meanwhile makes it no longer, and every wait ends.
 */
const limits = {
  signUpPerAddress: {
    points: 60,
    windowSeconds: hours(1),
    delay: { firstSeconds: 60, factor: 2, secondsMax: hours(1) },
  },
  guestPerAddress: {
    points: 120,
    windowSeconds: hours(1),
    delay: { firstSeconds: 60, factor: 2, secondsMax: hours(1) },
  },
  signInPerAddress: {
    points: 300,
    windowSeconds: minutes(15),
    delay: { firstSeconds: 60, factor: 2, secondsMax: hours(1) },
  },
  passwordPerAccountAndAddress: {
    points: 10,
    windowSeconds: minutes(15),
    delay: { firstSeconds: 5, factor: 2, secondsMax: minutes(15) },
  },
  // All addresses together. One from which this account was opened before isn't held to it: else anybody could keep
  // somebody out by guessing badly.
  passwordPerAccount: {
    points: 50,
    windowSeconds: minutes(15),
    delay: { firstSeconds: 5, factor: 2, secondsMax: minutes(5) },
  },
  refreshPerAddress: {
    points: 600,
    windowSeconds: minutes(15),
    delay: { firstSeconds: 30, factor: 2, secondsMax: minutes(15) },
  },
} as const satisfies Record<string, Omit<RateLimit, "name">>;

const knownAddressSeconds = 30 * 24 * 3600;

type Limiting = Pick<Context, "ephemeral" | "settings" | "keys" | "clientAddress">;

/** Throws `RATE_LIMITED` when the caller's address has done this too often. */
export const limitAddress = (
  ctx: Limiting,
  limit: "signUpPerAddress" | "guestPerAddress" | "signInPerAddress" | "refreshPerAddress",
) => consume(ctx, limit, ctx.clientAddress ?? "unknown");

/**
 * Throws `RATE_LIMITED` when this account's password was tried too often, whether there is such an account or not.
 * `account` is what it is asked for by: the e-mail address as it is compared.
 */
export async function limitPasswordTries(ctx: Limiting, account: string): Promise<void> {
  const pair = `${account} ${ctx.clientAddress ?? "unknown"}`;
  await consume(ctx, "passwordPerAccountAndAddress", pair);
  if (!(await ctx.ephemeral.get(knownKey(ctx, pair)))) await consume(ctx, "passwordPerAccount", account);
}

/** From now on, what others try on this account doesn't hold up the caller's address. */
export const rememberAddress = (ctx: Limiting, account: string) =>
  ctx.ephemeral.set(knownKey(ctx, `${account} ${ctx.clientAddress ?? "unknown"}`), true, knownAddressSeconds);

/** What stands for an e-mail or network address in keys and in the audit. The same address, the same pseudonym. */
export const pseudonym = ({ keys }: Pick<Context, "keys">, account: string) =>
  createHmac("sha256", keys.accounts).update(account).digest("base64url").slice(0, 32);

const knownKey = (ctx: Limiting, pair: string) => `identity.known.${pseudonym(ctx, pair)}`;

async function consume(ctx: Limiting, name: keyof typeof limits, key: string): Promise<void> {
  const limit = limits[name];
  const points = Math.ceil(limit.points * ctx.settings.IDENTITY_RATE_LIMIT_FACTOR);
  const { allowed, retryAfterSeconds } = await ctx.ephemeral.consume(
    { ...limit, points, name: `identity.${name}` },
    pseudonym(ctx, key),
  );
  if (allowed) return;
  throw new PublicError("RATE_LIMITED", `Too many attempts. Try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
  });
}
