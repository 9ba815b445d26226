import { createHash } from "node:crypto";
import type { DeadLetterReason } from "./inbox";

/** Something that was received and is no event that may be handled. It is parked as it came. */
export class Unreadable {
  constructor(
    /** The same for the same thing received again. */
    readonly id: string,
    readonly reason: DeadLetterReason,
    readonly error: string,
    /** JSON. */
    readonly payload: unknown,
  ) {}

  /** `key` says what makes it itself: where it stood, and what it was. */
  static of(key: readonly (string | Buffer)[], reason: DeadLetterReason, error: string, payload: unknown): Unreadable {
    const hash = createHash("sha256");
    for (const part of key) hash.update(part).update("\0");
    const hex = hash.digest("hex");
    const id = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)];
    return new Unreadable(id.join("-"), reason, error, payload);
  }
}
