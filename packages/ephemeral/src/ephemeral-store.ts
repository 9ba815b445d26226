/**
 * State that may be forgotten: nonces, OAuth state, drafts, rate limits. Everything expires, and all of it may vanish
 * in a crash of the database server; nothing here is the only record of a fact.
 *
 * A key that is a secret, or a person's address, is hashed by the caller.
 */
export interface EphemeralStore {
  /** Null when there is none, or it has expired. */
  get<Value>(key: string): Promise<Value | null>;
  /** `value` is JSON data; what the key had before is replaced, its expiry too. */
  set(key: string, value: unknown, ttlSeconds: number): Promise<void>;
  /** Gets and deletes. Of any number of callers at once, in any process, exactly one gets the value. */
  take<Value>(key: string): Promise<Value | null>;
  /** Whether it existed or not. */
  delete(key: string): Promise<void>;
  /** Takes one point of what `key` has left under `limit`; refused when there is none. */
  consume(limit: RateLimit, key: string): Promise<RateLimitAnswer>;
}

/**
 * So many points in a window, which begins with its first point. Whoever asks for more is refused until the window
 * ends, or with `delay` for a time that grows with every refusal in a row: sat out, it earns one point, or a new window
 * where the old one has ended meanwhile.
 *
 * Asking while refused changes nothing, so nobody can keep somebody else locked out beyond `secondsMax` at a time. How
 * often the limit was exceeded is forgotten once a window, or as long as the last delay if that is longer, has passed
 * without another refusal.
 */
export interface RateLimit {
  name: string;
  points: number;
  windowSeconds: number;
  delay?: { firstSeconds: number; factor: number; secondsMax: number };
}

export interface RateLimitAnswer {
  allowed: boolean;
  /** Whole seconds until a point may be had again; 0 when allowed. */
  retryAfterSeconds: number;
}
