/** An exact fraction, reduced, with a positive denominator. */
export interface Rational {
  readonly over: bigint;
  readonly under: bigint;
}

// More digits than anybody means, few enough that no operation takes long.
const bitsMax = 4_000;

/** A number is too large to go on with. */
export class TooLarge extends Error {}
export class DivisionByZero extends Error {}

export function rational(over: bigint, under = 1n): Rational {
  if (under === 0n) throw new DivisionByZero();
  const sign = under < 0n ? -1n : 1n;
  const divisor = greatestCommonDivisor(over < 0n ? -over : over, under * sign) * sign;
  const reduced = { over: over / divisor, under: under / divisor };
  if (bitLength(reduced.over) > bitsMax || bitLength(reduced.under) > bitsMax) throw new TooLarge();
  return reduced;
}

/** The value of digits with at most one point: `12.50`. */
export function fromDecimal(text: string): Rational {
  const [whole = "", fraction = ""] = text.split(".");
  return rational(BigInt(whole + fraction), 10n ** BigInt(fraction.length));
}

export const add = (a: Rational, b: Rational) => rational(a.over * b.under + b.over * a.under, a.under * b.under);
export const subtract = (a: Rational, b: Rational) => add(a, negate(b));
export const multiply = (a: Rational, b: Rational) => rational(a.over * b.over, a.under * b.under);
export const divide = (a: Rational, b: Rational) => rational(a.over * b.under, a.under * b.over);
export const negate = ({ over, under }: Rational): Rational => ({ over: -over, under });

/** `base` to a whole power; null when the exponent isn't whole. */
export function power(base: Rational, { over: exponent, under }: Rational): Rational | null {
  if (under !== 1n) return null;
  const size = exponent < 0n ? -exponent : exponent;
  // Before it is computed: computing it is what costs.
  const bits = Math.max(bitLength(base.over), bitLength(base.under));
  if (bits > 1 && (size > 4_000n || bits * Number(size) > bitsMax)) throw new TooLarge();
  if (bits <= 1) {
    // 0, 1 and -1 don't grow.
    if (base.over === 0n) return exponent > 0n ? base : exponent === 0n ? rational(1n) : divide(rational(1n), base);
    return base.over > 0n || size % 2n === 0n ? rational(1n) : rational(-1n);
  }
  return exponent < 0n
    ? rational(base.under ** size, base.over ** size)
    : rational(base.over ** size, base.under ** size);
}

/** As a decimal: exact where it ends within `digitsMax` places, else rounded half away from zero. */
export function toDecimal({ over, under }: Rational, digitsMax: number): { text: string; exact: boolean } {
  const scale = 10n ** BigInt(digitsMax);
  const size = over < 0n ? -over : over;
  const scaled = (2n * size * scale + under) / (2n * under);
  const exact = (size * scale) % under === 0n;
  const digits = scaled.toString().padStart(digitsMax + 1, "0");
  const whole = digits.slice(0, -digitsMax);
  const fraction = digits.slice(-digitsMax).replace(/0+$/, "");
  const sign = over < 0n && scaled !== 0n ? "-" : "";
  return { text: `${sign}${whole}${fraction && `.${fraction}`}`, exact };
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a === 0n ? 1n : a;
}

const bitLength = (value: bigint): number => (value === 0n ? 0 : (value < 0n ? -value : value).toString(2).length);
