import { hash, verify } from "@node-rs/argon2";
import { PublicError } from "@atrium/errors";

/** Hashes and checks passwords. A check takes the same work whether there is a hash to check against or not. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /** False without a hash, after as much work as with one. */
  verify(hash: string | null, password: string): Promise<boolean>;
}

// OWASP's first choice for argon2id, which is the library's default algorithm: 19 MiB, two passes, one lane.
const argon2id = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/**
 * At most `pendingMax` hashes wait at once; more are turned away, so that a flood of sign-ins neither fills the memory
 * nor holds up those already waiting.
 */
export async function passwordHasher({ pendingMax = 256 }: { pendingMax?: number } = {}): Promise<PasswordHasher> {
  const nobodysHash = await hash(crypto.randomUUID(), argon2id);
  let pending = 0;

  async function limited<Value>(work: () => Promise<Value>): Promise<Value> {
    if (pending >= pendingMax)
      throw new PublicError("RATE_LIMITED", "Too many people are signing in just now.", { retryAfterSeconds: 2 });
    pending++;
    try {
      return await work();
    } finally {
      pending--;
    }
  }

  return {
    hash: (password) => limited(() => hash(password, argon2id)),
    verify: (known, password) =>
      limited(async () => {
        const matches = await verify(known ?? nobodysHash, password);
        return known !== null && matches;
      }),
  };
}
