/**
 * Where the words of a text are. One scanner for indexing, queries and highlights, so that all three agree on what a
 * word is. Offsets are UTF-16 positions in the text as given.
 */
export interface Token {
  readonly start: number;
  readonly end: number;
  /** What is looked up: lower case, with its accents; see `wordsOf` for the parts of joined words. */
  readonly text: string;
  readonly kind: TokenKind;
  /** A second reading of the words before it («takeoff» beside «take», «off»): it takes no position of its own. */
  readonly overlay: boolean;
}

/** `WORD` is letters alone and may be stemmed; `CODE` (N123AB, 192.168.1.1, 2,500) is taken as it stands. */
export type TokenKind = "WORD" | "CODE" | "ACRONYM";

const separator = 1;
const letter = 2;
const digit = 3;
/** Scripts written without spaces; each pair of neighbouring characters is a word. */
const ideograph = 4;

const classes = new Uint8Array(65_536);

function classOf(code: number): number {
  const known = classes[code]!;
  if (known !== 0) return known;
  const character = String.fromCharCode(code);
  let found = separator;
  if (/\p{N}/u.test(character)) found = digit;
  else if (
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u.test(
      character,
    )
  )
    found = ideograph;
  // A soft hyphen is part of the word it may break.
  else if (/[\p{L}\p{M}\u00ad]/u.test(character)) found = letter;
  classes[code] = found;
  return found;
}

const acronymLengthMax = 5;
const apostrophe = 0x27;
const typographicApostrophe = 0x2019;
const hyphen = 0x2d;
const softHyphens = /\u00ad/g;

/** Characters that join what stands on both sides of them into one longer word. */
function joins(text: string, at: number, before: number, after: number): boolean {
  switch (text.charCodeAt(at)) {
    case hyphen:
    case 0x2010:
    case 0x2011:
    case 0x5f: // _
    case 0x40: // @
    case 0x2e: // .
    case 0x2f: // /
      return true;
    case apostrophe:
    case typographicApostrophe:
      return before === letter && after === letter;
    case 0x2c: // ,
    case 0x3a: // :
      return before === digit && after === digit;
    default:
      return false;
  }
}

const isWordClass = (found: number) => found === letter || found === digit;

/** Receives a token without an object being made for it; arguments as the fields of `Token`. */
export type TakeToken = (start: number, end: number, text: string, kind: TokenKind, overlay: boolean) => void;

/** Calls `take` for every token of `text`, in reading order. */
export function scanTokens(text: string, take: TakeToken): void {
  const length = text.length;
  // Lower case of the whole at once, where it has the same offsets (nearly always), is several times quicker.
  const lower = text.toLowerCase();
  const lowered = lower.length === length && isAscii(lower) ? lower : null;
  let at = 0;
  while (at < length) {
    const found = classOf(text.charCodeAt(at));
    if (found === separator) {
      at++;
    } else if (found === ideograph) {
      at = scanIdeographs(text, at, take);
    } else {
      const start = at;
      let joints: number[] | null = null;
      let classesSeen = 0;
      for (;;) {
        let next: number;
        while (at < length && isWordClass((next = classOf(text.charCodeAt(at))))) {
          classesSeen |= next;
          at++;
        }
        if (at + 1 >= length) break;
        const after = classOf(text.charCodeAt(at + 1));
        if (isWordClass(after)) {
          if (!joins(text, at, classOf(text.charCodeAt(at - 1)), after)) break;
          (joints ??= []).push(at);
          at++;
          continue;
        }
        const resumed = brokenWordResumesAt(text, at);
        if (resumed < 0) break;
        (joints ??= []).push(at);
        at = resumed;
      }
      if (joints) takeJoined(text, start, at, joints, take);
      else if (lowered !== null && classesSeen === letter) {
        const kind = isAsciiUpperCase(text.charCodeAt(start)) && looksLikeAcronym(text, start, at) ? "ACRONYM" : "WORD";
        take(start, at, lowered.slice(start, at), kind, false);
      } else takeSimple(text, start, at, false, take);
    }
  }
}

const isAsciiUpperCase = (code: number) => code >= 65 && code <= 90;

function looksLikeAcronym(text: string, start: number, end: number): boolean {
  if (end - start < 2 || end - start > acronymLengthMax) return false;
  for (let at = start; at < end; at++) if (!isAsciiUpperCase(text.charCodeAt(at))) return false;
  return true;
}

export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  scanTokens(text, (start, end, token, kind, overlay) => tokens.push({ start, end, text: token, kind, overlay }));
  return tokens;
}

/** Where a word that was hyphenated at the end of a line («accom-⏎modation») goes on, or -1. */
function brokenWordResumesAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code !== hyphen && code !== 0x2010) return -1;
  if (classOf(text.charCodeAt(at - 1)) !== letter) return -1;
  let next = at + 1;
  if (text.charCodeAt(next) === 0x0d) next++;
  if (text.charCodeAt(next) !== 0x0a) return -1;
  next++;
  const code2 = text.charCodeAt(next);
  if (!(next < text.length) || classOf(code2) !== letter) return -1;
  const character = text[next]!;
  return character === character.toLowerCase() ? next : -1;
}

function scanIdeographs(text: string, start: number, take: TakeToken): number {
  let end = start;
  while (end < text.length && classOf(text.charCodeAt(end)) === ideograph) end++;
  if (end - start === 1) take(start, end, text.slice(start, end), "CODE", false);
  for (let at = start; at + 1 < end; at++) take(at, at + 2, text.slice(at, at + 2), "CODE", false);
  return end;
}

