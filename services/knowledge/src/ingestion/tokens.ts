/**
 * Token counts without a vocabulary. Passages are measured so that they fit an embedding model, whose tokenizer is known
 * only once the base is configured, and loading one costs megabytes and a hundred times the time. The weights below were
 * fitted to OpenAI's cl100k and o200k: within 10 % on English prose, on the high side for most else (tokens.test.ts).
 */
const weights = {
  blank: 0,
  newline: 1,
  latin: 1,
  digit: 1 / 3,
  alphabet: 0.4,
  ideograph: 1,
  dense: 0.6,
  punctuation: 1,
  symbol: 1.5,
} as const;

type CharacterClass = keyof typeof weights;
const classes = Object.keys(weights) as CharacterClass[];
const [blank, newline, latin, digit, alphabet, ideograph, dense, punctuation, symbol] = classes.map((_, i) => i) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

let table: Uint8Array | undefined;

/** The class of every UTF-16 code unit. Halves of surrogate pairs are symbols: emoji, rare ideographs, old scripts. */
function classTable(): Uint8Array {
  if (table) return table;
  table = new Uint8Array(65_536).fill(symbol);
  for (let code = 0; code < 65_536; code++) {
    const character = String.fromCharCode(code);
    if (character === "\n") table[code] = newline;
    else if (/\s/.test(character)) table[code] = blank;
    else if (/[0-9]/.test(character)) table[code] = digit;
    else if (/[\p{sc=Latin}\u0300-\u036f]/u.test(character)) table[code] = latin;
    else if (/[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\u3000-\u303f\uff00-\uffef]/u.test(character))
      table[code] = ideograph;
    else if (/[\p{sc=Cyrillic}\p{sc=Greek}\p{sc=Arabic}\p{sc=Hebrew}\p{sc=Armenian}\p{sc=Georgian}]/u.test(character))
      table[code] = alphabet;
    else if (/[\p{L}\p{M}]/u.test(character)) table[code] = dense;
    else if (code < 0x80 || /\p{P}/u.test(character)) table[code] = punctuation;
  }
  return table;
}

/** A word with the blanks after it, or a part of what has no blanks. `end` is where its last letter ends. */
export interface Word {
  start: number;
  end: number;
  tokens: number;
}

const wordTokensMax = 16;

/** How many tokens a model is likely to take the text for, rounded up. */
export function countTokens(text: string): number {
  let tokens = 0;
  for (const word of wordsOf(text)) tokens += word.tokens;
  return Math.ceil(tokens - 1e-6);
}

/**
 * The words of a text. Their tokens add up: those of a text are the sum of those of any cut of it between words. A line's
 * end counts with the word after it. Ideographs, and scripts that don't part words, can be cut anywhere.
 */
export function* wordsOf(text: string, from = 0, to = text.length): Generator<Word> {
  const classOf = classTable();
  let at = from;
  let carried = 0;
  while (at < to) {
    let kind = classOf[text.charCodeAt(at)]!;
    if (kind === blank) {
      at++;
      continue;
    }
    if (kind === newline) {
      carried = weights.newline;
      at++;
      continue;
    }
    const start = at;
    let tokens = carried;
    carried = 0;
    const whole = kind !== ideograph && kind !== dense;
    do {
      const runStart = at;
      const runKind = kind;
      // A run may be a word of its own when nothing parts it from the next.
      const runMax = runKind === ideograph ? 1 : runKind === dense ? 4 : runKind === symbol ? 8 : 40;
      do at++;
      while (at < to && at - runStart < runMax && classOf[text.charCodeAt(at)] === runKind);
      if (runKind === symbol && isLowSurrogate(text, at) && at < to) at++;
      tokens += runTokens(runKind, at - runStart);
      kind = at < to ? classOf[text.charCodeAt(at)]! : blank;
    } while (
      whole &&
      kind !== blank &&
      kind !== newline &&
      kind !== ideograph &&
      kind !== dense &&
      tokens < wordTokensMax
    );
    // Marks of punctuation stay with the ideograph before them.
    if (!whole) {
      while (at < to && classOf[text.charCodeAt(at)] === punctuation && tokens < wordTokensMax) {
        at++;
        tokens += weights.punctuation;
      }
    }
    yield { start, end: at, tokens };
  }
}

function runTokens(kind: number, length: number): number {
  if (kind === latin) return length <= 7 ? 1 : 1 + (length - 7) / 4;
  if (kind === digit) return Math.ceil(length / 3);
  if (kind === punctuation) return length <= 2 ? 1 : length / 2;
  if (kind === alphabet) return Math.max(1, length * weights.alphabet);
  return length * weights[classes[kind]!];
}

function isLowSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff;
}
