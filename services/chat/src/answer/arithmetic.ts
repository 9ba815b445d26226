import { plain, type Answer, type Occasion } from "./answer";
import { phrasesIn, spokenLanguage, type SpokenLanguage } from "./phrases";
import {
  add,
  divide,
  DivisionByZero,
  fromDecimal,
  multiply,
  negate,
  power,
  rational,
  subtract,
  toDecimal,
  TooLarge,
  type Rational,
} from "./rational";

const lengthMax = 200;
const depthMax = 30;
const decimalPlacesMax = 12;

/** The answer to a calculation, computed exactly; null when the message is anything else. */
export function answerToArithmetic({ settings, text }: Occasion): Answer | null {
  const language = spokenLanguage(settings.language);
  const tokens = tokensOf(text, language);
  if (!tokens || !tokens.some((token) => typeof token === "string" && token !== "(" && token !== ")")) return null;
  const say = phrasesIn(language);
  try {
    const value = new Calculation(tokens).value();
    if (!value) return null;
    const { text: result, exact } = toDecimal(value, decimalPlacesMax);
    const point = language === "de" ? "," : ".";
    const shown = tokens.map((token) => (typeof token === "string" ? spaced(token) : token.text)).join("");
    return plain("ARITHMETIC", `${shown.trim()} ${exact ? "=" : "≈"} ${result}`.replaceAll(".", point));
  } catch (error) {
    if (error instanceof DivisionByZero) return plain("ARITHMETIC", say.divisionByZero);
    if (error instanceof TooLarge) return plain("ARITHMETIC", say.tooLarge);
    throw error;
  }
}

const spaced = (operator: string) => ("()%^".includes(operator) ? operator : ` ${operator} `);

interface Numeral {
  text: string;
  value: Rational;
}
type Operator = "+" | "-" | "*" | "/" | "^" | "%" | "(" | ")";
type Token = Numeral | Operator;

const introductions =
  /^(?:(?:please |bitte )?(?:what is|what's|whats|how much is|how much are|calculate|compute|was ist|was sind|was ergibt|wieviel ist|wie viel ist|wieviel sind|wie viel sind|wie viel ergibt|berechne|rechne|rechne aus))\s+/i;

const words: [RegExp, string][] = [
  [/\bplus\b/gi, "+"],
  [/\bminus\b/gi, "-"],
  [/\b(?:times|multiplied by|mal)\b/gi, "*"],
  [/\b(?:divided by|over|geteilt durch|durch)\b/gi, "/"],
  [/\b(?:percent|per cent|prozent)\b/gi, "%"],
  [/%\s*(?:of|von)\b/gi, "% *"],
  [/[×·⋅]|(?<=[\d)\s])x(?=[\d(\s])/g, "*"],
  [/÷/g, "/"],
  [/[−–]/g, "-"],
  [/\*\*/g, "^"],
];

// What looks like a calculation and is none: a day, a time of day, a number of a case or a telephone.
const notCalculations = /^(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}\/\d{1,2}\/\d{2,4}|\+?\d+(?:[-/]\d+){2,}|\+\d+|0\d+\D.*)$/;

/** The message as numbers and operators; null when it holds anything else. */
function tokensOf(text: string, language: SpokenLanguage): Token[] | null {
  if (text.length > lengthMax) return null;
  let expression = text
    .trim()
    .replace(/[?!=.\s]+$/, "")
    .replace(introductions, "")
    .trim();
  if (notCalculations.test(expression)) return null;
  for (const [word, symbol] of words) expression = expression.replace(word, symbol);
  const tokens: Token[] = [];
  const token = /\s*(?:(\d[\d.,]*)|([-+*/^%()]))/y;
  while (token.lastIndex < expression.length) {
    const [, digits, operator] = token.exec(expression) ?? [];
    if (digits !== undefined) {
      const numeral = readNumber(digits, language);
      if (!numeral) return null;
      tokens.push({ text: numeral, value: fromDecimal(numeral) });
    } else if (operator !== undefined) tokens.push(operator as Operator);
    else return null;
  }
  return tokens;
}

/**
 * Digits with a point, or none. Of two different separators the last one is the decimal one; a separator that comes
 * several times groups thousands; a single one is a comma or point as the language has it, but for `1,250` in English.
 */
function readNumber(digits: string, language: SpokenLanguage): string | null {
  const separators = [...new Set(digits.replace(/\d/g, ""))];
  const grouped = (separator: string, whole: string) =>
    new RegExp(`^\\d{1,3}(?:\\${separator}\\d{3})+$`).test(whole) ? whole.replaceAll(separator, "") : null;
  if (separators.length === 0) return digits;
  const last = digits.search(/[.,]\d*$/);
  const [whole, decimal, fraction] = [digits.slice(0, last), digits[last]!, digits.slice(last + 1)];
  if (separators.length === 2) {
    const other = decimal === "," ? "." : ",";
    const joined = grouped(other, whole);
    return joined !== null && /^\d+$/.test(fraction) ? `${joined}.${fraction}` : null;
  }
  if (!/^\d+$/.test(whole)) return grouped(decimal, digits);
  if (decimal === "," && language === "en") return grouped(",", digits);
  return /^\d+$/.test(fraction) ? `${whole}.${fraction}` : null;
}

/** Reads sums of products of powers. Every method is null where the tokens make no calculation. */
class Calculation {
  private at = 0;
  private depth = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  value(): Rational | null {
    const value = this.sum();
    return this.at === this.tokens.length ? value : null;
  }

  private sum(): Rational | null {
    let left = this.product();
    for (let sign = this.take("+", "-"); left && sign; sign = this.take("+", "-")) {
      const from = this.at;
      const right = this.product();
      if (!right) return null;
      // «200 + 10%» is ten percent of the two hundred more, as every pocket calculator has it.
      const change = this.isPercentage(from) ? multiply(left, right) : right;
      left = sign === "+" ? add(left, change) : subtract(left, change);
    }
    return left;
  }

  private product(): Rational | null {
    let left = this.signed();
    for (let sign = this.take("*", "/"); left && sign; sign = this.take("*", "/")) {
      const right = this.signed();
      if (!right) return null;
      left = sign === "*" ? multiply(left, right) : divide(left, right);
    }
    return left;
  }

  private signed(): Rational | null {
    if (++this.depth > depthMax) return null;
    const sign = this.take("+", "-");
    const value = sign ? this.signed() : this.raised();
    this.depth--;
    return value && (sign === "-" ? negate(value) : value);
  }

  private raised(): Rational | null {
    const base = this.single();
    if (!base || !this.take("^")) return base;
    const exponent = this.signed();
    return exponent && power(base, exponent);
  }

  private single(): Rational | null {
    let value: Rational | null = null;
    const token = this.tokens[this.at];
    if (this.take("(")) {
      value = this.sum();
      if (!this.take(")")) return null;
    } else if (typeof token === "object") {
      this.at++;
      value = token.value;
    }
    while (value && this.take("%")) value = divide(value, rational(100n));
    return value;
  }

  /** Whether what was read since `from` is a number and its percent sign. */
  private isPercentage(from: number): boolean {
    return this.at === from + 2 && typeof this.tokens[from] === "object" && this.tokens[from + 1] === "%";
  }

  private take(...wanted: Operator[]): Operator | null {
    const token = this.tokens[this.at];
    if (typeof token !== "string" || !wanted.includes(token)) return null;
    this.at++;
    return token;
  }
}
