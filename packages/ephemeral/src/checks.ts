import type { RateLimit } from "./ephemeral-store";

const keyLengthMax = 500;
const ttlSecondsMax = 366 * 24 * 60 * 60;

export function checkKey(key: string): void {
  if (key === "" || key.length > keyLengthMax || key.includes("\0"))
    throw new TypeError(`No key: ${JSON.stringify(key.slice(0, 80))}; 1 to ${keyLengthMax} characters, and no NUL.`);
}

/** A value as text, once it and its time are found to be sound. */
export function checkedText(key: string, value: unknown, ttlSeconds: number): string {
  checkKey(key);
  if (!(ttlSeconds > 0 && ttlSeconds <= ttlSecondsMax)) throw new TypeError(`No time to live: ${ttlSeconds} s.`);
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`The value of ${key} isn't JSON: ${typeof value}.`);
  return text;
}

export function checkLimit({ name, points, windowSeconds, delay }: RateLimit): void {
  const sound =
    Number.isSafeInteger(points) &&
    points > 0 &&
    windowSeconds > 0 &&
    (!delay || (delay.firstSeconds > 0 && delay.factor >= 1 && delay.secondsMax >= delay.firstSeconds));
  if (!sound)
    throw new TypeError(`The rate limit ${name} is unsound: ${JSON.stringify({ points, windowSeconds, delay })}.`);
}