function takeSimple(text: string, start: number, end: number, overlay: boolean, take: TakeToken): void {
  const surface = text.slice(start, end);
  const folded = lowerCase(surface);
  const shape = shapeOf(folded);
  if (shape === "LETTERS") {
    const kind = surface.length > 1 && surface.length <= acronymLengthMax && isUpperCase(surface) ? "ACRONYM" : "WORD";
    take(start, end, folded, kind, overlay);
    return;
  }
  take(start, end, folded, "CODE", overlay);
  if (shape !== "MIXED") return;
  // «10mm», «B737»: one step from letters to digits or back, and people write it with a space as well.
  const border = singleBorder(folded);
  if (border <= 0 || folded.length !== surface.length) return;
  for (const [from, to] of [
    [0, border],
    [border, folded.length],
  ] as const) {
    const part = folded.slice(from, to);
    take(start + from, start + to, part, shapeOf(part) === "LETTERS" ? "WORD" : "CODE", true);
  }
}

const partsMax = 5;
const joinedLengthMax = 48;

interface Part {
  readonly start: number;
  readonly end: number;
}

/** A word with joints: its parts («take», «off»), and beside them the whole («takeoff»). */
function takeJoined(text: string, start: number, end: number, joints: number[], take: TakeToken): void {
  const parts = partsOf(text, start, end, joints);
  let taken = 0;
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    const number = plainNumber(text.slice(part.start, part.end));
    const afterApostrophe = part.start > start && isApostrophe(text.charCodeAt(part.start - 1));
    const next = parts[index + 1];
    if (number !== null) {
      take(part.start, part.end, number, "CODE", false);
    } else if (next && isNot(text, part, next)) {
      const word = lowerCase(text.slice(part.start, part.end)) + "t";
      take(part.start, next.end, word, "WORD", false);
      index++;
    } else if (afterApostrophe && endings.has(lowerCase(text.slice(part.start, part.end)))) {
      continue;
    } else {
      takeSimple(text, part.start, part.end, false, take);
    }
    taken++;
  }
  if (taken < 2 || parts.length > partsMax || end - start > joinedLengthMax) return;
  const joined = lowerCase(text.slice(start, end).replace(/[-\u2010\u2011'’_\s]/g, ""));
  take(start, end, joined, shapeOf(joined) === "LETTERS" ? "WORD" : "CODE", true);
}

/** What stands between the joints; the digits of one number («1,500») stay together. */
function partsOf(text: string, start: number, end: number, joints: number[]): Part[] {
  const parts: Part[] = [];
  let from = start;
  for (let index = 0; index <= joints.length; index++) {
    let to = index < joints.length ? joints[index]! : end;
    if (index < joints.length && groups(text, to)) {
      let last = index;
      while (last + 1 < joints.length && groups(text, joints[last + 1]!)) last++;
      const numberEnd = last + 1 < joints.length ? joints[last + 1]! : end;
      if (plainNumber(text.slice(from, numberEnd)) !== null) {
        index = last + 1;
        to = numberEnd;
      }
    }
    parts.push({ start: from, end: to });
    from = to + 1;
    // After a broken line the word goes on behind the line's end.
    while (from < end && !isWordClass(classOf(text.charCodeAt(from)))) from++;
  }
  return parts;
}

const isApostrophe = (code: number) => code === apostrophe || code === typographicApostrophe;

function groups(text: string, joint: number): boolean {
  const mark = text.charCodeAt(joint);
  if (mark !== 0x2c && mark !== 0x2e) return false;
  return classOf(text.charCodeAt(joint - 1)) === digit && classOf(text.charCodeAt(joint + 1)) === digit;
}

/** «don't», «isn't»: one word, which the stop words know without its apostrophe. */
function isNot(text: string, part: Part, next: Part): boolean {
  return (
    isApostrophe(text.charCodeAt(part.end)) &&
    /n$/i.test(text.slice(part.start, part.end)) &&
    /^t$/i.test(text.slice(next.start, next.end))
  );
}

const endings = new Set(["s", "d", "ll", "re", "ve", "m", "t"]);

const grouped = /^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/;
const groupedGerman = /^\d{1,3}(?:\.\d{3})+(?:,\d+)?$/;
const decimalComma = /^\d+,\d{1,2}$/;
const decimalPoint = /^\d+\.\d+$/;

/** The number that `text` writes, without grouping and with a decimal point; null when it isn't one number. */
export function plainNumber(text: string): string | null {
  if (grouped.test(text)) return text.replaceAll(",", "");
  if (groupedGerman.test(text)) return text.replaceAll(".", "").replace(",", ".");
  if (decimalComma.test(text)) return text.replace(",", ".");
  return decimalPoint.test(text) ? text : null;
}

function lowerCase(surface: string): string {
  const lower = surface.toLowerCase();
  if (isAscii(lower)) return lower;
  return lower.replace(softHyphens, "").normalize("NFC");
}

function isAscii(text: string): boolean {
  return !/[^\x00-\x7f]/.test(text);
}

const isUpperCase = (surface: string) => surface === surface.toUpperCase() && surface !== surface.toLowerCase();

function shapeOf(folded: string): "LETTERS" | "DIGITS" | "MIXED" {
  let letters = false;
  let digits = false;
  for (let at = 0; at < folded.length; at++) {
    const found = classOf(folded.charCodeAt(at));
    if (found === letter) letters = true;
    else digits = true;
  }
  return letters && digits ? "MIXED" : letters ? "LETTERS" : "DIGITS";
}

/** The one place where letters turn to digits or back; 0 when there are none or several. */
function singleBorder(folded: string): number {
  let border = 0;
  for (let at = 1; at < folded.length; at++) {
    if (classOf(folded.charCodeAt(at)) === classOf(folded.charCodeAt(at - 1))) continue;
    if (border > 0) return 0;
    border = at;
  }
  return border;
}
