import type { JsonWebKey } from "node:crypto";

/** A key as it rests: the private half sealed under the installation's secret. */
export interface StoredSigningKey {
  /** The `kid` of tokens and of the published set. */
  id: string;
  publicJwk: JsonWebKey;
  privateKey: Buffer;
  activeAt: Date;
}

export interface SigningKeySchedule {
  /** A new key signs this long after the one before it began to. */
  rotateAfterMs: number;
  /** A new key is published this long before it signs, so that whoever caches the set knows it in time. */
  publishAheadMs: number;
  /** A replaced key stays published until the last token that it signed has expired, and a while longer. */
  keepPublishedMs: number;
}

export const signingKeySchedule: SigningKeySchedule = {
  rotateAfterMs: 30 * 24 * 3600_000,
  publishAheadMs: 3600_000,
  keepPublishedMs: 3600_000,
};

export interface SigningPlan<Key> {
  /** Null only when `nextActiveAt` says to make a key that signs at once. */
  sign: Key | null;
  publish: Key[];
  /** When the key that must be made now begins to sign; null when none is due. */
  nextActiveAt: Date | null;
  /** Keys that nothing valid was signed with any more. */
  forget: Key[];
}

/** What each key is for at this moment. Nobody is signed out by a rotation: old keys verify as long as their tokens live. */
export function planSigningKeys<Key extends { activeAt: Date }>(
  keys: readonly Key[],
  now: Date,
  { rotateAfterMs, publishAheadMs, keepPublishedMs }: SigningKeySchedule = signingKeySchedule,
): SigningPlan<Key> {
  const time = now.getTime();
  const newestFirst = [...keys].sort((a, b) => b.activeAt.getTime() - a.activeAt.getTime());
  const sign = newestFirst.find((key) => key.activeAt <= now) ?? null;
  const publish = newestFirst.filter((_, i) => {
    const successor = newestFirst[i - 1];
    return !successor || successor.activeAt.getTime() + keepPublishedMs > time;
  });
  const newest = newestFirst[0];
  const rotationDueAt = newest ? newest.activeAt.getTime() + rotateAfterMs : time;
  const nextActiveAt = !sign
    ? now
    : rotationDueAt - publishAheadMs <= time
      ? new Date(Math.max(rotationDueAt, time + publishAheadMs))
      : null;
  return { sign, publish, nextActiveAt, forget: newestFirst.filter((key) => !publish.includes(key)) };
}
